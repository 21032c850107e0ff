/**
 * What makes one process: the request of a start, and the options of the process that it becomes.
 *
 * Types only; nothing here runs.
 */
import type { AnyActorDefinition } from "../actor.ts";
import type { StartError } from "../errors.ts";
import type { Program } from "../program.ts";
import type { RefAddress } from "../ref.ts";
import type { LaunchOptions } from "../system/start-options.ts";
import type { LocalRef } from "./local-ref.ts";
import type { Process } from "./process.ts";
import type { ProcessHost } from "./process-host.ts";

/** A process to launch. */
export interface Launch {
  readonly definition: AnyActorDefinition;
  readonly arg: unknown;
  readonly options: LaunchOptions;
  readonly makeRef: (process: Process) => LocalRef;
  /** Called when the process is asked to end while it initialises, which then should fail soon. */
  readonly onExitAsked?: () => void;
}

/** Is told what becomes of a start: one of the two, once. */
export interface StartListener {
  onStarted(process: Process): void;
  onStartFailed(error: StartError): void;
}

/** What makes one process. */
export interface ProcessOptions {
  readonly host: ProcessHost;
  readonly program: Program;
  readonly address: RefAddress;
  readonly arg: unknown;
  /** Its supervisor, or the process that starts it and links it. */
  readonly parent: Process | undefined;
  /** How long an async `init` may take, in milliseconds. */
  readonly startTimeoutMs: number;
  /** How long an async `terminate` may take, in milliseconds. */
  readonly shutdownMs: number;
  readonly makeRef: (process: Process) => LocalRef;
  /** Called when the process is asked to end while it initialises. */
  readonly onExitAsked: (() => void) | undefined;
  readonly listener: StartListener;
}
