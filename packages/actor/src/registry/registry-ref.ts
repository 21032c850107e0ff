/**
 * What an application can ask a registry: the interfaces of its ref. Types only.
 *
 * Every method but `lock` is synchronous and works on what is so at this moment. So it needs the
 * registry in the same system: another node reaches what is registered, not the registry.
 */
import type { AnyActorDefinition, RefOf } from "../actor.ts";
import type { AnyRef, CallOptions } from "../ref.ts";
import type { ValueUpdate } from "./key-registry.ts";

/** One registration: a process and the value that it gave with its key. */
export interface RegistryEntry<V> {
  readonly ref: AnyRef;
  readonly value: V;
}

/** One registration with its key. */
export interface RegistryRow<K, V> extends RegistryEntry<V> {
  readonly key: K;
}

/** The value of a registration: it may be left out when the registry's values may be absent. */
export type ValueRest<V> = undefined extends V ? [value?: V] : [value: V];

/** How a lock is asked for. The timeout and the signal are those of the waiting. */
export interface LockOptions extends CallOptions {
  /** The process for which the function runs: the lock is free again when it dies. */
  readonly holder?: AnyRef;
}

/**
 * The ref of a registry with duplicate keys, and what one with unique keys has as well.
 *
 * `K` and `V` are the types of keys and values. Keys compare as in a `Map`, so `1`, `1n` and `"1"`
 * are three keys and an object is equal only to itself. Every method throws `NoProcessError` once
 * the registry has ended. What a method changes is changed when it returns, also when a handler
 * that called it throws afterwards. Elixir: `Registry`.
 */
export interface RegistryRef<K, V> extends AnyRef {
  /**
   * Gives a key to a process, and links the process and the registry. The key is free again when
   * the process gives it up or dies, before anybody hears of the death. With duplicate keys one
   * process may have a key several times.
   *
   * Throws `AlreadyRegisteredError` for a unique key that is taken, also by the same process;
   * `NoProcessError` for a process that has ended; `OptionError` for one of another system.
   *
   * @example
   * ```ts
   * calls: { join: (s, room: string, ctx) => rooms.register(ctx.self, room, { nick: s.nick }) }
   * ```
   */
  register(owner: AnyRef, key: K, ...value: ValueRest<V>): void;

  /**
   * Takes a key from a process, with all entries it has for it; does nothing when it has none.
   * With its last key goes the link.
   */
  unregister(owner: AnyRef, key: K): void;

  /** Like {@link RegistryRef.unregister}, for those entries whose value matches. */
  unregisterMatch(owner: AnyRef, key: K, matches: (value: V) => boolean): void;

  /** The processes that have a key, in the order in which they got it. */
  lookup(key: K): readonly RegistryEntry<V>[];

  /** The keys of a process, in the order in which it got them; one it has twice is there twice. */
  keysOf(owner: AnyRef): readonly K[];

  /** The values that a process has given with a key. */
  valuesOf(owner: AnyRef, key: K): readonly V[];

  /** All registrations, key by key. Elixir: `Registry.select`. */
  entries(): readonly RegistryRow<K, V>[];

  /** How many registrations there are. */
  count(): number;

  /** How many registrations a key has. */
  countKey(key: K): number;

  /**
   * Calls a function with the entries of a key and returns its result; when there are none, calls
   * nothing and returns undefined. It runs in the caller, and what it throws is the caller's.
   *
   * @example
   * ```ts
   * topics.dispatch("prices", (subscribers) => {
   *   for (const { ref } of subscribers) ref.send("price", 42);
   * });
   * ```
   */
  dispatch<R>(key: K, deliver: (entries: readonly RegistryEntry<V>[]) => R): R | undefined;

  /**
   * Runs a function while no other one runs under the same key, at once when the key is free, and
   * else in the order of asking; settles as the function does. The lock is free again when the
   * function has returned, thrown or settled, and when the `holder` dies; then the signal that the
   * function is given is aborted, but the function runs on. These keys have nothing to do with
   * those of `register`.
   *
   * Rejects, and has not run the function, with `LockTimeoutError` after `timeout` ms,
   * `CallAbortedError`, `NoProcessError` when holder or registry dies, and `TooManyCallsError` at
   * the registry's `maxLockWaiters`.
   *
   * @example
   * ```ts
   * const token = await sessions.lock("token", () => refreshToken(), { holder: ctx.self });
   * ```
   */
  lock<R>(key: unknown, work: (lost: AbortSignal) => R, options?: LockOptions): Promise<Awaited<R>>;
}

/** The ref of a registry with unique keys: at most one process has a key. */
export interface UniqueRegistryRef<K, V> extends RegistryRef<K, V> {
  /** The process that has a key. Give its definition to have the ref typed. */
  whereis(key: K): AnyRef | undefined;
  whereis<D extends AnyActorDefinition>(key: K, definition: D): RefOf<D> | undefined;

  /**
   * Puts another value in the place of the one that the process gave with the key. What `change`
   * throws is thrown, and then nothing has changed. Throws `NotRegisteredError` when the key is
   * not, or in the end is no longer, that process's.
   */
  updateValue(owner: AnyRef, key: K, change: (value: V) => V): ValueUpdate<V>;

  /**
   * A ref to whoever has a key: it looks the key up at each use, so it reaches the new process
   * after a restart. While nobody has it, calls reject with `NoProcessError` (did not run) and
   * casts become dead letters. When the registry is itself restarted, under a name, it looks there.
   */
  ref(key: K): AnyRef;
  ref<D extends AnyActorDefinition>(key: K, definition: D): RefOf<D>;
}
