/** The public names of `@troupe/replication`. A list; no code lives here. */
export {
  BusyError,
  CallTooLargeError,
  CheckpointError,
  GroupClosedError,
  GroupConfigMismatchError,
  GroupLostError,
  JournalDamagedError,
  JournalError,
  type JournalProblem,
  NoQuorumError,
  NotReplicableError,
  SessionEvictedError,
} from "./errors.ts";
export { type Replicable, type ReplicatedOptions, replicate, replicated } from "./group.ts";
export type {
  GroupRef,
  ReachableReplica,
  ReplicaStatus,
  StatusOptions,
  UnreachableReplica,
} from "./group-ref.ts";
export type { GroupOptions } from "./options.ts";
export { DivergedError } from "./vsr/index.ts";
