/**
 * Where a journal keeps its files: the port, and the real file system behind it.
 *
 * Every byte and every promise of durability of a journal passes here, so that a test can put a
 * storage in its place that tears, forgets and fails.
 */
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

export interface Storage {
  makeDirectory(path: string): Promise<void>;
  /** The names in a directory. */
  list(path: string): Promise<string[]>;
  /** Opens a file that is there, to read it, or to read and write it. */
  open(path: string, mode: "read" | "write"): Promise<StorageFile>;
  /** Makes a file; one of that name is emptied. */
  create(path: string): Promise<StorageFile>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Makes the names in a directory durable, and its own name. */
  syncDirectory(path: string): Promise<void>;
  /** Keeps everybody else out until what it returns is called; rejects if somebody is in. */
  lock(path: string): Promise<() => Promise<void>>;
}

class RealFile implements StorageFile {
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

/** The journal's directory, that of the group and the storage may all have just been made. */
const levelsMade = 4;

export const realStorage: Storage = {
  makeDirectory: async (path) => void (await mkdir(path, { recursive: true })),
  list: (path) => readdir(path),
  open: async (path, mode) => new RealFile(await open(path, mode === "read" ? "r" : "r+")),
  create: async (path) => new RealFile(await open(path, "w+")),
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
