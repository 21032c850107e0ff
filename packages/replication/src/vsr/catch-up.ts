/**
 * Catching up (VRR §5.2): a replica that lacks entries gets them from one that has them.
 *
 * Two cases, told apart by what may be trusted. A backup in the view of the sender may take
 * whatever follows its head, for a view has one log. Any other replica takes committed entries
 * only, each chained to the committed one before it, and keeps its old log and log_view until it
 * has them all: the paper's way of truncating first can lose a committed op (I40).
 */

import { acceptEntry } from "./acks.ts";
import { assert } from "./assert.ts";
import { isIntact } from "./batch.ts";
import { offer } from "./checkpoint.ts";
import type { GetStateMessage, NewStateMessage } from "./message.ts";
import type { ReplicaState } from "./state.ts";
import type { Prepare, ReplicaIndex } from "./types.ts";

/** Asks for what is missing, if anything is and no question is under way. */
export function askForMissing(state: ReplicaState): void {
  if (state.timeouts.catchUp.running) return;
  const { view, log, commitMin } = state;
  if (state.isBackup && state.commitMax > log.head) {
    state.outbox.send(state.primary, { type: "get_state", view, op: log.head });
  } else if (state.status !== "normal" && state.catchUp !== undefined) {
    const { target, from } = state.catchUp;
    state.outbox.send(from, { type: "get_state", view, op: commitMin });
    // Whoever does not answer with what is missing may have lost it.
    state.catchUp = { target, from: state.nextReplica(from) };
  } else {
    return;
  }
  state.timeouts.catchUp.start();
}

/** Any replica gives what is committed; one that is normal in the asker's view gives all it has. */
export function onGetState(
  state: ReplicaState,
  from: ReplicaIndex,
  message: GetStateMessage,
): void {
  const { log, commitMin: commit, view } = state;
  if (message.op < log.base.op) {
    // What it asks for is in a checkpoint.
    offer(state, from);
    return;
  }
  const sameView = state.status === "normal" && message.view === view;
  const { newStateBytesMax } = state.options.config;
  const entries = log.slice(message.op, sameView ? log.head : commit, newStateBytesMax);
  if (entries.length === 0) return;
  state.outbox.send(from, { type: "new_state", view, commit, entries });
}

/**
 * Returns whether a catch-up that a view change waits for has reached its target. Only an answer
 * that brought something is followed by the next question at once: were a late or repeated one
 * followed as well, each copy would ask for, and get, copies of its own.
 */
export function onNewState(
  state: ReplicaState,
  from: ReplicaIndex,
  message: NewStateMessage,
): boolean {
  const { commitMin } = state;
  const { head } = state.log;
  if (state.isBackup && message.view === state.view) takeOfView(state, message);
  if (state.catchUp !== undefined) takeCommitted(state, message);
  if (state.commitMin > commitMin || state.log.head > head) state.timeouts.catchUp.stop();
  if (state.catchUp === undefined) return false;
  const { target } = state.catchUp;
  if (state.commitMin > commitMin) {
    // Progress is also a reason to wait longer before giving the view up, and to ask on there.
    state.awaitView();
    state.catchUp = { target, from };
  }
  return state.commitMin >= target;
}

function takeOfView(state: ReplicaState, message: NewStateMessage): void {
  for (const entry of message.entries) acceptEntry(state, entry);
  state.learnCommit(message.commit);
}

function takeCommitted(state: ReplicaState, message: NewStateMessage): void {
  // What is committed is known as such by having been run; that goes on when the hold is over.
  if (state.isHeld) return;
  for (const entry of message.entries) {
    if (entry.op > message.commit || !isIntact(entry, state.options.hash)) return;
    if (!takeOneCommitted(state, entry)) return;
  }
}

/** Takes a committed entry if it is the next; false if it is not, and so none after it is. */
function takeOneCommitted(state: ReplicaState, entry: Prepare): boolean {
  const { log } = state;
  const held = log.checksumAt(entry.op);
  if (entry.op <= state.commitMin) {
    assert(log.agrees(entry.op, entry.checksum), `two committed entries at op ${entry.op}`);
    return true;
  }
  if (entry.op !== state.commitMin + 1) return false;
  assert(log.checksumAt(entry.op - 1) === entry.parent, `op ${entry.op} forks what is committed`);
  if (log.isDamaged(entry.op) && (held === undefined || held === entry.checksum)) {
    state.repairEntry(entry);
  } else if (held !== entry.checksum) {
    // What is held here was never committed, for the committed entry at this op is another one;
    // nor was anything after it, which is chained to it.
    if (held !== undefined) state.truncateLog(entry.op - 1);
    state.appendEntry(entry);
  }
  state.learnCommit(entry.op);
  return true;
}
