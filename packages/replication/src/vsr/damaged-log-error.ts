/**
 * The one thing that a replica refuses to begin or go on with, though nothing in it is broken.
 *
 * What a disk has lost is fetched from the others. Where there are no others, or none of them has
 * it, going on would mean to forget what may have been acknowledged; so nobody guesses (I34, I46).
 */
import type { Op } from "./types.ts";

/** Acknowledged operations may be lost: nobody in the group can supply these entries. */
export class DamagedLogError extends Error {
  override readonly name = "DamagedLogError";
  readonly code = "ERR_DAMAGED_LOG";
  readonly ops: readonly Op[];

  constructor(ops: readonly Op[]) {
    const which = ops.length === 1 ? `op ${ops[0]}` : `${ops.length} ops from op ${ops[0]} on`;
    super(`the log is damaged at ${which}, and no replica of the group can repair it`);
    this.ops = ops;
  }
}
