/**
 * The durable log, as the driver sees it: a port with two implementations here (files and memory)
 * and a third, with faults, in the simulator. One contract suite runs over them all.
 */
import type { Recovered, Write } from "../vsr/index.ts";

export interface Journal {
  /**
   * Makes a write durable and then calls `done`, in the order of the writes. Writes that come while
   * an earlier one is under way are made durable together (group commit). After a failure `done`
   * is never called again: the journal has told `onFailure` and must be thrown away.
   */
  append(write: Write, done: () => void): void;
  /** Lets the writes under way finish and gives the medium back. */
  close(): Promise<void>;
}

/** A journal as it was opened, with what was found in it; nothing, if it is new. */
export interface OpenedJournal {
  readonly journal: Journal;
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

  add(write: Write): void {
    const held = this.#state?.entries ?? [];
    const kept = write.truncate === undefined ? held : held.slice(0, write.truncate);
    const entries = kept as Recovered["entries"][number][];
    for (const entry of write.entries) entries[entry.op - 1] = entry;
    this.#state = {
      view: write.view,
      log_view: write.log_view,
      commit: write.commit,
      entries,
    };
  }

  get state(): Recovered | undefined {
    return this.#state;
  }
}
