/**
 * What is committed, as the disks tell it: an op is, once a quorum of disks has held it as part of
 * the log of one and the same view. That is the whole definition; nobody's word is taken for it.
 *
 * CommitsBacked asks it about every commit number; Survives holds every log of a later view against
 * it; Durability watches that no disk that held a committed op loses it.
 */
import { quorumOf, type Write } from "@troupe/replication/runtime";
import { holds } from "./violation.ts";

/** What one disk would give back after a crash now. */
export interface OnDisk {
  view: number;
  log_view: number;
  /** The checksum of each op, from 1: of a damaged one too, for it stands there still. */
  readonly log: string[];
  /** The ops that cannot be read any more. */
  readonly damaged: Set<number>;
  /** The checksums of all that it has ever held. */
  readonly ever: Set<string>;
  /** The newest op of which it has ever kept the state. */
  checkpoint: number;
  /** Up to here its replica goes by a state: what is damaged there is of no account. */
  covered: number;
}

const emptyDisk = (): OnDisk => ({
  view: 0,
  log_view: 0,
  log: [],
  damaged: new Set(),
  ever: new Set(),
  checkpoint: 0,
  covered: 0,
});

export class Ledger {
  readonly #quorum: number;
  readonly #root: string;
  readonly #disks: OnDisk[];
  /** The checksum of each committed op. */
  readonly #committed: string[] = [];
  /** Of each view, up to which op each disk has held its log. */
  readonly #held = new Map<number, number[]>();
  /** By view: how many ops are committed in the views before it. */
  readonly #before: number[] = [0];

  constructor(replicaCount: number, root: string) {
    this.#quorum = quorumOf(replicaCount);
    this.#root = root;
    this.#disks = Array.from({ length: replicaCount }, emptyDisk);
  }

  get length(): number {
    return this.#committed.length;
  }

  disk(index: number): OnDisk {
    return this.#disks[index] ?? emptyDisk();
  }

  /** The checksum of a committed op; undefined if there is none at that number. */
  at(op: number): string | undefined {
    return op === 0 ? this.#root : this.#committed[op - 1];
  }

  /** How many ops are committed in views before this one: its log must hold all of them. */
  committedBefore(view: number): number {
    return this.#before[Math.min(view, this.#before.length - 1)] ?? 0;
  }

  /** A replica of a memory group is in another life: it holds nothing, and what it held it held. */
  forgets(index: number): void {
    const { checkpoint } = this.disk(index);
    this.#disks[index] = { ...emptyDisk(), checkpoint };
  }

  /** A disk that is opened has these slots damaged, and no others. */
  damaged(index: number, ops: readonly number[]): void {
    const { damaged } = this.disk(index);
    damaged.clear();
    for (const op of ops) damaged.add(op);
  }

  /** The log of a replica begins after an op: what is damaged before that is in a state. */
  begins(index: number, op: number): void {
    const disk = this.disk(index);
    if (disk.covered === op) return;
    disk.covered = op;
    // What stands behind that damage counts now, without another write.
    if (disk.view === disk.log_view) this.#hold(index, disk.view, intactPart(disk));
  }

  /** A write will survive from now on. */
  durable(index: number, write: Write): void {
    const disk = this.disk(index);
    const { log, damaged } = disk;
    const { truncate, entries, view, log_view, reset, cut } = write;
    const kept = this.#agreed(log);
    if (reset !== undefined) this.#reset(index, disk, reset);
    if (truncate !== undefined && truncate < log.length) {
      log.length = truncate;
      for (const op of damaged) if (op > truncate) damaged.delete(op);
    }
    this.#append(disk, entries);
    holds(this.#agreed(log) >= kept, "Durability", () => {
      return `replica ${index} lost committed op ${this.#agreed(log) + 1} from its disk`;
    });
    if (cut !== undefined) this.#cut(index, disk, cut);
    disk.view = view;
    disk.log_view = log_view;
    // Whoever has left a view may replace its log by what a later one committed: no part of it.
    if (view === log_view) this.#hold(index, view, intactPart(disk));
  }

  /** A state is kept here, and will survive. */
  keeps(index: number, op: number): void {
    const disk = this.disk(index);
    disk.checkpoint = Math.max(disk.checkpoint, op);
  }

  /** NothingCutTooSoon: what a disk forgets is in a state that it and a quorum keep (I44). */
  #cut(index: number, disk: OnDisk, op: number): void {
    const keepers = this.#disks.filter(({ checkpoint }) => checkpoint >= op).length;
    holds(disk.checkpoint >= op, "NothingCutTooSoon", () => {
      return `replica ${index} forgets its log up to op ${op}, of which it keeps no state`;
    });
    // What is damaged there goes with all around it, and is of no use to anybody.
    const isDamage = Math.min(...disk.damaged) <= op;
    holds(keepers >= this.#quorum || isDamage, "NothingCutTooSoon", () => {
      return `replica ${index} forgets its log up to op ${op}, which ${keepers} keep the state of`;
    });
    for (const damaged of disk.damaged) if (damaged <= op) disk.damaged.delete(damaged);
  }

  /** A log begins anew behind a state: that stands for all that is committed up to it. */
  #reset(index: number, disk: OnDisk, { op, checksum }: NonNullable<Write["reset"]>): void {
    holds(disk.checkpoint >= op, "NothingCutTooSoon", () => {
      return `replica ${index} begins its log after op ${op}, of which it keeps no state`;
    });
    this.backs(op, checksum, () => `the log of replica ${index}, which begins there,`);
    disk.damaged.clear();
    disk.log.splice(0, disk.log.length, ...this.#committed.slice(0, op));
    disk.ever.add(checksum);
  }

  #append({ log, damaged, ever }: OnDisk, entries: Write["entries"]): void {
    for (const { op, checksum } of entries) {
      holds(op === log.length + 1 || damaged.has(op), "Durability", () => {
        return `a disk got op ${op} after ${log.length}`;
      });
      log[op - 1] = checksum;
      damaged.delete(op);
      ever.add(checksum);
    }
  }

  /** Up to which op a log holds what is committed. */
  #agreed(log: readonly string[]): number {
    let op = Math.min(log.length, this.#committed.length);
    // The chain of checksums makes the last equal one speak for all before it.
    while (op > 0 && log[op - 1] !== this.#committed[op - 1]) op--;
    return op;
  }

  #hold(index: number, view: number, log: readonly string[]): void {
    let held = this.#held.get(view);
    if (held === undefined) {
      held = this.#disks.map(() => 0);
      this.#held.set(view, held);
    }
    const before = held[index] ?? 0;
    if (log.length <= before) return;
    held[index] = log.length;
    const committed = [...held].sort((a, b) => b - a)[this.#quorum - 1] ?? 0;
    // Another disk's log may have been longer, and the quorum's op with it: nothing new then.
    if (committed > 0 && committed <= log.length) this.#commit(view, committed, log);
  }

  #commit(view: number, committed: number, log: readonly string[]): void {
    const known = Math.min(committed, this.#committed.length);
    holds(this.at(known) === (log[known - 1] ?? this.#root), "PrefixAgreement", () => {
      return `view ${view} committed another op ${known} than an earlier one`;
    });
    for (let op = known + 1; op <= committed; op++) this.#committed.push(log[op - 1] ?? "");
    while (this.#before.length <= view + 1) this.#before.push(this.#before.at(-1) ?? 0);
    for (let later = view + 1; later < this.#before.length; later++) {
      this.#before[later] = Math.max(this.#before[later] ?? 0, committed);
    }
    for (const [index, disk] of this.#disks.entries()) {
      if (disk.view !== disk.log_view || disk.view <= view) continue;
      this.survives(disk.log_view, disk.log[committed - 1], committed, () => `disk ${index}`);
    }
  }

  /** Survives: the log of a view holds, at its number, every op committed in an earlier view. */
  survives(view: number, held: string | undefined, op: number, who: () => string): void {
    holds(held === this.at(op), "Survives", () => {
      return `${who()} has a log of view ${view} without committed op ${op}`;
    });
  }

  /** CommitsBacked: whatever is called committed is. */
  backs(op: number, checksum: string | undefined, who: () => string): void {
    const committed = this.at(op);
    holds(committed !== undefined, "CommitsBacked", () => {
      return `${who()} calls op ${op} committed; a quorum holds ${this.length}`;
    });
    holds(checksum === undefined || checksum === committed, "CommitsBacked", () => {
      return `${who()} calls another op ${op} committed than a quorum holds`;
    });
  }
}

/** What a disk can vouch for: all before the first slot that cannot be read. */
function intactPart({ log, damaged, covered }: OnDisk): readonly string[] {
  const counts = [...damaged].filter((op) => op > covered);
  return counts.length === 0 ? log : log.slice(0, Math.min(...counts) - 1);
}
