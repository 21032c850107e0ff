/**
 * Writes the meta record and the mark of an open journal.
 *
 * One meta write is under way at a time (I13), into the copy that does not count, and synced. Marks
 * are never waited for: one is under way at a time, and the latest follows it.
 */
import { join } from "node:path";
import type { Hash } from "../vsr/index.ts";
import {
  type Mark,
  type Meta,
  markName,
  markStride,
  metaNames,
  sealMark,
  sealMeta,
} from "./meta.ts";
import type { Storage, StorageFile } from "./storage.ts";

export class MetaWriter {
  readonly #copies: readonly [StorageFile, StorageFile];
  readonly #mark: StorageFile;
  readonly #hash: Hash;
  #meta: Meta;
  #marks: number;
  #marking: Promise<void> | undefined;
  #due: Omit<Mark, "number"> | undefined;

  private constructor(
    files: readonly [StorageFile, StorageFile, StorageFile],
    meta: Meta,
    marks: number,
    hash: Hash,
  ) {
    this.#copies = [files[0], files[1]];
    this.#mark = files[2];
    this.#meta = meta;
    this.#marks = marks;
    this.#hash = hash;
  }

  /** Opens the files, and makes those that are missing. What is in them stays. */
  static async open(
    storage: Storage,
    path: string,
    names: readonly string[],
    meta: Meta,
    marks: number,
    hash: Hash,
  ): Promise<MetaWriter> {
    const files: StorageFile[] = [];
    try {
      for (const name of [...metaNames, markName]) {
        const file = join(path, name);
        const isThere = names.includes(name);
        files.push(await (isThere ? storage.open(file, "write") : storage.create(file)));
      }
    } catch (error) {
      for (const file of files) await file.close().catch(() => undefined);
      throw error;
    }
    const [a, b, mark] = files as [StorageFile, StorageFile, StorageFile];
    return new MetaWriter([a, b, mark], meta, marks, hash);
  }

  get meta(): Meta {
    return this.#meta;
  }

  /** Makes a change durable. */
  async write(change: Partial<Meta>): Promise<void> {
    const meta = { ...this.#meta, ...change, number: this.#meta.number + 1 };
    const file = this.#copies[meta.number % 2 === 1 ? 0 : 1];
    await file.write(sealMeta(meta, this.#hash), 0);
    await file.datasync();
    this.#meta = meta;
  }

  /** Notes that all up to there is durable. Resolves when that stands, without being durable. */
  mark(place: Omit<Mark, "number">): Promise<void> {
    this.#due = place;
    this.#marking ??= this.#writeMarks();
    return this.#marking;
  }

  async #writeMarks(): Promise<void> {
    try {
      for (let place = this.#due; place !== undefined; place = this.#due) {
        this.#due = undefined;
        const number = ++this.#marks;
        const at = (number % 2) * markStride;
        await this.#mark.write(sealMark({ ...place, number }, this.#hash), at);
      }
    } finally {
      this.#marking = undefined;
    }
  }

  /** Makes the marks durable. */
  syncMarks(): Promise<void> {
    return this.#mark.datasync();
  }

  async close(): Promise<void> {
    await this.#marking?.catch(() => undefined);
    for (const file of [...this.#copies, this.#mark]) await file.close();
  }
}
