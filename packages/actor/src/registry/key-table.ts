/**
 * Entries with a key, an owner and a value, found by key and by owner.
 *
 * Keys compare as in a `Map`: 1 and 1n differ, as do 1 and "1"; objects are equal only to
 * themselves. The table knows no processes and no rules: whether a key may have two entries, and
 * who may take one away, is decided elsewhere.
 */
import { countOf, excluding, firstOf, including, listOf, type OneOrMany } from "./one-or-many.ts";

/** One row of the table. */
export interface KeyEntry<O extends object, K, V> {
  readonly owner: O;
  readonly key: K;
  value: V;
}

/** Entries by key and by owner, each in the order in which they were added. */
export class KeyTable<O extends object, K, V> {
  readonly #byKey = new Map<K, OneOrMany<KeyEntry<O, K, V>>>();
  readonly #byOwner = new Map<O, OneOrMany<KeyEntry<O, K, V>>>();
  #size = 0;

  /** How many entries there are. */
  get size(): number {
    return this.#size;
  }

  /** Adds an entry, whatever the key has already. */
  add(owner: O, key: K, value: V): KeyEntry<O, K, V> {
    const entry = { owner, key, value };
    this.#byKey.set(key, including(this.#byKey.get(key), entry));
    this.#byOwner.set(owner, including(this.#byOwner.get(owner), entry));
    this.#size += 1;
    return entry;
  }

  /** Takes an entry of the table out. */
  remove(entry: KeyEntry<O, K, V>): void {
    if (!this.has(entry)) return;
    take(this.#byKey, entry.key, entry);
    take(this.#byOwner, entry.owner, entry);
    this.#size -= 1;
  }

  /** Takes every entry of an owner out. */
  removeOwner(owner: O): void {
    const entries = listOf(this.#byOwner.get(owner));
    this.#byOwner.delete(owner);
    for (const entry of entries) take(this.#byKey, entry.key, entry);
    this.#size -= entries.length;
  }

  /** Takes every entry out. */
  clear(): void {
    this.#byKey.clear();
    this.#byOwner.clear();
    this.#size = 0;
  }

  /** Whether an entry stands in the table. */
  has(entry: KeyEntry<O, K, V>): boolean {
    const entries = this.#byOwner.get(entry.owner);
    return entries instanceof Set ? entries.has(entry) : entries === entry;
  }

  /** The oldest entry of a key. */
  first(key: K): KeyEntry<O, K, V> | undefined {
    return firstOf(this.#byKey.get(key));
  }

  /** A copy of the entries of a key. */
  ofKey(key: K): KeyEntry<O, K, V>[] {
    return listOf(this.#byKey.get(key));
  }

  /** A copy of the entries of an owner. */
  ofOwner(owner: O): KeyEntry<O, K, V>[] {
    return listOf(this.#byOwner.get(owner));
  }

  /** The entries that an owner has for a key; looks through the shorter of the two lists. */
  of(owner: O, key: K): KeyEntry<O, K, V>[] {
    const ofKey = this.#byKey.get(key);
    const ofOwner = this.#byOwner.get(owner);
    if (countOf(ofKey) < countOf(ofOwner)) {
      return listOf(ofKey).filter((entry) => entry.owner === owner);
    }
    return listOf(ofOwner).filter((entry) => sameKey(entry.key, key));
  }

  /** How many entries a key has. */
  countKey(key: K): number {
    return countOf(this.#byKey.get(key));
  }

  /** Whether an owner has any entry. */
  hasOwner(owner: O): boolean {
    return this.#byOwner.has(owner);
  }

  /** A copy of all entries, key by key. */
  all(): KeyEntry<O, K, V>[] {
    return [...this.#byKey.values()].flatMap((entries) => listOf(entries));
  }
}

/** Takes an entry out of one of the two maps. */
function take<T, E extends object>(map: Map<T, OneOrMany<E>>, at: T, entry: E): void {
  const rest = excluding(map.get(at), entry);
  if (rest === undefined) map.delete(at);
  else map.set(at, rest);
}

/** Equality of a `Map`: like `===`, but NaN equals itself. */
function sameKey(left: unknown, right: unknown): boolean {
  return left === right || (Number.isNaN(left) && Number.isNaN(right));
}
