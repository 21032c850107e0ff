/**
 * The log: consecutive entries, each naming the checksum of the one before it (I21).
 *
 * Because of that chain, two logs that hold the same checksum at one op are the same up to that op;
 * view change and catching up rest on nothing else. The log knows nothing of views or commits: who
 * calls `truncate` must know why it may.
 */
import { assert } from "./assert.ts";
import { entryEnvelopeBytes } from "./config.ts";
import type { Checksum, Op, Prepare } from "./types.ts";

export class Log {
  readonly #root: Checksum;
  readonly #entries: Prepare[] = [];

  constructor(root: Checksum, entries: readonly Prepare[] = []) {
    this.#root = root;
    for (const entry of entries) this.append(entry);
  }

  /** The op of the last entry; 0 if there is none. */
  get head(): Op {
    return this.#entries.length;
  }

  get headChecksum(): Checksum {
    return this.#entries.at(-1)?.checksum ?? this.#root;
  }

  /** Timestamp of the last entry, in microseconds; 0 if there is none. */
  get headTimestamp(): number {
    return this.#entries.at(-1)?.timestamp ?? 0;
  }

  get(op: Op): Prepare {
    const entry = this.#entries[op - 1];
    assert(entry !== undefined, `op ${op} is not in the log, which ends at ${this.head}`);
    return entry;
  }

  /** The checksum at `op`, the root's at 0, undefined beyond the head. */
  checksumAt(op: Op): Checksum | undefined {
    return op === 0 ? this.#root : this.#entries[op - 1]?.checksum;
  }

  /** Whether `entry` may follow the head. */
  connects(entry: Prepare): boolean {
    return entry.op === this.head + 1 && entry.parent === this.headChecksum;
  }

  append(entry: Prepare): void {
    assert(
      entry.op === this.head + 1,
      `op ${entry.op} appended to a log that ends at ${this.head}`,
    );
    assert(entry.parent === this.headChecksum, `op ${entry.op} does not continue this log`);
    assert(entry.timestamp > this.headTimestamp, `time runs backwards at op ${entry.op}`);
    this.#entries.push(entry);
  }

  /** Forgets every entry after `head`. */
  truncate(head: Op): void {
    assert(head >= 0 && head <= this.head, `cannot truncate to ${head}, head is ${this.head}`);
    this.#entries.length = head;
  }

  /** The entries after `from`, up to `to`, but no more than make up about `bytesMax`. */
  slice(from: Op, to: Op, bytesMax = Number.POSITIVE_INFINITY): Prepare[] {
    const entries: Prepare[] = [];
    let bytes = 0;
    for (let op = from + 1; op <= Math.min(to, this.head) && bytes < bytesMax; op++) {
      const entry = this.get(op);
      entries.push(entry);
      bytes += entry.body.length + entryEnvelopeBytes;
    }
    return entries;
  }
}
