/**
 * `registry`: what a registry is, for a system or a supervisor to start, and the starting of it.
 *
 * A registry is a process like any other: it stands in the tree, can be stopped and is restarted
 * empty. The process handles no message; it is there to be linked with.
 */
import { defineActor } from "../actor.ts";
import type { ExitSignal } from "../ctx.ts";
import { assert, NoProcessError, OptionError, show } from "../errors.ts";
import {
  functionOption,
  integerOption,
  nameOption,
  objectOption,
  oneOfOption,
  withDefaults,
} from "../option.ts";
import { Inbox } from "../process/inbox.ts";
import { LocalRef } from "../process/local-ref.ts";
import type { Process } from "../process/process.ts";
import type { AnyRef, Inferred } from "../ref.ts";
import { NamedRef } from "../system/named-ref.ts";
import type { NameHost, Registrant } from "../system/process-name.ts";
import type { LaunchOptions } from "../system/start-options.ts";
import type { Startable, StartedChild } from "../system/startable.ts";
import { type ActorSystem, launch, report } from "../system/system.ts";
import { KeyLocks } from "./key-locks.ts";
import { type KeyListener, KeyRegistry } from "./key-registry.ts";
import { LocalRegistryRef, type RegistryParts } from "./local-registry-ref.ts";
import type { RegistryRef, UniqueRegistryRef } from "./registry-ref.ts";

/** Whether a key has at most one process, or any number. */
export type RegistryKeys = "unique" | "duplicate";

/** What `registry` takes. */
export interface RegistryOptions<Keys extends RegistryKeys = RegistryKeys> {
  readonly keys: Keys;
  /** The name under which it is started, unless the start gives another. */
  readonly name?: string;
  /**
   * Who gets the info messages `register` ({@link Registered}) and `unregister`
   * ({@link Unregistered}): refs, or names that are looked up each time. What ends with the death
   * of its owner is not announced: monitor the owner for that. Elixir: `listeners`.
   * @default []
   */
  readonly listeners?: readonly (AnyRef | string)[];
  /** How many may wait for locks at a time, over all keys. @default 10000 */
  readonly maxLockWaiters?: number;
}

/** The defaults of {@link RegistryOptions}. */
export const registryDefaults = {
  listeners: [],
  maxLockWaiters: 10_000,
} as const satisfies Partial<RegistryOptions>;

/** What the info message `register` of a listener carries. */
export interface Registered<K, V> {
  readonly registry: RegistryRef<K, V>;
  readonly key: K;
  readonly ref: AnyRef;
  readonly value: V;
}

/** What the info message `unregister` of a listener carries. */
export interface Unregistered<K> {
  readonly registry: AnyRef;
  readonly key: K;
  readonly ref: AnyRef;
}

/** What `registry` makes: give it to `system.start` or to `child`. */
export interface RegistryDefinition<K, V, R extends RegistryRef<K, V> = RegistryRef<K, V>>
  extends Startable<R> {
  readonly keys: RegistryKeys;
  readonly name: string | undefined;
  /**
   * The registry of this definition that runs in a system under the definition's name. Throws
   * `NoProcessError` when there is none, and `OptionError` when the definition has no name or
   * something else has it.
   *
   * @example
   * ```ts
   * Rooms.in(system).whereis("lobby");
   * ```
   */
  in(system: NameHost): R;
}

/** The definition of a registry with unique keys: its keys can be names of processes. */
export interface UniqueRegistryDefinition<K, V>
  extends RegistryDefinition<K, V, UniqueRegistryRef<K, V>> {
  readonly keys: "unique";
}

/**
 * Defines a registry: processes by key, with a value each.
 *
 * `K` and `V` are the types of keys and values; without `V` there are no values. Throws
 * `OptionError` for a bad option. Elixir: `Registry`.
 *
 * @example
 * ```ts
 * const Rooms = registry<string, { open: boolean }>({ name: "rooms", keys: "unique" });
 * const rooms = await system.start(Rooms);
 * rooms.register(room, "lobby", { open: true });
 * rooms.lookup("lobby"); // => [{ ref: room, value: { open: true } }]
 * ```
 */
export function registry<K = string, V = undefined>(
  options: RegistryOptions<"unique">,
): UniqueRegistryDefinition<K, V>;
export function registry<K = string, V = undefined>(
  options: RegistryOptions<"duplicate">,
): RegistryDefinition<K, V>;
export function registry(options: RegistryOptions): RegistryDefinition<Inferred, Inferred> {
  objectOption("options", options);
  const resolved = resolve(options);
  const { keys, name } = resolved;
  const made: RegistryDefinition<Inferred, Inferred> = Object.freeze({
    keys,
    name,
    in: (system: NameHost) => running(system, made),
    launchIn: (system: ActorSystem, launchOptions: LaunchOptions) =>
      launchRegistry(system, made, resolved, launchOptions),
  });
  return made;
}

/** {@link RegistryOptions} with every value filled in. */
type ResolvedOptions = Required<Omit<RegistryOptions, "name">> & {
  readonly name: string | undefined;
};

function resolve(options: RegistryOptions): ResolvedOptions {
  const merged = withDefaults(registryDefaults as Partial<RegistryOptions>, options);
  const { keys, name, listeners, maxLockWaiters, ...others } = merged;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw new OptionError(unknown, "no such option", unknown);
  return {
    keys: oneOfOption("keys", keys, ["unique", "duplicate"]),
    name: name === undefined ? undefined : nameOption("name", name),
    listeners: checkListeners(listeners),
    maxLockWaiters: integerOption("maxLockWaiters", maxLockWaiters, 0),
  };
}

function checkListeners(listeners: unknown): readonly (AnyRef | string)[] {
  if (!Array.isArray(listeners)) throw new OptionError("listeners", "an array", listeners);
  for (const [at, listener] of listeners.entries()) {
    if (typeof listener === "string") nameOption(`listeners[${at}]`, listener);
    else functionOption(`listeners[${at}].send`, listener?.send);
  }
  return Object.freeze([...listeners]);
}

/** The running registry of a definition with a name. */
function running(
  system: NameHost,
  definition: RegistryDefinition<Inferred, Inferred>,
): UniqueRegistryRef<Inferred, Inferred> {
  const name = nameOption("name of the registry", definition.name);
  const ref = system.whereis(name);
  if (ref === undefined) throw new NoProcessError(`registry "${name}"`);
  if (LocalRegistryRef.partsOf(ref)?.definition === definition) {
    return ref as LocalRegistryRef<Inferred, Inferred>;
  }
  throw new OptionError("name of the registry", "the name of no other process", name);
}

/** The process of every registry: its state is its keys, which it leaves to the ref. */
const RegistryActor = defineActor("registry", {
  init: (keysOf: () => KeyRegistry<Inferred, Inferred>) => keysOf(),
  // It outlives the processes that have keys, and whoever else links to it.
  trapExit: true,
  info: { exit: (_keys, _signal: ExitSignal) => {} },
  terminate: (keys, reason) => {
    if (reason === "normal") keys.dismiss();
  },
});

async function launchRegistry(
  system: ActorSystem,
  definition: RegistryDefinition<Inferred, Inferred>,
  resolved: ResolvedOptions,
  launchOptions: LaunchOptions,
): Promise<StartedChild<LocalRegistryRef<Inferred, Inferred>>> {
  const name = launchOptions.name ?? resolved.name;
  const options = name === undefined ? launchOptions : { ...launchOptions, name };
  const ownName = typeof name === "string" ? name : undefined;
  let born: RegistryParts<Inferred, Inferred> | undefined;
  const makeRef = (process: Process) => {
    const parts = partsOf(system, definition, resolved, process, ownName, () => ref);
    const ref = new LocalRegistryRef(process.inbox, parts);
    born = parts;
    return ref;
  };
  const keysOf = () => {
    assert(born !== undefined, "a registry has its keys before it initialises");
    return born.keys;
  };
  const process = await launch(system, {
    definition: RegistryActor,
    arg: keysOf,
    options,
    makeRef,
  });
  return process as Process & { ref: LocalRegistryRef<Inferred, Inferred> };
}

/** Makes what is behind the ref of a registry, and ends it with the registry's process. */
function partsOf(
  system: ActorSystem,
  definition: RegistryDefinition<Inferred, Inferred>,
  options: ResolvedOptions,
  process: Process,
  name: string | undefined,
  self: () => RegistryRef<Inferred, Inferred>,
): RegistryParts<Inferred, Inferred> {
  const label = name === undefined ? process.describe() : `registry "${name}"`;
  const keys = new KeyRegistry<Inferred, Inferred>({
    process,
    label,
    isUnique: options.keys === "unique",
    listener: announcer(system, options.listeners, self),
  });
  const { maxLockWaiters: maxWaiting } = options;
  const locks = new KeyLocks<unknown>({ clock: system.clock, owner: label, maxWaiting });
  process.onRelease(() => {
    keys.close();
    locks.close(new NoProcessError(label));
  });
  const current = () => (keys.isClosed && name !== undefined ? keysNamed(system, name) : keys);
  return {
    definition,
    keys,
    locks,
    ownerOf: (option, ref) => ownerOf(system, option, ref),
    lookupOf: (key) => ({
      find: () => current()?.first(key)?.owner.ref,
      describe: () => `${show(key)} in ${label}`,
      deadLetter: (ref, kind, operation, arg, reason) =>
        report(system, "deadLetter", { ref, kind, operation, arg, reason }),
    }),
  };
}

/** Tells the listeners of a registry what its owners do. */
function announcer(
  system: ActorSystem,
  listeners: readonly (AnyRef | string)[],
  self: () => RegistryRef<Inferred, Inferred>,
): KeyListener<Inferred, Inferred> {
  const refs = listeners.map((one) => (typeof one === "string" ? system.ref(one) : one));
  return {
    registered: ({ ref }, key, value) => {
      const event: Registered<unknown, unknown> = { registry: self(), key, ref, value };
      for (const listener of refs) listener.send("register", event);
    },
    unregistered: ({ ref }, key) => {
      const event: Unregistered<unknown> = { registry: self(), key, ref };
      for (const listener of refs) listener.send("unregister", event);
    },
  };
}

/** The keys of the registry that has a name now, if it is one with unique keys. */
function keysNamed(system: NameHost, name: string): KeyRegistry<Inferred, Inferred> | undefined {
  const keys = LocalRegistryRef.partsOf(system.whereis(name))?.keys;
  return keys?.isUnique === true ? keys : undefined;
}

/** The process behind a ref; undefined when it has ended. */
function ownerOf(system: ActorSystem, option: string, ref: AnyRef): Registrant | undefined {
  objectOption(option, ref);
  const target = NamedRef.resolve(ref);
  if (target === undefined) return undefined;
  const receiver = LocalRef.receiverOf(target);
  if (receiver instanceof Inbox && system.isLocalRef(target)) return receiver.owner as Process;
  throw new OptionError(option, "the ref of a process of this system", String(ref));
}
