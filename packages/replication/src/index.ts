/** The public names of `@troupe/replication`. A list; no code lives here. */
export {
  BusyError,
  CallTooLargeError,
  CheckpointError,
  EffectStoppedError,
  GroupClosedError,
  GroupConfigMismatchError,
  GroupLostError,
  GroupSplitError,
  GroupUnfoundedError,
  JournalDamagedError,
  JournalError,
  type JournalProblem,
  NoQuorumError,
  NotReplicableError,
  SessionEvictedError,
} from "./errors.ts";
export { type ReplicatedOptions, replicate, replicated } from "./group.ts";
export type { GroupQueryOptions, GroupRef } from "./group-ref.ts";
export type { Consistency } from "./group-request.ts";
export type {
  ReachableReplica,
  ReplicaDetails,
  ReplicaStatus,
  StatusOptions,
  UnreachableReplica,
} from "./group-status.ts";
export type { GroupOptions } from "./options.ts";
export type { Replicable } from "./replicable.ts";
export type { ReplicationEvent, ReplicationListener } from "./replication-events.ts";
export type { Roster } from "./roster.ts";
export type { StatePath } from "./state-path.ts";
export { DivergedError, EndedLifeError, type ReplicaNeed } from "./vsr/index.ts";
