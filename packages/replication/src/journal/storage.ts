/**
 * Where a journal keeps its files: the port, and the real file system behind it.
 *
 * Every byte and every promise of durability of a journal passes here, so that a test can put a
 * storage in its place that tears, forgets and fails.
 */
import { constants, write } from "node:fs";
import { type FileHandle, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { lockDirectory } from "./lock.ts";

export interface StorageFile {
  read(): Promise<Buffer>;
  /** So many bytes from there on, or fewer where the file ends. */
  readAt(position: number, length: number): Promise<Buffer>;
  /** Writes all of the bytes, or rejects. */
  write(bytes: Uint8Array, position: number): Promise<void>;
  truncate(length: number): Promise<void>;
  /** What was written before is durable when this resolves. */
  datasync(): Promise<void>;
  close(): Promise<void>;
}

/**
 * To read a file, or to read and write it. A `"log"` is written as well, and synced after each
 * write: a storage may do both in one, and have nothing left to do when it is asked to sync.
 */
export type FileMode = "read" | "write" | "log";

export interface Storage {
  makeDirectory(path: string): Promise<void>;
  /** The names in a directory. */
  list(path: string): Promise<string[]>;
  /** Opens a file that is there. */
  open(path: string, mode: FileMode): Promise<StorageFile>;
  /** Makes a file; one of that name is emptied. @default "write" */
  create(path: string, mode?: "write" | "log"): Promise<StorageFile>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Makes the names in a directory durable, and its own name. */
  syncDirectory(path: string): Promise<void>;
  /** Keeps everybody else out until what it returns is called; rejects if somebody is in. */
  lock(path: string): Promise<() => Promise<void>>;
}

export class RealFile implements StorageFile {
  readonly #file: FileHandle;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  read(): Promise<Buffer> {
    return this.#file.readFile();
  }

  async readAt(position: number, length: number): Promise<Buffer> {
    const bytes = Buffer.alloc(length);
    let read = 0;
    while (read < length) {
      const { bytesRead } = await this.#file.read(bytes, read, length - read, position + read);
      if (bytesRead === 0) break;
      read += bytesRead;
    }
    return bytes.subarray(0, read);
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    // One call may take fewer bytes than it was given.
    for (let written = 0; written < bytes.length; ) {
      const left = bytes.length - written;
      const { bytesWritten } = await this.#file.write(bytes, written, left, position + written);
      written += bytesWritten;
    }
  }

  truncate(length: number): Promise<void> {
    return this.#file.truncate(length);
  }

  datasync(): Promise<void> {
    return this.#file.datasync();
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/**
 * A write with `O_DSYNC` is durable when it returns, as if `fdatasync` had followed: one trip to
 * the thread pool instead of two, which is what a call alone waits for. Only Linux is known to ask
 * the disk itself to let go of its cache then; elsewhere the sync follows by itself.
 */
const syncedWrites = process.platform === "linux" ? constants.O_DSYNC : 0;

export class LogFile extends RealFile {
  readonly #fd: number;
  /** Whether something was done that no write has made durable. */
  #syncDue = syncedWrites === 0;

  constructor(file: FileHandle) {
    super(file);
    this.#fd = file.fd;
  }

  /** With a callback: a promise of the file's own, and what is around it, costs more than that. */
  override write(bytes: Uint8Array, position: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const writeFrom = (from: number) => {
        const left = bytes.length - from;
        write(this.#fd, bytes, from, left, position + from, (error, written) => {
          if (error !== null) reject(error);
          else if (written < left) writeFrom(from + written);
          else resolve();
        });
      };
      writeFrom(0);
    });
  }

  override truncate(length: number): Promise<void> {
    this.#syncDue = true;
    return super.truncate(length);
  }

  override async datasync(): Promise<void> {
    if (!this.#syncDue) return;
    await super.datasync();
    this.#syncDue = syncedWrites === 0;
  }
}

async function openFile(path: string, flags: number, mode: FileMode): Promise<StorageFile> {
  if (mode !== "log") return new RealFile(await open(path, flags));
  return new LogFile(await open(path, flags | syncedWrites));
}

const { O_RDONLY, O_RDWR, O_CREAT, O_TRUNC } = constants;

/** The journal's directory, that of the group and the storage may all have just been made. */
const levelsMade = 4;

export const realStorage: Storage = {
  makeDirectory: async (path) => void (await mkdir(path, { recursive: true })),
  list: (path) => readdir(path),
  open: (path, mode) => openFile(path, mode === "read" ? O_RDONLY : O_RDWR, mode),
  create: (path, mode = "write") => openFile(path, O_RDWR | O_CREAT | O_TRUNC, mode),
  rename,
  remove: (path) => rm(path, { force: true }),
  async syncDirectory(path) {
    let at = path;
    for (let level = 0; level < levelsMade; level++, at = dirname(at)) {
      const handle = await open(at, "r");
      try {
        await handle.sync();
      } finally {
        await handle.close();
      }
    }
  },
  lock: (path) => lockDirectory(path, realStorage),
};
