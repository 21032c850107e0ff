/**
 * What a system can start, and what it gets from starting it.
 *
 * A supervisor is started through these types, so the system need not know what one is. Types
 * only; nothing here runs.
 */
import type { AnyActorDefinition } from "./actor.ts";
import type { ExitReason } from "./exit-reason.ts";
import type { LocalRef } from "./local-ref.ts";
import type { Process } from "./process.ts";
import type { AnyRef } from "./ref.ts";
import type { ActorSystem } from "./system.ts";
import type { StartOptions } from "./system-options.ts";

/** Something that runs and ends: a process, or what another package makes a child of. */
export interface StartedChild<R extends AnyRef | undefined = AnyRef | undefined> {
  readonly ref: R;
  /** Calls the listener once with the exit reason; at once when it has ended already. */
  onExit(listener: (reason: ExitReason) => void): void;
  /** Asks it to end. `"killed"` ends it at once. */
  exit(reason: ExitReason): void;
}

/** How something is launched: the options of `start`, and what a supervisor adds. */
export interface LaunchOptions extends StartOptions {
  /** True for the child of a supervisor, which the system does not stop by itself. */
  readonly supervised?: boolean;
  /** Aborting it ends a start that is under way. */
  readonly signal?: AbortSignal;
}

/** Something other than an actor that a system can start: a supervisor. */
export interface Startable<R extends AnyRef> {
  launchIn(system: ActorSystem, options: LaunchOptions): Promise<StartedChild<R>>;
}

/** The parameters after a definition: the argument is optional if it may be absent. */
export type StartRest<A, Options> = unknown extends A
  ? [arg?: A, options?: Options]
  : undefined extends A
    ? [arg?: A, options?: Options]
    : [arg: A, options?: Options];

/** A process to launch. */
export interface Launch {
  readonly definition: AnyActorDefinition;
  readonly arg: unknown;
  readonly options: LaunchOptions;
  readonly makeRef: (process: Process) => LocalRef;
  /** Called when the process is asked to end while it initialises, which then should fail soon. */
  readonly onExitAsked?: () => void;
}
