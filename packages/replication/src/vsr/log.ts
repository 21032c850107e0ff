/**
 * The log: consecutive slots, each entry naming the checksum of the one before it (I21).
 *
 * Because of that chain, two logs that hold the same checksum at one op are the same up to that op;
 * view change, catching up and repair rest on nothing else. A slot may be damaged: its entry is
 * lost, and its checksum is known, from its own header or from the entry after it, or is not. The
 * log knows nothing of views or commits: who calls `truncate` must know why it may.
 */
import { assert } from "./assert.ts";
import { entryEnvelopeBytes } from "./config.ts";
import type { Checksum, DamagedSlot, Op, Prepare } from "./types.ts";

export class Log {
  readonly #root: Checksum;
  /** By op; undefined where the slot is damaged. */
  readonly #slots: (Prepare | undefined)[] = [];
  /** The damaged slots, in the order of their ops, with the checksums that are known. */
  readonly #damaged = new Map<Op, Checksum | undefined>();

  constructor(
    root: Checksum,
    entries: readonly Prepare[] = [],
    damaged: readonly DamagedSlot[] = [],
  ) {
    this.#root = root;
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

  /** The op of the last slot; 0 if there is none. */
  get head(): Op {
    return this.#slots.length;
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

  /** Timestamp of the last entry, in microseconds; 0 if there is none. */
  get headTimestamp(): number {
    for (let op = this.head; op > 0; op--) {
      const entry = this.#slots[op - 1];
      if (entry !== undefined) return entry.timestamp;
    }
    return 0;
  }

  /** The entry at `op`, which must not be damaged. */
  get(op: Op): Prepare {
    const entry = this.find(op);
    assert(entry !== undefined, `op ${op} is not in the log, which ends at ${this.head}`);
    return entry;
  }

  /** The entry at `op`; undefined beyond the head, and where it is damaged. */
  find(op: Op): Prepare | undefined {
    return this.#slots[op - 1];
  }

  /** The checksum at `op`, the root's at 0, undefined beyond the head and where it is not known. */
  checksumAt(op: Op): Checksum | undefined {
    if (op === 0) return this.#root;
    return this.#slots[op - 1]?.checksum ?? this.#damaged.get(op);
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
    this.#slots[op - 1] = entry;
  }

  /** Forgets every slot after `head`. */
  truncate(head: Op): void {
    assert(head >= 0 && head <= this.head, `cannot truncate to ${head}, head is ${this.head}`);
    this.#slots.length = head;
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
