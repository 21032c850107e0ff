/**
 * What a system tells the application about its processes, as typed events.
 *
 * The emitter is eventemitter3's; the interface here is the part of it that is typed by a map of
 * events, so that a node can add its own. A listener that throws does not disturb the runtime.
 */
import type { ExitReason } from "../exit-reason.ts";
import type { OperationKind } from "../program.ts";
import type { AnyRef } from "../ref.ts";

/** A process has ended, for whatever reason. Its name is free already. */
export interface ExitEvent {
  readonly ref: AnyRef;
  /** The name it had in the system, if any. */
  readonly name: string | undefined;
  readonly reason: ExitReason;
}

/**
 * A process has ended abnormally by itself. It is also reported as an exit; so is one that was
 * killed or ended by an exit signal, which is no crash of its own.
 */
export interface CrashEvent extends ExitEvent {
  /** What it was doing: the name of an operation, `init` or `terminate`. */
  readonly operation: string | undefined;
  /** The argument of that operation. */
  readonly arg: unknown;
  /** What was thrown, when something was. */
  readonly error: unknown;
}

/** Why a message was not handled. */
export type DeadLetterReason =
  | "no_process"
  | "unknown_operation"
  | "mailbox_full"
  | "bad_payload"
  | "not_serializable"
  | "exited"
  | "refused";

/** A cast or an info that nobody handled. Calls are answered with an error instead. */
export interface DeadLetterEvent {
  /** The process it was meant for; undefined when there never was one. */
  readonly ref: AnyRef | undefined;
  readonly kind: OperationKind;
  readonly operation: string;
  readonly arg: unknown;
  readonly reason: DeadLetterReason;
}

/** A named effect has failed, and its actor had asked to be told nothing of it. */
export interface EffectFailedEvent {
  /** The process that asked for it; undefined if that is an actor behind a group. */
  readonly ref: AnyRef | undefined;
  /** The group whose actor asked for it, told on the node of its primary. */
  readonly group: string | undefined;
  readonly id: string;
  /** The name of the effect. */
  readonly effect: string;
  /** What it threw, or `EffectTimeoutError`. */
  readonly error: unknown;
}

/** A supervisor has restarted a child. */
export interface RestartEvent {
  readonly supervisor: AnyRef;
  /** The id of the child's spec. */
  readonly id: string;
  /** The new process; undefined for a child that has none. */
  readonly ref: AnyRef | undefined;
}

/** A supervisor tried to restart a child and it did not come up. It is tried again. */
export interface RestartFailedEvent {
  readonly supervisor: AnyRef;
  readonly id: string;
  readonly reason: ExitReason;
}

/** A supervisor gave up: too many restarts in its window. It stops its children and itself. */
export interface RestartLimitEvent extends RestartFailedEvent {
  readonly maxRestarts: number;
  readonly maxSeconds: number;
}

/** The events of a system. */
export interface SystemEvents {
  exit: ExitEvent;
  crash: CrashEvent;
  deadLetter: DeadLetterEvent;
  effectFailed: EffectFailedEvent;
  restart: RestartEvent;
  restartFailed: RestartFailedEvent;
  restartLimit: RestartLimitEvent;
}

/**
 * The events of a system, typed by a map from name to payload.
 *
 * @example
 * ```ts
 * system.events.on("crash", ({ ref, reason }) => report(ref.address, reason));
 * ```
 */
export interface Events<E extends object> {
  on<K extends keyof E>(event: K, listener: (payload: E[K]) => void): this;
  once<K extends keyof E>(event: K, listener: (payload: E[K]) => void): this;
  off<K extends keyof E>(event: K, listener: (payload: E[K]) => void): this;
  listenerCount(event: keyof E): number;
}

/** Where the runtime reports what nobody listens to. `console` is one. */
export interface Logger {
  warn(message: string, details?: unknown): void;
  error(message: string, details?: unknown): void;
}

/** A logger that says nothing. */
export const silentLogger: Logger = { warn() {}, error() {} };
