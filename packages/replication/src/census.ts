/**
 * Which objects of a state have been met, and which of them a reader of slices could have made.
 *
 * A replica that comes back has a state in which no object stands in two places, all may be
 * changed and none has anything but plain properties. Whatever is such already may stay as it is
 * when a state is captured. An object remembers in a field that no handler can see when it was met
 * last: a set of millions of objects would hold up the event loop each time that it grows.
 */
import { isProxy } from "node:util/types";

/** What a constructor returns is what it has made: so a field comes to stand in any object. */
function given(object: object): object {
  return object;
}

class Mark extends (given as unknown as new (object: object) => object) {
  /** The last census that has met the object. */
  #census = 0;

  /** False if that census has met it before. */
  static set(object: object, census: number): boolean {
    if (!(#census in object)) {
      // What the traps of a proxy do once they may not do again.
      if (isProxy(object)) return false;
      new Mark(object).#census = census;
      return true;
    }
    if (object.#census === census) return false;
    object.#census = census;
    return true;
  }
}

/** Censuses are told apart within the process, whichever states they are of. */
let taken = 0;

/** One look at all objects of a state, in the order of its slices. */
export class Census {
  readonly #number = ++taken;

  /**
   * Whether a map, a set, an object or an array may stay: met for the first time, and like one that
   * a reader makes. What it holds is looked at one by one.
   */
  meet(value: object): boolean {
    if (!this.#meetAlone(value)) return false;
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Map.prototype || prototype === Set.prototype) {
      return Reflect.ownKeys(value).length === 0;
    }
    return holdsPlainly(value, prototype, () => true);
  }

  /** The same of all objects in a small tree, which stays as a whole or not at all. */
  meetTree(value: object): boolean {
    return this.#meetAlone(value) && holdsPlainly(value, Object.getPrototypeOf(value), this.#isMet);
  }

  readonly #isMet = (part: unknown) =>
    typeof part !== "object" || part === null || this.meetTree(part);

  /** Counts what a reader has made as met. */
  add(value: object): void {
    Mark.set(value, this.#number);
  }

  /** The same for all objects of a small tree. */
  addTree(value: unknown): void {
    if (typeof value !== "object" || value === null) return;
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Array.prototype) for (const part of value as unknown[]) this.addTree(part);
    else if (prototype !== Object.prototype) return;
    else for (const key in value) this.addTree((value as Record<string, unknown>)[key]);
    this.add(value);
  }

  #meetAlone(value: object): boolean {
    return Object.isExtensible(value) && Mark.set(value, this.#number);
  }
}

/** Whether it has no accessors, nothing hidden, nothing fixed, and parts that all are `fine`. */
function holdsPlainly(
  value: object,
  prototype: unknown,
  fine: (part: unknown) => boolean,
): boolean {
  if (prototype === Array.prototype) return Array.isArray(value) && isPlainArray(value, fine);
  if (prototype !== Object.prototype) return false;
  let keys = 0;
  for (const key in value) {
    const property = Object.getOwnPropertyDescriptor(value, key);
    if (property?.writable !== true || property.configurable !== true) return false;
    if (!fine(property.value)) return false;
    keys++;
  }
  // Those named by symbols are refused by whoever encodes it.
  return Object.getOwnPropertyNames(value).length === keys;
}

function isPlainArray(array: readonly unknown[], fine: (part: unknown) => boolean): boolean {
  const { length } = array;
  for (let index = 0; index < length; index++) {
    const property = Object.getOwnPropertyDescriptor(array, index);
    if (property?.writable !== true || property.configurable !== true) return false;
    if (property.enumerable !== true || !fine(property.value)) return false;
  }
  const isFixed = Object.getOwnPropertyDescriptor(array, "length")?.writable !== true;
  return !isFixed && Object.getOwnPropertyNames(array).length === length + 1;
}
