/**
 * Child specs: what a supervisor starts, when it restarts it and how it stops it.
 *
 * A spec starts anything that can report its end, so another package can make a replica a child.
 * This file supervises nothing.
 */
import type { ActorDefinition, AnyActorDefinition } from "./actor.ts";
import { LocalRef } from "./local-ref.ts";
import { nameOption, objectOption, oneOfOption } from "./option.ts";
import type { Inferred } from "./ref.ts";
import type { Startable, StartedChild, StartRest } from "./startable.ts";
import { type ActorSystem, launch } from "./system.ts";
import { type StartOptions, shutdownOption } from "./system-options.ts";

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
}

/** What a supervisor needs to know of a child. Other packages make their own. */
export interface ChildSpec {
  /** Unique within its supervisor. */
  readonly id: string;
  readonly restart: Restart;
  readonly shutdown: Shutdown;
  readonly type: "worker" | "supervisor";
  /** Starts the child and resolves when it is up. Called again for every restart. */
  start(host: ActorSystem, options?: ChildStart): Promise<StartedChild>;
}

/** What `child` takes after the argument. */
export interface ChildOptions extends Pick<StartOptions, "name" | "startTimeout"> {
  /** Unique within its supervisor. @default the name, else the name of the definition */
  readonly id?: string;
  /** @default "permanent" */
  readonly restart?: Restart;
  /** @default 5000, and "infinity" for a supervisor */
  readonly shutdown?: Shutdown;
}

/** The defaults of {@link ChildOptions}. OTP: supervisor.erl, `sup_start_map` defaults. */
export const childDefaults = {
  restart: "permanent",
  shutdown: { worker: 5000, supervisor: "infinity" },
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
export function child<A, Q, C, K>(
  definition: ActorDefinition<string, A, Inferred, Q, C, K>,
  ...rest: StartRest<A, ChildOptions>
): ChildSpec;
export function child(definition: Startable<Inferred>, options?: ChildOptions): ChildSpec;
export function child(
  definition: AnyActorDefinition | Startable<Inferred>,
  first?: unknown,
  second?: ChildOptions,
): ChildSpec {
  if ("launchIn" in definition) {
    const options = (first ?? {}) as ChildOptions;
    return Object.freeze({
      ...resolveChildOptions(options, "supervisor", "supervisor"),
      start: (host: ActorSystem, start?: ChildStart) =>
        definition.launchIn(host, { ...startOptions(options), ...start, supervised: true }),
    });
  }
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
        options: { ...startOptions(options), ...ownShutdown, ...start, supervised: true },
        makeRef: (process) => new LocalRef(process.inbox),
      }),
  });
}

function resolveChildOptions(
  options: ChildOptions,
  definitionName: string,
  type: ChildSpec["type"],
): Omit<ChildSpec, "start"> {
  objectOption("options", options);
  const id = options.id ?? options.name ?? definitionName;
  const restart = options.restart ?? childDefaults.restart;
  const shutdown = options.shutdown ?? childDefaults.shutdown[type];
  return checkChildSpec({ id, restart, shutdown, type });
}

function startOptions(options: ChildOptions): StartOptions {
  const { name, startTimeout } = options;
  return {
    ...(name === undefined ? {} : { name }),
    ...(startTimeout === undefined ? {} : { startTimeout }),
  };
}

/** Checks the plain fields of a spec; throws `OptionError` for a bad one. */
export function checkChildSpec(
  spec: Omit<ChildSpec, "start">,
  prefix = "",
): Omit<ChildSpec, "start"> {
  const { id, restart, shutdown, type } = spec;
  nameOption(`${prefix}id`, id);
  oneOfOption(`${prefix}restart`, restart, ["permanent", "transient", "temporary"]);
  oneOfOption(`${prefix}type`, type, ["worker", "supervisor"]);
  if (shutdown !== "brutal_kill") shutdownOption(`${prefix}shutdown`, shutdown);
  return { id, restart, shutdown, type };
}
