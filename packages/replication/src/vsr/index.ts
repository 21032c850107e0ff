/**
 * The protocol room's door. Nothing in this folder imports anything from outside it.
 */
export { assert, ReplicaInvariantError } from "./assert.ts";
export { decodeBatch, encodeBatch, isIntact, requestBytes, sealPrepare } from "./batch.ts";
export { ClientTable } from "./client-table.ts";
export {
  entryEnvelopeBytes,
  type GroupConfig,
  type MemoryLife,
  nackQuorum,
  quorumOf,
  type ReplicaOptions,
  replicationQuorum,
  type TimeoutTicks,
  timeoutTicksDefaults,
  viewChangeQuorum,
} from "./config.ts";
export { DamagedLogError } from "./damaged-log-error.ts";
export { DivergedError } from "./diverged-error.ts";
export { EndedLifeError } from "./ended-life-error.ts";
export { Log } from "./log.ts";
export type {
  ClientMessage,
  EvictionMessage,
  NotPrimaryMessage,
  QueryMessage,
  QueryReplyMessage,
  ReplicaMessage,
  ReplyMessage,
  ReplyToClient,
  RequestMessage,
} from "./message.ts";
export type {
  Addressed,
  Answer,
  CheckpointHead,
  Committed,
  Effect,
  Input,
  LateReply,
  Query,
  Ready,
  Recovered,
  RequestName,
  Write,
} from "./ready.ts";
export { Replica } from "./replica.ts";
export type { ReplicaNeed, ReplicaReport } from "./report.ts";
export type { ReplicaState } from "./state.ts";
export type {
  Checksum,
  ClientId,
  ClientsSnapshot,
  DamagedSlot,
  Hash,
  KnownLives,
  LogBase,
  NamedCheckpoint,
  Op,
  Prepare,
  ReplicaIndex,
  Request,
  SessionSnapshot,
  Status,
  View,
} from "./types.ts";
export { primaryOf } from "./types.ts";
