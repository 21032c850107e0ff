/**
 * Where a log could begin if older segments were removed: at the head that the log had when a
 * segment was begun, as long as the entry there has not been replaced since.
 */
import type { LogBase, Op, Write } from "../vsr/index.ts";
import type { Summary } from "./summary.ts";

export interface Boundary {
  /** Of the segment that is begun there. */
  readonly sequence: number;
  readonly base: LogBase;
}

/** What is known of a write: an entry whose body is lost still has an op and a checksum. */
type Change = Pick<Write, "truncate"> & {
  readonly entries: readonly { readonly op: Op; readonly checksum: string }[];
};

export class Boundaries {
  #all: Boundary[] = [];

  /** A segment was begun. */
  add(sequence: number, { head, headChecksum, headTimestamp }: Summary): void {
    if (headChecksum === undefined || headTimestamp === undefined) return;
    this.#all.push({
      sequence,
      base: { op: head, checksum: headChecksum, timestamp: headTimestamp },
    });
  }

  /** What was not committed when a segment was begun may be truncated or replaced in it. */
  change({ truncate = Number.POSITIVE_INFINITY, entries }: Change): void {
    const newest = this.#all.at(-1)?.base.op ?? 0;
    const isTouched = truncate < newest || entries.some(({ op }) => op <= newest);
    if (!isTouched) return;
    this.#all = this.#all.filter(({ base }) => {
      const isReplaced = entries.some(
        ({ op, checksum }) => op === base.op && checksum !== base.checksum,
      );
      return truncate >= base.op && !isReplaced;
    });
  }

  /** Whether no boundary of that segment, or of a later one, is known. */
  isNew(sequence: number): boolean {
    return (this.#all.at(-1)?.sequence ?? 0) < sequence;
  }

  /** What is missing may have replaced anything. */
  forgetAll(): void {
    this.#all = [];
  }

  /** The last one at or below a cut: what is before it can go. */
  upTo(cut: Op): Boundary | undefined {
    return this.#all.findLast(({ base }) => base.op <= cut);
  }

  /** Those before it are behind the log's beginning. */
  forgetBefore(sequence: number): void {
    this.#all = this.#all.filter((boundary) => boundary.sequence >= sequence);
  }
}
