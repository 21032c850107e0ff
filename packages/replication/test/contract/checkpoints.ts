/**
 * What every journal that keeps checkpoints promises of them, and of a log that is cut or begins
 * anew, as one suite. A journal's own test file calls it with a medium that can be opened again.
 */
import { describe, expect, test } from "vitest";
import { checksum } from "../../src/checksum.ts";
import type { CheckpointName, Checkpoints, Journal } from "../../src/journal/journal.ts";
import { bytes, text } from "../support/entries.ts";
import { Writer } from "../support/writes.ts";
import { foldWrites, type Medium, written } from "./journal.ts";

/** Resolves with the name when the checkpoint is durable; undefined if it was thrown away. */
export async function keep(
  journal: Journal,
  op: number,
  slices: readonly string[],
  expected?: string,
): Promise<CheckpointName | undefined> {
  const writer = checkpointsOf(journal).begin(op);
  for (const slice of slices) {
    await new Promise<void>((done) => writer.write(bytes(slice), done));
  }
  return new Promise((done) => writer.commit(done, expected));
}

export function checkpointsOf(journal: Journal): Checkpoints {
  if (journal.checkpoints === undefined) throw new Error("this journal keeps no checkpoints");
  return journal.checkpoints;
}

function read(
  journal: Journal,
  name: CheckpointName,
  offset = 0,
  length = name.bytes,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    checkpointsOf(journal).read(name, offset, length, (piece) => resolve(piece && text(piece)));
  });
}

export function checkpointContract(name: string, makeMedium: () => Promise<Medium>): void {
  describe(`${name}, as a place for checkpoints:`, () => {
    test("a new one has none", async () => {
      const { journal } = await (await makeMedium()).open();
      expect(checkpointsOf(journal).names).toEqual([]);
      await journal.close();
    });

    test("one is a name when it is durable and no sooner, and is there when it is opened again", async () => {
      const medium = await makeMedium();
      const { journal } = await medium.open();
      await written(journal, new Writer().write(["one"]));
      const checkpoints = checkpointsOf(journal);
      const writer = checkpoints.begin(16);
      await new Promise<void>((done) => writer.write(bytes("state"), done));
      expect(checkpoints.names).toEqual([]);
      const named = new Promise<CheckpointName | undefined>((done) => writer.commit(done));
      expect(checkpoints.names).toEqual([]);
      const expected = { op: 16, id: checksum(bytes("state")), bytes: 5 };
      expect(await named).toEqual(expected);
      expect(checkpoints.names).toEqual([expected]);
      await journal.close();
      const { journal: again } = await medium.open();
      expect(checkpointsOf(again).names).toEqual([expected]);
      await again.close();
    });

    test("its name is the hash of all its bytes, however they came", async () => {
      const { journal } = await (await makeMedium()).open();
      const first = await keep(journal, 16, ["ab", "", "cde"]);
      const second = await keep(journal, 32, ["abcde"]);
      expect(first?.id).toBe(second?.id);
      expect(first?.bytes).toBe(5);
      await journal.close();
    });

    test("any part of it can be read", async () => {
      const medium = await makeMedium();
      const { journal } = await medium.open();
      await written(journal, new Writer().write(["one"]));
      const kept = await keep(journal, 16, ["abc", "def", "gh"]);
      await journal.close();
      const { journal: again } = await medium.open();
      if (kept === undefined) throw new Error("it was not kept");
      expect(await read(again, kept)).toBe("abcdefgh");
      expect(await read(again, kept, 2, 3)).toBe("cde");
      expect(await read(again, kept, 6, 100)).toBe("gh");
      await again.close();
    });

    test("what is not there cannot be read", async () => {
      const { journal } = await (await makeMedium()).open();
      await keep(journal, 16, ["abc"]);
      const other = { op: 16, id: checksum(bytes("other")), bytes: 3 };
      expect(await read(journal, other)).toBeUndefined();
      expect(await read(journal, { op: 32, id: other.id, bytes: 3 })).toBeUndefined();
      await journal.close();
    });

    test("what was given up, or not finished before it closes, is not there", async () => {
      const medium = await makeMedium();
      const { journal } = await medium.open();
      await written(journal, new Writer().write(["one"]));
      const given = checkpointsOf(journal).begin(16);
      await new Promise<void>((done) => given.write(bytes("abc"), done));
      given.abandon();
      const open = checkpointsOf(journal).begin(32);
      await new Promise<void>((done) => open.write(bytes("def"), done));
      await journal.close();
      const { journal: again } = await medium.open();
      expect(checkpointsOf(again).names).toEqual([]);
      await again.close();
    });

    test("bytes of another id than expected are thrown away", async () => {
      const { journal } = await (await makeMedium()).open();
      expect(await keep(journal, 16, ["abc"], checksum(bytes("abd")))).toBeUndefined();
      expect(checkpointsOf(journal).names).toEqual([]);
      const kept = await keep(journal, 16, ["abc"], checksum(bytes("abc")));
      expect(checkpointsOf(journal).names).toEqual([kept]);
      await journal.close();
    });

    test("they are told oldest first, the same op once, and those up to an op are forgotten", async () => {
      const medium = await makeMedium();
      const { journal } = await medium.open();
      await written(journal, new Writer().write(["one"]));
      const first = await keep(journal, 16, ["a"]);
      const third = await keep(journal, 48, ["c"]);
      expect(checkpointsOf(journal).names).toEqual([first, third]);
      const second = await keep(journal, 32, ["b"]);
      await keep(journal, 48, ["other"]);
      const again = await keep(journal, 48, ["c"]);
      expect(checkpointsOf(journal).names.slice(-2)).toEqual([second, again]);
      checkpointsOf(journal).remove(32);
      expect(checkpointsOf(journal).names).toEqual([again]);
      await journal.close();
      const { journal: later } = await medium.open();
      expect(checkpointsOf(later).names).toEqual([again]);
      await later.close();
    });

    test("a log that was cut has all that is behind the cut, and says where it begins", async () => {
      const medium = await makeMedium();
      const { journal } = await medium.open();
      const writer = new Writer();
      const writes = [
        writer.write(["one", "two", "three"]),
        { ...writer.write(["four"]), cut: 2 },
        writer.write(["five"]),
      ];
      for (const write of writes) await written(journal, write);
      await keep(journal, 2, ["state"]);
      await journal.close();
      const { recovered, journal: again } = await medium.open();
      const base = recovered?.base?.op ?? 0;
      expect(base).toBeLessThanOrEqual(2);
      const behind = recovered?.entries.filter(({ op }) => op > 2);
      expect(behind).toEqual(foldWrites(writes)?.entries);
      expect(recovered?.entries[0]?.op).toBe(base + 1);
      await again.close();
    });

    test("a log that began anew has nothing of what was before", async () => {
      const medium = await makeMedium();
      const { journal } = await medium.open();
      await written(journal, new Writer().write(["one", "two", "three"], { view: 2, log_view: 1 }));
      await keep(journal, 40, ["state"]);
      const root = checksum(bytes("the entry at op 40"));
      const base = { op: 40, checksum: root, timestamp: 41_000 };
      const writer = new Writer(base);
      const reset = { ...writer.write([], { view: 2, log_view: 1, commit: 40 }), reset: base };
      await written(journal, reset);
      await journal.close();
      const meta = { view: 2, log_view: 1, commit: 40 };
      const { recovered, journal: again } = await medium.open();
      expect(recovered).toEqual({ ...meta, base, entries: [] });
      const next = writer.write(["41", "42"], meta);
      await written(again, next);
      await again.close();
      const { recovered: later, journal: third } = await medium.open();
      expect(later).toEqual({ ...meta, base, entries: next.entries });
      await third.close();
    });
  });
}
