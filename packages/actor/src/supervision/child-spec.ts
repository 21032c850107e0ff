/**
 * Child specs: what a supervisor starts, when it restarts it and how it stops it.
 *
 * A spec starts anything that can report its end, so another package can make a replica a child.
 * This file supervises nothing.
 */
import type { ActorDefinition, AnyActorDefinition } from "../actor.ts";
import { OptionError } from "../errors.ts";
import {
  booleanOption,
  functionOption,
  knownOptions,
  nameOption,
  objectOption,
  oneOfOption,
  withDefaults,
} from "../option.ts";
import { LocalRef } from "../process/local-ref.ts";
import type { Process } from "../process/process.ts";
import type { AnyRef, Inferred, Ref } from "../ref.ts";
import type { LaunchOptions, StartRest } from "../system/start-options.ts";
import { resolveStartOptions, type StartOptions, shutdownOption } from "../system/start-options.ts";
import type { Startable, StartedChild } from "../system/startable.ts";
import { type ActorSystem, launch } from "../system/system.ts";

/**
 * When a child that has ended is started again: always, after an abnormal end only, or never.
 * OTP: `permanent`, `transient`, `temporary`.
 */
export type Restart = "permanent" | "transient" | "temporary";

/** How long a child may take to stop: milliseconds, no time at all, or as long as it needs. */
export type Shutdown = number | "brutal_kill" | "infinity";

/** What a start by a supervisor is given besides the system. */
export interface ChildStart {
  /** Aborted when the child is no longer wanted; the start should then fail soon. */
  readonly signal: AbortSignal;
  /** The same news as the signal's, for one listener and without the cost of a signal. */
  onCancel?(listener: () => void): void;
  /** The supervisor: the parent of what is started. */
  readonly supervisor?: AnyRef;
}

/**
 * What a supervisor needs to know of a child; `R` is the ref that a start gives. Other packages
 * make their own. A start that fails with `StartError` and the reason `"normal"` is no failure:
 * there is nothing to supervise, and the spec stays without a process. OTP: `ignore`.
 */
export interface ChildSpec<R extends AnyRef | undefined = AnyRef | undefined> {
  /** Unique within its supervisor. */
  readonly id: string;
  readonly restart: Restart;
  readonly shutdown: Shutdown;
  readonly type: "worker" | "supervisor";
  /** Whether its end may be the end of the supervisor, see `autoShutdown`. @default false */
  readonly significant?: boolean;
  /** Starts the child and resolves when it is up. Called again for every restart. */
  start(host: ActorSystem, options?: ChildStart): Promise<StartedChild<R>>;
}

/** What `child` takes after the argument. */
export interface ChildOptions extends Pick<StartOptions, "name" | "startTimeout"> {
  /** Unique within its supervisor. @default the name, else the name of the definition */
  readonly id?: string;
  /** @default "permanent" */
  readonly restart?: Restart;
  /** @default 5000, and "infinity" for a supervisor */
  readonly shutdown?: Shutdown;
  /**
   * Whether its end may be the end of the supervisor, see `autoShutdown`. Not for a `"permanent"`
   * child, which always comes back. @default false
   */
  readonly significant?: boolean;
}

/** The defaults of {@link ChildOptions}. OTP: supervisor.erl, `sup_start_map` defaults. */
export const childDefaults = {
  restart: "permanent",
  shutdown: { worker: 5000, supervisor: "infinity" },
  significant: false,
} as const;

/**
 * Describes a child of a supervisor: an actor with its argument, or another supervisor.
 *
 * A child with a `name` is reached through `system.whereis(name)` after every restart. Throws
 * `OptionError` for a bad option. OTP: child specifications.
 *
 * @example
 * ```ts
 * child(Counter, { start: 0 }, { id: "c1", restart: "transient", shutdown: "brutal_kill" });
 * ```
 */
export function child<A, Q, C, K, I>(
  definition: ActorDefinition<string, A, Inferred, Q, C, K, I>,
  ...rest: StartRest<A, ChildOptions>
): ChildSpec<Ref<Q, C, K, I>>;
export function child<R extends AnyRef>(
  definition: Startable<R>,
  options?: ChildOptions,
): ChildSpec<R>;
export function child(
  definition: AnyActorDefinition | Startable<AnyRef>,
  first?: unknown,
  second?: ChildOptions,
): ChildSpec<AnyRef> {
  objectOption("definition", definition);
  if ("launchIn" in definition) {
    const options = (first ?? {}) as ChildOptions;
    if (second !== undefined) {
      throw new OptionError("arguments", "two: what has no argument takes the options", "three");
    }
    return Object.freeze({
      ...resolveChildOptions(options, "supervisor", "supervisor"),
      start: (host: ActorSystem, start?: ChildStart) =>
        definition.launchIn(host, {
          ...startOptions(options),
          ...launchOptions(start),
          ...(start === undefined ? {} : { signal: start.signal }),
        }),
    });
  }
  functionOption("definition.init", definition.init);
  const options = second ?? {};
  const resolved = resolveChildOptions(options, definition.name, "worker");
  // After a crash the actor terminates by itself, within the same time as when it is asked to.
  const ownShutdown = resolved.shutdown === "brutal_kill" ? {} : { shutdown: resolved.shutdown };
  return Object.freeze({
    ...resolved,
    start: (host: ActorSystem, start?: ChildStart) =>
      launch(host, {
        definition,
        arg: first,
        options: { ...startOptions(options), ...ownShutdown, ...launchOptions(start) },
        makeRef: (process) => supervisedRef(process, start),
      }),
  });
}

const childFields = ["id", "restart", "shutdown", "significant", "name", "startTimeout"];

function resolveChildOptions(
  options: ChildOptions,
  definitionName: string,
  type: ChildSpec["type"],
): CheckedSpec {
  knownOptions(objectOption("options", options), childFields);
  resolveStartOptions(startOptions(options));
  const { name = definitionName } = options;
  const id = options.id ?? String(name);
  const { restart, significant } = withDefaults(childDefaults as ChildFlags, options);
  const shutdown = options.shutdown ?? childDefaults.shutdown[type];
  return checkChildSpec({ id, restart, shutdown, type, significant });
}

type ChildFlags = Required<Pick<ChildOptions, "restart" | "significant">>;

function startOptions(options: ChildOptions): StartOptions {
  const { name, startTimeout } = options;
  return {
    ...(name === undefined ? {} : { name }),
    ...(startTimeout === undefined ? {} : { startTimeout }),
  };
}

/** What a supervisor's start adds to the options of a launch; see {@link supervisedRef}. */
export function launchOptions(start: ChildStart | undefined): LaunchOptions {
  if (start === undefined) return { supervised: true };
  const { supervisor, onCancel } = start;
  return {
    supervised: true,
    ...(supervisor === undefined ? {} : { parent: supervisor }),
    ...(onCancel === undefined ? { signal: start.signal } : {}),
  };
}

/** The ref of a process that is killed when its start is called off. */
export function supervisedRef(process: Process, start: ChildStart | undefined): LocalRef {
  start?.onCancel?.(() => process.exit("killed"));
  return new LocalRef(process.inbox);
}

/** The plain fields of a spec, all of them. */
export type CheckedSpec = Required<Omit<ChildSpec, "start">>;

/** Checks the plain fields of a spec; throws `OptionError` for a bad one. */
export function checkChildSpec(spec: Omit<ChildSpec, "start">, prefix = ""): CheckedSpec {
  const { id, restart, shutdown, type, significant = childDefaults.significant } = spec;
  nameOption(`${prefix}id`, id);
  oneOfOption(`${prefix}restart`, restart, ["permanent", "transient", "temporary"]);
  oneOfOption(`${prefix}type`, type, ["worker", "supervisor"]);
  booleanOption(`${prefix}significant`, significant);
  if (shutdown !== "brutal_kill") shutdownOption(`${prefix}shutdown`, shutdown);
  if (significant && restart === "permanent") {
    const expected = 'false for a "permanent" child, or the restart "transient" or "temporary"';
    throw new OptionError(`${prefix}significant`, expected, significant);
  }
  return { id, restart, shutdown, type, significant };
}

/** Checks a whole spec, as a supervisor is given it. Throws `OptionError`. */
export function childSpecOption(option: string, spec: ChildSpec): ChildSpec {
  objectOption(option, spec);
  checkChildSpec(spec, `${option}.`);
  functionOption(`${option}.start`, spec.start);
  return spec;
}
