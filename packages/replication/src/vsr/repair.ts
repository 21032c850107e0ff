/**
 * Repair: what a disk has lost behind the head is fetched from whoever has it (I41, I42).
 *
 * A damaged slot is asked for by its checksum, of one replica after the other, and filled with
 * nothing else; so any replica may answer in any view. Repair never moves the head, and what comes
 * after a damaged slot is accepted meanwhile: only acks and commits stop before it.
 */
import { isIntact } from "./batch.ts";
import type { RequestedPrepareMessage, RequestPrepareMessage } from "./message.ts";
import type { ReplicaState } from "./state.ts";
import type { ReplicaIndex } from "./types.ts";

/** How many entries are asked for at once. */
export const repairsMax = 8;

/** Asks for damaged entries, if there are any and no question is under way. */
export function askForDamaged(state: ReplicaState): void {
  if (state.timeouts.repair.running || state.status === "recovering_head") return;
  if (state.log.intactHead === state.log.head) return;
  let asked = 0;
  for (const { op, checksum } of state.log.damaged) {
    // One whose checksum is not known waits for the entry behind it, which names it.
    if (checksum === undefined) continue;
    if (asked === 0) state.repairFrom = state.nextReplica(state.repairFrom);
    state.outbox.send(state.repairFrom, { type: "request_prepare", op, checksum });
    asked++;
    if (asked === repairsMax) break;
  }
  state.repairsAwaited = asked;
  if (asked > 0) state.timeouts.repair.start();
}

/** Any replica gives an entry that it has intact, whoever asks and in whichever view. */
export function onRequestPrepare(
  state: ReplicaState,
  from: ReplicaIndex,
  message: RequestPrepareMessage,
): void {
  const entry = state.log.find(message.op);
  if (entry?.checksum !== message.checksum) return;
  state.outbox.send(from, { type: "requested_prepare", entry });
}

/** Fills the slot, if it is still damaged and this is what stood there; false if it is not. */
export function onRequestedPrepare(
  state: ReplicaState,
  { entry }: RequestedPrepareMessage,
): boolean {
  const { log, options } = state;
  if (!log.isDamaged(entry.op) || log.checksumAt(entry.op) !== entry.checksum) return false;
  if (!isIntact(entry, options.hash)) return false;
  state.repairEntry(entry);
  state.learnCommit(state.commitMax);
  state.ackDue = true;
  // All that was asked for has come: the next turn asks on, and the same replica, for it has them.
  state.repairsAwaited--;
  if (state.repairsAwaited <= 0) {
    state.timeouts.repair.stop();
    state.repairFrom = state.previousReplica(state.repairFrom);
  }
  return true;
}
