/**
 * The journal on a file: append-only, one `fdatasync` for all that waits, never a second try.
 *
 * The file begins with an identity record, so that a directory of another group or replica is told
 * apart from damage, and so that a journal that exists at all belongs to a replica that has been
 * started before: such a one comes back by other rules than a new one (I14). A write or sync that
 * fails leaves unknown bytes behind; the journal says so once and takes nothing more (J6).
 */
import { type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import { JournalError } from "../errors.ts";
import type { Hash, Write } from "../vsr/index.ts";
import { type Journal, type OpenedJournal, Recovery } from "./journal.ts";
import {
  decodeWrite,
  encodeWrite,
  findRecord,
  readRecord,
  recordHeaderBytes,
  recordPayloadBytesMax,
  sealRecord,
} from "./record.ts";

/** What may wait for a disk that hangs; beyond it the replica stops, and the others go on. */
const waitingBytesMax = 256 * 1024 * 1024;
/** A journal is read whole at a start, and a buffer cannot be longer than this. */
const fileBytesMax = 2 ** 31 - 1;

export interface FileJournalOptions {
  /** The file; its directory is made if it is missing. */
  readonly path: string;
  /** Names the group, the replica and the format; a file that says otherwise is refused. */
  readonly identity: string;
  readonly hash: Hash;
  /** Told once when a write has failed. Nothing that was not reported done is durable. */
  readonly onFailure: (error: JournalError) => void;
}

interface Waiting {
  readonly payload: Buffer;
  readonly done: () => void;
}

class FileJournal implements Journal {
  readonly #file: FileHandle;
  readonly #options: FileJournalOptions;
  /** Everything before this offset is durable. */
  #end: number;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  /** Where the file will end once all that was taken is written. */
  #taken: number;
  #flushing: Promise<void> | undefined;
  #closed = false;
  #failed = false;

  constructor(file: FileHandle, options: FileJournalOptions, end: number) {
    this.#file = file;
    this.#options = options;
    this.#end = end;
    this.#taken = end;
  }

  append(write: Write, done: () => void): void {
    if (this.#closed) return;
    const payload = encodeWrite(write);
    this.#waitingBytes += payload.length;
    this.#taken += recordHeaderBytes + payload.length;
    const problem = this.#refusal(payload.length);
    if (problem !== undefined) {
      void this.#fail(new JournalError(this.#options.path, problem, "unknown"));
      return;
    }
    this.#waiting.push({ payload, done });
    this.#flushing ??= this.#flushAll();
  }

  async close(): Promise<void> {
    // Nothing more is taken from here on: a write that began now would meet a closed file.
    this.#closed = true;
    await this.#flushing;
    await this.#file.close();
  }

  /** Why a write cannot be taken; undefined if it can. */
  #refusal(bytes: number): string | undefined {
    if (bytes > recordPayloadBytesMax) return `a write of ${bytes} bytes is too large`;
    if (this.#waitingBytes > waitingBytesMax) return "the disk does not keep up";
    if (this.#taken > fileBytesMax) return `is full at ${this.#end} bytes`;
    return undefined;
  }

  async #flushAll(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        const group = this.#waiting;
        this.#waiting = [];
        this.#waitingBytes = 0;
        await this.#append(group.map((waiting) => waiting.payload));
        // A write that was refused meanwhile has failed the journal: it reports nothing any more.
        if (this.#failed) return;
        for (const { done } of group) done();
      }
      this.#flushing = undefined;
    } catch (error) {
      await this.#fail(error);
    }
  }

  async #append(payloads: readonly Buffer[]): Promise<void> {
    const { hash } = this.#options;
    const records = payloads.map((payload) => sealRecord(this.#end, payload, hash));
    await writeAll(this.#file, Buffer.concat(records), this.#end);
    await this.#file.datasync();
    for (const record of records) this.#end += record.length;
  }

  async #fail(error: unknown): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#failed = true;
    this.#waiting = [];
    const { path, onFailure } = this.#options;
    const problem = error instanceof Error ? error.message : String(error);
    const told =
      error instanceof JournalError
        ? error
        : new JournalError(
            path,
            `cannot be written, the replica stops: ${problem}`,
            "unknown",
            error,
          );
    onFailure(told);
    // The failure has been told; a file that cannot be closed either adds nothing to it.
    await this.#file.close().catch(() => undefined);
  }
}

/** Writes every byte: one call of `write` may take fewer than it was given. */
async function writeAll(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const left = bytes.length - written;
    const { bytesWritten } = await file.write(bytes, written, left, position + written);
    written += bytesWritten;
  }
}

/**
 * Opens the journal at a path, or makes it. A torn tail (a write that never completed, and so was
 * never acknowledged) is cut off; any other damage is refused, for what it held may have been
 * acknowledged.
 *
 * Rejects with JournalError: the file cannot be opened or written, belongs to another group or
 * replica, or is damaged before its last flush.
 */
export async function openFileJournal(options: FileJournalOptions): Promise<OpenedJournal> {
  const { path } = options;
  let file: FileHandle | undefined;
  try {
    await mkdir(dirname(path), { recursive: true });
    file = await openOrCreate(path);
    return await recover(file, options);
  } catch (error) {
    await file?.close().catch(() => undefined);
    if (error instanceof JournalError) throw error;
    const problem = error instanceof Error ? error.message : String(error);
    throw new JournalError(path, `cannot be opened: ${problem}`, "not_run", error);
  }
}

async function openOrCreate(path: string): Promise<FileHandle> {
  try {
    return await open(path, "r+");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return await open(path, "wx+");
  }
}

async function recover(file: FileHandle, options: FileJournalOptions): Promise<OpenedJournal> {
  const { path, identity, hash } = options;
  const bytes = await file.readFile();
  const first = readRecord(bytes, 0, hash);
  // A file whose first record never became whole was never used: nothing was sent before it was.
  if (typeof first !== "object") {
    if (findRecord(bytes, 0, hash) !== undefined) throw damagedAt(path, 0);
    return { journal: await begin(file, options), recovered: undefined };
  }
  const found = first.payload.toString("utf8");
  if (found !== identity) {
    throw new JournalError(path, `belongs to ${found}, not to ${identity}`, "not_run");
  }
  const recovery = new Recovery();
  let { base, end } = first;
  for (;;) {
    const record = readRecord(bytes, end, hash);
    if (typeof record !== "object") break;
    recovery.add(decodeWrite(record.payload));
    ({ base, end } = record);
  }
  if (end < bytes.length) await cutTornTail(file, options, bytes, end);
  await confirm(file, options, bytes.subarray(base, end), base);
  const journal = new FileJournal(file, options, end);
  const nothing = { view: 0, log_view: 0, commit: 0, entries: [] };
  return { journal, recovered: recovery.state ?? nothing };
}

/** Cuts what follows the last intact record, if it can only be a write that did not complete. */
async function cutTornTail(
  file: FileHandle,
  { path, hash }: FileJournalOptions,
  bytes: Buffer,
  end: number,
): Promise<void> {
  // An intact record whose base lies behind the bad bytes proves that they were durable once: then
  // this is damage, and acknowledged operations may have been in it.
  for (let next = findRecord(bytes, end, hash); next; next = findRecord(bytes, next.end, hash)) {
    if (next.base > end) throw damagedAt(path, end);
  }
  await file.truncate(end);
  await file.datasync();
}

/**
 * Makes durable what was only read. The last life may have ended between a write and its sync, or
 * with a sync that failed, and then these bytes may stand in the kernel's memory and nowhere else;
 * whatever this life promises rests on them. Written again, because a page whose sync has failed
 * once counts as clean (J6).
 */
async function confirm(
  file: FileHandle,
  { path }: FileJournalOptions,
  tail: Buffer,
  base: number,
): Promise<void> {
  await writeAll(file, tail, base);
  await file.datasync();
  await syncDirectories(dirname(path));
}

function damagedAt(path: string, offset: number): JournalError {
  const problem = `is damaged at byte ${offset}, before its last write; not used`;
  return new JournalError(path, problem, "not_run");
}

async function begin(file: FileHandle, options: FileJournalOptions): Promise<Journal> {
  const { path, identity, hash } = options;
  const record = sealRecord(0, Buffer.from(identity, "utf8"), hash);
  await file.truncate(0);
  await writeAll(file, record, 0);
  await file.datasync();
  await syncDirectories(dirname(path));
  return new FileJournal(file, options, record.length);
}

/**
 * A file's name is durable only when its directory is (J6), and that directory's when its own is:
 * the group's directory and the storage directory may both have just been made.
 */
async function syncDirectories(directory: string): Promise<void> {
  for (let level = 0, at = directory; level < 3; level++, at = dirname(at)) {
    const handle = await open(at, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
}
