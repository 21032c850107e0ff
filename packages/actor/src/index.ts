/** The public names of `@troupe/actor`. A list; no code lives here. */
export {
  type ActorDefinition,
  type ActorSpec,
  type AnyActorDefinition,
  defineActor,
  type Handler,
  type Handlers,
  type MailboxSpec,
  type NoHandlers,
  type Overflow,
  type PayloadCheck,
  type RefOf,
} from "./actor.ts";
export { ActorError, isActorError, type Outcome } from "./actor-error.ts";
export { type Clock, type Random, systemClock, type TimerHandle } from "./clock.ts";
export type { Ctx, Down, ExitSignal, MonitorId, StartActor, TimerId } from "./ctx.ts";
export type {
  EffectError,
  EffectHandler,
  EffectHandlers,
  EffectId,
  EffectOptions,
  EffectResult,
  EffectRun,
} from "./effect.ts";
export {
  AlreadyStartedError,
  CallAbortedError,
  CallingSelfError,
  CallTimeoutError,
  EffectTimeoutError,
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
export type { ErrorValue, ExitReason } from "./exit-reason.ts";
export type {
  ProcessInfo,
  ProcessStatus,
  TraceEvent,
  TraceOutcome,
  Tracer,
} from "./process/process-info.ts";
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
export type { ValueUpdate } from "./registry/key-registry.ts";
export {
  type Registered,
  type RegistryDefinition,
  type RegistryKeys,
  type RegistryOptions,
  registry,
  type UniqueRegistryDefinition,
  type Unregistered,
} from "./registry/registry.ts";
export {
  AlreadyRegisteredError,
  LockTimeoutError,
  NotRegisteredError,
} from "./registry/registry-errors.ts";
export type {
  LockOptions,
  RegistryEntry,
  RegistryRef,
  RegistryRow,
  UniqueRegistryRef,
} from "./registry/registry-ref.ts";
export { via } from "./registry/via.ts";
export { defineStateMachine } from "./state-machine/state-machine.ts";
export {
  IllegalActionError,
  TooManyEventsError,
  UnhandledEventError,
  UnknownStateError,
} from "./state-machine/state-machine-errors.ts";
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
} from "./state-machine/state-machine-types.ts";
export {
  type ChildOptions,
  type ChildSpec,
  type ChildStart,
  child,
  type Restart,
  type Shutdown,
} from "./supervision/child-spec.ts";
export {
  type DynamicSupervisorDefinition,
  type DynamicSupervisorOptions,
  type DynamicSupervisorRef,
  dynamicSupervisor,
} from "./supervision/dynamic-supervisor.ts";
export {
  type PartitionKey,
  type PartitionSupervisorDefinition,
  type PartitionSupervisorOptions,
  type PartitionSupervisorRef,
  partitionSupervisor,
} from "./supervision/partition-supervisor.ts";
export type { ChildStatus } from "./supervision/supervised-child.ts";
export {
  type SupervisorDefinition,
  type SupervisorOptions,
  supervisor,
} from "./supervision/supervisor.ts";
export {
  ChildAlreadyPresentError,
  ChildAlreadyStartedError,
  ChildNotFoundError,
  ChildRestartingError,
  ChildRunningError,
  MaxChildrenError,
  TaskExitedError,
} from "./supervision/supervisor-errors.ts";
export type { AutoShutdown, RestartOptions } from "./supervision/supervisor-options.ts";
export type {
  ChildCounts,
  ChildInfo,
  SupervisorRef,
  SupervisorView,
} from "./supervision/supervisor-ref.ts";
export type { Strategy } from "./supervision/supervisor-static.ts";
export type { Task, TaskContext, TaskEnd, TaskFunction } from "./supervision/task.ts";
export {
  type TaskOptions,
  type TaskSupervisorDefinition,
  type TaskSupervisorOptions,
  type TaskSupervisorRef,
  taskSupervisor,
} from "./supervision/task-supervisor.ts";
export type {
  CrashEvent,
  DeadLetterEvent,
  DeadLetterReason,
  EffectFailedEvent,
  Events,
  ExitEvent,
  Logger,
  RestartEvent,
  RestartFailedEvent,
  RestartLimitEvent,
  SystemEvents,
} from "./system/events.ts";
export type { ProcessNode } from "./system/introspection.ts";
export type { ProcessName } from "./system/process-name.ts";
export type { SystemIdentity } from "./system/process-table.ts";
export type { LaunchOptions, StartOptions, StartRest } from "./system/start-options.ts";
export type { Startable, StartedChild } from "./system/startable.ts";
export type { StopOptions } from "./system/stop.ts";
export { ActorSystem, createSystem } from "./system/system.ts";
export type { SystemOptions } from "./system/system-options.ts";
export { defineWireClass, type WireClass, type WireClassSpec } from "./wire-class.ts";
