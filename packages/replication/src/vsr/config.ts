/**
 * What a group has agreed upon before its first message, and the quorums that follow from it.
 *
 * All members of a group must hold the same `GroupConfig`: the host refuses to talk to one that
 * does not. `ReplicaOptions` are a replica's own affair. Durations are in ticks; the host owns the
 * length of a tick.
 */
import type { Checksum, Hash, ReplicaIndex } from "./types.ts";

export interface GroupConfig {
  /** How many replicas there are; `2f + 1` of them survive the loss of `f`. */
  readonly replicaCount: number;
  /** The parent of op 1: a hash of the group's identity, so that two groups' logs never mix. */
  readonly root: Checksum;
  /** How many prepared and not yet committed ops there may be at once (the P of I24). */
  readonly pipelineMax: number;
  readonly batchRequestsMax: number;
  readonly batchBytesMax: number;
  /** Requests that wait at the primary for room in the pipeline; beyond it they are dropped. */
  readonly queueMax: number;
  /** Sessions in the client table; one more evicts the one that has been idle for longest. */
  readonly sessionsMax: number;
  /** A `new_state` ends with the entry that reaches this many bytes. */
  readonly newStateBytesMax: number;
  /** The state is to be kept after every so manieth op, the same on all replicas (I41). */
  readonly checkpointEvery: number;
  /** Unanswered requests that one session may have, and so replies that the table keeps for it. */
  readonly sessionWindow: number;
}

export interface TimeoutTicks {
  /** Between two signs of life of an idle primary. */
  readonly heartbeat: number;
  /**
   * Silence of the primary after which a backup wants the next view, at least; jitter is added to
   * it. A primary that has been speaking more slowly is given longer.
   */
  readonly primarySilence: number;
  /** The longest that a primary is given, however slowly it has been speaking. */
  readonly primarySilenceMax: number;
  /** The most ticks of jitter added to the timeouts that start view changes. */
  readonly jitter: number;
  /** Between two sendings of something that has not been answered. */
  readonly resend: number;
  /** A vote for a view is forgotten after this long without being repeated. */
  readonly voteWindow: number;
  /** Without one `prepare_ok` for so long, a primary that has work falls silent (I30). */
  readonly abdicate: number;
}

/** One life of a replica that has no journal: with its end all that it knew is forgotten. */
export interface MemoryLife {
  /** Greater than that of every earlier life of this replica, as far as its host can tell. */
  readonly incarnation: number;
  /** It was told that the group has never run, and so may begin with nothing once all are there. */
  readonly bootstrap: boolean;
}

export interface ReplicaOptions {
  readonly index: ReplicaIndex;
  readonly config: GroupConfig;
  readonly ticks: TimeoutTicks;
  readonly hash: Hash;
  /** In [0, 1); used for jitter and nonces, never for anything that replicas must agree upon. */
  readonly random: () => number;
  /** Present in a memory group, where no replica has a journal. */
  readonly memory?: MemoryLife;
}

/** What an entry has on the wire besides its body, at most: four numbers, two checksums, names. */
export const entryEnvelopeBytes = 256;

export const timeoutTicksDefaults = {
  heartbeat: 4,
  primarySilence: 25,
  primarySilenceMax: 100,
  jitter: 15,
  resend: 8,
  voteWindow: 60,
  abdicate: 100,
} as const satisfies TimeoutTicks;

/**
 * More than half; with an even count the larger half. The three quorums below follow from it. They
 * are not chosen one by one: a smaller quorum to commit needs a larger one to change the view, and
 * so fewer losses would stop the group (docs/protocol.md).
 */
export function quorumOf(replicaCount: number): number {
  return Math.floor(replicaCount / 2) + 1;
}

/** How many replicas hold an op before it is committed, and answer a round of reads. */
export function replicationQuorum(replicaCount: number): number {
  return quorumOf(replicaCount);
}

/**
 * How many replicas leave for a view before it begins.
 * It meets every replication quorum (I4), so that what was committed is known in it.
 */
export function viewChangeQuorum(replicaCount: number): number {
  return quorumOf(replicaCount);
}

/**
 * How many others answer one that has forgotten everything. One whose journal is lost counts upon
 * others that remember what they were told, and asks so many that they meet every quorum that it
 * was in itself: what it helped to commit, and which views it voted for, is known among them (I20).
 */
export function recoveryQuorum(replicaCount: number, hasJournal: boolean): number {
  const others = replicaCount - replicationQuorum(replicaCount) + 1;
  return hasJournal ? others : viewChangeQuorum(replicaCount);
}

/**
 * How many replicas say that they never prepared an op before it may be forgotten: with so many,
 * too few are left to have committed it (I34).
 */
export function nackQuorum(replicaCount: number): number {
  return replicaCount - replicationQuorum(replicaCount) + 1;
}
