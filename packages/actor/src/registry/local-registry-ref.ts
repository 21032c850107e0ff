/**
 * The ref of a registry of this system: it checks what it is given, finds the processes behind the
 * refs, and leaves the rest to the keys and the locks.
 */
import type { AnyActorDefinition } from "../actor.ts";
import { NoProcessError, OptionError } from "../errors.ts";
import { functionOption, objectOption } from "../option.ts";
import { LocalRef, type Receiver } from "../process/local-ref.ts";
import { type AnyRef, callTimeout, type Inferred } from "../ref.ts";
import { NamedRef, type NameLookup } from "../system/named-ref.ts";
import type { Registrant } from "../system/process-name.ts";
import type { KeyLocks } from "./key-locks.ts";
import type { KeyRegistry, ValueUpdate } from "./key-registry.ts";
import type { KeyEntry } from "./key-table.ts";
import type {
  LockOptions,
  RegistryEntry,
  RegistryRow,
  UniqueRegistryRef,
  ValueRest,
} from "./registry-ref.ts";

/** What the ref of a registry works with. */
export interface RegistryParts<K, V> {
  /** What the registry was started from. */
  readonly definition: object;
  readonly keys: KeyRegistry<K, V>;
  readonly locks: KeyLocks<unknown>;
  /**
   * The process that a ref means now; undefined when it has ended. Throws `OptionError` for
   * anything but a ref of this system.
   */
  ownerOf(option: string, ref: AnyRef): Registrant | undefined;
  /** Looks a key up, in a registry that may be restarted in the meantime. */
  lookupOf(key: K): NameLookup;
}

/** The ref of a local registry, with unique or with duplicate keys. */
export class LocalRegistryRef<K, V> extends LocalRef implements UniqueRegistryRef<K, V> {
  readonly #parts: RegistryParts<K, V>;

  constructor(receiver: Receiver, parts: RegistryParts<K, V>) {
    super(receiver);
    this.#parts = parts;
  }

  /** What is behind a ref, or undefined when it is not the ref of a local registry. */
  static partsOf(ref: unknown): RegistryParts<Inferred, Inferred> | undefined {
    const isOne = typeof ref === "object" && ref !== null && #parts in ref;
    return isOne ? ref.#parts : undefined;
  }

  register(owner: AnyRef, key: K, ...value: ValueRest<V>): void {
    const keys = this.#keys;
    const process = this.#ownerOf(owner);
    if (process === undefined) throw new NoProcessError(String(owner));
    keys.register(process, key, value[0] as V);
  }

  unregister(owner: AnyRef, key: K): void {
    const keys = this.#keys;
    const process = this.#ownerOf(owner);
    if (process !== undefined) keys.unregister(process, key);
  }

  unregisterMatch(owner: AnyRef, key: K, matches: (value: V) => boolean): void {
    functionOption("matches", matches);
    const keys = this.#keys;
    const process = this.#ownerOf(owner);
    if (process !== undefined) keys.unregister(process, key, matches);
  }

  lookup(key: K): readonly RegistryEntry<V>[] {
    return this.#keys.lookup(key).map(entryOf);
  }

  keysOf(owner: AnyRef): readonly K[] {
    const keys = this.#keys;
    const process = this.#ownerOf(owner);
    return process === undefined ? [] : keys.ofOwner(process).map((entry) => entry.key);
  }

  valuesOf(owner: AnyRef, key: K): readonly V[] {
    const keys = this.#keys;
    const process = this.#ownerOf(owner);
    return process === undefined ? [] : keys.of(process, key).map((entry) => entry.value);
  }

  entries(): readonly RegistryRow<K, V>[] {
    const keys = this.#keys;
    return keys.all().map(({ owner, key, value }) => ({ key, ref: owner.ref, value }));
  }

  count(): number {
    return this.#keys.count();
  }

  countKey(key: K): number {
    return this.#keys.countKey(key);
  }

  dispatch<R>(key: K, deliver: (entries: readonly RegistryEntry<V>[]) => R): R | undefined {
    functionOption("deliver", deliver);
    const entries = this.lookup(key);
    return entries.length === 0 ? undefined : deliver(entries);
  }

  /** Async, so that a bad option rejects. */
  async lock<R>(
    key: unknown,
    work: (lost: AbortSignal) => R,
    options: LockOptions = {},
  ): Promise<Awaited<R>> {
    functionOption("work", work);
    objectOption("options", options);
    const timeoutMs = callTimeout(options);
    this.#parts.keys.assertRuns();
    const { signal, holder: ref } = options;
    const holder = ref === undefined ? undefined : this.#ownerOf(ref, "holder");
    if (ref !== undefined && (holder === undefined || holder.isDead)) {
      throw new NoProcessError(String(ref));
    }
    return await this.#parts.locks.run(key, { holder, timeoutMs, signal }, work);
  }

  whereis(key: K): Inferred;
  whereis(key: K, definition?: AnyActorDefinition): AnyRef | undefined {
    const keys = this.#keys;
    assertUnique(keys, "whereis");
    const ref = keys.first(key)?.owner.ref;
    if (ref === undefined || definition === undefined) return ref;
    if (ref.address.actor === definition.name) return ref;
    throw new OptionError("definition", `"${ref.address.actor}"`, definition.name);
  }

  updateValue(owner: AnyRef, key: K, change: (value: V) => V): ValueUpdate<V> {
    functionOption("change", change);
    const keys = this.#keys;
    assertUnique(keys, "updateValue");
    const process = this.#ownerOf(owner);
    if (process === undefined) throw new NoProcessError(String(owner));
    return keys.update(process, key, change);
  }

  ref(key: K): Inferred;
  ref(key: K, definition?: AnyActorDefinition): AnyRef {
    assertUnique(this.#parts.keys, "ref");
    return new NamedRef(this.#parts.lookupOf(key), definition);
  }

  /** The keys of a registry that runs. */
  get #keys(): KeyRegistry<K, V> {
    const { keys } = this.#parts;
    keys.assertRuns();
    return keys;
  }

  #ownerOf(ref: AnyRef, option = "owner"): Registrant | undefined {
    return this.#parts.ownerOf(option, ref);
  }
}

function entryOf<K, V>({ owner, value }: KeyEntry<Registrant, K, V>): RegistryEntry<V> {
  return { ref: owner.ref, value };
}

/** Refuses what makes no sense when several processes may have a key. */
export function assertUnique({ isUnique }: { readonly isUnique: boolean }, use: string): void {
  if (!isUnique) throw new OptionError("keys", `"unique" for ${use}`, "duplicate");
}
