/**
 * What a message may carry: a plain data tree, so that it can cross a wire unharmed.
 *
 * What passes: objects, arrays, Map, Set, Date, typed arrays, bigint, text, numbers, booleans,
 * null, undefined, errors, refs, and instances of the classes that were defined for it. An encoder
 * would silently turn a URL or a promise into `{}`, lose the class of any other instance, and
 * close the holes of an array; all of these are refused here, with the path of the culprit.
 * Nothing is encoded here: the rules are those of the codec of `@troupe/cluster`, which uses this
 * file to enforce them.
 *
 * A copy differs from its original as what a wire delivers does: an object without a prototype is
 * an ordinary one, a value that is reachable twice is there twice, what was attached to an array,
 * a Map, a Set or a Date is gone, and so is of an error what is not listed in `ErrorParts`.
 */

import { isActorError } from "./actor-error.ts";
import { type ErrorParts, errorFromParts, errorParts } from "./error-parts.ts";
import { NotSerializableError } from "./errors.ts";
import type { AnyRef } from "./ref.ts";
import { noWireClasses, type WireClass, type WireClasses } from "./wire-class.ts";

/** What stands in the result for what is no plain data by itself. */
export interface PlainDataForms {
  /** The classes whose instances pass. */
  readonly classes: WireClasses;
  /** What stands for -0, which an encoder may take for 0. */
  readonly minusZero: unknown;
  /** What stands for a ref, or undefined if the object is no ref. */
  ref(value: object): unknown;
  /** What stands for an error; what the parts hold is replaced already. */
  error(parts: ErrorParts): unknown;
  /** What stands for an instance of a class; what its data holds is replaced already. */
  instance(type: WireClass, data: unknown): unknown;
}

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
export const maxDateMs = 2 ** 50;

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
 * Returns the value with what is no plain data replaced; the very same value if there is nothing
 * to replace. The value is never changed. Throws `NotSerializableError` naming the path:
 * `arg.items[3].url`.
 */
export function checkPlainData(
  value: unknown,
  root: string,
  limits: PlainDataLimits,
  forms: PlainDataForms,
): unknown {
  return new Walk(root, limits, forms, false).run(value);
}

/**
 * A deep copy, as a wire would deliver it; refs stay what they are unless `forms` says otherwise.
 * Throws `NotSerializableError` (did not run) naming the path of what no wire could carry.
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
  forms: PlainDataForms = formsOfCopy(noWireClasses),
): T {
  return new Walk(root, limits, forms, true).run(value) as T;
}

/** What a copy holds: everything as it was, made anew. */
export function formsOfCopy(classes: WireClasses): PlainDataForms {
  return {
    classes,
    minusZero: -0,
    ref: keepRef,
    error: (parts) => errorFromParts(parts),
    instance: (type, data) => type.fromData(data),
  };
}

/** Copies what a message carries, and names it in the error: `arg`, `reply`. */
export type CopyMessage = (value: unknown, root: string) => unknown;

/** What a system copies its local messages with, when it is asked to. */
export function messageCopier(classes: WireClasses): CopyMessage {
  const forms = formsOfCopy(classes);
  return (value, root) => clonePlainData(value, root, plainDataDefaults, forms);
}

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
  readonly #forms: PlainDataForms;
  /** Whether everything is copied, or only what is around something that is replaced. */
  readonly #copies: boolean;
  readonly #path: Key[] = [];
  readonly #ancestors: object[] = [];
  #left: number;

  constructor(root: string, limits: PlainDataLimits, forms: PlainDataForms, copies: boolean) {
    this.#root = root;
    this.#limits = limits;
    this.#forms = forms;
    this.#copies = copies;
    this.#left = limits.maxBytes;
  }

  run(value: unknown): unknown {
    try {
      return this.#visit(value);
    } catch (error) {
      if (isActorError(error, "ERR_NOT_SERIALIZABLE")) throw error;
      // Code of the user's, run on the way: a getter, a `toData`, a proxy.
      return this.#refuse(`it throws ${messageOf(error)}`);
    }
  }

  #visit(value: unknown): unknown {
    this.#spend(1);
    switch (typeof value) {
      case "boolean":
      case "undefined":
        return value;
      case "number":
        return value === 0 && Object.is(value, -0) ? this.#forms.minusZero : value;
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
    const prototype = Object.getPrototypeOf(value) as object | null;
    if (plainPrototypes.has(prototype as object)) return this.#leaf(value);
    // The way down is bounded, and that bound is also what finds a cycle.
    if (this.#ancestors.length >= this.#limits.maxDepth) this.#refuseDepth();
    this.#ancestors.push(value);
    const result =
      prototype === null || containerPrototypes.has(prototype)
        ? this.#container(value, prototype)
        : this.#inOtherForm(value, prototype);
    this.#ancestors.pop();
    return result;
  }

  /** What is no plain data by itself. On a wire each of these is a level of nesting, too. */
  #inOtherForm(value: object, prototype: object): unknown {
    const type = this.#forms.classes.ofPrototype(prototype);
    if (type !== undefined) {
      return this.#forms.instance(type, this.#at("<data>", type.toData(value)));
    }
    const ref = this.#forms.ref(value);
    if (ref !== undefined) return ref;
    return value instanceof Error ? this.#error(value) : this.#refuse(describe(value));
  }

  #error(error: Error): unknown {
    const parts: Record<string, unknown> = {};
    for (const [key, part] of Object.entries(errorParts(error))) parts[key] = this.#at(key, part);
    return this.#forms.error(parts as unknown as ErrorParts);
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
    const result = this.#visit(value);
    this.#path.pop();
    return result;
  }

  #plainObject(value: Record<string, unknown>): unknown {
    let copy: Record<string, unknown> | undefined = this.#copies ? {} : undefined;
    for (const key of Object.keys(value)) {
      // A decoder renames this one key, to protect prototypes.
      if (key === "__proto__") this.#refuse("a key named __proto__");
      this.#checkText(key);
      this.#path.push(key);
      const before = value[key];
      const after = this.#visit(before);
      this.#path.pop();
      if (copy === undefined && Object.is(after, before)) continue;
      copy ??= { ...value };
      copy[key] = after;
    }
    const symbol = Object.getOwnPropertySymbols(value)[0];
    if (symbol !== undefined) this.#refuse(`a property named ${String(symbol)}`);
    return copy ?? value;
  }

  /** An encoder looks at the constructor, so one that has its own is copied. */
  #array(value: unknown[]): unknown {
    let copy: unknown[] | undefined = this.#copies || value.constructor !== Array ? [] : undefined;
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
    let changed = this.#copies || value.constructor !== Map;
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
    // A decoder drops the mark of texts of more than 64 bytes, which take 21 characters at least.
    if (text.length > 20 && text.charCodeAt(0) === 0xfeff && Buffer.byteLength(text) > 64) {
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
  const name = (value.constructor as { name?: unknown } | undefined)?.name;
  return typeof name === "string" && name !== "" ? `an instance of ${name}` : "an instance";
}

function messageOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : typeof error;
}

/** ES2024, in every Node that we support, but not yet in the library that we compile against. */
function isWellFormed(text: string): boolean {
  return (text as unknown as { isWellFormed(): boolean }).isWellFormed();
}
