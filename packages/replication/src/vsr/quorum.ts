/**
 * Votes, as sets keyed by replica (I5): however often the network repeats a vote, it counts once.
 *
 * Two shapes are needed. `AckedOps` asks "up to which op does a quorum hold my log?", for commits;
 * `ViewVotes` asks "does a quorum want this very view?", for view changes.
 */
import { assert } from "./assert.ts";
import type { Op, ReplicaIndex, View } from "./types.ts";

/** Up to which op each replica has acknowledged this view's log. An ack covers all ops below it. */
export class AckedOps {
  readonly #acked: Op[];
  readonly #quorum: number;

  constructor(replicaCount: number, quorum: number) {
    this.#acked = new Array<Op>(replicaCount).fill(0);
    this.#quorum = quorum;
  }

  /** Records an ack; false if the replica had acknowledged as much before. */
  add(from: ReplicaIndex, op: Op): boolean {
    const before = this.#acked[from];
    assert(before !== undefined, `ack from replica ${from}, which is not of the group`);
    if (op <= before) return false;
    this.#acked[from] = op;
    return true;
  }

  /** What it acknowledged does not count any more. */
  forget(replica: ReplicaIndex): void {
    this.#acked[replica] = 0;
  }

  of(replica: ReplicaIndex): Op {
    return this.#acked[replica] ?? 0;
  }

  /** The highest op that a quorum has acknowledged. */
  get quorumOp(): Op {
    const descending = [...this.#acked].sort((a, b) => b - a);
    return descending[this.#quorum - 1] ?? 0;
  }
}

/** The view that each replica last said it wants. */
export class ViewVotes {
  readonly #wanted = new Map<ReplicaIndex, View>();

  set(from: ReplicaIndex, view: View): void {
    this.#wanted.set(from, view);
  }

  delete(from: ReplicaIndex): void {
    this.#wanted.delete(from);
  }

  clear(): void {
    this.#wanted.clear();
  }

  /** How many want exactly this view (I7): a vote for another view is no vote for this one. */
  count(view: View): number {
    let votes = 0;
    for (const wanted of this.#wanted.values()) if (wanted === view) votes++;
    return votes;
  }

  /** The highest view that anyone wants; -1 if nobody wants any. */
  get highest(): View {
    return Math.max(-1, ...this.#wanted.values());
  }
}
