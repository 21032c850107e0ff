/**
 * Checks of option values, which refuse a bad one by name.
 *
 * Each check returns the value it was given, so that a resolver reads as a list. This file holds
 * no defaults.
 */
import { OptionError } from "./errors.ts";

/** Options over their defaults; one that is given as undefined counts as left out. */
export function withDefaults<D extends object, O extends object>(defaults: D, options: O): D & O {
  const merged = { ...defaults } as Record<string, unknown>;
  for (const [option, value] of Object.entries(options)) {
    if (value !== undefined) merged[option] = value;
  }
  return merged as D & O;
}

/** Refuses an option that there is not: most often a slip of the pen. Returns the options. */
export function knownOptions<O extends object>(options: O, known: readonly string[]): O {
  for (const [option, value] of Object.entries(options)) {
    if (known.includes(option) || value === undefined) continue;
    throw new OptionError(option, `no such option; there are ${known.join(", ")}`, value);
  }
  return options;
}

/** An integer of at least `min`. */
export function integerOption(option: string, value: unknown, min: number): number {
  if (Number.isSafeInteger(value) && (value as number) >= min) return value as number;
  throw new OptionError(option, `an integer >= ${min}`, value);
}

/** How many of something may wait: an integer above zero, or `Infinity`. */
export function capacityOption(option: string, value: unknown): number {
  if (value === Number.POSITIVE_INFINITY) return value;
  if (Number.isSafeInteger(value) && (value as number) >= 1) return value as number;
  throw new OptionError(option, "an integer >= 1, or Infinity", value);
}

/** A finite number above zero. */
export function positiveOption(option: string, value: unknown): number {
  if (typeof value === "number" && value > 0 && value < Number.POSITIVE_INFINITY) return value;
  throw new OptionError(option, "a number > 0", value);
}

/** A duration in milliseconds: a number of at least zero; `Infinity` means without limit. */
export function durationOption(option: string, value: unknown): number {
  if (typeof value === "number" && value >= 0) return value;
  throw new OptionError(option, "a number of milliseconds >= 0", value);
}

/** A string with something in it. */
export function nameOption(option: string, value: unknown): string {
  if (typeof value === "string" && value !== "") return value;
  throw new OptionError(option, "a non-empty string", value);
}

/** One of a few words. */
export function oneOfOption<T extends string>(
  option: string,
  value: unknown,
  words: readonly T[],
): T {
  if (words.includes(value as T)) return value as T;
  throw new OptionError(option, `one of ${words.map((word) => `"${word}"`).join(", ")}`, value);
}

/** A plain object. */
export function objectOption(option: string, value: unknown): object {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw new OptionError(option, "an object", value);
}

/** True or false. */
export function booleanOption(option: string, value: unknown): boolean {
  if (typeof value === "boolean") return value;
  throw new OptionError(option, "true or false", value);
}

/** An object with certain methods: something that is injected. */
export function portOption(option: string, value: unknown, methods: readonly string[]): void {
  const port = objectOption(option, value) as Record<string, unknown>;
  for (const method of methods) functionOption(`${option}.${method}`, port[method]);
}

/** A function. */
export function functionOption(option: string, value: unknown): void {
  if (typeof value !== "function") throw new OptionError(option, "a function", value);
}
