/** The public names of `@troupe/actor`. A list; no code lives here. */

export {
  type ActorDefinition,
  type ActorSpec,
  type AnyActorDefinition,
  type Ctx,
  type Down,
  defineActor,
  type ExitSignal,
  type Handler,
  type Handlers,
  type MailboxSpec,
  type MonitorId,
  type NoHandlers,
  type Overflow,
  type PayloadCheck,
  type RefOf,
  type StartActor,
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
  type DynamicSupervisorDefinition,
  type DynamicSupervisorOptions,
  type DynamicSupervisorRef,
  dynamicSupervisor,
} from "./dynamic-supervisor.ts";
export {
  AlreadyStartedError,
  CallAbortedError,
  CallingSelfError,
  CallTimeoutError,
  HandlerError,
  InvariantError,
  isReplyError,
  MailboxFullError,
  NoCallerError,
  NoProcessError,
  NoStateError,
  NotSerializableError,
  OptionError,
  OutsideHandlerError,
  PayloadError,
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
export type { ProcessNode } from "./introspection.ts";
export type { ValueUpdate } from "./key-registry.ts";
export {
  type PartitionKey,
  type PartitionSupervisorDefinition,
  type PartitionSupervisorOptions,
  type PartitionSupervisorRef,
  partitionSupervisor,
} from "./partition-supervisor.ts";
export type {
  ProcessInfo,
  ProcessStatus,
  TraceEvent,
  TraceOutcome,
  Tracer,
} from "./process-info.ts";
export type { ProcessName } from "./process-name.ts";
export type { SystemIdentity } from "./process-table.ts";
export type {
  AnyRef,
  Arg,
  CallOptions,
  Deferred,
  Ref,
  RefAddress,
  Reply,
  ReplyTo,
  Rest,
} from "./ref.ts";
export {
  type Registered,
  type RegistryDefinition,
  type RegistryKeys,
  type RegistryOptions,
  registry,
  type UniqueRegistryDefinition,
  type Unregistered,
} from "./registry-definition.ts";
export {
  AlreadyRegisteredError,
  LockTimeoutError,
  NotRegisteredError,
} from "./registry-errors.ts";
export type {
  LockOptions,
  RegistryEntry,
  RegistryRef,
  RegistryRow,
  UniqueRegistryRef,
} from "./registry-ref.ts";
export type { LaunchOptions, StartOptions, StartRest } from "./start-options.ts";
export type { Startable, StartedChild } from "./startable.ts";
export { defineStateMachine } from "./state-machine.ts";
export {
  IllegalActionError,
  TooManyEventsError,
  UnhandledEventError,
  UnknownStateError,
} from "./state-machine-errors.ts";
export type {
  EventKind,
  MachineCtx,
  MachineEnterCtx,
  MachineEvent,
  MachineHandler,
  MachineHandlers,
  MachineInitCtx,
  MachineOperations,
  MachineQueryCtx,
  MachineStart,
  MachineState,
  MachineTimeouts,
  MachineTimer,
  StateMachineDefinition,
  StateMachineSpec,
  StateSpec,
  TimeoutTime,
} from "./state-machine-types.ts";
export type { StopOptions } from "./stop.ts";
export type { ChildStatus } from "./supervised-child.ts";
export {
  type SupervisorDefinition,
  type SupervisorOptions,
  supervisor,
} from "./supervisor.ts";
export {
  ChildAlreadyPresentError,
  ChildAlreadyStartedError,
  ChildNotFoundError,
  ChildRestartingError,
  ChildRunningError,
  MaxChildrenError,
  TaskExitedError,
} from "./supervisor-errors.ts";
export type { AutoShutdown, RestartOptions } from "./supervisor-options.ts";
export type {
  ChildCounts,
  ChildInfo,
  SupervisorRef,
  SupervisorView,
} from "./supervisor-ref.ts";
export type { Strategy } from "./supervisor-static.ts";
export { ActorSystem, createSystem } from "./system.ts";
export type { SystemOptions } from "./system-options.ts";
export type { Task, TaskContext, TaskEnd, TaskFunction } from "./task.ts";
export {
  type TaskOptions,
  type TaskSupervisorDefinition,
  type TaskSupervisorOptions,
  type TaskSupervisorRef,
  taskSupervisor,
} from "./task-supervisor.ts";
export { via } from "./via.ts";
