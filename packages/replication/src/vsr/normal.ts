/**
 * Normal operation (VRR §4.1): requests become prepares, acknowledged prepares become commits.
 *
 * Handlers here are reached only by messages of the current view; `replica.ts` has dropped the
 * rest.
 */
import { acceptEntry, ackToSelf } from "./acks.ts";
import { assert } from "./assert.ts";
import { encodeBatch, requestBytes, sealPrepare } from "./batch.ts";
import { captureAfter, prepareMax } from "./checkpoint.ts";
import type { CommitMessage, PrepareMessage, PrepareOkMessage, RequestMessage } from "./message.ts";
import type { Input, LateReply } from "./ready.ts";
import type { ReplicaState } from "./state.ts";
import type { ReplicaIndex, Request } from "./types.ts";

/**
 * Primary: keeps a request until the next `flushRequests`; the queue is bounded, the client
 * repeats.
 */
export function onRequest(state: ReplicaState, request: RequestMessage): void {
  if (!state.isPrimary) {
    const { client } = request;
    state.outbox.reply({ type: "not_primary", view: state.toldView, client });
    return;
  }
  if (state.queue.length < state.options.config.queueMax) state.queue.push(request);
}

/** Primary: keeps what the state has for the log until the next `flushRequests`. */
export function onPulse(state: ReplicaState, body: Uint8Array): void {
  assert(body.length <= state.options.config.batchBytesMax, "a pulse is larger than a batch");
  if (state.leads) state.pulse ??= { body, prepared: false };
}

/** Primary: goes on with what the state wants done, once it knows all that was. */
export function flushLead(state: ReplicaState): void {
  if (!state.mayLead) return;
  state.leads = true;
  state.outbox.resume();
}

/**
 * Primary: makes prepares of the requests that wait, as many to a prepare as fit, as many prepares
 * as the pipeline has room for. Called once per turn of the host, so that what arrived together is
 * written, sent and acknowledged together.
 */
export function flushRequests(state: ReplicaState): void {
  const { pipelineMax } = state.options.config;
  while (
    state.isSettled &&
    !state.isUnheard &&
    (state.queue.length > 0 || state.pulse?.prepared === false) &&
    state.log.head - state.commitMax < pipelineMax &&
    state.log.head < prepareMax(state)
  ) {
    const batch = takeBatch(state);
    if (batch.length === 0) break;
    prepare(state, batch);
  }
}

/** Takes admitted requests off the queue; answers or drops those that are not to be prepared. */
function takeBatch(state: ReplicaState): Request[] {
  const { batchRequestsMax, batchBytesMax } = state.options.config;
  const batch: Request[] = takePulse(state);
  let bytes = batch.reduce((sum, request) => sum + requestBytes(request), 0);
  let taken = 0;
  for (const request of state.queue) {
    const size = requestBytes(request);
    if (batch.length > 0 && (batch.length >= batchRequestsMax || bytes + size > batchBytesMax)) {
      break;
    }
    taken++;
    if (!admit(state, request)) continue;
    batch.push(request);
    bytes += size;
  }
  state.queue.splice(0, taken);
  return batch;
}

function takePulse({ pulse }: ReplicaState): Request[] {
  if (pulse === undefined || pulse.prepared) return [];
  pulse.prepared = true;
  return [{ kind: "pulse", client: "", session: 0, number: 0, acked: 0, body: pulse.body }];
}

/**
 * Whether to prepare a request: it must be the session's next, and within its window (I48, I49).
 */
function admit(state: ReplicaState, request: RequestMessage): boolean {
  const { client, number, acked } = request;
  if (acked > number) return false;
  const inFlight = state.inFlight.get(client);
  // What is in the pipeline will be answered when it commits; what comes too early is repeated.
  const verdict = state.clients.judge(request);
  if (inFlight !== undefined && number <= inFlight && verdict !== "duplicate") return false;
  if (verdict === "duplicate" || verdict === "no_session") {
    state.replyAgain(request);
    return false;
  }
  const next = request.kind === "register" ? 0 : (inFlight ?? state.clients.lastOf(client)) + 1;
  if (number !== next || number >= acked + state.options.config.sessionWindow) {
    return false;
  }
  state.inFlight.set(client, number);
  return true;
}

function prepare(state: ReplicaState, requests: readonly Request[]): void {
  const { hash } = state.options;
  const { log, view } = state;
  const entry = sealPrepare(
    {
      view,
      op: log.head + 1,
      timestamp: Math.max(log.headTimestamp + 1, Math.floor(state.now * 1000)),
      parent: log.headChecksum,
      body: encodeBatch(requests),
    },
    hash,
  );
  state.awaitQuorum();
  state.appendEntry(entry);
  state.sendToOthers({ type: "prepare", view, commit: state.commitMax, entry });
  ackToSelf(state);
  state.timeouts.heartbeat.start();
}

/** Backup: appends the next entry; a gap is left to catching up (§4.1 step 4). */
export function onPrepare(state: ReplicaState, message: PrepareMessage): void {
  const { entry } = message;
  state.hearPrimary();
  acceptEntry(state, entry);
  state.learnCommit(message.commit);
}

/** Primary: counts a vote for all entries up to `op`, and commits what a quorum holds (§4.1 5). */
export function onPrepareOk(
  state: ReplicaState,
  from: ReplicaIndex,
  message: PrepareOkMessage,
): void {
  if (!state.isPrimary) return;
  const { op, checksum } = message;
  assert(state.log.agrees(op, checksum), `replica ${from} holds another op ${op} (I12)`);
  if (!state.acked.add(from, op)) return;
  if (from !== state.index) state.hearBackup();
  const committed = Math.min(state.acked.quorumOp, state.log.head);
  if (committed > state.commitMax) state.learnCommit(committed);
  if (!state.awaitsQuorum) state.timeouts.resend.stop();
}

/** Backup: the primary is alive; what it committed is committed (§4.1 step 7). */
export function onCommit(state: ReplicaState, message: CommitMessage): void {
  state.hearPrimary();
  const held = state.log.checksumAt(message.commit);
  if (held !== undefined) {
    assert(held === message.checksum, `committed op ${message.commit} differs here (I26)`);
  }
  state.learnCommit(message.commit);
}

/** Stores the replies of an op that has run, and gives them to the clients if it leads. */
export function onApplied(
  state: ReplicaState,
  { op, replies, late = [], effects = [] }: Extract<Input, { type: "applied" }>,
): void {
  const committed = state.applying.shift();
  assert(committed?.op === op, `op ${op} was reported applied out of order`);
  const { requests } = committed;
  assert(replies.length === requests.length, `op ${op} has a reply too many or too few`);
  // Before it leads its effects are not lost: it is told to resume, and finds them in the state.
  if (state.leads) {
    for (const [index, body] of effects.entries()) state.outbox.effect({ op, index, body });
  }
  requests.forEach((request, i) => {
    const body = replies[i];
    // Until the reply comes the table has none, and a copy of the request is answered with nothing.
    if (request.kind === "pulse" || body === undefined) return;
    const session = request.kind === "register" ? op : request.session;
    if (request.kind === "call") state.clients.keepReply(request, body);
    if (state.isPrimary) state.replyTo(request, session, body);
  });
  for (const reply of late) onLateReply(state, reply);
  if (committed.checkpoint === true) captureAfter(state, committed);
}

/** Stores a reply that was left for later, if its session is there, as that of its request. */
function onLateReply(state: ReplicaState, reply: LateReply): void {
  if (state.clients.sessionOf(reply.client) !== reply.session) return;
  state.clients.keepReply(reply, reply.body);
  if (state.isPrimary) state.replyTo(reply, reply.session, reply.body);
}

/** Primary: the heartbeat of an idle view. */
export function sendCommit(state: ReplicaState): void {
  const { view, commitMax: commit, log } = state;
  const checksum = log.checksumAt(commit);
  assert(checksum !== undefined, "the primary's commit is beyond its log");
  state.sendToOthers({ type: "commit", view, commit, checksum });
}

/** Primary: repeats to each backup the entries of the pipeline that it has not acknowledged. */
export function resendPrepares(state: ReplicaState): void {
  const { view, log, commitMax: commit } = state;
  for (let to = 0; to < state.replicaCount; to++) {
    if (to === state.index) continue;
    const from = Math.max(state.acked.of(to), commit);
    for (const entry of log.slice(from, log.head)) {
      state.outbox.send(to, { type: "prepare", view, commit, entry });
    }
  }
}
