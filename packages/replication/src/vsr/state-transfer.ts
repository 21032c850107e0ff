/**
 * State transfer: who lacks what others have cut off takes a checkpoint of theirs (VRR §5.2).
 *
 * The host fetches the bytes; what this file decides is when, and what becomes of the log. A
 * checkpoint is committed history, and so it may be taken in any view and status. The old log stays
 * until the new state is durable here, and is then replaced in one write (I40, I43).
 *
 * One condition keeps views apart: it is taken only from who was last normal in a view that is not
 * newer than the one that is durable here. So what it ends in is part of the log of every view that
 * this replica may still become normal in, now or after a crash.
 */
import {
  cutOff,
  keep,
  onCaptured,
  onCheckpointed,
  onCheckpointLost,
  onRestored,
} from "./checkpoint.ts";
import { DamagedLogError } from "./damaged-log-error.ts";
import type { CheckpointMessage } from "./message.ts";
import type { Recovered, StateInput } from "./ready.ts";
import type { ReplicaState } from "./state.ts";
import type { ClientsSnapshot, LogBase, ReplicaIndex } from "./types.ts";

/** What the host tells of states that were captured, kept, fetched or restored. */
export function onStateInput(state: ReplicaState, input: StateInput): void {
  switch (input.type) {
    case "captured":
      onCaptured(state, input);
      break;
    case "checkpointed":
      onCheckpointed(state, input);
      break;
    case "checkpoint_lost":
      onCheckpointLost(state, input.op);
      break;
    case "fetched":
      onFetched(state, input);
      break;
    case "fetch_failed":
      if (state.fetching?.op === input.op) state.fetching = undefined;
      break;
    case "restored":
      onRestored(state, input.op);
      break;
  }
}

/** Whether its sender was normal in a later view: then that view has begun, and is to be joined. */
export function showsLaterView(
  { status, view }: ReplicaState,
  message: CheckpointMessage,
): boolean {
  return message.view > view && (status === "normal" || status === "view_change");
}

/** Notes what a replica keeps, and has it fetched if nothing less will do. */
export function onCheckpoint(
  state: ReplicaState,
  from: ReplicaIndex,
  { view, base, checkpoint }: CheckpointMessage,
): void {
  const { op, id } = checkpoint;
  if (op % state.options.config.checkpointEvery !== 0 || op < base) return;
  state.checkpoints.note(from, op, op, id);
  cutOff(state);
  const isLater = view > (state.hasJournal ? state.outbox.durableView : state.view);
  if (isLater || state.fetching !== undefined || !isLacking(state, base)) return;
  if (op < state.log.base.op || (op <= state.commitMin && !state.isHollow)) return;
  state.fetching = checkpoint;
  state.outbox.fetch(from, checkpoint);
}

/** Whether this replica needs an entry that is cut off where a log begins after `base`. */
function isLacking(state: ReplicaState, base: number): boolean {
  const { status, log, catchUp, commitMin, missing } = state;
  if (status === "lost" || state.isPrimary) return false;
  if (state.isHollow) return true;
  const isDamaged = log.intactHead < Math.min(base, log.head);
  if (status === "normal") return isDamaged || log.head < base;
  if (missing.some(({ op }) => op <= base)) return true;
  return isDamaged || (catchUp !== undefined && commitMin < base);
}

/** A fetched checkpoint is durable here. */
function onFetched(
  state: ReplicaState,
  { checkpoint, clients }: Extract<StateInput, { type: "fetched" }>,
): void {
  const { op } = checkpoint;
  state.fetching = undefined;
  const isOld = op < state.log.base.op || (op <= state.commitMin && !state.isHollow);
  if (!isOld && !state.isPrimary && state.status !== "lost") {
    adopt(state, checkpoint, clients);
    state.applying.length = 0;
    state.capturing = [];
    state.hold = { op, until: "restored" };
    state.outbox.restore(checkpoint);
    state.timeouts.catchUp.stop();
    if (state.catchUp !== undefined) state.awaitView();
  }
  keep(state, checkpoint);
}

/**
 * What a replica comes back with. Without the checkpoint that its log begins after it has no state:
 * it can still vouch for the rest of the log, and does not lead until it has fetched one. Alone it
 * refuses to begin with any damage.
 */
export function recoverState(state: ReplicaState, { checkpoint, isHollow }: Recovered): void {
  const { op } = state.log.base;
  if (checkpoint !== undefined && checkpoint.op >= op) {
    state.checkpoints.add(checkpoint);
    adopt(state, checkpoint, checkpoint.clients);
  } else {
    state.isHollow = op > 0 || isHollow === true;
    state.commitMin = op;
    state.commitMax = op;
  }
  if (state.replicaCount === 1) refuseDamage(state);
}

/** There is nobody to repair what one that is alone has lost: to go on would mean to forget it. */
function refuseDamage({ log, isHollow }: ReplicaState): void {
  if (isHollow) throw new DamagedLogError([log.base.op], "state");
  if (log.damaged.length > 0) throw new DamagedLogError(log.damaged.map(({ op }) => op));
}

/**
 * Goes on from a checkpoint. What the log holds behind it is kept if the log has that very op; else
 * it was never committed, for what was committed there is another one. `log_view` stays: a vote of
 * this replica says of that view's log what it can, and whoever committed more has a later one.
 */
function adopt(
  state: ReplicaState,
  { op, checksum, timestamp }: LogBase,
  clients: ClientsSnapshot,
): void {
  const { log, outbox } = state;
  const base = { op, checksum, timestamp };
  const isDamaged = log.intactHead < op;
  if (!log.mayAgree(op, checksum) || (isDamaged && log.head <= op)) {
    log.reset(base);
    outbox.writeReset(base);
  } else if (isDamaged) {
    // What is damaged before a checkpoint is of no use to anybody.
    log.cut(base);
    outbox.writeCut(op);
  }
  state.clients.restore(clients);
  state.commitMin = op;
  state.commitMax = Math.max(state.commitMax, op);
  state.isHollow = false;
}
