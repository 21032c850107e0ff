/**
 * The options of a start: one interface, one default and one resolver; and the types of what may
 * be started.
 */
import { durationOption, knownOptions, nameOption, objectOption } from "../option.ts";
import type { AnyRef, Inferred } from "../ref.ts";
import type { ProcessName } from "./process-name.ts";

/** What `start` takes after the argument. */
export interface StartOptions {
  /**
   * Registers the process before `init` runs: in the system, so that `whereis` finds it, or with
   * `via(registry, key)` in a registry.
   */
  readonly name?: string | ProcessName;
  /**
   * Milliseconds that an async `init` may take before the process is killed. OTP waits for ever.
   * @default 30000
   */
  readonly startTimeout?: number;
  /**
   * Milliseconds that the process may take to stop, before it is killed: `terminate` after a crash
   * or `ctx.stop`, and the whole of it when the system shuts down. For a supervisor `"infinity"`.
   * @default 5000
   */
  readonly shutdown?: number | "infinity";
}

/** {@link StartOptions} with every value filled in. */
export interface ResolvedStartOptions {
  readonly name: string | ProcessName | undefined;
  readonly startTimeoutMs: number;
  readonly shutdownMs: number;
}

/** The defaults of {@link StartOptions}, for an actor. OTP: a worker's shutdown is 5000. */
export const startDefaults = {
  startTimeout: 30_000,
  shutdown: 5000,
} as const satisfies StartOptions;

const startFields = ["name", "startTimeout", "shutdown", "supervised", "parent", "signal"];

/** Fills in and checks the options of a start; throws `OptionError` for a bad one. */
export function resolveStartOptions(options: StartOptions): ResolvedStartOptions {
  knownOptions(objectOption("options", options), startFields);
  const { name } = options as StartOptions;
  const { startTimeout = startDefaults.startTimeout, shutdown = startDefaults.shutdown } = options;
  return {
    name: name === undefined || isProcessName(name) ? name : nameOption("name", name),
    startTimeoutMs: durationOption("startTimeout", startTimeout),
    shutdownMs: shutdownOption("shutdown", shutdown),
  };
}

/** A shutdown time in milliseconds, or `"infinity"`. */
export function shutdownOption(option: string, value: unknown): number {
  return value === "infinity" ? Number.POSITIVE_INFINITY : durationOption(option, value);
}

function isProcessName(name: unknown): name is ProcessName {
  if (typeof name !== "object" || name === null) return false;
  return typeof (name as { claim?: unknown }).claim === "function";
}

/** The parameters after a definition: the argument is optional if it may be absent. */
export type StartRest<A, Options> = unknown extends A
  ? [arg?: A, options?: Options]
  : undefined extends A
    ? [arg?: A, options?: Options]
    : [arg: A, options?: Options];

/** How something is launched: the options of `start`, and what a supervisor adds. */
export interface LaunchOptions extends StartOptions {
  /** True for the child of a supervisor, which the system does not stop by itself. */
  readonly supervised?: boolean;
  /** Its supervisor; or else the process that starts it, which is then linked to it. */
  readonly parent?: AnyRef;
  /** Aborting it ends a start that is under way. */
  readonly signal?: AbortSignal;
}

/** Something other than an actor that can be started, as far as a handler must know it. */
export interface Launchable<R extends AnyRef> {
  launchIn(system: Inferred, options: LaunchOptions): Promise<{ readonly ref: R }>;
}
