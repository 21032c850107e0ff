/**
 * The mark that the states of a journal are not those of the group: written when a majority has
 * computed another one, and taken away when one of theirs is here. The log is as good as ever.
 */
import { join } from "node:path";
import type { Checksum, Op } from "../vsr/index.ts";
import { divergedName } from "./directory.ts";
import { journalFailure } from "./failure.ts";
import { readSmallFile, writeSmallFile } from "./small-file.ts";
import { realStorage, type Storage } from "./storage.ts";

/** After which op it was noticed, and the ids of the two states. */
export interface Divergence {
  readonly op: Op;
  readonly own: Checksum;
  readonly other: Checksum;
}

/** What is marked in a directory; one that cannot be read counts all the same, and names no ids. */
export async function readDivergence(
  path: string,
  storage: Storage = realStorage,
): Promise<Divergence | undefined> {
  const said = await readSmallFile(storage, path, divergedName);
  if (said === undefined) return undefined;
  return said === "" ? { op: 0, own: "", other: "" } : (JSON.parse(said) as Divergence);
}

/** The mark of one replica's journal. */
export class DivergedMark {
  readonly #path: string;
  readonly #storage: Storage;
  #isSet = false;

  private constructor(path: string, storage: Storage, isSet: boolean) {
    this.#path = path;
    this.#storage = storage;
    this.#isSet = isSet;
  }

  /** Rejects with JournalError. */
  static async find(path: string, storage: Storage = realStorage): Promise<DivergedMark> {
    try {
      const found = await readDivergence(path, storage);
      return new DivergedMark(path, storage, found !== undefined);
    } catch (error) {
      throw journalFailure(error, path, "has a mark that cannot be read", "not_run");
    }
  }

  get isSet(): boolean {
    return this.#isSet;
  }

  /** Makes the mark durable. Rejects with JournalError. */
  async set({ op, own, other }: Divergence): Promise<void> {
    this.#isSet = true;
    const said = JSON.stringify({ op, own, other });
    try {
      await writeSmallFile(this.#storage, this.#path, divergedName, said);
    } catch (error) {
      throw journalFailure(error, this.#path, "cannot keep that it has diverged", "unknown");
    }
  }

  /** Takes the mark away. Rejects with JournalError; then it may still be there. */
  async clear(): Promise<void> {
    this.#isSet = false;
    try {
      await this.#storage.remove(join(this.#path, divergedName));
      await this.#storage.syncDirectory(this.#path);
    } catch (error) {
      throw journalFailure(error, this.#path, "cannot forget that it has diverged", "unknown");
    }
  }
}
