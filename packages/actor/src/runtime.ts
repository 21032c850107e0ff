/**
 * What the other packages of Troupe use besides the public names. Unstable: it changes with them.
 *
 * A list; no code lives here.
 */
export { systemClock } from "./clock.ts";
export { Deadlines } from "./deadlines.ts";
export { effectOptions } from "./effect.ts";
export { EffectAttempt } from "./effect-attempt.ts";
export { type ErrorParts, errorFromParts } from "./error-parts.ts";
export { assert } from "./errors.ts";
export { nodeEventLoop } from "./event-loop.ts";
export { describeExit, isExitReason, isOrderlyExit, toErrorValue } from "./exit-reason.ts";
export {
  booleanOption,
  durationOption,
  functionOption,
  integerOption,
  knownOptions,
  nameOption,
  objectOption,
  oneOfOption,
  portOption,
  positiveOption,
  withDefaults,
} from "./option.ts";
export {
  checkPlainData,
  clonePlainData,
  keepRef,
  maxBigintBytes,
  maxDateMs,
  type PlainDataForms,
  type PlainDataLimits,
  plainDataDefaults,
} from "./plain-data.ts";
export { type Linked, Links } from "./process/links.ts";
export { LocalRef } from "./process/local-ref.ts";
export type { Watched } from "./process/monitors.ts";
export { OpenCall, type Settle } from "./process/open-call.ts";
export type { ForeignPort, Peer } from "./process/peer.ts";
export { PendingCalls, type PendingCallsOptions } from "./process/pending-calls.ts";
export { type AnyHandler, callTimeout, describeAddress, type ReplyPort } from "./ref.ts";
export { RingQueue } from "./ring-queue.ts";
export type { SystemIdentity } from "./system/process-table.ts";
export { ActorSystem, report } from "./system/system.ts";
export { noWireClasses, WireClasses } from "./wire-class.ts";
export {
  type ErrorClass,
  fromWireError,
  sendableText,
  sendError,
  sendPerformed,
  toWireError,
  type WireError,
} from "./wire-error.ts";
