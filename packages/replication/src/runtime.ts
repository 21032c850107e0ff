/**
 * What the simulator and other hosts use besides the public names. Unstable: it changes with them.
 *
 * A list; no code lives here.
 */

export type { OpenEffect, OpenMessage, OpenPerformance } from "./actor-memory.ts";
export {
  type CheckpointSink,
  decodeHead,
  encodeHead,
  readCheckpoint,
} from "./checkpoint-bytes.ts";
export { checksum } from "./checksum.ts";
export {
  decodeReplies,
  decodeRequests,
  encodeReplies,
  encodeRequests,
} from "./client-batch.ts";
export { Driver, type DriverPorts, type Outside } from "./driver.ts";
export {
  EffectCourier,
  type EffectCourierPorts,
} from "./effect-courier.ts";
export { EffectInbox, type EffectInboxPorts } from "./effect-inbox.ts";
export { EffectPerformer, type EffectPerformerPorts } from "./effect-performer.ts";
export { EffectRunner, type EffectRunnerPorts } from "./effect-runner.ts";
export { decodeMessage, type Envelope, encodeMessage, type Header } from "./envelope.ts";
export { CheckpointError } from "./errors.ts";
export { type FileJournalOptions, openFileJournal } from "./journal/file-journal.ts";
export {
  inspectJournal,
  type JournalReport,
  type SegmentReport,
} from "./journal/inspect.ts";
export {
  type CheckpointName,
  type Checkpoints,
  type CheckpointWriter,
  type Journal,
  type OpenedJournal,
  Recovery,
} from "./journal/journal.ts";
export { MemoryDisk, openMemoryJournal } from "./journal/memory-journal.ts";
export { LocalReads, type LocalReadsPorts, readableOp } from "./local-reads.ts";
export type { Applied, StateIntake, StateMachine } from "./machine-port.ts";
export { callsOfWindow, retryTicks } from "./options.ts";
export { decodePulse, encodePulse, outcomeBytesMax } from "./pulse.ts";
export { type Answered, type Cancel, Session, type SessionOptions } from "./session.ts";
export { ActorMachine } from "./state-machine.ts";
export { stateCodec, TargetRef } from "./target-ref.ts";
export { Ticker, type TickerOptions } from "./ticker.ts";
export {
  type Addressed,
  type CheckpointHead,
  type ClientMessage,
  type ClientsSnapshot,
  type Committed,
  DamagedLogError,
  type DamagedSlot,
  DivergedError,
  decodeBatch,
  type Effect,
  type GroupConfig,
  type Input,
  type LogBase,
  type MemoryLife,
  type NamedCheckpoint,
  nackQuorum,
  type Op,
  primaryOf,
  quorumOf,
  type Ready,
  type Recovered,
  Replica,
  type ReplicaIndex,
  ReplicaInvariantError,
  type ReplicaMessage,
  type ReplicaOptions,
  type ReplyToClient,
  type Request,
  type RequestMessage,
  type TimeoutTicks,
  timeoutTicksDefaults,
  type View,
  type Write,
} from "./vsr/index.ts";
export type {
  CheckpointChunkMessage,
  EffectMessage,
  GroupMessage,
  TransferMessage,
  WireMessage,
} from "./wire.ts";
