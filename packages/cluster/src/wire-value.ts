/**
 * Decides whether a value can cross the wire unharmed, before a byte of it is written.
 *
 * cbor-x would silently turn a URL or a promise into `{}`, lose the class of an instance and the
 * name and code of an error, and close the holes of an array. All of these are refused here, with
 * the path of the culprit. What passes is a plain data tree: objects, arrays, Map, Set, Date,
 * typed arrays, bigint, text, numbers, booleans, null, undefined, and refs, which are replaced by
 * their wire form. Nothing is encoded here.
 *
 * Three things change on the way without being refused: -0 arrives as 0, an object without a
 * prototype arrives as an ordinary one, and a value reachable twice arrives as two.
 */
import { NotSerializableError } from "@troupe/actor";
import { MAX_BIGINT_BYTES } from "./wire-scan.ts";

/** Returns the wire form of a ref, or undefined if the object is no ref. */
export type WrapRef = (value: object) => unknown;

export interface ValueLimits {
  readonly maxDepth: number;
  /** Every value takes a byte at least, so that this bounds the walk as well. */
  readonly maxBytes: number;
}

type Key = string | number;

/** Dates travel as seconds in a double, which is exact to the millisecond up to here. */
const MAX_DATE_MS = 2 ** 50;

const MAX_BIGINT = 1n << BigInt(8 * MAX_BIGINT_BYTES);

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
 * Returns the value with its refs replaced; the very same value if there are none. The value is
 * never changed. Throws NotSerializableError naming the path, e.g. `arg.items[3].url`.
 */
export function checkValue(
  value: unknown,
  root: string,
  limits: ValueLimits,
  wrapRef: WrapRef,
): unknown {
  return new Walk(root, limits, wrapRef).visit(value);
}

class Walk {
  readonly #root: string;
  readonly #limits: ValueLimits;
  readonly #wrapRef: WrapRef;
  readonly #path: Key[] = [];
  readonly #ancestors: object[] = [];
  #left: number;

  constructor(root: string, limits: ValueLimits, wrapRef: WrapRef) {
    this.#root = root;
    this.#limits = limits;
    this.#wrapRef = wrapRef;
    this.#left = limits.maxBytes;
  }

  visit(value: unknown): unknown {
    this.#spend(1);
    switch (typeof value) {
      case "number":
      case "boolean":
      case "undefined":
        return value;
      case "string":
        this.#checkText(value);
        return value;
      case "bigint":
        if (value >= MAX_BIGINT || value < -MAX_BIGINT) {
          this.#refuse(`a bigint of more than ${MAX_BIGINT_BYTES} bytes`);
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
    if (plainPrototypes.has(prototype as object)) {
      if (ArrayBuffer.isView(value)) this.#spend(value.byteLength);
      else if (value instanceof Date && Math.abs(value.getTime()) > MAX_DATE_MS) {
        this.#refuse("a date beyond the year 37000");
      }
      return value;
    }
    return this.#wrapRef(value) ?? this.#refuse(describe(value));
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
    let copy: Record<string, unknown> | undefined;
    for (const key of Object.keys(value)) {
      const before = value[key];
      // The decoder renames this one key, to protect prototypes.
      if (key === "__proto__") this.#refuse("a key named __proto__");
      this.#checkText(key);
      const after = this.#at(key, before);
      if (!Object.is(after, before)) {
        copy ??= { ...value };
        copy[key] = after;
      }
    }
    const symbol = Object.getOwnPropertySymbols(value)[0];
    if (symbol !== undefined) this.#refuse(`a property named ${String(symbol)}`);
    return copy ?? value;
  }

  #array(value: unknown[]): unknown {
    let copy: unknown[] | undefined;
    for (let index = 0; index < value.length; index++) {
      const before = value[index];
      if (before === undefined && !(index in value)) {
        this.#path.push(index);
        this.#refuse("a hole in an array");
      }
      const after = this.#at(index, before);
      if (!Object.is(after, before)) {
        copy ??= value.slice();
        copy[index] = after;
      }
    }
    return copy ?? value;
  }

  #map(value: Map<unknown, unknown>): unknown {
    const entries: [unknown, unknown][] = [];
    let changed = false;
    for (const [key, before] of value) {
      const wireKey = this.#at("<key>", key);
      const after = this.#at(typeof key === "string" ? key : "<value>", before);
      changed ||= !Object.is(wireKey, key) || !Object.is(after, before);
      entries.push([wireKey, after]);
    }
    return changed ? new Map(entries) : value;
  }

  #set(value: Set<unknown>): unknown {
    const members: unknown[] = [];
    let changed = false;
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
    // Without its native part the decoder drops the mark of texts of more than 64 bytes.
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
