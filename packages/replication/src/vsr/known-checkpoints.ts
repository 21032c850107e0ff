/**
 * Which checkpoints this replica and the others are known to keep, and whether they are the same.
 *
 * A checkpoint is a function of the log: at one op all replicas have the same bytes, and so the
 * same id. If they have not, something computed differently, and nobody can tell from inside which
 * of them is right; the majority goes on (I43, I58).
 */
import { DivergedError } from "./diverged-error.ts";
import type { Checksum, NamedCheckpoint, Op, ReplicaIndex } from "./types.ts";

/** Ids are remembered of so many checkpoints of each replica: what is older has been compared. */
const idsMax = 4;

export class KnownCheckpoints {
  readonly #index: ReplicaIndex;
  readonly #quorum: number;
  readonly #own: NamedCheckpoint[] = [];
  /** By replica and op: the ids of its newest checkpoints, this replica's among them. */
  readonly #ids: Map<Op, Checksum>[];
  /** The newest op that each replica has told of last: it may have lost one since. */
  readonly #newest: Op[];
  /** Those that have said that they keep none and need one; and again when all others had. */
  readonly #hollow = new Set<ReplicaIndex>();
  readonly #stillHollow = new Set<ReplicaIndex>();

  constructor(index: ReplicaIndex, replicaCount: number, quorum: number) {
    this.#index = index;
    this.#quorum = quorum;
    this.#ids = Array.from({ length: replicaCount }, () => new Map());
    this.#newest = new Array<Op>(replicaCount).fill(0);
  }

  /** The newest that is durable here. */
  get newest(): NamedCheckpoint | undefined {
    return this.#own.at(-1);
  }

  /** Notes one that is durable here. */
  add(checkpoint: NamedCheckpoint): void {
    const { op, id } = checkpoint;
    const at = this.#own.findIndex((one) => one.op >= op);
    const same = this.#own[at]?.op === op ? 1 : 0;
    this.#own.splice(at < 0 ? this.#own.length : at, same, checkpoint);
    if (this.#own.length > 2) this.#own.shift();
    this.note(this.#index, this.newest?.op ?? op, op, id);
  }

  /** One that was durable here is no more; false if none of that op was. */
  lose(op: Op): boolean {
    const at = this.#own.findIndex((one) => one.op === op);
    if (at < 0) return false;
    this.#own.splice(at, 1);
    this.#newest[this.#index] = this.newest?.op ?? 0;
    return true;
  }

  /** Notes what a replica tells of its newest checkpoint; throws `DivergedError` (I43). */
  note(from: ReplicaIndex, newest: Op, op: Op, id: Checksum): void {
    const ids = this.#ids[from];
    if (ids === undefined) return;
    if (this.#hollow.delete(from)) this.#stillHollow.clear();
    this.#newest[from] = newest;
    ids.set(op, id);
    for (const oldest of [...ids.keys()].sort((a, b) => a - b).slice(0, -idsMax)) {
      ids.delete(oldest);
    }
    this.#compare(op);
  }

  /** Notes that a replica keeps none, and lacks the state that its log begins with. */
  noteHollow(from: ReplicaIndex): void {
    this.#newest[from] = 0;
    const others = this.#newest.length - 1;
    if (this.#hollow.size === others) this.#stillHollow.add(from);
    else this.#hollow.add(from);
  }

  /**
   * Whether all others have said so, and again since the last of them did: so all lacked it at one
   * moment, and nobody was left who could have given it to one of them.
   */
  get othersAreHollow(): boolean {
    return this.#stillHollow.size === this.#newest.length - 1;
  }

  /** A life has ended, and with it what it kept in memory; what it was is compared still. */
  forget(replica: ReplicaIndex): void {
    this.#newest[replica] = 0;
  }

  /**
   * Up to where the log may be forgotten. Not up to the newest checkpoint, but the one before it:
   * so a replica that lags by less than that is given entries and no whole state, and a newest
   * checkpoint that rots costs no more than running the entries behind the older one again. And not
   * beyond what a quorum keeps: whatever is lost here is whole elsewhere (I44).
   */
  get cutOp(): Op {
    const [older] = this.#own.length > 1 ? this.#own : [];
    const descending = [...this.#newest].sort((a, b) => b - a);
    return Math.min(older?.op ?? 0, descending[this.#quorum - 1] ?? 0);
  }

  #compare(op: Op): void {
    const own = this.#ids[this.#index]?.get(op);
    if (own === undefined) return;
    const told = this.#ids.flatMap((ids) => ids.get(op) ?? []);
    const silent = this.#ids.length - told.length;
    const votes = (id: Checksum) => told.filter((one) => one === id).length;
    const other = told.find((id) => id !== own && votes(id) >= this.#quorum);
    if (other !== undefined) throw new DivergedError(op, own, other, true);
    // Nobody can be in the majority any more, so nobody may go on as if it were.
    const most = Math.max(...told.map(votes));
    const differing = told.find((id) => id !== own);
    if (differing === undefined || most + silent >= this.#quorum) return;
    throw new DivergedError(op, own, differing, false);
  }
}
