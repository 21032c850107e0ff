/** What can become of a checkpoint's file, and that nothing but a whole one counts. */
import { describe, expect, test } from "vitest";
import { checksum } from "../../src/checksum.ts";
import { openFileJournal } from "../../src/journal/file-journal.ts";
import { inspectJournal } from "../../src/journal/inspect.ts";
import type { CheckpointName } from "../../src/journal/journal.ts";
import { checkpointsOf, keep } from "../contract/checkpoints.ts";
import { written } from "../contract/journal.ts";
import { FaultyStorage, type Survival, type When } from "../support/faulty-storage.ts";
import { Writer } from "../support/writes.ts";

const blockBytes = 64 * 1024;
const fileName = "0000000000000016.checkpoint";

function open(storage: FaultyStorage, onFailure: (error: unknown) => void = () => undefined) {
  const given = { path: "journal", identity: "the tests", hash: checksum };
  return openFileJournal({ ...given, storage, onFailure });
}

async function withCheckpoint(content: string) {
  const storage = new FaultyStorage();
  const { journal } = await open(storage);
  await written(journal, new Writer().write(["one"]));
  const kept = await keep(journal, 16, [content]);
  await journal.close();
  if (kept === undefined) throw new Error("it was not kept");
  return { files: storage.files(), kept };
}

async function namesIn(files: ReadonlyMap<string, Buffer>): Promise<readonly CheckpointName[]> {
  const { journal } = await open(new FaultyStorage(files));
  const { names } = checkpointsOf(journal);
  await journal.close();
  return names;
}

function flipped(files: ReadonlyMap<string, Buffer>, at: number): Map<string, Buffer> {
  const bytes = Buffer.from(files.get(fileName) ?? Buffer.alloc(0));
  bytes[at] = (bytes[at] ?? 0) ^ 0x10;
  return new Map(files).set(fileName, bytes);
}

describe("a checkpoint's file", () => {
  test("with any byte flipped is a name no longer, and reported", async () => {
    const { files, kept } = await withCheckpoint("the state of the tests");
    expect(await namesIn(files)).toEqual([kept]);
    const size = files.get(fileName)?.length ?? 0;
    for (let at = 0; at < size; at++) {
      expect(await namesIn(flipped(files, at)), `at ${at}`).toEqual([]);
    }
    const report = await inspectJournal("journal", checksum, new FaultyStorage(flipped(files, 80)));
    expect(report).toMatchObject({
      checkpoints: [],
      damage: [{ file: fileName, what: "checkpoint" }],
    });
  });

  test("of many blocks is checked in each of its parts, and cut off nowhere", async () => {
    const { files, kept } = await withCheckpoint("abcd".repeat(40_000));
    expect(kept.bytes).toBe(160_000);
    const size = files.get(fileName)?.length ?? 0;
    const seams = [0, 20, 30, 50, 60, 72, 90, 72 + 16 + blockBytes, size - 1, size - 30_000];
    for (const at of seams) expect(await namesIn(flipped(files, at)), `at ${at}`).toEqual([]);
    for (const length of [0, 71, 72, 100, 72 + 16 + blockBytes, size - 1]) {
      const cut = files.get(fileName)?.subarray(0, length) ?? Buffer.alloc(0);
      expect(await namesIn(new Map(files).set(fileName, cut)), `to ${length}`).toEqual([]);
    }
  });

  test("of another op, or of another journal, is none", async () => {
    const { files } = await withCheckpoint("the state");
    const renamed = new Map(files);
    renamed.set("0000000000000032.checkpoint", files.get(fileName) ?? Buffer.alloc(0));
    expect((await namesIn(renamed)).map(({ op }) => op)).toEqual([16]);
    const storage = new FaultyStorage();
    const given = { path: "journal", identity: "others", hash: checksum };
    const { journal } = await openFileJournal({ ...given, storage, onFailure: () => undefined });
    await journal.close();
    const other = storage.files().set(fileName, files.get(fileName) ?? Buffer.alloc(0));
    const { journal: again } = await openFileJournal({
      ...given,
      storage: new FaultyStorage(other),
      onFailure: () => undefined,
    });
    expect(checkpointsOf(again).names).toEqual([]);
    await again.close();
  });

  test("that rots while it is open is told by the reading, and is a name no longer", async () => {
    const { files, kept } = await withCheckpoint("abcd".repeat(40_000));
    const storage = new FaultyStorage(files);
    const { journal } = await open(storage);
    const checkpoints = checkpointsOf(journal);
    const file = await storage.open(fileName);
    await file.write(Buffer.from("x"), 72 + 16 + blockBytes + 16 + 5);
    const read = (offset: number, length: number) =>
      new Promise((done) => checkpoints.read(kept, offset, length, (piece) => done(piece?.length)));
    expect(await read(0, 1000)).toBe(1000);
    expect(checkpoints.names).toEqual([kept]);
    expect(await read(blockBytes - 10, 20)).toBeUndefined();
    expect(checkpoints.names).toEqual([]);
    await journal.close();
  });
});

describe("power lost at any step of a checkpoint", () => {
  const survivals: Survival[] = ["nothing", "everything", "a part"];
  const whens: When[] = ["before", "half", "after"];

  test("leaves the one before, and the new one whole or not at all", async () => {
    const { files, kept: before } = await withCheckpoint("before");
    const dry = new FaultyStorage(files);
    await keepAnother(dry);
    for (let step = 0; step < dry.steps.length; step++) {
      for (const when of whens) {
        for (const survival of survivals) {
          const storage = new FaultyStorage(files);
          storage.failAt(step, when, true);
          const kept = await keepAnother(storage);
          let state = step + 1;
          const chance = () => {
            state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
            return state / 2 ** 32;
          };
          const after = storage.afterPowerLoss(survival, chance);
          const { journal } = await open(after);
          const ops = checkpointsOf(journal).names.map(({ op }) => op);
          const place = `${dry.steps[step]} ${step} ${when} ${survival}`;
          expect(ops[0], place).toBe(before.op);
          if (kept !== undefined) expect(ops, place).toEqual([16, 32]);
          await journal.close();
          const left = [...after.files().keys()].filter((name) => name.endsWith(".tmp"));
          expect(left, place).toEqual([]);
        }
      }
    }
  });

  async function keepAnother(storage: FaultyStorage): Promise<CheckpointName | undefined> {
    let failed: () => void = () => undefined;
    const failing = new Promise<undefined>((resolve) => {
      failed = () => resolve(undefined);
    });
    try {
      const { journal } = await open(storage, () => failed());
      const kept = await Promise.race([keep(journal, 32, ["x".repeat(70_000)]), failing]);
      await journal.close();
      return kept;
    } catch {
      return undefined;
    }
  }

  test("a step that fails fails the journal, once, and reports nothing", async () => {
    const { files } = await withCheckpoint("before");
    const dry = new FaultyStorage(files);
    const { journal } = await open(dry);
    const opening = dry.steps.length;
    await keep(journal, 32, ["after"]);
    const end = dry.steps.length;
    await journal.close();
    expect(end).toBeGreaterThan(opening + 3);
    for (let step = opening; step < end; step++) {
      const storage = new FaultyStorage(files);
      storage.failAt(step, "half", false, "ENOSPC");
      let tell: (error: unknown) => void = () => undefined;
      const told = new Promise((resolve) => {
        tell = resolve;
      });
      let failures = 0;
      const { journal: failing } = await open(storage, (error) => {
        failures++;
        tell(error);
      });
      let isKept = false;
      void keep(failing, 32, ["after"]).then(() => {
        isKept = true;
      });
      expect(await told).toMatchObject({ kind: "full" });
      await failing.close();
      expect([failures, isKept]).toEqual([1, false]);
    }
  });
});
