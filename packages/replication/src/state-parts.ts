/** What the containers of a state hold, part by part, so that the walk may rest anywhere. */

/** Ends the walk, because of what cannot be kept; `key` is where it stands in the container. */
export type Refuse = (what: string, key?: unknown) => never;

/** Walks through one container. One object for all of its parts: there may be millions. */
export interface Parts {
  /** Names the part in errors. */
  readonly key: unknown;
  readonly value: unknown;
  /** Goes on to the next part; false when there is none. */
  next(): boolean;
}

/** Of an object; its keys are listed at once. */
export class ObjectParts implements Parts {
  readonly #object: Record<string, unknown>;
  readonly #keys: readonly string[];
  readonly #refuse: Refuse;
  #next = 0;
  key = "";
  value: unknown;

  constructor(object: Record<string, unknown>, refuse: Refuse) {
    this.#object = object;
    this.#keys = Object.keys(object);
    this.#refuse = refuse;
  }

  next(): boolean {
    const key = this.#keys[this.#next++];
    if (key === undefined) {
      const symbol = Object.getOwnPropertySymbols(this.#object)[0];
      if (symbol !== undefined) this.#refuse(`a property named ${String(symbol)}`);
      return false;
    }
    // A decoder renames this one key, to protect prototypes.
    if (key === "__proto__") this.#refuse("a key named __proto__");
    this.key = key;
    this.value = this.#object[key];
    return true;
  }
}

export class ArrayParts implements Parts {
  readonly #array: readonly unknown[];
  readonly #refuse: Refuse;
  key = -1;
  value: unknown;

  constructor(array: readonly unknown[], refuse: Refuse) {
    this.#array = array;
    this.#refuse = refuse;
  }

  next(): boolean {
    const array = this.#array;
    const key = this.key + 1;
    if (key >= array.length) return false;
    this.key = key;
    this.value = array[key];
    if (this.value === undefined && !(key in array)) this.#refuse("a hole in an array", key);
    return true;
  }
}

/** Of a map: a key, and then its value. */
export class MapParts implements Parts {
  readonly #entries: Iterator<[unknown, unknown]>;
  #entry: readonly [unknown, unknown] | undefined;
  key: unknown;
  value: unknown;

  constructor(map: ReadonlyMap<unknown, unknown>) {
    this.#entries = map[Symbol.iterator]();
  }

  next(): boolean {
    if (this.#entry !== undefined) {
      const [key, value] = this.#entry;
      this.#entry = undefined;
      this.key = typeof key === "string" ? key : "<value>";
      this.value = value;
      return true;
    }
    const { done, value } = this.#entries.next();
    if (done === true) return false;
    this.#entry = value;
    this.key = "<key>";
    this.value = value[0];
    return true;
  }
}

export class SetParts implements Parts {
  readonly #members: Iterator<unknown>;
  readonly key = "<member>";
  value: unknown;

  constructor(set: ReadonlySet<unknown>) {
    this.#members = set[Symbol.iterator]();
  }

  next(): boolean {
    const { done, value } = this.#members.next();
    if (done === true) return false;
    this.value = value;
    return true;
  }
}
