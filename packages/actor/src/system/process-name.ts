/**
 * The port through which a process gets a name that is not one of its system's: `start` and
 * `child` take one as their option `name`. Types only; nothing here runs.
 */
import type { Linked } from "../process/links.ts";
import type { AnyRef } from "../ref.ts";

/** A process, as seen by whoever keeps names or keys for it. */
export interface Registrant extends Linked {
  /** Names it in messages: `counter <7>`. */
  describe(): string;
  /** Calls the listener as soon as it is dead. Returns a function that takes the listener back. */
  onRelease(listener: () => void): () => void;
}

/** The system in which a name is claimed. */
export interface NameHost {
  whereis(name: string): AnyRef | undefined;
  /** Whether a ref is one of a process of this system. */
  isLocalRef(ref: unknown): boolean;
}

/** A name for a process, kept by something else than its system. Elixir: `{:via, module, term}`. */
export interface ProcessName {
  /**
   * Gives the name to a process that has been made and has not initialised yet. The name is freed
   * through `process.onRelease`, so whoever calls this need not. It throws, and then has changed
   * nothing: `AlreadyStartedError` when the name is taken, `OptionError` when there can be no such
   * name, `NoProcessError` when whoever keeps it is not running.
   */
  claim(system: NameHost, process: Registrant): void;
  /** Shows the name: `lobby in rooms`. */
  toString(): string;
}
