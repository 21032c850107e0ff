/**
 * The checkpoints in a journal's directory, each in a file of its own.
 *
 * One is written beside the log, never into it, and counts when its name is durable. What fails
 * fails the whole journal, for what a disk says after it has failed once is worth nothing (J6).
 */
import { join } from "node:path";
import type { Checksum, Hash, Op } from "../vsr/index.ts";
import {
  checkpointBlockBytes,
  checkpointFileName,
  checkpointFileOp,
  readBlockOf,
  verifyCheckpoint,
} from "./checkpoint-file.ts";
import { CheckpointWriting } from "./checkpoint-writing.ts";
import { unfinishedSuffix } from "./directory.ts";
import type { CheckpointName, Checkpoints, CheckpointWriter } from "./journal.ts";
import type { Storage } from "./storage.ts";

export interface CheckpointPorts {
  readonly storage: Storage;
  /** The journal's directory. */
  readonly path: string;
  readonly hash: Hash;
  readonly identity: Checksum;
}

/** What was found: those that are whole, and the names of the files that are not. */
export interface FoundCheckpoints {
  readonly names: readonly CheckpointName[];
  readonly damaged: readonly string[];
}

/** Reads every checkpoint in the directory through, block by block. */
export async function readCheckpoints(ports: CheckpointPorts): Promise<FoundCheckpoints> {
  const { storage, path, hash, identity } = ports;
  const names: CheckpointName[] = [];
  const damaged: string[] = [];
  for (const name of (await storage.list(path)).sort()) {
    const op = checkpointFileOp(name);
    if (op === undefined) continue;
    const file = await storage.open(join(path, name), "read");
    try {
      const found = await verifyCheckpoint(file, op, identity, hash);
      if (found === undefined) damaged.push(name);
      else names.push(found);
    } catch {
      // What the disk does not give back is as lost as what it gives back wrong.
      damaged.push(name);
    } finally {
      await file.close();
    }
  }
  return { names, damaged };
}

export class CheckpointFiles implements Checkpoints {
  /** Told what has failed; nothing is reported from then on. */
  onFailure: (error: unknown) => void = () => undefined;
  readonly #ports: CheckpointPorts;
  #names: readonly CheckpointName[];
  readonly #open = new Set<CheckpointWriting>();
  /** Changes of names, one after the other. */
  #changes: Promise<void> = Promise.resolve();
  readonly #running = new Set<Promise<void>>();
  #written = 0;
  #isClosed = false;

  constructor(ports: CheckpointPorts, names: readonly CheckpointName[]) {
    this.#ports = ports;
    this.#names = names;
  }

  get names(): readonly CheckpointName[] {
    return this.#names;
  }

  begin(op: Op): CheckpointWriter {
    const { storage, path, hash } = this.#ports;
    // Two of one op may be under way: one that is captured, and the same one fetched from others.
    const name = `${checkpointFileName(op)}.${++this.#written}${unfinishedSuffix}`;
    const writing = new CheckpointWriting(storage, join(path, name), op, hash);
    this.#open.add(writing);
    let last: Promise<void> = Promise.resolve();
    const then = (run: () => Promise<() => void>) => {
      last = last.then(() => this.#run(run, () => this.#open.has(writing)));
    };
    return {
      write: (slice, done) =>
        then(async () => {
          await writing.write(slice);
          return done;
        }),
      commit: (done, expected) =>
        then(async () => {
          const kept = await this.#commit(writing, expected);
          return () => {
            this.#open.delete(writing);
            done(kept);
          };
        }),
      abandon: () => {
        if (!this.#open.delete(writing)) return;
        this.#track(last.then(() => writing.discard()));
      },
    };
  }

  read(
    name: CheckpointName,
    offset: number,
    length: number,
    done: (bytes: Uint8Array | undefined) => void,
  ): void {
    const kept = this.#names.find(({ op, id }) => op === name.op && id === name.id);
    const read = kept === undefined ? undefined : this.#read(kept, offset, length);
    const told = Promise.resolve(read).catch(() => undefined);
    this.#track(
      told.then((bytes) => {
        if (this.#isClosed) return;
        if (bytes === undefined) this.#names = this.#names.filter((one) => one !== kept);
        done(bytes);
      }),
    );
  }

  remove(op: Op): void {
    const { storage, path } = this.#ports;
    const gone = this.#names.filter((name) => name.op <= op);
    this.#names = this.#names.filter((name) => name.op > op);
    this.#change(async () => {
      for (const name of gone) await storage.remove(join(path, checkpointFileName(name.op)));
    }).catch((error) => this.#fail(error));
  }

  /** Lets end what is under way, and leaves nothing half written behind. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#settled();
    for (const writing of this.#open) await writing.discard();
    this.#open.clear();
  }

  /** Resolves when nothing is under way; what ends may have begun something. */
  async #settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
    await this.#changes;
  }

  #fail(error: unknown): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.onFailure(error);
  }

  #track(running: Promise<void>): void {
    const tracked = running.catch((error) => this.#fail(error));
    this.#running.add(tracked);
    void tracked.then(() => this.#running.delete(tracked));
  }

  /** Runs one step of a writer, and reports it if it is still wanted. */
  #run(run: () => Promise<() => void>, isWanted: () => boolean): Promise<void> {
    if (this.#isClosed || !isWanted()) return Promise.resolve();
    const running = run().then((report) => {
      if (!this.#isClosed && isWanted()) report();
    });
    this.#track(running);
    return running.catch(() => undefined);
  }

  #change(change: () => Promise<void>): Promise<void> {
    const changed = this.#changes.then(change);
    this.#changes = changed.catch(() => undefined);
    return changed;
  }

  async #commit(
    writing: CheckpointWriting,
    expected: string | undefined,
  ): Promise<CheckpointName | undefined> {
    const { storage, path, identity } = this.#ports;
    const name = await writing.finish(identity, expected);
    if (name === undefined) {
      await writing.discard();
      return undefined;
    }
    await this.#change(async () => {
      await storage.rename(writing.path, join(path, checkpointFileName(name.op)));
      await storage.syncDirectory(path);
      const others = this.#names.filter(({ op }) => op !== name.op);
      this.#names = [...others, name].sort((one, other) => one.op - other.op);
    });
    return name;
  }

  async #read(name: CheckpointName, offset: number, length: number): Promise<Buffer | undefined> {
    const { storage, path, hash } = this.#ports;
    const file = await storage.open(join(path, checkpointFileName(name.op)), "read");
    try {
      const end = Math.min(name.bytes, offset + length);
      const first = Math.floor(offset / checkpointBlockBytes);
      const blocks: Buffer[] = [];
      for (let block = first; block * checkpointBlockBytes < end; block++) {
        const content = await readBlockOf(file, name, block, hash);
        if (content === undefined) return undefined;
        blocks.push(content);
      }
      const start = first * checkpointBlockBytes;
      return Buffer.concat(blocks).subarray(offset - start, Math.max(offset, end) - start);
    } finally {
      await file.close();
    }
  }
}
