/**
 * What a message may carry: a plain data tree, so that it can cross a wire unharmed.
 *
 * What passes: objects, arrays, Map, Set, Date, typed arrays, bigint, text, numbers, booleans,
 * null, undefined, and refs. An encoder would silently turn a URL or a promise into `{}`, lose the
 * class of an instance and the name and code of an error, and close the holes of an array; all of
 * these are refused here, with the path of the culprit. Nothing is encoded here: the rules are
 * those of the codec of `@troupe/cluster`, which uses this file to enforce them.
 *
 * A copy differs from its original as what a wire delivers does: -0 is 0, an object without a
 * prototype is an ordinary one, a value that is reachable twice is there twice, and what was
 * attached to an array, a Map, a Set or a Date is gone.
 */
import { NotSerializableError } from "./errors.ts";
import type { AnyRef } from "./ref.ts";

/** Returns what stands for a ref in the result, or undefined if the object is no ref. */
export type ReplaceRef = (value: object) => unknown;

/** How large a value may be. */
export interface PlainDataLimits {
  /** Levels of nesting. */
  readonly maxDepth: number;
  /** Bytes, roughly. Every value takes one at least, so that this bounds the walk as well. */
  readonly maxBytes: number;
}

/** What a message may be at most, unless a codec says otherwise. */
export const plainDataDefaults = {
  maxDepth: 64,
  maxBytes: 64 * 1024 * 1024,
} as const satisfies PlainDataLimits;

/** A bigint of more bytes than this is refused: its decoder takes quadratic time. */
export const maxBigintBytes = 1024;

const bigintEnd = 1n << BigInt(8 * maxBigintBytes);

/** Dates travel as seconds in a double, which is exact to the millisecond up to here. */
const maxDateMs = 2 ** 50;

const containerPrototypes: ReadonlySet<object> = new Set<object>([
  Object.prototype,
  Array.prototype,
  Map.prototype,
  Set.prototype,
]);

/** Typed arrays that arrive as what they were. ArrayBuffer and DataView would not. */
const plainPrototypes: ReadonlySet<object> = new Set<object>([
  Date.prototype,
  Uint8Array.prototype,
  Buffer.prototype,
  Uint8ClampedArray.prototype,
  Uint16Array.prototype,
  Uint32Array.prototype,
  BigUint64Array.prototype,
  Int8Array.prototype,
  Int16Array.prototype,
  Int32Array.prototype,
  BigInt64Array.prototype,
  Float32Array.prototype,
  Float64Array.prototype,
]);

/**
 * Returns the value with its refs replaced; the very same value if there is nothing to replace.
 * The value is never changed. Throws `NotSerializableError` naming the path: `arg.items[3].url`.
 */
export function checkPlainData(
  value: unknown,
  root: string,
  limits: PlainDataLimits,
  replaceRef: ReplaceRef,
): unknown {
  return new Walk(root, limits, replaceRef, false).visit(value);
}

/**
 * A deep copy, as a wire would deliver it; refs are what `replaceRef` makes of them. Throws
 * `NotSerializableError` (did not run) naming the path of what no wire could carry.
 *
 * @example
 * ```ts
 * clonePlainData({ items: [{ url: new URL("http://a") }] }, "arg");
 * // throws NotSerializableError: cannot encode arg.items[0].url: an instance of URL
 * ```
 */
export function clonePlainData<T>(
  value: T,
  root: string,
  limits: PlainDataLimits = plainDataDefaults,
  replaceRef: ReplaceRef = keepRef,
): T {
  return new Walk(root, limits, replaceRef, true).visit(value) as T;
}

/** Copies what a message carries, and names it in the error: `arg`, `reply`. */
export type CopyMessage = (value: unknown, root: string) => unknown;

/** What a system copies its local messages with, when it is asked to. */
export const copyMessage: CopyMessage = (value, root) => clonePlainData(value, root);

/** A ref passes as it is, whichever package made it: an address, and the means to reach it. */
export function keepRef(value: object): unknown {
  const { address, call, cast } = value as Partial<AnyRef>;
  const isRef =
    typeof address === "object" && typeof call === "function" && typeof cast === "function";
  return isRef ? value : undefined;
}

type Key = string | number;

class Walk {
  readonly #root: string;
  readonly #limits: PlainDataLimits;
  readonly #replaceRef: ReplaceRef;
  /** Whether everything is copied, or only what is around a ref that is replaced. */
  readonly #copies: boolean;
  readonly #path: Key[] = [];
  readonly #ancestors: object[] = [];
  #left: number;

  constructor(root: string, limits: PlainDataLimits, replaceRef: ReplaceRef, copies: boolean) {
    this.#root = root;
    this.#limits = limits;
    this.#replaceRef = replaceRef;
    this.#copies = copies;
    this.#left = limits.maxBytes;
  }

  visit(value: unknown): unknown {
    this.#spend(1);
    switch (typeof value) {
      case "boolean":
      case "undefined":
        return value;
      case "number":
        // Adding 0 makes -0 what a wire makes of it.
        return this.#copies ? value + 0 : value;
      case "string":
        this.#checkText(value);
        return value;
      case "bigint":
        if (value >= bigintEnd || value < -bigintEnd) {
          this.#refuse(`a bigint of more than ${maxBigintBytes} bytes`);
        }
        return value;
      case "object":
        return value === null ? null : this.#object(value);
      default:
        return this.#refuse(`a ${typeof value}`);
    }
  }

  #object(value: object): unknown {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === null || containerPrototypes.has(prototype as object)) {
      // The way down is bounded, and that bound is also what finds a cycle.
      if (this.#ancestors.length >= this.#limits.maxDepth) this.#refuseDepth();
      this.#ancestors.push(value);
      const result = this.#container(value, prototype as object | null);
      this.#ancestors.pop();
      return result;
    }
    if (plainPrototypes.has(prototype as object)) return this.#leaf(value);
    return this.#replaceRef(value) ?? this.#refuse(describe(value));
  }

  /** A date or a typed array. */
  #leaf(value: object): unknown {
    if (value instanceof Date) {
      const time = value.getTime();
      if (Math.abs(time) > maxDateMs) this.#refuse("a date beyond the year 37000");
      return this.#copies ? new Date(time) : value;
    }
    if (!ArrayBuffer.isView(value)) return this.#refuse(describe(value));
    this.#spend(value.byteLength);
    // The `slice` of a Buffer would be a view of the same bytes; the one of its parent is not.
    return this.#copies ? Uint8Array.prototype.slice.call(value as Uint8Array) : value;
  }

  #container(value: object, prototype: object | null): unknown {
    if (prototype === Array.prototype) return this.#array(value as unknown[]);
    if (prototype === Map.prototype) return this.#map(value as Map<unknown, unknown>);
    if (prototype === Set.prototype) return this.#set(value as Set<unknown>);
    return this.#plainObject(value as Record<string, unknown>);
  }

  #at(key: Key, value: unknown): unknown {
    this.#path.push(key);
    const result = this.visit(value);
    this.#path.pop();
    return result;
  }

  #plainObject(value: Record<string, unknown>): unknown {
    let copy: Record<string, unknown> | undefined = this.#copies ? {} : undefined;
    for (const key of Object.keys(value)) {
      const before = value[key];
      // A decoder renames this one key, to protect prototypes.
      if (key === "__proto__") this.#refuse("a key named __proto__");
      this.#checkText(key);
      const after = this.#at(key, before);
      if (copy === undefined && Object.is(after, before)) continue;
      copy ??= { ...value };
      copy[key] = after;
    }
    const symbol = Object.getOwnPropertySymbols(value)[0];
    if (symbol !== undefined) this.#refuse(`a property named ${String(symbol)}`);
    return copy ?? value;
  }

  #array(value: unknown[]): unknown {
    let copy: unknown[] | undefined = this.#copies ? [] : undefined;
    for (let index = 0; index < value.length; index++) {
      const before = value[index];
      if (before === undefined && !(index in value)) {
        this.#path.push(index);
        this.#refuse("a hole in an array");
      }
      const after = this.#at(index, before);
      if (copy === undefined && Object.is(after, before)) continue;
      copy ??= value.slice();
      copy[index] = after;
    }
    return copy ?? value;
  }

  #map(value: Map<unknown, unknown>): unknown {
    const entries: [unknown, unknown][] = [];
    let changed = this.#copies;
    for (const [key, before] of value) {
      const newKey = this.#at("<key>", key);
      const after = this.#at(typeof key === "string" ? key : "<value>", before);
      changed ||= !Object.is(newKey, key) || !Object.is(after, before);
      entries.push([newKey, after]);
    }
    return changed ? new Map(entries) : value;
  }

  #set(value: Set<unknown>): unknown {
    const members: unknown[] = [];
    let changed = this.#copies;
    for (const before of value) {
      const after = this.#at("<member>", before);
      changed ||= !Object.is(after, before);
      members.push(after);
    }
    return changed ? new Set(members) : value;
  }

  #spend(bytes: number): void {
    this.#left -= bytes;
    if (this.#left < 0) this.#refuse(`more than ${this.#limits.maxBytes} bytes`);
  }

  #checkText(text: string): void {
    this.#spend(text.length);
    if (!isWellFormed(text)) this.#refuse("a text with half of a surrogate pair");
    // A decoder in plain JavaScript drops the mark of texts of more than 64 bytes.
    if (text.length > 21 && text.charCodeAt(0) === 0xfeff) {
      this.#refuse("a text that begins with a byte order mark");
    }
  }

  #refuseDepth(): never {
    const seen = new Map<object, number>();
    for (const [depth, ancestor] of this.#ancestors.entries()) {
      const first = seen.get(ancestor);
      if (first !== undefined) {
        const target = formatPath(this.#root, this.#path.slice(0, first));
        this.#path.length = depth;
        this.#refuse(`a cycle back to ${target}`);
      }
      seen.set(ancestor, depth);
    }
    this.#refuse(`more than ${this.#limits.maxDepth} levels`);
  }

  #refuse(what: string): never {
    throw new NotSerializableError(formatPath(this.#root, this.#path), what);
  }
}

function formatPath(root: string, path: readonly Key[]): string {
  let text = root;
  for (const key of path) {
    if (typeof key === "number") text += `[${key}]`;
    else if (key.startsWith("<")) text += key;
    else text += /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
  }
  return text;
}

function describe(value: object): string {
  if (value instanceof Error) return `an error (${value.name})`;
  const name = (value.constructor as { name?: unknown } | undefined)?.name;
  return typeof name === "string" && name !== "" ? `an instance of ${name}` : "an instance";
}

/** ES2024, in every Node that we support, but not yet in the library that we compile against. */
function isWellFormed(text: string): boolean {
  return (text as unknown as { isWellFormed(): boolean }).isWellFormed();
}
