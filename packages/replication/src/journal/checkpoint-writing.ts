/**
 * One checkpoint on its way to the disk: under a name that counts for nothing until all of it is
 * durable, header and all.
 */
import { RunningChecksum } from "../checksum.ts";
import type { Checksum, Hash, Op } from "../vsr/index.ts";
import {
  blockOffset,
  checkpointBlockBytes,
  contentOf,
  newBlock,
  sealBlock,
  sealCheckpointHeader,
} from "./checkpoint-file.ts";
import type { CheckpointName } from "./journal.ts";
import type { Storage, StorageFile } from "./storage.ts";

export class CheckpointWriting {
  readonly op: Op;
  /** Where it is written, with the directory. */
  readonly path: string;
  readonly #storage: Storage;
  readonly #hash: Hash;
  readonly #whole = new RunningChecksum();
  #file: StorageFile | undefined;
  #bytes = 0;
  #blocks = 0;
  /** One for all blocks: each is written before the next is begun. */
  readonly #block = newBlock();
  readonly #content = contentOf(this.#block);
  /** What of the block is filled. */
  #filled = 0;

  constructor(storage: Storage, path: string, op: Op, hash: Hash) {
    this.#storage = storage;
    this.path = path;
    this.op = op;
    this.#hash = hash;
  }

  async write(slice: Uint8Array): Promise<void> {
    // Hashed and put by piece by piece: a slice may be as large as the whole state. The content is
    // a copy: the slice is the caller's again when this resolves.
    for (let at = 0; at < slice.length; ) {
      const piece = slice.subarray(at, at + checkpointBlockBytes - this.#filled);
      this.#content.set(piece, this.#filled);
      this.#whole.add(this.#content.subarray(this.#filled, this.#filled + piece.length));
      this.#filled += piece.length;
      this.#bytes += piece.length;
      at += piece.length;
      if (this.#filled === checkpointBlockBytes) await this.#writeBlock();
    }
  }

  async #writeBlock(): Promise<void> {
    const number = this.#blocks++;
    const sealed = sealBlock(this.#block, this.op, number, this.#filled, this.#hash);
    this.#filled = 0;
    const file = await this.#open();
    await file.write(sealed, blockOffset(number));
  }

  async #open(): Promise<StorageFile> {
    this.#file ??= await this.#storage.create(this.path);
    return this.#file;
  }

  /** Makes all of it durable, where it is, and tells what it is; undefined if not as expected. */
  async finish(identity: Checksum, expected?: string): Promise<CheckpointName | undefined> {
    if (this.#filled > 0) await this.#writeBlock();
    const name = { op: this.op, id: this.#whole.end(), bytes: this.#bytes };
    if (expected !== undefined && name.id !== expected) return undefined;
    const file = await this.#open();
    await file.write(sealCheckpointHeader(name, identity, this.#hash), 0);
    await file.datasync();
    await this.close();
    return name;
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  /** Leaves nothing behind; what cannot be removed is removed at the next opening. */
  async discard(): Promise<void> {
    await this.close().catch(() => undefined);
    await this.#storage.remove(this.path).catch(() => undefined);
  }
}
