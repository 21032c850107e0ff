/**
 * Linearizable queries without a write (I55): a batch of them is answered once a quorum has said,
 * after the last of them came, that this replica still leads.
 *
 * A round's number never repeats within a view, and acks carry both, so that a late ack of an
 * earlier round confirms nothing. One round is under way at a time; queries that come meanwhile
 * share the next. A primary that has nothing to do asks as well, now and then: one that can send
 * and not receive gets no requests either, and would lead for ever without being of use (I30).
 */
import type { QueryMessage, ReadRoundMessage, ReadRoundOkMessage } from "./message.ts";
import type { ReplicaState, WaitingQuery } from "./state.ts";
import type { ReplicaIndex } from "./types.ts";

/**
 * Primary: notes what an answer must reflect at least. The queue is bounded; the client repeats.
 */
export function onQuery(state: ReplicaState, query: QueryMessage): void {
  if (!state.isPrimary) {
    state.outbox.reply({ type: "not_primary", view: state.toldView, client: query.client });
    return;
  }
  const waiting = state.newQueries.length + state.confirmedQueries.length;
  if (waiting < state.options.config.queueMax) {
    state.newQueries.push({ query, commit: state.commitMax });
  }
}

/** Primary: begins a round for the queries that came since the last one began. */
export function flushQueries(state: ReplicaState): void {
  // An unsettled primary may not know of writes that its predecessor acknowledged.
  if (!state.isSettled || state.newQueries.length === 0 || state.roundUnderWay) return;
  beginRound(state);
}

/** Primary: time to ask whether it is heard, unless something else is to be answered anyway. */
export function askIfHeard(state: ReplicaState): void {
  if (state.isSettled && !state.awaitsQuorum && state.replicationQuorum > 1) beginRound(state);
}

function beginRound(state: ReplicaState): void {
  state.awaitQuorum();
  state.roundUnderWay = true;
  state.roundQueries = state.newQueries;
  state.newQueries = [];
  state.round++;
  state.roundOks = new Set();
  sendRound(state);
  countOk(state, state.index);
}

export function sendRound(state: ReplicaState): void {
  if (!state.roundUnderWay) return;
  state.sendToOthers({ type: "read_round", view: state.view, round: state.round });
}

/** Backup: it leads the view that I am in. */
export function onReadRound(
  state: ReplicaState,
  from: ReplicaIndex,
  message: ReadRoundMessage,
): void {
  state.hearPrimary();
  const { view, round } = message;
  state.outbox.send(from, { type: "read_round_ok", view, round });
}

export function onReadRoundOk(
  state: ReplicaState,
  from: ReplicaIndex,
  message: ReadRoundOkMessage,
): void {
  if (!state.isPrimary || message.round !== state.round || state.roundOks.has(from)) return;
  // Only what brings the round on is a reason to go on leading: one replica that repeats itself
  // must not keep a primary in office that no quorum reaches (I30).
  state.hearBackup();
  countOk(state, from);
}

function countOk(state: ReplicaState, from: ReplicaIndex): void {
  state.roundOks.add(from);
  if (state.roundOks.size < state.replicationQuorum || !state.roundUnderWay) return;
  state.confirmedQueries.push(...state.roundQueries);
  state.roundQueries = [];
  state.roundUnderWay = false;
  answerConfirmed(state);
}

/**
 * Primary: has those answered whose `commit` has been run. It runs what it commits at once, but for
 * what is held behind a checkpoint.
 */
export function answerConfirmed(state: ReplicaState): void {
  if (state.confirmedQueries.length === 0) return;
  const waiting: WaitingQuery[] = [];
  for (const one of state.confirmedQueries) {
    const { client, number, body } = one.query;
    if (one.commit > state.commitMin) waiting.push(one);
    else state.outbox.query({ client, number, body });
  }
  state.confirmedQueries = waiting;
}
