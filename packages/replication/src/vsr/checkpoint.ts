/**
 * Checkpoints: the state after every so manieth op is captured, and the log before it forgotten
 * (VRR §5.1, I43–I45).
 *
 * While the host captures a state nothing runs, and everything else goes on: what is committed
 * meanwhile waits in the log. A checkpoint counts when it is durable. It is told to the others, who
 * compare it with theirs, and when enough of them keep one the log before is cut off.
 */
import { DamagedLogError } from "./damaged-log-error.ts";
import type { HollowMessage } from "./message.ts";
import type { Committed, StateInput } from "./ready.ts";
import type { ReplicaState } from "./state.ts";
import type { NamedCheckpoint, Op, ReplicaIndex } from "./types.ts";

/** So many intervals between checkpoints the log may run ahead of the newest durable one. */
const intervalsMax = 3;

/**
 * Primary: the last op that it may prepare before its next checkpoint is durable, so that the log
 * has an end whatever the disk does (I44).
 */
export function prepareMax({ checkpoints, uncaptured, log, options }: ReplicaState): Op {
  const newest = Math.max(checkpoints.newest?.op ?? 0, uncaptured, log.base.op);
  return newest + intervalsMax * options.config.checkpointEvery;
}

/** An op has run that ends in a checkpoint: the table is now the one that belongs to the state. */
export function captureAfter(state: ReplicaState, { op, timestamp }: Committed): void {
  const { checksum } = state.log.get(op);
  const base = { op, checksum, timestamp };
  state.capturing.push(base);
  state.outbox.checkpoint({ ...base, clients: state.clients.snapshot() });
}

/** The state has been encoded: what has been held is run. */
export function onCaptured(
  state: ReplicaState,
  { op, failed }: Extract<StateInput, { type: "captured" }>,
): void {
  if (failed === true) {
    state.uncaptured = Math.max(state.uncaptured, op);
    state.capturing = state.capturing.filter((base) => base.op !== op);
  }
  release(state, op, "captured");
}

/** The machine has the state that it was to take. */
export function onRestored(state: ReplicaState, op: Op): void {
  release(state, op, "restored");
}

function release(state: ReplicaState, op: Op, until: "captured" | "restored"): void {
  if (state.hold?.op !== op || state.hold.until !== until) return;
  state.hold = undefined;
  state.learnCommit(state.commitMax);
}

export function onCheckpointed(
  state: ReplicaState,
  { op, id, bytes }: Extract<StateInput, { type: "checkpointed" }>,
): void {
  const base = state.capturing.find((one) => one.op === op);
  if (base === undefined) return;
  state.capturing = state.capturing.filter((one) => one !== base);
  keep(state, { ...base, id, bytes });
}

/** One more is durable here. */
export function keep(state: ReplicaState, checkpoint: NamedCheckpoint): void {
  state.checkpoints.add(checkpoint);
  announce(state);
  cutOff(state);
}

/** Another one of its checkpoints is the newest, and whoever asks is to hear of that one. */
export function onCheckpointLost(state: ReplicaState, op: Op): void {
  if (state.checkpoints.lose(op)) announce(state);
}

/**
 * Tells all others, now and again after a while: they cut when enough have told, and give one to a
 * replica that says that it lacks one.
 */
export function announce(state: ReplicaState): void {
  state.announce.start();
  if (lacksState(state)) state.sendToOthers({ type: "hollow", base: state.log.base.op });
  for (let to = 0; to < state.replicaCount; to++) if (to !== state.index) offer(state, to);
}

/** Tells one other; a replica that has lost its checkpoints has nothing to tell. */
export function offer(state: ReplicaState, to: ReplicaIndex): void {
  const { checkpoints, log, logView: view } = state;
  const { newest: checkpoint } = checkpoints;
  // One that rejoins keeps what it has fetched, and may be the last to have it.
  if (checkpoint === undefined || (state.isForgetful && !state.hasJournal)) return;
  state.outbox.send(to, { type: "checkpoint", view, base: log.base.op, checkpoint });
}

/** Whether it can run nothing, for it has no state, and keeps none that another one could take. */
function lacksState({ checkpoints, isHollow, isForgetful, hasJournal }: ReplicaState): boolean {
  return checkpoints.newest === undefined && (isHollow || (isForgetful && hasJournal));
}

/** Gives what is kept here; if that is nothing, and all are like that, nobody can go on. */
export function onHollow(state: ReplicaState, from: ReplicaIndex, { base }: HollowMessage): void {
  const { checkpoints, log, isHollow } = state;
  checkpoints.noteHollow(from);
  if (!lacksState(state)) offer(state, from);
  else if (checkpoints.othersAreHollow) {
    throw new DamagedLogError([isHollow ? log.base.op : base], "state");
  }
}

/**
 * Forgets of the log what the checkpoints of a quorum have made dispensable (I44). Where it is cut
 * need not be a checkpoint that is kept here: one that is always some states ahead of the others
 * has given up theirs already, and would never cut.
 */
export function cutOff(state: ReplicaState): void {
  const { checkpoints, log, commitMin } = state;
  const op = checkpoints.cutOp;
  if (op <= log.base.op || op > commitMin || log.intactHead < op) return;
  const { checksum, timestamp } = log.get(op);
  log.cut({ op, checksum, timestamp });
  state.outbox.writeCut(op);
}
