/**
 * Repair: what a disk has lost behind the head is fetched from whoever has it (I41, I42).
 *
 * A damaged slot is asked for by its checksum, of one replica after the other, and filled with
 * nothing else; so any replica may answer in any view. Repair never moves the head, and what comes
 * after a damaged slot is accepted meanwhile: only acks and commits stop before it.
 */
import { isIntact } from "./batch.ts";
import { offer } from "./checkpoint.ts";
import type { RequestedPrepareMessage, RequestPrepareMessage } from "./message.ts";
import type { ReplicaState } from "./state.ts";
import type { DamagedSlot, ReplicaIndex } from "./types.ts";

/** How many entries are asked for at once. */
export const repairsMax = 8;

/** Asks for damaged entries, if there are any and no question is under way. */
export function askForDamaged(state: ReplicaState): void {
  if (state.timeouts.repair.running || state.status === "recovering_head") return;
  const { log, missing } = state;
  if (log.intactHead === log.head && missing.length === 0) return;
  let asked = 0;
  const own = log.damaged.filter(({ op }) => !missing.some((slot) => slot.op === op));
  for (const { op, checksum } of [...missing, ...own]) {
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
  if (message.op <= state.log.base.op) offer(state, from);
  const entry = state.log.find(message.op);
  if (entry?.checksum !== message.checksum) return;
  state.outbox.send(from, { type: "requested_prepare", entry });
}

/**
 * Fills the slot, if it is still damaged and this is what stood there, or keeps the entry for the
 * log that this replica is to take over; false if it is of no use.
 */
export function onRequestedPrepare(
  state: ReplicaState,
  { entry }: RequestedPrepareMessage,
): boolean {
  const { log, options } = state;
  const isThis = ({ op, checksum }: DamagedSlot) => op === entry.op && checksum === entry.checksum;
  const isDamage = log.isDamaged(entry.op) && log.checksumAt(entry.op) === entry.checksum;
  const isMissing = state.missing.some(isThis) && !state.supplied.has(entry.op);
  if (!(isDamage || isMissing) || !isIntact(entry, options.hash)) return false;
  // Damage may hide that what stands behind a checkpoint is not of its history.
  if (isDamage && !log.mayAgree(entry.op - 1, entry.parent)) return false;
  if (isDamage) {
    state.repairEntry(entry);
    state.learnCommit(state.commitMax);
    state.ackDue = true;
  } else {
    state.supplied.set(entry.op, entry);
  }
  // All that was asked for has come: the next turn asks on, and the same replica, for it has them.
  state.repairsAwaited--;
  if (state.repairsAwaited <= 0) {
    state.timeouts.repair.stop();
    state.repairFrom = state.previousReplica(state.repairFrom);
  }
  return true;
}
