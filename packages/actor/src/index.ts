/** The public names of `@troupe/actor`. A list; no code lives here. */

export {
  type ActorDefinition,
  type ActorSpec,
  type AnyActorDefinition,
  type Ctx,
  defineActor,
  type Handler,
  type Handlers,
  type NoHandlers,
  type RefOf,
  type TimerId,
} from "./actor.ts";
export { ActorError, isActorError, type Outcome } from "./actor-error.ts";
export {
  type ChildOptions,
  type ChildSpec,
  type ChildStart,
  child,
  type Restart,
  type Shutdown,
} from "./child-spec.ts";
export { type Clock, type Random, systemClock, type TimerHandle } from "./clock.ts";
export {
  AlreadyStartedError,
  CallAbortedError,
  CallingSelfError,
  CallTimeoutError,
  HandlerError,
  InvariantError,
  isReplyError,
  MailboxFullError,
  NoProcessError,
  NotSerializableError,
  OptionError,
  OutsideHandlerError,
  ProcessExitedError,
  ReplyError,
  StartError,
  SystemStoppedError,
  TooManyCallsError,
  UnknownOperationError,
} from "./errors.ts";
export type { EventLoop } from "./event-loop.ts";
export type {
  CrashEvent,
  DeadLetterEvent,
  DeadLetterReason,
  Events,
  ExitEvent,
  Logger,
  RestartEvent,
  RestartFailedEvent,
  RestartLimitEvent,
  SystemEvents,
} from "./events.ts";
export type { ErrorValue, ExitReason } from "./exit-reason.ts";
export type {
  AnyRef,
  Arg,
  CallOptions,
  Ref,
  RefAddress,
  Reply,
  Rest,
} from "./ref.ts";
export type { LaunchOptions, Startable, StartedChild, StartRest } from "./startable.ts";
export type { StopOptions } from "./stop.ts";
export type { ChildStatus } from "./supervised-child.ts";
export {
  type ChildCounts,
  type ChildInfo,
  type Strategy,
  type SupervisorDefinition,
  type SupervisorOptions,
  type SupervisorRef,
  supervisor,
} from "./supervisor.ts";
export { ActorSystem, createSystem, type SystemIdentity } from "./system.ts";
export type { StartOptions, SystemOptions } from "./system-options.ts";
