/**
 * How a replica stops whose state is not that of the others, though the log is.
 *
 * It lives in this room, which imports nothing, because it is thrown out of `step`, and is a public
 * name of the package.
 */
import type { Checksum, Op } from "./types.ts";

/**
 * The state of this replica after an op differs from that of a majority, or no majority agrees: a
 * handler is not deterministic, or the nodes run different versions of it. The replica has stopped;
 * what was under way may have run. Started again, one that a majority has outvoted takes its state
 * from them.
 */
export class DivergedError extends Error {
  override readonly name = "DivergedError";
  readonly code = "ERR_DIVERGED";
  readonly outcome = "unknown";
  readonly op: Op;
  /** The digest of this replica's checkpoint after that op, and that of another one's. */
  readonly own: Checksum;
  readonly other: Checksum;
  /** Whether the other one is that of a majority, or nobody can have one any more. */
  readonly isOutvoted: boolean;

  constructor(op: Op, own: Checksum, other: Checksum, isOutvoted: boolean) {
    super(`the state after op ${op} is ${own} here and ${other} on other replicas`);
    this.op = op;
    this.own = own;
    this.other = other;
    this.isOutvoted = isOutvoted;
  }
}
