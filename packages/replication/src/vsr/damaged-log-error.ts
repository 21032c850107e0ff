/**
 * The one thing that a replica refuses to begin or go on with, though nothing in it is broken.
 *
 * What a disk has lost is fetched from the others. Where there are no others, or none of them has
 * it, going on would mean to forget what may have been acknowledged; so nobody guesses (I34, I46).
 */
import type { Op } from "./types.ts";

/**
 * Acknowledged operations may be lost: nobody in the group can supply these entries, or the state
 * up to this op, after which the logs begin. The replica has stopped; what was under way may have
 * run. Only a copy of a journal from elsewhere can help.
 */
export class DamagedLogError extends Error {
  override readonly name = "DamagedLogError";
  readonly code = "ERR_DAMAGED_LOG";
  readonly outcome = "unknown";
  readonly ops: readonly Op[];

  constructor(ops: readonly Op[], lost: "entries" | "state" = "entries") {
    const which = ops.length === 1 ? `op ${ops[0]}` : `${ops.length} ops from op ${ops[0]} on`;
    const state = `the state up to ${which} is lost, with which the log begins`;
    const what = lost === "state" ? state : `the log is damaged at ${which}`;
    super(`damage beyond repair: ${what}, and no replica of the group has it`);
    this.ops = ops;
  }
}
