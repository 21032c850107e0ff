/**
 * View change (VRR §4.2): the group leaves a primary that it no longer hears.
 *
 * A replica first only says that it wants to leave (`start_view_change`) and stays; it leaves when
 * a quorum wants the same view, so that one that is merely cut off cannot disturb the rest. Leaving
 * is made durable before `do_view_change` goes out, and the new log before `start_view` does.
 *
 * Deviation from the paper: a message carries the entries after the sender's commit, not the whole
 * log; the hash chain tells whether the receiver has the rest, and `catch-up.ts` fetches it if not.
 */

import { ackToSelf, flushAck } from "./acks.ts";
import { assert } from "./assert.ts";
import { isIntact } from "./batch.ts";
import { nackQuorum } from "./config.ts";
import { DamagedLogError } from "./damaged-log-error.ts";
import { betterCandidate } from "./forfeit.ts";
import type {
  DoViewChangeMessage,
  RequestStartViewMessage,
  StartViewChangeMessage,
  StartViewMessage,
} from "./message.ts";
import { type Assembly, assembleLog, isComplete, lostForEver } from "./nack.ts";
import { AckedOps } from "./quorum.ts";
import type { ReplicaState } from "./state.ts";
import type { Checksum, Op, Prepare, ReplicaIndex, View } from "./types.ts";

/** The silence has lasted too long, or a view change got stuck: wants the next view (I7). */
export function wantNextView(state: ReplicaState): void {
  wantView(state, Math.max(state.view + 1, state.votes.highest));
}

function wantView(state: ReplicaState, view: View): void {
  state.wantsView = view;
  state.votes.set(state.index, view);
  if (!state.timeouts.voteWindow.running) state.timeouts.voteWindow.start();
  state.sendToOthers({ type: "start_view_change", view, left: false });
  countVotes(state, view);
}

/**
 * Says again which view this replica wants; and, if it waits for one that a quorum wanted, that it
 * has left for it. Those who changed their minds when they heard the primary again must follow, or
 * the one that left would be lost to the group.
 */
export function repeatWishes(state: ReplicaState): void {
  const { view, wantsView } = state;
  if (wantsView !== undefined) {
    state.sendToOthers({ type: "start_view_change", view: wantsView, left: false });
  }
  if (state.status === "view_change" && state.logView < view) {
    state.sendToOthers({ type: "start_view_change", view, left: true });
  }
}

export function onStartViewChange(
  state: ReplicaState,
  from: ReplicaIndex,
  message: StartViewChangeMessage,
): void {
  if (message.view <= state.view) return;
  if (message.left) {
    enterViewChange(state, message.view);
    return;
  }
  state.votes.set(from, message.view);
  if (!state.timeouts.voteWindow.running) state.timeouts.voteWindow.start();
  // One that wants to leave anyway joins the highest vote, so that votes meet.
  if (state.wantsView !== undefined && message.view > state.wantsView) {
    wantView(state, message.view);
  } else {
    countVotes(state, message.view);
  }
}

/** Forgets votes that nobody repeats: a view change is wanted now, or not at all. */
export function expireVotes(state: ReplicaState): void {
  state.votes.clear();
  if (state.wantsView !== undefined) state.votes.set(state.index, state.wantsView);
}

function countVotes(state: ReplicaState, view: View): void {
  if (view > state.view && state.votes.count(view) >= state.viewChangeQuorum)
    enterViewChange(state, view);
}

/** Leaves for `view`: from here on nothing of an older view is answered (I9, I10). */
export function enterViewChange(state: ReplicaState, view: View): void {
  leaveFor(state, view);
  const { commitHeld: commit, log } = state;
  state.sentDoViewChange = {
    type: "do_view_change",
    view,
    log_view: state.logView,
    op: log.head,
    commit,
    commit_checksum: checksumAt(state, commit),
    entries: log.intactAfter(commit),
    damaged: log.damagedAfter(commit),
  };
  sendDoViewChange(state);
}

/** Leaves for a view that has begun elsewhere: asks for its log rather than voting for it. */
export function joinView(state: ReplicaState, view: View): void {
  leaveFor(state, view);
  state.sentDoViewChange = undefined;
  sendDoViewChange(state);
}

/** Every transition into a view clears all that belonged to the one before it (I5). */
function leaveFor(state: ReplicaState, view: View): void {
  assert(view > state.view, "views only go up (I1)");
  if (state.status === "view_change") state.failedViews++;
  state.view = view;
  state.status = "view_change";
  state.outbox.forgetGated();
  state.outbox.writeMeta();
  state.wantsView = undefined;
  state.votes.clear();
  state.doViewChanges.clear();
  state.missing = [];
  state.supplied.clear();
  state.pendingStartView = undefined;
  state.catchUp = undefined;
  state.ackDue = false;
  state.queue = [];
  state.inFlight.clear();
  state.leads = false;
  state.pulse = undefined;
  state.newQueries = [];
  state.roundQueries = [];
  state.roundUnderWay = false;
  state.confirmedQueries = [];
  for (const timeout of Object.values(state.timeouts)) timeout.stop();
  state.awaitView();
  state.timeouts.resend.start();
}

/** Sends, or repeats unchanged, what this replica says about the view that it waits for. */
export function sendDoViewChange(state: ReplicaState): void {
  const { sentDoViewChange, primary, index, view } = state;
  if (sentDoViewChange !== undefined) {
    state.outbox.sendWhenDurable(primary, sentDoViewChange);
  } else if (primary !== index) {
    state.outbox.send(primary, { type: "request_start_view", view, nonce: 0 });
  }
}

/** Candidate: collects what a quorum knows. One that has led this view before is past that. */
export function onDoViewChange(
  state: ReplicaState,
  from: ReplicaIndex,
  message: DoViewChangeMessage,
): void {
  if (state.primary !== state.index) return;
  if (state.isPrimary) {
    sendStartView(state, from);
    return;
  }
  if (state.logView === state.view || state.doViewChanges.has(from)) return;
  if (!message.entries.every((entry) => isIntact(entry, state.options.hash))) return;
  if (!isComplete(message)) return;
  state.doViewChanges.set(from, message);
  installCanonicalLog(state);
}

/**
 * Candidate: takes over the log of the replica with the highest (log_view, op), once a quorum and
 * itself have spoken (I32), and all of it is here that may not be dropped. If it lacks committed
 * entries before that log's tail it first catches up, or gives way to one that lacks fewer.
 */
export function installCanonicalLog(state: ReplicaState): void {
  const { doViewChanges, memory, viewChangeQuorum } = state;
  const votes = memory.aloneIn === state.view ? 1 : viewChangeQuorum;
  if (state.logView === state.view || doViewChanges.size < votes || !doViewChanges.has(state.index))
    return;
  let floor = state.commitMin;
  let canonical: [ReplicaIndex, DoViewChangeMessage] | undefined;
  for (const [from, message] of doViewChanges) {
    floor = Math.max(floor, message.commit);
    if (canonical === undefined || isBetter(message, canonical[1])) canonical = [from, message];
  }
  assert(canonical !== undefined, "a quorum of nobody");
  const [from, message] = canonical;
  assert(floor <= message.op, "the canonical log lacks a committed op (I33)");
  const { log } = state;
  const chained = log.agrees(message.commit, message.commit_checksum);
  if (!chained || log.intactHead < message.commit || state.isHollow) {
    const damage = state.isHollow ? Number.POSITIVE_INFINITY : log.damaged.length;
    const lacking = chained ? damage : floor - state.commitMin;
    const successor = betterCandidate(state, lacking, floor);
    // What is damaged of a log that is the right one comes by repair, and not all of it again.
    state.catchUp = chained ? undefined : { target: message.commit, from };
    if (successor !== undefined) giveWay(state, successor);
    return;
  }
  state.catchUp = undefined;
  const canonicalLog = assemble(state, message, floor);
  if (canonicalLog === undefined) return;
  installTail(state, canonicalLog.entries, canonicalLog.head);
  state.logView = state.view;
  state.outbox.writeMeta();
  state.learnCommit(floor);
  sendStartView(state, state.index);
  for (let to = 0; to < state.replicaCount; to++) if (to !== state.index) sendStartView(state, to);
}

/** Undefined while something is missing that must not be dropped. */
function assemble(
  state: ReplicaState,
  canonical: DoViewChangeMessage,
  floor: Op,
): Assembly | undefined {
  const { doViewChanges, log, supplied, replicaCount } = state;
  const own = (op: Op, checksum: Checksum) =>
    [log.find(op), supplied.get(op)].find((entry) => entry?.checksum === checksum);
  const base = log.base.op;
  const sources = { doViewChanges, floor, nackQuorum: nackQuorum(replicaCount), base, find: own };
  const assembly = assembleLog(canonical, sources);
  state.missing = assembly.missing;
  if (state.missing.length === 0) return assembly;
  const lost = lostForEver(state.missing, sources, replicaCount);
  if (lost.length > 0) throw new DamagedLogError(lost);
  return undefined;
}

/** Nobody is normal in the view that is left, for a quorum has left for it. */
function giveWay(state: ReplicaState, view: View): void {
  enterViewChange(state, view);
  state.sendToOthers({ type: "start_view_change", view, left: true });
}

function isBetter(a: DoViewChangeMessage, b: DoViewChangeMessage): boolean {
  return a.log_view > b.log_view || (a.log_view === b.log_view && a.op > b.op);
}

/** Makes the log end as `entries` say, touching nothing that agrees with them already. */
function installTail(state: ReplicaState, entries: readonly Prepare[], head: Op): void {
  for (const entry of entries) {
    if (state.log.agrees(entry.op, entry.checksum)) {
      if (state.log.isDamaged(entry.op)) state.repairEntry(entry);
      continue;
    }
    assert(entry.op > state.commitMin, `committed op ${entry.op} is to be replaced`);
    if (entry.op <= state.log.head) state.truncateLog(entry.op - 1);
    assert(state.log.connects(entry), `op ${entry.op} of the new view does not connect (I31)`);
    state.appendEntry(entry);
  }
  // Catching up may have brought committed ops that the message, being older, does not know.
  state.truncateLog(Math.min(state.log.head, Math.max(head, state.commitMin)));
}

function sendStartView(state: ReplicaState, to: ReplicaIndex, nonce = 0): void {
  const { view, log, commitHeld: commit } = state;
  const message: StartViewMessage = {
    type: "start_view",
    view,
    nonce,
    op: log.head,
    commit,
    commit_checksum: checksumAt(state, commit),
    entries: log.slice(commit, log.head),
  };
  state.outbox.sendWhenDurable(to, message);
}

export function onRequestStartView(
  state: ReplicaState,
  from: ReplicaIndex,
  message: RequestStartViewMessage,
): void {
  if (state.isPrimary && message.view <= state.view) sendStartView(state, from, message.nonce);
}

/** The view has begun. To its primary this comes from itself, when the new log is durable (I35). */
export function onStartView(
  state: ReplicaState,
  from: ReplicaIndex,
  message: StartViewMessage,
): void {
  if (state.status === "normal" || from !== state.primary) return;
  if (state.primary === state.index) {
    becomePrimary(state);
    return;
  }
  if (!message.entries.every((entry) => isIntact(entry, state.options.hash))) return;
  state.pendingStartView = message;
  state.awaitView();
  installStartView(state);
}

/**
 * Backup: takes the new view's log, if it has all before the part that the message brings (I40).
 */
export function installStartView(state: ReplicaState): void {
  const message = state.pendingStartView;
  if (message === undefined) return;
  if (!state.log.agrees(message.commit, message.commit_checksum)) {
    // The old log and the old log_view stay until the gap before the new log has been filled.
    state.catchUp = { target: message.commit, from: state.primary };
    return;
  }
  // A vote for this view that waits for its write would bring what is replaced here.
  state.outbox.forgetGated();
  installTail(state, message.entries, message.op);
  state.logView = state.view;
  state.status = "normal";
  state.outbox.writeMeta();
  settleInto(state);
  state.timeouts.primarySilence.start();
  state.learnCommit(message.commit);
  state.ackDue = true;
  flushAck(state);
}

function becomePrimary(state: ReplicaState): void {
  assert(state.logView === state.view, "a primary without the log of its view (I35)");
  state.status = "normal";
  settleInto(state);
  state.inheritedHead = state.log.head;
  state.acked = new AckedOps(state.replicaCount, state.replicationQuorum);
  state.round = 0;
  state.timeouts.heartbeat.start();
  state.timeouts.askIfHeard.start();
  if (state.commitMax < state.log.head) {
    state.timeouts.resend.start();
    state.timeouts.abdicate.start();
  }
  ackToSelf(state);
}

function settleInto(state: ReplicaState): void {
  state.failedViews = 0;
  state.catchUp = undefined;
  state.pendingStartView = undefined;
  state.sentDoViewChange = undefined;
  state.doViewChanges.clear();
  state.missing = [];
  state.supplied.clear();
  state.wantsView = undefined;
  state.nonce = 0;
  state.timeouts.viewChange.stop();
  state.timeouts.resend.stop();
  state.timeouts.catchUp.stop();
}

function checksumAt(state: ReplicaState, commit: Op): Checksum {
  const checksum = state.log.checksumAt(commit);
  assert(checksum !== undefined, "the commit is beyond the log (I23)");
  return checksum;
}
