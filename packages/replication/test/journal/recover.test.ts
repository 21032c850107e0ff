import { isDeepStrictEqual } from "node:util";
import { describe, expect, test } from "vitest";
import { checksum } from "../../src/checksum.ts";
import { JournalDamagedError, JournalError } from "../../src/errors.ts";
import { openFileJournal } from "../../src/journal/file-journal.ts";
import type { Recovered, Write } from "../../src/vsr/index.ts";
import { foldWrites, written } from "../contract/journal.ts";
import { FaultyStorage } from "../support/faulty-storage.ts";
import { roomAt, withoutRoom } from "../support/room.ts";
import { Writer } from "../support/writes.ts";

type Files = Map<string, Buffer>;

function open(storage: FaultyStorage, identity = "the tests") {
  const onFailure = (error: JournalError) => {
    throw error;
  };
  const segmentBytes = 1500;
  return openFileJournal({
    path: "journal",
    identity,
    hash: checksum,
    onFailure,
    storage,
    segmentBytes,
  });
}

async function filesOf(writes: readonly Write[]): Promise<Files> {
  const storage = new FaultyStorage();
  const { journal } = await open(storage);
  for (const write of writes) await written(journal, write);
  await journal.close();
  return storage.files();
}

async function recover(files: Files): Promise<Recovered | JournalError | undefined> {
  const storage = new FaultyStorage(files);
  try {
    const { journal, recovered } = await open(storage);
    await journal.close();
    if (recovered?.damaged === undefined) return recovered;
    // What was found once is found again: opening has not made it worse, or better.
    const again = await open(storage);
    expectEqual(again.recovered, recovered, "found again");
    await again.journal.close();
    return recovered;
  } catch (error) {
    expect(error).toBeInstanceOf(JournalError);
    return error as JournalError;
  }
}

/** Asked a hundred thousand times, so an expectation is made only where it fails, to say how. */
function expectEqual(found: unknown, was: unknown, place: string): void {
  if (!isDeepStrictEqual(found, was)) expect(found, place).toEqual(was);
}

function changed(files: Files, name: string, change: (bytes: Buffer) => Buffer): Files {
  const bytes = files.get(name);
  if (bytes === undefined) throw new Error(`no ${name}`);
  return new Map(files).set(name, change(Buffer.from(bytes)));
}

function without(files: Files, ...names: string[]): Files {
  const rest = new Map(files);
  for (const name of names) rest.delete(name);
  return rest;
}

const flip = (at: number) => (bytes: Buffer) => {
  bytes[at] = (bytes[at] ?? 0) ^ 0x41;
  return bytes;
};

function heldOps(recovered: Recovered): number {
  return recovered.entries.length + (recovered.damaged?.length ?? 0);
}

/** Nothing invented, nothing denied: each slot is as it was, or damaged; no view is lower. */
function expectHonest(found: Recovered, truth: Recovered, place: string): void {
  for (const entry of found.entries) {
    expectEqual(entry, truth.entries[entry.op - 1], place);
  }
  for (const { op, checksum: known } of found.damaged ?? []) {
    const entry = truth.entries[op - 1];
    if (known !== undefined && entry !== undefined) expect(known, place).toBe(entry.checksum);
  }
  expect(heldOps(found), place).toBeGreaterThanOrEqual(truth.entries.length);
  const { view, log_view } = truth;
  expectEqual({ view: found.view, log_view: found.log_view }, { view, log_view }, place);
}

function script(): Write[] {
  const writer = new Writer();
  return [
    writer.write(["one"]),
    writer.write(["two", "three"], { commit: 1 }),
    writer.write([], { view: 1, log_view: 0, commit: 2 }),
    writer.write(["another three"], { view: 1, log_view: 1, truncate: 2, commit: 2 }),
    writer.write(["four", "five"], { view: 1, commit: 3 }),
    writer.write(["six"], { view: 1, commit: 4 }),
  ];
}

const truth = foldWrites(script()) as Recovered;

describe("a journal that was closed", () => {
  test("has, with any of its bytes flipped, the same content, damaged slots, or is refused", async () => {
    const files = await filesOf(script());
    const outcomes = { same: 0, damaged: 0, refused: 0 };
    expect([...files.keys()].filter((name) => name.endsWith(".log")).length).toBeGreaterThan(1);
    for (const [name, bytes] of files) {
      for (let at = 0; at < bytes.length; at++) {
        const found = await recover(changed(files, name, flip(at)));
        const place = `${name} at ${at}`;
        if (found === undefined) throw new Error(`${place}: taken for new`);
        if (found instanceof JournalError) outcomes.refused++;
        else {
          outcomes[found.damaged === undefined ? "same" : "damaged"]++;
          expectHonest(found, truth, place);
        }
      }
    }
    expect(outcomes.same).toBeGreaterThan(0);
    expect(outcomes.damaged).toBeGreaterThan(0);
    // One byte is never too much: each of what must be known is there twice.
    expect(outcomes.refused).toBe(0);
  }, 240_000);

  test("has, cut off at any length, the same content, damaged slots, or is refused", async () => {
    const files = await filesOf(script());
    for (const [name, bytes] of files) {
      for (let length = 0; length < bytes.length; length++) {
        const found = await recover(changed(files, name, (all) => all.subarray(0, length)));
        const place = `${name} to ${length}`;
        if (found === undefined) throw new Error(`${place}: taken for new`);
        if (!(found instanceof JournalError)) expectHonest(found, truth, place);
      }
    }
  }, 240_000);

  test.each([
    ["a sector", 512],
    ["a page", 4096],
    ["all that follows", Number.MAX_SAFE_INTEGER],
  ])(
    "has, where %s reads as zeros, the same content, damaged slots, or is refused",
    async (what, size) => {
      const files = await filesOf(script());
      let damaged = 0;
      for (const [name, bytes] of files) {
        // What is lost up to the end may begin anywhere, for a write may have been cut there.
        const step = size > bytes.length ? 1 : size;
        const end = name.endsWith(".log") ? roomAt(bytes) : bytes.length;
        for (let at = 0; at < end; at += step) {
          const zeros = (all: Buffer) => all.fill(0, at, Math.min(at + size, all.length));
          const found = await recover(changed(files, name, zeros));
          const place = `${what} of ${name} at ${at}`;
          if (found === undefined) throw new Error(`${place}: taken for new`);
          if (found instanceof JournalError) continue;
          expectHonest(found, truth, place);
          if (found.damaged !== undefined) damaged++;
        }
      }
      expect(damaged).toBeGreaterThan(0);
    },
    240_000,
  );

  test("is never honestly told from a new one by the absence of any one file", async () => {
    const files = await filesOf(script());
    for (const name of files.keys()) {
      const found = await recover(without(files, name));
      if (found === undefined) throw new Error(`without ${name}: taken for new`);
      if (!(found instanceof JournalError)) expectHonest(found, truth, `without ${name}`);
    }
  });
});

describe("a body that cannot be read", () => {
  test("damages its own slot, whose checksum and parent are known, and no other", async () => {
    const files = await filesOf(script());
    const name = "000000000001.log";
    const at = files.get(name)?.indexOf("two") ?? -1;
    expect(at).toBeGreaterThan(0);
    const found = await recover(changed(files, name, flip(at)));
    const [one, two] = truth.entries;
    expect(found).toEqual({
      ...truth,
      entries: truth.entries.filter(({ op }) => op !== 2),
      damaged: [{ op: 2, checksum: two?.checksum, parent: one?.checksum }],
    });
  });
});

describe("a record that cannot be read", () => {
  test("damages what was not committed before it, up to where the log was behind it", async () => {
    const files = await filesOf(script());
    const name = "000000000001.log";
    // The record of "two" and "three": what is behind it replaced "three".
    const first = files.get(name)?.indexOf("TRJ2") ?? -1;
    const second = files.get(name)?.indexOf("TRJ2", first + 1) ?? -1;
    expect(second).toBeGreaterThan(first);
    const found = await recover(changed(files, name, flip(second)));
    if (found === undefined || found instanceof JournalError) throw new Error(String(found));
    expect(found.damaged?.length).toBeGreaterThan(0);
    expectHonest(found, truth, "two and three");
    expect(found.entries.map(({ op }) => op)).toEqual(expect.arrayContaining([3, 4, 5, 6]));
  });
});

describe("a segment that is missing", () => {
  test("damages what may have been in it, if one that follows tells how much that was", async () => {
    const files = await filesOf(script());
    const found = await recover(without(files, "000000000001.log"));
    if (found === undefined || found instanceof JournalError) throw new Error(String(found));
    expect(found.damaged?.length).toBeGreaterThan(0);
    expect(found.entries.length).toBeGreaterThan(0);
    expectHonest(found, truth, "without the first");
  });

  test("is refused by its name if it was the last one", async () => {
    const files = await filesOf(script());
    const last =
      [...files.keys()]
        .filter((name) => name.endsWith(".log"))
        .sort()
        .at(-1) ?? "";
    const found = await recover(without(files, last));
    expect(found).toBeInstanceOf(JournalDamagedError);
    expect(found).toMatchObject({ file: last, offset: 0, kind: "damaged" });
  });
});

describe("the end of a journal that was not closed", () => {
  test("is cut off where it was torn, wherever that is: nobody was told of it", async () => {
    const writer = new Writer();
    const writes = [writer.write(["one"]), writer.write(["two", "three"])];
    const first = foldWrites(writes.slice(0, 1));
    const name = "000000000001.log";
    const before = roomAt((await filesOf(writes.slice(0, 1))).get(name) as Buffer);
    const left = without(await filesOf(writes), "mark");
    const end = roomAt(left.get(name) as Buffer);
    expect(end).toBeGreaterThan(before);
    for (let length = before; length < end; length++) {
      const cut = changed(left, name, (bytes) => bytes.subarray(0, length));
      expectEqual(await recover(cut), first, `cut at ${length}`);
      const zeros = changed(left, name, (bytes) => bytes.fill(0, length, end));
      expectEqual(await recover(zeros), first, `zeros from ${length}`);
      const begun = changed(left, name, (bytes) => bytes.fill(0, before, length + 1));
      expectEqual(await recover(begun), first, `zeros to ${length + 1}`);
    }
    for (const files of [left, withoutRoom(left)]) {
      for (let at = before; at < end; at++) {
        expectEqual(await recover(changed(files, name, flip(at))), first, `flipped at ${at}`);
      }
    }
  });

  test("is what was durable, though it reads as zeros now: it is damaged", async () => {
    const writer = new Writer();
    const writes = [writer.write(["one"]), writer.write(["two", "three"])];
    const files = await filesOf(writes);
    const name = "000000000001.log";
    const before = roomAt((await filesOf(writes.slice(0, 1))).get(name) as Buffer);
    const end = roomAt(files.get(name) as Buffer);
    for (let length = before; length < end; length++) {
      const found = await recover(changed(files, name, (bytes) => bytes.fill(0, length, end)));
      if (found === undefined || found instanceof JournalError) throw new Error(String(found));
      expectHonest(found, foldWrites(writes) as Recovered, `zeros from ${length}`);
      expect(found.damaged?.length, `zeros from ${length}`).toBeGreaterThan(0);
    }
  });

  test("is damaged if the view that it held was promised", async () => {
    const writer = new Writer();
    const writes = [writer.write(["one"]), writer.write(["two"], { view: 4, log_view: 3 })];
    const files = await filesOf(writes);
    const name = "000000000001.log";
    const end = roomAt(files.get(name) as Buffer);
    const start = roomAt((await filesOf(writes.slice(0, 1))).get(name) as Buffer);
    const left = without(files, "mark");
    const someZeros = changed(left, name, (bytes) => bytes.fill(0, start + 1, end));
    const changes = [flip(end - 150), flip(end - 1)].map((change) => changed(left, name, change));
    for (const damaged of [...changes, ...changes.map(withoutRoom), someZeros]) {
      const found = await recover(damaged);
      expect(found).toMatchObject({ view: 4, log_view: 3 });
      if (found === undefined || found instanceof JournalError) throw new Error(String(found));
      expect(found.damaged?.at(-1)?.op).toBeGreaterThanOrEqual(2);
    }
    // With nothing left to tell how much was lost, nobody guesses.
    const gone = changed(left, name, (bytes) => bytes.subarray(0, start));
    expect(await recover(gone)).toBeInstanceOf(JournalDamagedError);
    // Where there is room, it tells how much that was at most.
    const allZeros = changed(left, name, (bytes) => bytes.fill(0, start, end));
    const found = await recover(allZeros);
    expect(found).toMatchObject({ view: 4, log_view: 3 });
    expect((found as Recovered).damaged?.at(-1)?.op).toBeGreaterThanOrEqual(2);
  });
});

describe("what was acknowledged behind the mark, and reads as zeros now", () => {
  /** A life that ends without having been closed; its mark is where it began. */
  async function killed(marked: readonly Write[], unmarked: readonly Write[]): Promise<Files> {
    const storage = new FaultyStorage(await filesOf(marked));
    const { journal } = await open(storage);
    for (const write of unmarked) {
      await new Promise<void>((done) => journal.append(write, done));
    }
    return storage.files();
  }

  const name = "000000000001.log";
  const views = { view: 1, log_view: 1 };

  test("is damaged with the record before it: one sector had both", async () => {
    const writer = new Writer();
    const marked = [writer.write([], views)];
    const unmarked = [writer.write(["one", "two"], views)];
    const files = await killed(marked, unmarked);
    const found = await recover(changed(files, name, (bytes) => bytes.fill(0, 1024, 1536)));
    if (found === undefined || found instanceof JournalError) throw new Error(String(found));
    expectHonest(found, foldWrites([...marked, ...unmarked]) as Recovered, "a sector");
  });

  test("is damaged where a part of it is left", async () => {
    const writer = new Writer();
    const marked = [writer.write(["one"])];
    const mark = roomAt((await filesOf(marked)).get(name) as Buffer);
    const contents = Array.from({ length: 10 }, (_, i) => `entry ${i}`);
    const unmarked = [writer.write(contents)];
    const files = await killed(marked, unmarked);
    const left = changed(files, name, (bytes) => flip(mark - 150)(bytes.fill(0, mark + 8)));
    const found = await recover(left);
    if (found === undefined || found instanceof JournalError) throw new Error(String(found));
    expectHonest(found, foldWrites([...marked, ...unmarked]) as Recovered, "a part");
  });

  test("is damaged if it was the first record, and held a view that was promised", async () => {
    const files = await killed([], [new Writer().write([], { view: 4, log_view: 3 })]);
    const found = await recover(changed(files, name, (bytes) => bytes.fill(0, 1024, 1536)));
    expect(found).toMatchObject({ view: 4, log_view: 3 });
  });

  test("is not made up for by more slots where the content ends with the mark", async () => {
    const writer = new Writer();
    const writes = [writer.write(["one"]), writer.write(["two"])];
    const files = await filesOf(writes);
    const end = roomAt(files.get(name) as Buffer);
    expect(end % 512).not.toBe(0);
    const found = await recover(changed(files, name, flip(end - 150)));
    expect((found as Recovered).damaged?.map(({ op }) => op)).toEqual([1, 2]);
  });
});

test("a journal without a meta record is not taken for new where its records read as zeros", async () => {
  const files = await filesOf([new Writer().write(["one"])]);
  const left = changed(without(files, "meta-b", "mark"), "meta-a", (bytes) => bytes.fill(7));
  const zeros = changed(left, "000000000001.log", (bytes) => bytes.fill(0, 1024));
  expect(await recover(zeros)).toBeInstanceOf(JournalDamagedError);
});

describe("a directory of somebody else", () => {
  test("is refused by what it belongs to, and left alone", async () => {
    const files = await filesOf(script());
    const storage = new FaultyStorage(files);
    const error = await open(storage, "others").catch((reason: unknown) => reason);
    expect(error).toMatchObject({ kind: "foreign", code: "ERR_JOURNAL_FOREIGN" });
    expect(String(error)).toContain("belongs to the tests, not to others");
    expect(storage.files()).toEqual(files);
  });

  test("is noticed in a single segment", async () => {
    const files = await filesOf(script());
    const other = new FaultyStorage();
    const { journal } = await open(other, "others");
    await journal.close();
    const name = "000000000001.log";
    const mixed = new Map(files).set(name, other.files().get(name) ?? Buffer.alloc(0));
    expect(await recover(mixed)).toMatchObject({ kind: "foreign" });
    const renamed = new Map(files).set("000000000001.log", files.get("000000000002.log") as Buffer);
    expect(await recover(renamed)).toMatchObject({ kind: "foreign" });
  });
});

test("bytes that a caller sent are never taken for a record", async () => {
  const files = await filesOf(script());
  const image = files.get("000000000001.log")?.subarray(1024) ?? Buffer.alloc(0);
  const writer = new Writer();
  const storage = new FaultyStorage();
  const { journal } = await open(storage);
  const writes = [writer.write(["one"]), writer.write([image.toString("latin1")])];
  for (const write of writes) await written(journal, write);
  await journal.close();
  const whole = storage.files();
  const name = "000000000001.log";
  const at = roomAt(whole.get(name) as Buffer) - 40;
  const found = await recover(changed(whole, name, flip(at)));
  expect(found).toMatchObject({ entries: writes[0]?.entries, damaged: [{ op: 2 }] });
});
