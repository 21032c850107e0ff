/**
 * What every journal promises, as one suite. A journal's own test file calls it with a medium that
 * can be opened again and again.
 */
import { describe, expect, test } from "vitest";
import { type Journal, type OpenedJournal, Recovery } from "../../src/journal/journal.ts";
import type { Write } from "../../src/vsr/index.ts";
import { Writer } from "../support/writes.ts";

export interface Medium {
  open(): Promise<OpenedJournal>;
  /**
   * How often the medium was made durable since it was first opened; undefined if it cannot tell.
   */
  syncs?(): number;
}

/** Resolves when the write is durable. */
/** Resolves when a write is durable; a tick follows, so that as much as can be is under way. */
export async function written(journal: Journal, write: Write): Promise<void> {
  await new Promise<void>((resolve) => journal.append(write, resolve));
  journal.tick?.();
}

/** What writes come to. */
export function foldWrites(writes: readonly Write[]) {
  const recovery = new Recovery();
  for (const write of writes) recovery.add(write);
  return recovery.state;
}

export function journalContract(name: string, makeMedium: () => Promise<Medium>): void {
  describe(`${name}, as a journal:`, () => {
    test("a new one has nothing to recover", async () => {
      const medium = await makeMedium();
      const { journal, recovered } = await medium.open();
      expect(recovered).toBeUndefined();
      await journal.close();
    });

    test("writes are reported in their order, and never on the caller's stack", async () => {
      const { journal } = await (await makeMedium()).open();
      const writer = new Writer();
      const done: number[] = [];
      const writes = ["a", "b", "c"].map((content) => writer.write([content]));
      for (const write of writes) journal.append(write, () => done.push(write.write));
      expect(done).toEqual([]);
      await written(journal, writer.write(["d"]));
      expect(done).toEqual([1, 2, 3]);
      await journal.close();
    });

    test("what was reported is there when it is opened again", async () => {
      const medium = await makeMedium();
      const { journal } = await medium.open();
      const writer = new Writer();
      const write = writer.write(["one", "two"], { view: 3, log_view: 2, commit: 1 });
      await written(journal, write);
      await journal.close();
      const { recovered, journal: again } = await medium.open();
      expect(recovered).toEqual({ view: 3, log_view: 2, commit: 1, entries: write.entries });
      await again.close();
    });

    test("writes fold into a log: what was truncated is gone, and the last meta data count", async () => {
      const medium = await makeMedium();
      const { journal } = await medium.open();
      const writer = new Writer();
      const writes = [
        writer.write(["one", "two", "three"]),
        writer.write([], { view: 1, log_view: 0 }),
        writer.write(["another two"], { view: 1, log_view: 1, truncate: 1, commit: 1 }),
        writer.write([], { view: 2, log_view: 1, commit: 2 }),
      ];
      for (const write of writes) await written(journal, write);
      await journal.close();
      const { recovered, journal: again } = await medium.open();
      const entries = [writes[0]?.entries[0], writes[2]?.entries[0]];
      expect(recovered).toEqual({ view: 2, log_view: 1, commit: 2, entries });
      expect(recovered).toEqual(foldWrites(writes));
      await again.close();
    });

    test("it goes on where it stopped, life after life", async () => {
      const medium = await makeMedium();
      const writer = new Writer();
      const all: Write[] = [];
      for (const content of ["one", "two", "three"]) {
        const { journal, recovered } = await medium.open();
        expect(recovered?.entries ?? []).toEqual(foldWrites(all)?.entries ?? []);
        const write = writer.write([content]);
        all.push(write);
        await written(journal, write);
        await journal.close();
      }
      const { recovered, journal } = await medium.open();
      expect(recovered).toEqual(foldWrites(all));
      await journal.close();
    });

    test("what waits while a write is under way is made durable together", async () => {
      const medium = await makeMedium();
      const { journal } = await medium.open();
      const writer = new Writer();
      const before = medium.syncs?.() ?? 0;
      const writes = Array.from({ length: 50 }, (_, i) => writer.write([`${i}`]));
      await Promise.all(writes.map((write) => written(journal, write)));
      if (medium.syncs !== undefined) expect(medium.syncs() - before).toBeLessThanOrEqual(2);
      await journal.close();
      const { recovered, journal: again } = await medium.open();
      expect(recovered).toEqual(foldWrites(writes));
      await again.close();
    });

    test("closing lets finish what is under way", async () => {
      const medium = await makeMedium();
      const { journal } = await medium.open();
      const writer = new Writer();
      const done: number[] = [];
      const writes = [writer.write(["one"]), writer.write(["two"])];
      for (const write of writes) journal.append(write, () => done.push(write.write));
      await journal.close();
      expect(done).toEqual([1, 2]);
      const { recovered, journal: again } = await medium.open();
      expect(recovered).toEqual(foldWrites(writes));
      await again.close();
    });

    test("nothing is taken after it was closed", async () => {
      const medium = await makeMedium();
      const { journal } = await medium.open();
      const writer = new Writer();
      const first = writer.write(["one"]);
      await written(journal, first);
      const closing = journal.close();
      let done = 0;
      journal.append(writer.write(["two"]), () => done++);
      await closing;
      journal.append(writer.write(["three"]), () => done++);
      const { recovered, journal: again } = await medium.open();
      expect(recovered).toEqual(foldWrites([first]));
      expect(done).toBe(0);
      await again.close();
    });

    test("each opening is a new life, whether or not anything was written in it", async () => {
      const medium = await makeMedium();
      for (const life of [1, 2, 3]) {
        const { journal, recovered, incarnation } = await medium.open();
        expect(incarnation).toBe(life);
        expect(recovered === undefined).toBe(life === 1);
        await journal.close();
      }
    });

    test("entries may take the place of others in the middle", async () => {
      const medium = await makeMedium();
      const { journal } = await medium.open();
      const writer = new Writer();
      const first = writer.write(["one", "two", "three"]);
      const repair = { ...first, write: 2, entries: first.entries.slice(1, 2) };
      await Promise.all([first, repair].map((write) => written(journal, write)));
      await journal.close();
      const { recovered, journal: again } = await medium.open();
      expect(recovered?.entries).toEqual(first.entries);
      await again.close();
    });

    test("closing twice is closing once", async () => {
      const { journal } = await (await makeMedium()).open();
      await Promise.all([journal.close(), journal.close()]);
      await journal.close();
    });
  });
}
