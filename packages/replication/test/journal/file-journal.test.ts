import { mkdir, mkdtemp, open, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { checksum } from "../../src/checksum.ts";
import { JournalError } from "../../src/errors.ts";
import { openFileJournal } from "../../src/journal/file-journal.ts";
import { type OpenedJournal, Recovery } from "../../src/journal/journal.ts";
import type { Write } from "../../src/vsr/index.ts";
import { journalContract, written } from "../contract/journal.ts";
import { someWrites, Writer } from "../support/writes.ts";

let directory: string;
let files = 0;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "troupe-journal-"));
});
afterAll(() => rm(directory, { recursive: true }));

const newPath = () => join(directory, `${++files}`, "journal");

function openAt(
  path: string,
  more: { identity?: string; onFailure?: (error: JournalError) => void } = {},
): Promise<OpenedJournal> {
  const onFailure = (error: JournalError) => {
    throw error;
  };
  return openFileJournal({ path, identity: "the tests", hash: checksum, onFailure, ...more });
}

interface FileMethods {
  datasync(): Promise<void>;
  sync(): Promise<void>;
  write(...args: unknown[]): Promise<unknown>;
}

/** The methods of every open file: where a disk can be made to fail, and its syncs be counted. */
async function fileMethods(): Promise<FileMethods> {
  const file = await open(join(directory, "any"), "w");
  await file.close();
  return Object.getPrototypeOf(file);
}

/** What a journal recovers; it is closed again. */
async function recover(path: string) {
  const { journal, recovered } = await openAt(path);
  await journal.close();
  return recovered;
}

function fold(writes: readonly Write[]) {
  const recovery = new Recovery();
  for (const write of writes) recovery.add(write);
  return recovery.state ?? { view: 0, log_view: 0, commit: 0, entries: [] };
}

/** A journal with these writes, each synced by itself, and where each record ends. */
async function journalOf(writes: readonly Write[]) {
  const path = newPath();
  const { journal } = await openAt(path);
  const ends = [(await stat(path)).size];
  for (const write of writes) {
    await written(journal, write);
    ends.push((await stat(path)).size);
  }
  await journal.close();
  return { path, ends, bytes: await readFile(path) };
}

async function fileWith(bytes: Uint8Array): Promise<string> {
  const path = join(directory, `${++files}.journal`);
  await writeFile(path, bytes);
  return path;
}

async function refusal(opening: Promise<unknown>): Promise<JournalError> {
  const error = await opening.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(JournalError);
  return error as JournalError;
}

function threeWrites(): Write[] {
  const writer = new Writer();
  return [writer.write(["one"]), writer.write(["two", "three"]), writer.write(["four"])];
}

journalContract("a file journal", async () => {
  const path = newPath();
  const syncs = vi.spyOn(await fileMethods(), "datasync");
  onTestFinished(() => syncs.mockRestore());
  return { open: () => openAt(path), syncs: () => syncs.mock.calls.length };
});

describe("a write that did not complete", () => {
  test("is cut off wherever it was torn, and the journal goes on from there", async () => {
    const writes = threeWrites();
    const { bytes, ends } = await journalOf(writes);
    const [, , whole = 0, end = 0] = ends;
    for (let length = whole; length < end; length++) {
      const path = await fileWith(bytes.subarray(0, length));
      expect(await recover(path)).toEqual(fold(writes.slice(0, 2)));
      expect((await stat(path)).size).toBe(whole);
    }
    const path = await fileWith(bytes.subarray(0, end - 1));
    const { journal } = await openAt(path);
    await written(journal, writes[2] as Write);
    await journal.close();
    expect(await recover(path)).toEqual(fold(writes));
  });

  test("is told from damage by nothing but its being last: a flip in it is cut as torn", async () => {
    const writes = threeWrites();
    const { bytes, ends } = await journalOf(writes);
    const [, , whole = 0, end = 0] = ends;
    for (let at = whole; at < end; at += 3) {
      const damaged = Buffer.from(bytes);
      damaged[at] = (damaged[at] ?? 0) ^ 0x40;
      const path = await fileWith(damaged);
      expect(await recover(path)).toEqual(fold(writes.slice(0, 2)));
      expect((await stat(path)).size).toBe(whole);
    }
  });

  test("takes with it what was to be synced together with it", async () => {
    const [first, ...group] = threeWrites() as [Write, ...Write[]];
    const path = newPath();
    const { journal } = await openAt(path);
    await written(journal, first);
    const torn = (await stat(path)).size;
    // The first of a burst is flushed at once; those behind it share the next flush.
    const writer = new Writer();
    writer.write(["one"]);
    const burst = [writer.write(["x"]), ...group.map((_, i) => writer.write([`y${i}`]))];
    await Promise.all(burst.map((write) => written(journal, write)));
    await journal.close();
    const bytes = await readFile(path);
    const second = findRecordEnd(bytes, torn);
    bytes[second + 40] = (bytes[second + 40] ?? 0) ^ 1;
    expect(await recover(await fileWith(bytes))).toEqual(fold([first, burst[0] as Write]));
  });

  /** Where the record at that offset ends. */
  function findRecordEnd(bytes: Buffer, offset: number): number {
    return offset + 32 + bytes.readUInt32BE(offset + 4);
  }

  test("leaves a prefix of the writes, wherever the file is cut", async () => {
    const cut = fc.double({ min: 0, max: 1, noNaN: true });
    await fc.assert(
      fc.asyncProperty(someWrites, cut, async (writes, share) => {
        const { bytes, ends } = await journalOf(writes);
        const length = Math.round(share * bytes.length);
        const recovered = await recover(await fileWith(bytes.subarray(0, length)));
        const whole = ends.filter((end) => end <= length).length - 1;
        if (whole < 0) expect(recovered).toBeUndefined();
        else expect(recovered).toEqual(fold(writes.slice(0, whole)));
      }),
      { numRuns: 40 },
    );
  });
});

describe("damage before the last write", () => {
  test("is refused, and the error names the place", async () => {
    const { bytes, ends } = await journalOf(threeWrites());
    const [first = 0, second = 0] = ends;
    for (let at = first; at < second; at += 5) {
      const damaged = Buffer.from(bytes);
      damaged[at] = (damaged[at] ?? 0) ^ 0x01;
      const path = await fileWith(damaged);
      const { message } = await refusal(openAt(path));
      expect(message).toContain(`${path}: is damaged at byte ${first}`);
      expect(await readFile(path)).toEqual(damaged);
    }
  });

  test("is refused in the first record as well", async () => {
    const { bytes } = await journalOf(threeWrites());
    bytes[3] = (bytes[3] ?? 0) ^ 1;
    const { message } = await refusal(openAt(await fileWith(bytes)));
    expect(message).toContain("is damaged at byte 0");
  });
});

describe("opening", () => {
  test("refuses the journal of another group or replica, and says whose it is", async () => {
    const path = newPath();
    const { journal } = await openAt(path, { identity: "group g, replica a" });
    await journal.close();
    const { message, code, outcome } = await refusal(
      openAt(path, { identity: "group h, replica a" }),
    );
    expect(message).toBe(
      `journal ${path}: belongs to group g, replica a, not to group h, replica a`,
    );
    expect([code, outcome]).toEqual(["ERR_JOURNAL", "not_run"]);
  });

  test("begins anew with a file that is empty, or whose first record was never whole", async () => {
    const { bytes, ends } = await journalOf([]);
    for (let length = 0; length < (ends[0] ?? 0); length++) {
      const path = await fileWith(bytes.subarray(0, length));
      expect(await recover(path)).toBeUndefined();
      expect(await recover(path)).toEqual(fold([]));
    }
  });

  test("tells a replica that was started before from a new one, even without a write", async () => {
    const path = newPath();
    expect(await recover(path)).toBeUndefined();
    expect(await recover(path)).toEqual({ view: 0, log_view: 0, commit: 0, entries: [] });
  });

  test("fails in one clear line where its directory cannot be made", async () => {
    const file = await fileWith(Buffer.from("in the way"));
    const path = join(file, "group", "a.journal");
    const { message } = await refusal(openAt(path));
    expect(message).toContain(`journal ${path}: cannot be opened: ENOTDIR`);
    expect(message).not.toContain("\n");
  });

  test("fails in one clear line where a directory stands in its place", async () => {
    const path = newPath();
    await mkdir(path, { recursive: true });
    const { message } = await refusal(openAt(path));
    expect(message).toContain(`journal ${path}: cannot be opened: EISDIR`);
    expect(message).not.toContain("\n");
  });
});

describe("reopening", () => {
  /** What a journal does to any file while it is opened: in order, with where and how much. */
  async function watched<T>(run: () => Promise<T>): Promise<{ did: string[]; result: T }> {
    const did: string[] = [];
    const methods = await fileMethods();
    const { write, datasync, sync } = methods;
    const spies = [
      vi.spyOn(methods, "write").mockImplementation(function (this: unknown, ...args: unknown[]) {
        const [, , length, position] = args;
        did.push(`write ${length} at ${position}`);
        return write.apply(this, args);
      }),
      vi.spyOn(methods, "datasync").mockImplementation(async function (this: unknown) {
        await datasync.call(this);
        did.push("datasync");
      }),
      vi.spyOn(methods, "sync").mockImplementation(async function (this: unknown) {
        await sync.call(this);
        did.push("sync");
      }),
    ];
    try {
      return { result: await run(), did };
    } finally {
      for (const spy of spies) spy.mockRestore();
    }
  }

  test("writes and syncs the last flush again, and its directories, before it resolves", async () => {
    for (const writes of [[], threeWrites()]) {
      const { path, bytes, ends } = await journalOf(writes);
      const [base = 0, end = 0] = [0, ...ends].slice(-2);
      const { did, result } = await watched(() => openAt(path));
      expect(did).toEqual([`write ${end - base} at ${base}`, "datasync", "sync", "sync", "sync"]);
      await result.journal.close();
      expect(await readFile(path)).toEqual(bytes);
    }
  });

  test("does so for all writes that shared the last flush, whatever is cut off behind them", async () => {
    const path = newPath();
    const { journal } = await openAt(path);
    const writer = new Writer();
    await written(journal, writer.write(["one"]));
    const burst = ["two", "three", "four"].map((content) => writer.write([content]));
    await Promise.all(burst.map((write) => written(journal, write)));
    await journal.close();
    const bytes = await readFile(path);
    // The first of a burst is flushed at once; those behind it share the next flush, and its base.
    const base = bytes.readDoubleBE(bytes.lastIndexOf("TRJ1") + 8);
    const torn = await fileWith(Buffer.concat([bytes, bytes.subarray(base, base + 20)]));
    const { did, result } = await watched(() => openAt(torn));
    const rewrite = `write ${bytes.length - base} at ${base}`;
    expect(did).toEqual(["datasync", rewrite, "datasync", "sync", "sync", "sync"]);
    expect(bytes.subarray(base).toString("latin1").split("TRJ1")).toHaveLength(3);
    await result.journal.close();
    expect(await readFile(torn)).toEqual(bytes);
  });

  test("is refused if the disk does not take it: nothing may be promised on such a tail", async () => {
    const { path } = await journalOf(threeWrites());
    const full = new Error("EIO: i/o error");
    const spy = vi.spyOn(await fileMethods(), "datasync").mockRejectedValueOnce(full);
    onTestFinished(() => spy.mockRestore());
    const { message } = await refusal(openAt(path));
    expect(message).toBe(`journal ${path}: cannot be opened: EIO: i/o error`);
  });
});

describe("a write that cannot be taken", () => {
  const mebibyte = 1024 * 1024;

  /** A journal that keeps its failures, and a writer of large writes that share one body. */
  async function failingJournal() {
    const path = newPath();
    const failures: JournalError[] = [];
    const { journal } = await openAt(path, { onFailure: (error) => failures.push(error) });
    const body = new Uint8Array(mebibyte);
    const [entry] = new Writer().write(["x"]).entries;
    if (entry === undefined) throw new Error("no entry");
    const large = (mebibytes: number): Write => {
      const entries = Array.from({ length: mebibytes }, () => ({ ...entry, body }));
      return { write: 1, view: 0, log_view: 0, commit: 0, entries };
    };
    return { path, journal, failures, large };
  }

  test("because it is larger than a record may be fails the journal and says so", async () => {
    const { path, journal, failures, large } = await failingJournal();
    let done = 0;
    journal.append(large(64), () => done++);
    expect(failures).toHaveLength(1);
    expect(failures[0]).toBeInstanceOf(JournalError);
    expect(failures[0]?.message).toMatch(/: a write of 671\d{5} bytes is too large$/);
    journal.append(new Writer().write(["small"]), () => done++);
    await journal.close();
    expect([done, failures.length]).toEqual([0, 1]);
    expect(await recover(path)).toEqual(fold([]));
  });

  test("because too much waits for a disk that hangs fails the journal and says so", async () => {
    const { path, journal, failures, large } = await failingJournal();
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const spy = vi.spyOn(await fileMethods(), "datasync").mockImplementation(() => held);
    onTestFinished(() => spy.mockRestore());
    const done: string[] = [];
    journal.append(new Writer().write(["first"]), () => done.push("first"));
    for (const name of ["a", "b", "c", "d"]) journal.append(large(60), () => done.push(name));
    expect(failures).toEqual([]);
    journal.append(large(60), () => done.push("e"));
    expect(failures.map(String)).toEqual([
      `JournalError: journal ${path}: the disk does not keep up`,
    ]);
    release();
    await journal.close();
    expect([done, failures.length]).toEqual([[], 1]);
  });
});

describe("a write that fails", () => {
  /** Makes the next call of that method fail, on any file. */
  async function failing(method: "datasync" | "write"): Promise<void> {
    const full = Object.assign(new Error("ENOSPC: no space left"), { code: "ENOSPC" });
    const spy = vi.spyOn(await fileMethods(), method).mockRejectedValueOnce(full);
    onTestFinished(() => spy.mockRestore());
  }

  test.each(["datasync", "write"] as const)("stops the journal for good, in %s", async (method) => {
    const path = newPath();
    const failures: JournalError[] = [];
    let told: () => void = () => undefined;
    const failed = new Promise<void>((resolve) => {
      told = resolve;
    });
    const onFailure = (error: JournalError) => {
      failures.push(error);
      told();
    };
    const { journal } = await openAt(path, { onFailure });
    const writer = new Writer();
    await written(journal, writer.write(["one"]));
    await failing(method);
    let done = 0;
    journal.append(writer.write(["two"]), () => done++);
    journal.append(writer.write(["three"]), () => done++);
    await failed;
    journal.append(writer.write(["four"]), () => done++);
    await journal.close();
    expect(done).toBe(0);
    expect(failures).toHaveLength(1);
    expect(failures[0]?.message).toBe(
      `journal ${path}: cannot be written, the replica stops: ENOSPC: no space left`,
    );
  });
});
