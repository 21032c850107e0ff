/**
 * The port between a process and its system, and what makes a process.
 */
import type { ContextSources } from "./context.ts";
import type { StartError } from "./errors.ts";
import type { ExitReason } from "./exit-reason.ts";
import type { InboxHost } from "./inbox.ts";
import type { LocalRef } from "./local-ref.ts";
import type { Process } from "./process.ts";
import type { Program } from "./program.ts";
import type { RefAddress } from "./ref.ts";
import type { Scheduler } from "./scheduler.ts";

/** What was going on when a process failed. */
export interface Failure {
  /** The name of an operation, `init` or `terminate`. */
  readonly operation: string | undefined;
  readonly arg: unknown;
  /** What was thrown. */
  readonly error: unknown;
}

/** What a process needs from its system. */
export interface ProcessHost extends InboxHost, ContextSources {
  readonly scheduler: Scheduler;
  /** The process is over: frees its name and number. Comes before anybody is told. */
  release(process: Process): void;
  /** The process is over and its callers are told: the time for events. */
  ended(process: Process, reason: ExitReason, failure: Failure | undefined): void;
}

/** What makes one process. */
export interface ProcessOptions {
  readonly host: ProcessHost;
  readonly program: Program;
  readonly address: RefAddress;
  readonly arg: unknown;
  /** How long an async `init` may take, in milliseconds. */
  readonly startTimeoutMs: number;
  /** How long an async `terminate` may take, in milliseconds. */
  readonly shutdownMs: number;
  readonly makeRef: (process: Process) => LocalRef;
  /** Called when the process is asked to end while it initialises. */
  readonly onExitAsked: (() => void) | undefined;
  readonly onStarted: (process: Process) => void;
  readonly onStartFailed: (error: StartError) => void;
}
