/** Segments that a checkpoint has made dispensable, and logs that begin anew. */
import { describe, expect, test } from "vitest";
import { checksum } from "../../src/checksum.ts";
import { JournalDamagedError } from "../../src/errors.ts";
import { openFileJournal } from "../../src/journal/file-journal.ts";
import { inspectJournal } from "../../src/journal/inspect.ts";
import type { Recovered, Write } from "../../src/vsr/index.ts";
import { keep } from "../contract/checkpoints.ts";
import { written } from "../contract/journal.ts";
import { bytes } from "../support/entries.ts";
import { FaultyStorage, type Survival, type When } from "../support/faulty-storage.ts";
import { Writer } from "../support/writes.ts";

const nothing: Recovered = { view: 0, log_view: 0, commit: 0, entries: [] };

function open(storage: FaultyStorage, onFailure: () => void = () => undefined) {
  const given = { path: "journal", identity: "the tests", hash: checksum, segmentBytes: 1400 };
  return openFileJournal({ ...given, storage, onFailure });
}

function segmentsOf(storage: FaultyStorage): string[] {
  return [...storage.files().keys()].filter((name) => name.endsWith(".log")).sort();
}

/** One entry to a write; two writes fill a segment. */
function entries(writer: Writer, count: number): Write[] {
  return Array.from({ length: count }, () =>
    writer.write([`entry ${writer.head + 1}`], { commit: writer.head }),
  );
}

async function run(storage: FaultyStorage, writes: readonly Write[]) {
  const { journal } = await open(storage);
  for (const write of writes) await written(journal, write);
  await journal.close();
}

async function recover(storage: FaultyStorage): Promise<Recovered> {
  const { journal, recovered = nothing } = await open(storage);
  await journal.close();
  return recovered;
}

describe("a cut", () => {
  test("removes the segments that are all below it, and no other", async () => {
    const storage = new FaultyStorage();
    const writer = new Writer();
    const all = entries(writer, 9);
    const cut = { ...writer.write([], { commit: 9 }), cut: 5 };
    await run(storage, [...all, cut]);
    expect(segmentsOf(storage)).toEqual([
      "000000000003.log",
      "000000000004.log",
      "000000000005.log",
    ]);
    const [fourth] = all[3]?.entries ?? [];
    const found = await recover(storage);
    const { op, checksum: sum, timestamp } = fourth ?? {};
    expect(found.base).toEqual({ op, checksum: sum, timestamp });
    expect(found.entries).toEqual(all.slice(4).flatMap((write) => write.entries));
    // What was found once is found again, and the log goes on.
    expect(await recover(storage)).toEqual(found);
    await run(storage, entries(writer, 1));
    expect((await recover(storage)).entries.at(-1)?.op).toBe(10);
  });

  test("never removes the segment that is being written", async () => {
    const storage = new FaultyStorage();
    const writer = new Writer();
    await run(storage, [...entries(writer, 2), { ...writer.write([], { commit: 2 }), cut: 2 }]);
    expect(segmentsOf(storage).length).toBeGreaterThan(0);
    expect((await recover(storage)).entries.length + ((await recover(storage)).base?.op ?? 0)).toBe(
      2,
    );
  });

  test("does not begin the log behind an entry that was replaced since", async () => {
    const storage = new FaultyStorage();
    const writer = new Writer();
    const first = [writer.write(["one"]), writer.write(["two"]), writer.write(["three"])];
    const views = { view: 1, log_view: 1 };
    // The third segment's header would say that the log was at "two", which is no longer there.
    const other = writer.write(["another two", "another three"], { ...views, truncate: 1 });
    const cut = { ...writer.write(["four"], { ...views, commit: 3 }), cut: 3 };
    await run(storage, [...first, other, cut]);
    const found = await recover(storage);
    expect(found.damaged).toBeUndefined();
    const base = found.base?.op ?? 0;
    const kept = [first[0]?.entries[0], ...other.entries, ...cut.entries];
    expect(found.entries).toEqual(kept.slice(base));
    if (base > 0) expect(found.base?.checksum).toBe(kept[base - 1]?.checksum);
  });

  test("keeps an older segment out that could not be removed", async () => {
    const storage = new FaultyStorage();
    const writer = new Writer();
    const all = entries(writer, 6);
    await run(storage, all);
    const before = storage.files();
    await run(storage, [{ ...writer.write([], { commit: 6 }), cut: 5 }]);
    const name = "000000000001.log";
    expect(segmentsOf(storage)).not.toContain(name);
    const left = new Map(storage.files()).set(name, before.get(name) ?? Buffer.alloc(0));
    const found = await recover(new FaultyStorage(left));
    expect(found).toEqual(await recover(storage));
    const again = new FaultyStorage(left);
    await recover(again);
    expect(segmentsOf(again)).not.toContain(name);
  });

  test("is refused by name when the segment is gone that tells where the log begins", async () => {
    const storage = new FaultyStorage();
    const writer = new Writer();
    await run(storage, [...entries(writer, 9), { ...writer.write([], { commit: 9 }), cut: 5 }]);
    const left = storage.files();
    left.delete("000000000003.log");
    const error = await open(new FaultyStorage(left)).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(JournalDamagedError);
    expect(error).toMatchObject({ file: "000000000003.log" });
  });

  test("is shown by the inspection, with the checkpoints", async () => {
    const storage = new FaultyStorage();
    const writer = new Writer();
    await run(storage, entries(writer, 9));
    const { journal } = await open(storage);
    const kept = await keep(journal, 5, ["the state"]);
    await written(journal, { ...writer.write([], { commit: 9 }), cut: 5 });
    await journal.close();
    const report = await inspectJournal("journal", checksum, storage);
    expect(report).toMatchObject({
      checkpoints: [kept],
      checkpoint: 5,
      recovered: { base: 4, head: 9, damagedOps: [] },
      damage: [],
      strange: [],
    });
  });
});

describe("power lost at any step of a cut and of a beginning anew", () => {
  const survivals: Survival[] = ["nothing", "everything", "a part"];
  const whens: When[] = ["before", "half", "after"];

  /** Entries, a cut, a log that begins anew, entries behind it. */
  function script(): Write[] {
    const old = new Writer();
    const before = [...entries(old, 6), { ...old.write(["seven"], { commit: 6 }), cut: 5 }];
    const base = { op: 40, checksum: checksum(bytes("40")), timestamp: 99 };
    const writer = new Writer(base);
    const reset = { ...writer.write(["41"], { view: 1, commit: 40 }), reset: base };
    return [...before, reset, writer.write(["42"], { view: 1, commit: 41 })];
  }

  /** Where the log may begin after so many of the writes. */
  function expectState(found: Recovered, done: number, place: string): void {
    const writes = script();
    const last = found.entries.at(-1)?.op ?? found.base?.op ?? 0;
    const heads = [0, 1, 2, 3, 4, 5, 6, 7, 41, 42];
    const at = heads.indexOf(last);
    expect(at, place).toBeGreaterThanOrEqual(done);
    const isNew = at >= 8;
    const all = (isNew ? writes.slice(7) : writes).flatMap((write) => write.entries);
    const expected = all.filter(({ op }) => op > (found.base?.op ?? 0) && op <= last);
    expect(found.entries, place).toEqual(expected);
    expect(found.damaged, place).toBeUndefined();
    if (isNew) expect(found.base?.op, place).toBe(40);
    else expect(found.base?.op ?? 0, place).toBeLessThanOrEqual(5);
  }

  test("leaves the old log whole or the new one, and never a part of both", async () => {
    const writes = script();
    const dry = new FaultyStorage();
    await run(dry, writes);
    expect(new Set(dry.steps)).toContain("remove");
    const steps = dry.steps.length;
    for (let step = 0; step < steps; step++) {
      for (const when of whens) {
        for (const survival of survivals) {
          const storage = new FaultyStorage();
          storage.failAt(step, when, true);
          const reported = await live(storage, writes);
          let state = step + 1;
          const chance = () => {
            state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
            return state / 2 ** 32;
          };
          const after = storage.afterPowerLoss(survival, chance);
          const place = `${dry.steps[step]} ${step} ${when} ${survival}`;
          const found = await recover(after);
          expectState(found, reported, place);
          expect(await recover(after), place).toEqual(found);
        }
      }
    }
  });

  async function live(storage: FaultyStorage, writes: readonly Write[]): Promise<number> {
    let reported = 0;
    let failed: () => void = () => undefined;
    const failing = new Promise<void>((resolve) => {
      failed = resolve;
    });
    try {
      const { journal } = await open(storage, () => failed());
      for (const write of writes) {
        const done = written(journal, write).then(() => true);
        if (!(await Promise.race([done, failing.then(() => false)]))) break;
        reported++;
      }
      await journal.close();
    } catch {
      // It could not be opened: nothing was reported.
    }
    return reported;
  }
});
