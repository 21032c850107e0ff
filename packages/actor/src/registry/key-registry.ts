/**
 * The keys of one registry: who may take one, when it is free again, and who is told.
 *
 * A key is freed as soon as its owner is dead, before anybody hears of the death. Owner and
 * registry are linked from the owner's first key to its last. Nothing here is asynchronous: what a
 * method has done is done when it returns.
 */
import { NoProcessError } from "../errors.ts";
import type { Registrant } from "../system/process-name.ts";
import { type KeyEntry, KeyTable } from "./key-table.ts";
import { AlreadyRegisteredError, NotRegisteredError } from "./registry-errors.ts";

/** Told of every change that an owner has asked for; not of an owner's end. */
export interface KeyListener<K, V> {
  registered(owner: Registrant, key: K, value: V): void;
  unregistered(owner: Registrant, key: K): void;
}

/** What the keys of a registry need. */
export interface KeyRegistryOptions<K, V> {
  /** The process of the registry: without it there are no keys. */
  readonly process: Registrant;
  /** Names the registry in errors. */
  readonly label: string;
  /** Whether a key has at most one entry. */
  readonly isUnique: boolean;
  readonly listener: KeyListener<K, V>;
}

/** What the registry holds of an owner while that has keys. */
interface Bond {
  /** Takes back the listening to the owner's end. */
  readonly unlisten: () => void;
  /** False when they were linked already: such a link is not the registry's to take back. */
  readonly isOwnLink: boolean;
}

type Entry<K, V> = KeyEntry<Registrant, K, V>;

/** What became of a value. */
export interface ValueUpdate<V> {
  readonly value: V;
  readonly previous: V;
}

/** The keys of one running registry. */
export class KeyRegistry<K, V> {
  readonly isUnique: boolean;
  readonly label: string;
  readonly #process: Registrant;
  readonly #listener: KeyListener<K, V>;
  readonly #table = new KeyTable<Registrant, K, V>();
  readonly #owners = new Map<Registrant, Bond>();
  #isClosed = false;

  constructor({ process, label, isUnique, listener }: KeyRegistryOptions<K, V>) {
    this.isUnique = isUnique;
    this.label = label;
    this.#process = process;
    this.#listener = listener;
  }

  /** True once the process of the registry is dead. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Throws `NoProcessError` when the registry has ended. */
  assertRuns(): void {
    if (this.#isClosed) throw new NoProcessError(this.label);
  }

  /** Gives a key to a process. Throws `AlreadyRegisteredError` or `NoProcessError`. */
  register(owner: Registrant, key: K, value: V): void {
    this.assertRuns();
    if (owner.isDead) throw new NoProcessError(owner.describe());
    const taken = this.isUnique ? this.#table.first(key) : undefined;
    if (taken !== undefined) {
      throw new AlreadyRegisteredError(this.label, key, taken.owner.ref);
    }
    if (!this.#owners.has(owner)) this.#adopt(owner);
    const entry = this.#table.add(owner, key, value);
    try {
      this.#listener.registered(owner, key, value);
    } catch (error) {
      // A system for tests refuses a value that could not be sent to a listener.
      this.#table.remove(entry);
      if (!this.#table.hasOwner(owner)) this.#forget(owner);
      throw error;
    }
  }

  /** Takes a key back: all entries that the owner has for it, or those with a matching value. */
  unregister(owner: Registrant, key: K, matches?: (value: V) => boolean): void {
    const entries = this.#table.of(owner, key);
    const chosen = matches === undefined ? entries : entries.filter((e) => matches(e.value));
    // What `matches` has done meanwhile counts: only what is still there is taken out.
    const leaving = chosen.filter((entry) => this.#table.has(entry));
    if (leaving.length === 0) return;
    for (const entry of leaving) this.#table.remove(entry);
    if (!this.#table.hasOwner(owner)) this.#forget(owner);
    this.#listener.unregistered(owner, key);
  }

  /** Puts another value in place of one. Throws `NotRegisteredError` unless it is the owner's. */
  update(owner: Registrant, key: K, change: (value: V) => V): ValueUpdate<V> {
    const entry = this.#table.first(key);
    if (entry?.owner !== owner) throw this.#notRegistered(owner, key);
    const previous = entry.value;
    const value = change(previous);
    // The key may have been given up, or its owner may have died, in the meantime.
    if (!this.#table.has(entry)) throw this.#notRegistered(owner, key);
    entry.value = value;
    return { value, previous };
  }

  /** The entries of a key, oldest first. */
  lookup(key: K): Entry<K, V>[] {
    return this.#table.ofKey(key);
  }

  /** The oldest entry of a key: the only one where keys are unique. */
  first(key: K): Entry<K, V> | undefined {
    return this.#table.first(key);
  }

  /** The entries of an owner, oldest first. */
  ofOwner(owner: Registrant): Entry<K, V>[] {
    return this.#table.ofOwner(owner);
  }

  /** The entries that an owner has for a key. */
  of(owner: Registrant, key: K): Entry<K, V>[] {
    return this.#table.of(owner, key);
  }

  /** All entries, key by key. */
  all(): Entry<K, V>[] {
    return this.#table.all();
  }

  /** How many entries there are. */
  count(): number {
    return this.#table.size;
  }

  /** How many entries a key has. */
  countKey(key: K): number {
    return this.#table.countKey(key);
  }

  /** The process of the registry is dead: nobody has a key any more. */
  close(): void {
    this.#isClosed = true;
    // The links stay: through them the owners learn of the end.
    for (const { unlisten } of this.#owners.values()) unlisten();
    this.#owners.clear();
    this.#table.clear();
  }

  /**
   * The process of the registry ends in a way that its links would not pass on: its owners end as
   * when it is shut down, instead of going on without their keys. Elixir: a registry is a
   * supervisor, and stops its partitions with `shutdown` whatever its own reason.
   */
  dismiss(): void {
    this.#isClosed = true;
    for (const owner of [...this.#owners.keys()]) {
      this.#process.links().unlink(owner);
      owner.receiveExit(this.#process, "shutdown");
    }
  }

  /** The first key of an owner: from now on its end is the end of its keys. */
  #adopt(owner: Registrant): void {
    const unlisten = owner.onRelease(() => {
      this.#table.removeOwner(owner);
      this.#forget(owner);
    });
    // The one that started the registry, for one, is linked with it for another reason.
    const isOwnLink = ![...owner.links().peers].includes(this.#process);
    this.#owners.set(owner, { unlisten, isOwnLink });
    if (isOwnLink) this.#process.links().link(owner);
  }

  /** The owner has no key any more. */
  #forget(owner: Registrant): void {
    const bond = this.#owners.get(owner);
    this.#owners.delete(owner);
    bond?.unlisten();
    if (bond?.isOwnLink === true) this.#process.links().unlink(owner);
  }

  #notRegistered(owner: Registrant, key: K): NotRegisteredError {
    return new NotRegisteredError(this.label, key, owner.describe());
  }
}
