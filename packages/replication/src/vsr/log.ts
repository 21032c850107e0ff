/**
 * The log: consecutive slots, each entry naming the checksum of the one before it (I21).
 *
 * Because of that chain, two logs that hold the same checksum at one op are the same up to that op;
 * view change, catching up and repair rest on nothing else. A slot may be damaged: its entry is
 * lost, and its checksum is known, from its own header or from the entry after it, or is not. The
 * log begins after its *base*, the entry up to which everything has been cut off. It knows nothing
 * of views or commits: who calls `truncate`, `cut` or `reset` must know why it may.
 */
import { assert } from "./assert.ts";
import { entryEnvelopeBytes } from "./config.ts";
import type { Checksum, DamagedSlot, LogBase, Op, Prepare } from "./types.ts";

export class Log {
  #base: LogBase;
  /** From the first op after the base on; undefined where the slot is damaged. */
  readonly #slots: (Prepare | undefined)[] = [];
  /** The damaged slots, in the order of their ops, with the checksums that are known. */
  readonly #damaged = new Map<Op, Checksum | undefined>();

  /** `base` may be the root's checksum alone: then the log begins with op 1. */
  constructor(
    base: LogBase | Checksum,
    entries: readonly Prepare[] = [],
    damaged: readonly DamagedSlot[] = [],
  ) {
    this.#base = typeof base === "string" ? { op: 0, checksum: base, timestamp: 0 } : base;
    const lost = [...damaged];
    for (const entry of entries) {
      while (lost[0] !== undefined && lost[0].op < entry.op) this.#lose(lost.shift());
      this.#learnParent(entry.op, entry.parent);
      this.append(entry);
    }
    for (const slot of lost) this.#lose(slot);
  }

  #lose(slot: DamagedSlot | undefined): void {
    if (slot === undefined) return;
    const { op, checksum, parent } = slot;
    assert(op === this.head + 1, `damaged op ${op} behind a log that ends at ${this.head}`);
    if (parent !== undefined) this.#learnParent(op, parent);
    this.#slots.push(undefined);
    this.#damaged.set(op, checksum);
  }

  /** What stands at `op` names the slot before it: that may be all that is known of that one. */
  #learnParent(op: Op, parent: Checksum): void {
    const before = this.checksumAt(op - 1);
    if (before === undefined && this.#damaged.has(op - 1)) this.#damaged.set(op - 1, parent);
    else assert(before === parent, `op ${op} does not continue this log`);
  }

  /** What the first slot follows; of it no more than this is known. */
  get base(): LogBase {
    return this.#base;
  }

  /** The op of the last slot; that of the base if there is none. */
  get head(): Op {
    return this.#base.op + this.#slots.length;
  }

  /** The op up to which every entry is here and none is damaged: what may be vouched for. */
  get intactHead(): Op {
    for (const op of this.#damaged.keys()) return op - 1;
    return this.head;
  }

  /** The damaged slots, in the order of their ops. */
  get damaged(): DamagedSlot[] {
    return this.damagedAfter(0);
  }

  damagedAfter(after: Op): DamagedSlot[] {
    const slots: DamagedSlot[] = [];
    for (const [op, checksum] of this.#damaged) {
      if (op > after) slots.push(checksum === undefined ? { op } : { op, checksum });
    }
    return slots;
  }

  isDamaged(op: Op): boolean {
    return this.#damaged.has(op);
  }

  get headChecksum(): Checksum {
    const checksum = this.checksumAt(this.head);
    assert(checksum !== undefined, `the head, op ${this.head}, is damaged`);
    return checksum;
  }

  /** Timestamp of the last entry, in microseconds; that of the base if there is none. */
  get headTimestamp(): number {
    for (let op = this.head; op > this.#base.op; op--) {
      const entry = this.find(op);
      if (entry !== undefined) return entry.timestamp;
    }
    return this.#base.timestamp;
  }

  /** The entry at `op`, which must not be damaged. */
  get(op: Op): Prepare {
    const entry = this.find(op);
    assert(entry !== undefined, `op ${op} is not in the log, which ends at ${this.head}`);
    return entry;
  }

  /** The entry at `op`; undefined up to the base, beyond the head, and where it is damaged. */
  find(op: Op): Prepare | undefined {
    return this.#slots[op - this.#base.op - 1];
  }

  /** The checksum at `op`; undefined before the base, beyond the head, and where none is known. */
  checksumAt(op: Op): Checksum | undefined {
    if (op === this.#base.op) return this.#base.checksum;
    return this.find(op)?.checksum ?? this.#damaged.get(op);
  }

  /** Whether this log is of one history with a log that has `checksum` at `op`, if it shows. */
  agrees(op: Op, checksum: Checksum): boolean {
    return op < this.#base.op || this.checksumAt(op) === checksum;
  }

  /** The same, where a checksum that is not known may be any. */
  mayAgree(op: Op, checksum: Checksum): boolean {
    return this.agrees(op, checksum) || (this.isDamaged(op) && this.checksumAt(op) === undefined);
  }

  /** Whether `entry` may follow the head. */
  connects(entry: Prepare): boolean {
    return entry.op === this.head + 1 && entry.parent === this.checksumAt(this.head);
  }

  append(entry: Prepare): void {
    assert(
      entry.op === this.head + 1,
      `op ${entry.op} appended to a log that ends at ${this.head}`,
    );
    assert(
      entry.parent === this.checksumAt(this.head),
      `op ${entry.op} does not continue this log`,
    );
    assert(entry.timestamp > this.headTimestamp, `time runs backwards at op ${entry.op}`);
    this.#slots.push(entry);
  }

  /**
   * Puts an entry into the damaged slot of its op. Where the checksum of that slot is not known,
   * the caller must know that the entry is the one.
   */
  repair(entry: Prepare): void {
    const { op, checksum, parent } = entry;
    assert(this.#damaged.has(op), `op ${op} is not damaged`);
    const known = this.#damaged.get(op);
    assert(known === undefined || known === checksum, `op ${op} is repaired with another entry`);
    this.#learnParent(op, parent);
    this.#damaged.delete(op);
    this.#slots[op - this.#base.op - 1] = entry;
  }

  /** Forgets every slot up to that of `base`, which must be known to be the one there. */
  cut(base: LogBase): void {
    const { op, checksum } = base;
    assert(op >= this.#base.op && op <= this.head, `cannot cut at ${op}, the head is ${this.head}`);
    assert((this.checksumAt(op) ?? checksum) === checksum, `another op ${op} is cut off (I26)`);
    this.#slots.splice(0, op - this.#base.op);
    for (const damaged of this.#damaged.keys()) if (damaged <= op) this.#damaged.delete(damaged);
    this.#base = base;
  }

  /** Forgets everything, and begins anew after an entry. */
  reset(base: LogBase): void {
    this.#slots.length = 0;
    this.#damaged.clear();
    this.#base = base;
  }

  /** Forgets every slot after `head`. */
  truncate(head: Op): void {
    const first = this.#base.op;
    assert(head >= first && head <= this.head, `cannot truncate to ${head}, head is ${this.head}`);
    this.#slots.length = head - first;
    for (const op of this.#damaged.keys()) if (op > head) this.#damaged.delete(op);
  }

  /** Every entry after `from` that is not damaged. */
  intactAfter(from: Op): Prepare[] {
    const entries: Prepare[] = [];
    for (let op = from + 1; op <= this.head; op++) {
      const entry = this.find(op);
      if (entry !== undefined) entries.push(entry);
    }
    return entries;
  }

  /**
   * The entries after `from`, up to `to` or to the first that is damaged, but no more than make up
   * about `bytesMax`.
   */
  slice(from: Op, to: Op, bytesMax = Number.POSITIVE_INFINITY): Prepare[] {
    const entries: Prepare[] = [];
    let bytes = 0;
    for (let op = from + 1; op <= to && bytes < bytesMax; op++) {
      const entry = this.find(op);
      if (entry === undefined) break;
      entries.push(entry);
      bytes += entry.body.length + entryEnvelopeBytes;
    }
    return entries;
  }
}
