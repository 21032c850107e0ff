/**
 * What a system can start, and what it gets from starting it.
 *
 * A supervisor is started through these types, so the system need not know what one is. Types
 * only; nothing here runs.
 */
import type { ExitReason } from "../exit-reason.ts";
import type { AnyRef } from "../ref.ts";
import type { LaunchOptions } from "./start-options.ts";
import type { ActorSystem } from "./system.ts";

/** Something that runs and ends: a process, or what another package makes a child of. */
export interface StartedChild<R extends AnyRef | undefined = AnyRef | undefined> {
  readonly ref: R;
  /** Calls the listener once with the exit reason; at once when it has ended already. */
  onExit(listener: (reason: ExitReason) => void): void;
  /** Asks it to end. `"killed"` ends it at once. */
  exit(reason: ExitReason): void;
  /** Tells it that its supervisor is over without having stopped it. @default it is killed */
  parentExited?(reason: ExitReason): void;
}

/** Something other than an actor that a system can start: a supervisor. */
export interface Startable<R extends AnyRef> {
  launchIn(system: ActorSystem, options: LaunchOptions): Promise<StartedChild<R>>;
}
