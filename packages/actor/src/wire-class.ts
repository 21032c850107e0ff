/**
 * Classes whose instances may stand in messages: what they become on the way, and what makes them
 * again on the other side.
 *
 * Only a class that both nodes know by the same name can cross. A subclass is another class: it
 * would arrive as its parent, so it is refused unless it is defined as well. This file encodes
 * nothing.
 */
import { OptionError } from "./errors.ts";
import { functionOption, nameOption, objectOption } from "./option.ts";

/** A class that may cross, made by {@link defineWireClass}. */
export interface WireClass {
  /** What the class is called on the wire. */
  readonly name: string;
  readonly type: { readonly prototype: object };
  toData(value: object): unknown;
  fromData(data: unknown): object;
}

/** How instances become plain data and are made again. */
export interface WireClassSpec<T extends object, D> {
  /** The data of an instance: what a message may carry, refs and other such instances included. */
  toData(value: T): D;
  /**
   * Makes an instance. The data comes from another node, perhaps one of another version: throw for
   * what does not fit, and only this one message is lost.
   */
  fromData(data: D): T;
}

/** A class's name on the wire is not longer than this. */
const maxNameLength = 256;

/** The classes that cross by themselves, and must not be given another meaning. */
const builtIn: ReadonlySet<unknown> = new Set([
  Object,
  Array,
  Map,
  Set,
  Date,
  Buffer,
  Uint8Array,
  Uint8ClampedArray,
  Uint16Array,
  Uint32Array,
  BigUint64Array,
  Int8Array,
  Int16Array,
  Int32Array,
  BigInt64Array,
  Float32Array,
  Float64Array,
]);

/**
 * Lets instances of a class stand in messages. Every node that sends or receives them lists the
 * class in its option `classes`.
 *
 * Where `toData` throws, or gives what no message can carry, the message is refused with
 * `NotSerializableError` (did not run); where `fromData` throws, the receiver has a message that
 * it cannot decode. Throws `OptionError` for a bad definition.
 *
 * @example
 * ```ts
 * const MoneyOnWire = defineWireClass("money", Money, {
 *   toData: (money) => [money.cents, money.currency] as const,
 *   fromData: ([cents, currency]) => new Money(cents, currency),
 * });
 * const node = await createNode({ name: "a", classes: [MoneyOnWire] });
 * ```
 */
export function defineWireClass<T extends object, D>(
  name: string,
  type: { readonly prototype: T },
  spec: WireClassSpec<T, D>,
): WireClass {
  if (nameOption("name", name).length > maxNameLength) {
    throw new OptionError("name", `at most ${maxNameLength} characters`, name);
  }
  functionOption("type", type);
  if (builtIn.has(type) || typeof type.prototype !== "object") {
    throw new OptionError("type", "a class of your own", (type as { name?: unknown }).name);
  }
  const { toData, fromData } = objectOption("spec", spec) as WireClassSpec<T, D>;
  functionOption("spec.toData", toData);
  functionOption("spec.fromData", fromData);
  return Object.freeze({
    name,
    type,
    toData: (value: object) => toData.call(spec, value as T),
    fromData: (data: unknown) => fromData.call(spec, data as D),
  });
}

/** The classes that a system or a codec knows. */
export class WireClasses {
  readonly #byName = new Map<string, WireClass>();
  readonly #byPrototype = new Map<object, WireClass>();

  /** Throws `OptionError` for a list that holds something else, or one name or class twice. */
  constructor(classes: readonly WireClass[] = []) {
    if (!Array.isArray(classes)) throw new OptionError("classes", "a list of classes", classes);
    for (const [index, given] of (classes as readonly WireClass[]).entries()) {
      const option = `classes[${index}]`;
      objectOption(option, given);
      functionOption(`${option}.toData`, given.toData);
      functionOption(`${option}.fromData`, given.fromData);
      if (this.#byName.has(given.name)) {
        throw new OptionError(option, "a name not used before", given.name);
      }
      if (this.#byPrototype.has(given.type.prototype)) {
        throw new OptionError(option, "a class not named before", given.name);
      }
      this.#byName.set(given.name, given);
      this.#byPrototype.set(given.type.prototype, given);
    }
  }

  /** The class of exactly the instances with this prototype. */
  ofPrototype(prototype: object): WireClass | undefined {
    return this.#byPrototype.get(prototype);
  }

  named(name: string): WireClass | undefined {
    return this.#byName.get(name);
  }

  get names(): readonly string[] {
    return [...this.#byName.keys()];
  }
}

/** Nothing but what crosses by itself. */
export const noWireClasses = new WireClasses();
