/**
 * The durable log and the checkpoints, as the driver sees them: a port with two implementations
 * here (files and memory) and a third, with faults, in the simulator. One contract suite runs over
 * them all. Everything is told by callbacks, for the simulator has no promises.
 */
import type { LogBase, Op, Recovered, Write } from "../vsr/index.ts";

export interface Journal {
  /**
   * Makes a write durable and then calls `done`, in the order of the writes. Writes that come while
   * an earlier one is under way are made durable together (group commit). After a failure `done`
   * is never called again: the journal has told `onFailure` and must be thrown away.
   */
  append(write: Write, done: () => void): void;
  /** Told now and then: the time to do what nobody waits for. */
  tick?(): void;
  /** Lets the writes under way finish and gives the medium back. */
  close(): Promise<void>;
  /** Where states are kept; absent where none are, and then the log is never cut. */
  readonly checkpoints?: Checkpoints;
}

/** A checkpoint that is kept whole. `id` is the hash of all its bytes, and `bytes` their number. */
export interface CheckpointName {
  readonly op: Op;
  readonly id: string;
  readonly bytes: number;
}

/**
 * One checkpoint that is being written, slice by slice. Nothing of it counts before `commit` has
 * said so; after a failure of the medium no callback comes any more, as with `Journal.append`.
 */
export interface CheckpointWriter {
  /** `done` asks for the next slice, which may lie in the same memory; one is under way. */
  write(slice: Uint8Array, done: () => void): void;
  /**
   * Makes all of it durable under its final name. With `expected`, bytes of another id are thrown
   * away instead, and `done` is told undefined.
   */
  commit(done: (name: CheckpointName | undefined) => void, expected?: string): void;
  /** Throws away what was written; no callback comes any more. */
  abandon(): void;
}

/** The states that a replica keeps. What is inside the bytes is no affair of whoever keeps them. */
export interface Checkpoints {
  /** Those that are whole and durable, oldest first; one that is damaged is none of them. */
  readonly names: readonly CheckpointName[];
  /** Begins to write one; if there is one of that op already, `commit` replaces it. */
  begin(op: Op): CheckpointWriter;
  /**
   * Reads so many bytes, or fewer at the end; undefined if they cannot be read or are not those
   * that were written, and then the checkpoint is a name no longer.
   */
  read(
    name: CheckpointName,
    offset: number,
    length: number,
    done: (bytes: Uint8Array | undefined) => void,
  ): void;
  /** Forgets those at or below an op. */
  remove(op: Op): void;
}

/** A journal as it was opened, with what was found in it; nothing, if it is new. */
export interface OpenedJournal {
  readonly journal: Journal;
  /** Without `checkpoint`: it is the host that looks into the newest of `journal.checkpoints`. */
  readonly recovered: Recovered | undefined;
  /**
   * Which life of the replica this is, from 1: greater than that of every earlier opening, and
   * durable. Absent where nothing is kept that could count them.
   */
  readonly incarnation?: number;
}

/** Folds writes, in their order, into the state that a replica recovers. */
export class Recovery {
  #state: Recovered | undefined;
  /** The log begins after this; undefined while it begins with op 1. */
  #base: LogBase | undefined;

  add(write: Write): void {
    if (write.reset !== undefined) this.#base = write.reset;
    const held = write.reset === undefined ? this.#state?.entries : undefined;
    const entries = (held ?? []) as Recovered["entries"][number][];
    const first = (this.#base?.op ?? 0) + 1;
    const { truncate = Number.POSITIVE_INFINITY } = write;
    entries.length = Math.min(entries.length, truncate - first + 1);
    for (const entry of write.entries) entries[entry.op - first] = entry;
    this.#cut(entries, first, write.cut);
    const lives = write.lives ?? this.#state?.lives;
    const base = this.#base === undefined ? {} : { base: this.#base };
    const { view, log_view, commit } = write;
    const known = lives === undefined ? {} : { lives };
    this.#state = { view, log_view, commit, ...base, entries, ...known };
  }

  #cut(entries: Recovered["entries"][number][], first: Op, cut: Op | undefined): void {
    if (cut === undefined || cut < first) return;
    const last = entries[cut - first];
    if (last === undefined) return;
    this.#base = { op: last.op, checksum: last.checksum, timestamp: last.timestamp };
    entries.splice(0, cut - first + 1);
  }

  get state(): Recovered | undefined {
    return this.#state;
  }
}
