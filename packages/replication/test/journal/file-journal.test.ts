import { constants } from "node:fs";
import {
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { checksum } from "../../src/checksum.ts";
import { JournalError } from "../../src/errors.ts";
import { openFileJournal } from "../../src/journal/file-journal.ts";
import type { OpenedJournal } from "../../src/journal/journal.ts";
import { MetaWriter } from "../../src/journal/meta-writer.ts";
import { segmentName } from "../../src/journal/segment.ts";
import { LogFile, RealFile } from "../../src/journal/storage.ts";
import type { Write } from "../../src/vsr/index.ts";
import { checkpointContract, keep } from "../contract/checkpoints.ts";
import { foldWrites, journalContract, written } from "../contract/journal.ts";
import { roomAt } from "../support/room.ts";
import { Writer } from "../support/writes.ts";

let directory: string;
let journals = 0;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "troupe-journal-"));
});
afterAll(() => rm(directory, { recursive: true }));

const { O_DSYNC } = constants;

const newPath = () => join(directory, `${++journals}`, "journal");

interface Given {
  identity?: string;
  segmentBytes?: number;
  onFailure?: (error: JournalError) => void;
}

function openAt(path: string, more: Given = {}): Promise<OpenedJournal> {
  const onFailure = (error: JournalError) => {
    throw error;
  };
  return openFileJournal({ path, identity: "the tests", hash: checksum, onFailure, ...more });
}

/** Every sync of a file of a journal: of the log, and of all others. */
function countSyncs(): () => number {
  const log = vi.spyOn(LogFile.prototype, "datasync");
  const others = vi.spyOn(RealFile.prototype, "datasync");
  onTestFinished(() => {
    log.mockRestore();
    others.mockRestore();
  });
  return () => log.mock.calls.length + others.mock.calls.length;
}

/** Whether writes to a journal's log are synced, by what the kernel says of the open file. */
async function flagsOf(path: string): Promise<number> {
  const segment = join(path, segmentName(1));
  for (const fd of await readdir("/proc/self/fd")) {
    const target = await readlink(`/proc/self/fd/${fd}`).catch(() => "");
    if (target !== segment) continue;
    const [, flags = ""] =
      /flags:\s+(\d+)/.exec(await readFile(`/proc/self/fdinfo/${fd}`, "utf8")) ?? [];
    return Number.parseInt(flags, 8) & O_DSYNC;
  }
  throw new Error(`${segment} is not open`);
}

async function recover(path: string) {
  const { journal, recovered } = await openAt(path);
  await journal.close();
  return recovered;
}

async function refusal(opening: Promise<unknown>): Promise<JournalError> {
  const error = await opening.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(JournalError);
  return error as JournalError;
}

journalContract("a file journal", async () => {
  const path = newPath();
  const syncs = countSyncs();
  return { open: () => openAt(path), syncs };
});

journalContract("a file journal of small segments", async () => {
  const path = newPath();
  return { open: () => openAt(path, { segmentBytes: 1100 }) };
});

checkpointContract("a file journal", async () => {
  const path = newPath();
  return { open: () => openAt(path) };
});

checkpointContract("a file journal of small segments", async () => {
  const path = newPath();
  return { open: () => openAt(path, { segmentBytes: 1100 }) };
});

describe("the path of a write", () => {
  test("has one sync, and a second one only where a view changes", async () => {
    const { journal } = await openAt(newPath());
    const syncs = countSyncs();
    const writer = new Writer();
    for (let i = 1; i <= 5; i++) {
      await written(journal, writer.write([`${i}`]));
      expect(syncs()).toBe(i);
    }
    await written(journal, writer.write([], { view: 1, log_view: 0 }));
    expect(syncs()).toBe(7);
    await written(journal, writer.write(["6"], { view: 1, log_view: 0 }));
    expect(syncs()).toBe(8);
    await journal.close();
  });

  test.each([
    ["is taken for one that was never finished, before a tick", false, undefined],
    ["is told from that as damage, after one", true, [expect.objectContaining({ op: 1 })]],
  ])("that is damaged when its process has died %s", async (_, ticks, expected) => {
    const path = newPath();
    const { journal } = await openAt(path);
    const mark = vi.spyOn(MetaWriter.prototype, "mark");
    onTestFinished(() => mark.mockRestore());
    await new Promise<void>((resolve) => journal.append(new Writer().write(["one"]), resolve));
    if (ticks) journal.tick?.();
    await mark.mock.results[0]?.value;
    const left = newPath();
    await cp(path, left, { recursive: true, filter: (name) => !name.includes("lock-") });
    await journal.close();
    const segment = join(left, segmentName(1));
    const bytes = await readFile(segment);
    const last = roomAt(bytes) - 1;
    bytes[last] = (bytes[last] ?? 0) ^ 1;
    await writeFile(segment, bytes);
    expect((await recover(left))?.damaged).toEqual(expected);
  });

  test.runIf(process.platform === "linux")(
    "ends on the disk, for the file of the log is opened so",
    async () => {
      const path = newPath();
      const { journal } = await openAt(path);
      expect(await flagsOf(path)).toBe(O_DSYNC);
      await journal.close();
      const { journal: reopened } = await openAt(path);
      expect(await flagsOf(path)).toBe(O_DSYNC);
      await reopened.close();
    },
  );
});

describe("a journal that is open", () => {
  test("locks everybody else out, who is told by whom", async () => {
    const path = newPath();
    const { journal } = await openAt(path);
    const error = await refusal(openAt(path));
    expect(error).toMatchObject({ kind: "locked", code: "ERR_JOURNAL_LOCKED", outcome: "not_run" });
    expect(error.message).toContain(`is in use by process ${process.pid} on `);
    await journal.close();
    await (await openAt(path)).journal.close();
    expect((await readdir(path)).filter((name) => name.startsWith("lock-"))).toEqual([]);
  });

  test("that is being closed is waited for by the next life in its process", async () => {
    const path = newPath();
    const { journal } = await openAt(path);
    const closing = journal.close();
    const next = await openAt(path);
    await closing;
    await next.journal.close();
  });
});

describe("a place that cannot be used", () => {
  test("because it has the one file of format 1 is refused by that version", async () => {
    const path = newPath();
    await mkdir(join(path, ".."), { recursive: true });
    await writeFile(path, Buffer.from("TRJ1 and what follows"));
    const error = await refusal(openAt(path));
    expect(error).toMatchObject({ kind: "version", code: "ERR_JOURNAL_VERSION" });
    expect(error.message).toContain("has format 1, this version reads 3; ");
    expect((await readFile(path)).toString()).toBe("TRJ1 and what follows");
  });

  test("because something else is in its place is refused", async () => {
    const path = newPath();
    await mkdir(join(path, ".."), { recursive: true });
    await writeFile(path, "notes");
    expect(await refusal(openAt(path))).toMatchObject({ kind: "not_a_directory" });
    const below = await refusal(openAt(join(path, "journal")));
    expect(below).toMatchObject({ kind: "not_a_directory", outcome: "not_run" });
  });

  test("because it belongs to another replica is refused, and can be opened by its own", async () => {
    const path = newPath();
    await (await openAt(path)).journal.close();
    const error = await refusal(openAt(path, { identity: "others" }));
    expect(error).toMatchObject({ kind: "foreign" });
    expect(await recover(path)).toBeDefined();
  });

  test("because its path is too long for a lock is refused by the limit", async () => {
    const path = join(newPath(), "x".repeat(120));
    const error = await refusal(openAt(path));
    expect(error).toMatchObject({ kind: "unsuitable" });
    expect(error.message).toMatch(/a lock's has \d+ bytes, of 103/);
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
    expect(failures[0]?.message).toMatch(/: a write of 671\d{5} bytes is too large$/);
    journal.append(new Writer().write(["small"]), () => done++);
    await journal.close();
    expect([done, failures.length]).toEqual([0, 1]);
    expect(await recover(path)).toEqual({ view: 0, log_view: 0, commit: 0, entries: [] });
  });

  test("because too much waits for a disk that hangs fails the journal, and keeps its lock", async () => {
    const { path, journal, failures, large } = await failingJournal();
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let hanging: () => void = () => undefined;
    const hangs = new Promise<void>((resolve) => {
      hanging = resolve;
    });
    const spy = vi.spyOn(LogFile.prototype, "write").mockImplementation(() => {
      hanging();
      return held;
    });
    onTestFinished(() => spy.mockRestore());
    const done: string[] = [];
    journal.append(new Writer().write(["first"]), () => done.push("first"));
    await hangs;
    for (const name of ["a", "b", "c", "d"]) journal.append(large(60), () => done.push(name));
    expect(failures).toEqual([]);
    journal.append(large(60), () => done.push("e"));
    expect(failures.map(String)).toEqual([
      `JournalError: journal ${path}: the disk does not keep up`,
    ]);
    // What hangs may still land in the files: nobody else gets them before.
    expect((await readdir(path)).some((name) => name.startsWith("lock-"))).toBe(true);
    release();
    await journal.close();
    expect([done, failures.length]).toEqual([[], 1]);
  });
});

describe("a disk that fails", () => {
  test.each([
    ["ENOSPC", "full", "free space there"],
    ["EDQUOT", "full", "free space there"],
    ["EROFS", "read_only", "mount it writable"],
    ["EACCES", "permission", "let the user of this process"],
  ])("with %s says that it is %s, and what to do", async (code, kind, advice) => {
    const planted = Object.assign(new Error(`${code}: planted`), { code });
    const path = newPath();
    let told: (error: JournalError) => void = () => undefined;
    const failed = new Promise<JournalError>((resolve) => {
      told = resolve;
    });
    const { journal } = await openAt(path, { onFailure: told });
    const spy = vi.spyOn(LogFile.prototype, "write").mockRejectedValueOnce(planted);
    onTestFinished(() => spy.mockRestore());
    const writer = new Writer();
    let done = 0;
    journal.append(writer.write(["one"]), () => done++);
    const error = await failed;
    expect(error).toMatchObject({ kind, code: `ERR_JOURNAL_${kind.toUpperCase()}` });
    expect(error.message).toContain("cannot be written, the replica stops: ");
    expect(error.message).toContain(advice);
    await journal.close();
    expect(done).toBe(0);
  });
});

test("the format is what docs/journal.md shows, byte by byte", async () => {
  const path = newPath();
  const { journal } = await openAt(path);
  const write = new Writer().write(["one"], { view: 2, log_view: 1 });
  await written(journal, write);
  await keep(journal, 16, ["the state"]);
  await journal.close();
  const page = await readFile(new URL("../../../../docs/journal.md", import.meta.url), "utf8");
  const shown = (title: string) => {
    const fence = new RegExp(`${title}\n+\`\`\`text\n(?<hex>[0-9a-f\\s]+)\`\`\``).exec(page);
    return fence?.groups?.hex?.replaceAll(/\s/g, "");
  };
  const segment = await readFile(join(path, "000000000001.log"));
  expect(shown("A header:")).toBe(segment.toString("hex", 0, 144));
  expect(shown("A record:")).toBe(segment.toString("hex", 1024, roomAt(segment)));
  expect(shown("A meta record:")).toBe((await readFile(join(path, "meta-a"))).toString("hex"));
  const kept = await readFile(join(path, "0000000000000016.checkpoint"));
  expect(shown("A checkpoint's file:")).toBe(kept.toString("hex"));
  const mark = await readFile(join(path, "mark"));
  expect(mark.toString("latin1")).toContain("TRK2");
  expect((await stat(path)).isDirectory()).toBe(true);
  expect(foldWrites([write])).toMatchObject({ view: 2 });
});
