/**
 * Recovery of a replica that has forgotten everything (VRR §4.3), with crash vectors.
 *
 * It asks all others, and does nothing else (I15). It is whole again when a quorum that is normal
 * knows of its new life, and the primary of the highest view among them has given its log (I16).
 * Nothing that it said in an earlier life counts with anybody who knows of the new one (I17).
 *
 * Without journals each start is such a life. With journals only the one is that begins in the
 * place of a journal that was lost (I20); there the others make the new life durable before they
 * answer, for they must remember it when they vote, and so does the replica with what it was told.
 *
 * When more replicas have forgotten everything at once than the group can spare, what it knew is
 * gone. That is found out here and said: such a replica is `lost`, and stays so (I18).
 */
import { assert } from "./assert.ts";
import { recoveryQuorum } from "./config.ts";
import type { Incarnation } from "./crash-vector.ts";
import { EndedLifeError } from "./ended-life-error.ts";
import type { Memory } from "./memory.ts";
import type { RecoveryMessage, RecoveryResponseMessage, ReplicaMessage } from "./message.ts";
import type { Addressed, Ready } from "./ready.ts";
import type { ReplicaState } from "./state.ts";
import { primaryOf, type ReplicaIndex, type View } from "./types.ts";

/** What a response leads to: the log of the view can be taken, or the group begins with nothing. */
export type Outcome = "install" | "begin" | undefined;

/** Begins to ask. A group of one, or one of two that lost half its memory, has nobody to ask. */
export function startRecovery(state: ReplicaState): Outcome {
  state.status = "recovering";
  return askAgain(state);
}

/** One more question to all; each is told of every life that this replica has heard of. */
export function askAgain(state: ReplicaState): Outcome {
  ask(state);
  return judge(state);
}

function ask(state: ReplicaState): void {
  const { memory } = state;
  memory.round++;
  state.timeouts.resend.start();
  const { nonce, round, bootstrap: founding, view } = memory;
  state.sendToOthers({ type: "recovery", nonce, round, founding, view });
}

/**
 * Whether a message may be looked at. Takes in what it tells of lives first, so that a vote never
 * counts beside the news that it is void.
 */
export function admit(state: ReplicaState, from: ReplicaIndex, message: ReplicaMessage): boolean {
  if (from === state.index) return true;
  const { status, hasJournal } = state;
  const { crash } = state.memory;
  const lives = message.crash_vector;
  if (lives === undefined && !hasJournal) return false;
  if (lives === undefined && crash.isFirst && status !== "recovering") return true;
  if (lives !== undefined && lives.length !== state.replicaCount) return false;
  // Who says nothing of lives knows of none but the first.
  const isOld = (lives?.[from] ?? 0) < crash.of(from);
  if (lives !== undefined) learnLives(state, lives);
  // One whose clock went back takes itself for younger than it is: it is answered, and so told.
  if (message.type === "recovery") return true;
  if (isOld) return false;
  if (message.type === "recovery_response") return status === "recovering";
  return !state.isForgetful || (status === "recovering" && pastTypes.has(message.type));
}

/** What is judged by its chain, its checksum or its id, and so is of use to the forgetful too. */
const pastTypes = new Set<ReplicaMessage["type"]>([
  "new_state",
  "checkpoint",
  "hollow",
  "requested_prepare",
]);

/** Says of each message which lives its sender knows of, where any life has ended. */
export function withLives({ memory, hasJournal }: ReplicaState, ready: Ready): Ready {
  if (ready.messages.length === 0 || (hasJournal && memory.crash.isFirst)) return ready;
  const crash_vector = memory.crash.lives;
  let before: ReplicaMessage | undefined;
  let withVector: ReplicaMessage | undefined;
  const messages: Addressed[] = [];
  for (const { to, message } of ready.messages) {
    // What goes to all stays one message, so that a host encodes it once.
    if (message !== before || withVector === undefined) withVector = telling(message, crash_vector);
    before = message;
    messages.push({ to, message: withVector });
  }
  return { ...ready, messages };
}

/**
 * A copy, for what is sent may be kept to be sent again. Field by field where each call takes one:
 * a copy of just any message is made, and later read, several times as slowly.
 */
function telling(message: ReplicaMessage, crash_vector: readonly Incarnation[]): ReplicaMessage {
  switch (message.type) {
    case "prepare": {
      const { type, view, commit, entry } = message;
      return { type, view, commit, entry, crash_vector };
    }
    case "prepare_ok": {
      const { type, view, op, checksum } = message;
      return { type, view, op, checksum, crash_vector };
    }
    case "commit": {
      const { type, view, commit, checksum } = message;
      return { type, view, commit, checksum, crash_vector };
    }
    default:
      return { ...message, crash_vector };
  }
}

/** In ms of the host's clock, as lives are numbered: about a quarter of an hour. */
const lifeSteps = 2 ** 20;

function learnLives(state: ReplicaState, lives: readonly Incarnation[]): void {
  const { memory } = state;
  const risen = memory.crash.merge(lives);
  for (const replica of risen) {
    if (replica === state.index) onYoungerSelf(state, memory);
    else forgetLife(state, memory, replica);
  }
  if (risen.length > 0) rememberLives(state);
  // What the others said without knowing of that life is no promise to begin with it.
  if (risen.length > 0 && memory.bootstrap && state.status === "recovering") ask(state);
}

/** What must not be forgotten where there is a journal: who is in which life. */
function rememberLives({ memory, outbox, hasJournal }: ReplicaState): void {
  const { crash, isRejoining: rejoining } = memory;
  if (hasJournal) outbox.writeLives({ lives: crash.lives, rejoining });
}

/** A life has ended: nothing that it said counts any more. */
function forgetLife(state: ReplicaState, memory: Memory, replica: ReplicaIndex): void {
  state.votes.delete(replica);
  state.doViewChanges.delete(replica);
  state.acked.forget(replica);
  state.roundOks.delete(replica);
  state.checkpoints.forget(replica);
  memory.drop(replica);
  // With the primary's life goes its log: another view, and its primary, will have to be heard.
  const ledBy = primaryOf(memory.view, state.replicaCount);
  if (state.status === "recovering" && replica === ledBy) dropTarget(state);
}

/** The others know of a life of this replica that is as young as this one thought to be. */
function onYoungerSelf(state: ReplicaState, memory: Memory): void {
  if (state.status === "lost") return;
  if (state.hasJournal && state.status !== "recovering") throw new EndedLifeError();
  assert(state.status === "recovering", "somebody else lives under this replica's name");
  // By chance: two lives that were told the same must not take the same number, for else what the
  // first has promised would count as the second's.
  const step = 1 + Math.floor(state.options.random() * lifeSteps);
  memory.crash.raise(state.index, memory.incarnation + step);
  memory.restart();
  dropTarget(state);
}

function dropTarget(state: ReplicaState): void {
  state.pendingStartView = undefined;
  state.catchUp = undefined;
}

/**
 * Any replica: tells what it knows. One that is changing the view says nothing, for what it knows
 * is about to change. One that has forgotten everything says that, which is all it ever says.
 */
export function onRecovery(
  state: ReplicaState,
  from: ReplicaIndex,
  message: RecoveryMessage,
): void {
  const { status, view, log, commitMin: commit } = state;
  if (status === "view_change" || status === "recovering_head") return;
  const { memory } = state;
  const { nonce, round } = message;
  const commit_checksum = log.checksumAt(commit);
  assert(commit_checksum !== undefined, "the commit is beyond the log (I23)");
  const response: RecoveryResponseMessage = {
    type: "recovery_response",
    nonce,
    round,
    status: status === "recovering" && memory.bootstrap ? "founding" : status,
    founders: memory.founders,
    view,
    op: log.head,
    commit,
    commit_checksum,
    entries: state.isPrimary ? log.slice(commit, log.head) : [],
  };
  // Whoever forgot that life after this would count the votes of the one before it again.
  if (state.hasJournal) state.outbox.sendWhenDurable(from, response);
  else state.outbox.send(from, response);
}

/**
 * The view that the one of two is to begin alone whose fellow rejoins, and led the view that there
 * is: nobody else can ask for another one. It has held everything that was ever committed, for in a
 * group of two that takes both.
 */
export function viewAlone(state: ReplicaState, from: ReplicaIndex): View | undefined {
  const { replicaCount, hasJournal, status, view, primary, index, memory } = state;
  if (replicaCount !== 2 || !hasJournal || from === index) return undefined;
  const waits = status === "view_change" && memory.aloneIn !== view;
  if (!waits && !(status === "normal" && primary === from)) return undefined;
  memory.aloneIn = primaryOf(view + 1, replicaCount) === index ? view + 1 : view + 2;
  return memory.aloneIn;
}

export function onRecoveryResponse(
  state: ReplicaState,
  from: ReplicaIndex,
  message: RecoveryResponseMessage,
): Outcome {
  const { memory } = state;
  // An answer to an earlier life has that life in its vector; one to another question its nonce.
  const isMine = message.crash_vector?.[state.index] === memory.incarnation;
  if (!isMine || message.nonce !== memory.nonce) return undefined;
  if (message.status === "normal") {
    const isFounder = !state.hasJournal && message.founders[state.index] === memory.incarnation;
    if (isFounder && state.view === 0 && state.log.head === 0) {
      memory.founders = message.founders;
      return "begin";
    }
    memory.drop(from);
    memory.responses.set(from, message);
    if (message.view > memory.view) {
      memory.view = message.view;
      dropTarget(state);
    }
  } else {
    const { round, status, crash_vector: lives = [] } = message;
    memory.noteForgetful(from, round, status === "founding", lives);
  }
  return judge(state);
}

/** What follows from all that has been answered so far. */
function judge(state: ReplicaState): Outcome {
  const { memory } = state;
  const { responses } = memory;
  if (canInstall(state)) return "install";
  // What disks hold may be all there, though no quorum has a log: nobody guesses, it waits.
  if (state.hasJournal) return undefined;
  // Somebody who is normal is proof that the group has run, whatever this one was told.
  const founding = memory.bootstrap && responses.size === 0;
  if (founding && memory.othersFound) {
    memory.founders = memory.crash.lives;
    return "begin";
  }
  const spare = state.replicaCount - state.viewChangeQuorum;
  if (!founding && memory.forgetfulAtOnce > spare) lose(state);
  return undefined;
}

/**
 * Whether a quorum knows of this life, and the log of the highest view is at hand: then, and no
 * sooner, it may be taken. Chooses the log when it is there.
 */
export function canInstall(state: ReplicaState): boolean {
  const { responses, view } = state.memory;
  if (responses.size < recoveryQuorum(state.replicaCount, state.hasJournal)) return false;
  const primary = responses.get(primaryOf(view, state.replicaCount));
  // With a journal it may have got as far as a later view, and crashed: a quorum is in that one.
  if (primary?.view !== view || view < state.view) return false;
  if (state.hasJournal && view > state.view) state.outbox.writeMeta();
  state.view = view;
  // The first is kept: were each newer one taken, catching up might chase it for ever.
  state.pendingStartView ??= { ...primary, type: "start_view", nonce: 0 };
  return true;
}

/** It has what everybody has, and takes part again: with a journal, as soon as that is written. */
export function endRecovery(state: ReplicaState): void {
  const { memory } = state;
  memory.founders = memory.responses.get(state.primary)?.founders ?? [];
  memory.restart();
  memory.isRejoining = false;
  rememberLives(state);
}

function lose(state: ReplicaState): void {
  state.status = "lost";
  dropTarget(state);
  for (const timeout of Object.values(state.timeouts)) timeout.stop();
}
