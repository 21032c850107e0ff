/**
 * What a replica holds of the current view's log, and how it says so.
 *
 * Shared by every way in which entries of the current view arrive: prepares, a new view's log, and
 * catching up. An ack is a promise, so it always waits for the write that it speaks of (I12).
 */
import { assert } from "./assert.ts";
import { isIntact } from "./batch.ts";
import type { PrepareOkMessage } from "./message.ts";
import type { ReplicaState } from "./state.ts";
import type { Prepare } from "./types.ts";

/** Takes an entry of the current view's log, if it is the next; owes an ack if it is held. */
export function acceptEntry(state: ReplicaState, entry: Prepare): void {
  const { log } = state;
  if (entry.op > log.head + 1 || !isIntact(entry, state.options.hash)) return;
  if (entry.op <= log.base.op) {
    // A late copy of what a checkpoint has replaced: whoever repeats it has not got the ack.
    state.ackDue = true;
    return;
  }
  if (entry.op === log.head + 1) {
    assert(log.connects(entry), `op ${entry.op} of view ${state.view} forks its log (I21)`);
    state.appendEntry(entry);
  } else if (log.isDamaged(entry.op)) {
    state.repairEntry(entry);
  } else {
    const held = log.checksumAt(entry.op);
    assert(held === entry.checksum, `two entries at op ${entry.op} of view ${state.view} (I21)`);
  }
  state.ackDue = true;
}

/** Backup: one acknowledgement for everything that it took since the last turn of the host. */
export function flushAck(state: ReplicaState): void {
  if (!state.ackDue) return;
  state.ackDue = false;
  if (state.isBackup) state.outbox.sendWhenDurable(state.primary, prepareOk(state));
}

/** The primary's own vote for its log; it comes back as a message once the log is durable (I25). */
export function ackToSelf(state: ReplicaState): void {
  state.outbox.sendWhenDurable(state.index, prepareOk(state));
}

/** It speaks of all that it covers, so it ends before the first slot that is damaged. */
function prepareOk({ view, log }: ReplicaState): PrepareOkMessage {
  const op = log.intactHead;
  const checksum = log.checksumAt(op);
  assert(checksum !== undefined, `nothing is known of op ${op}, which is intact`);
  return { type: "prepare_ok", view, op, checksum };
}
