/**
 * Errors as values inside of messages: what of an error crosses, and the error made of it again.
 *
 * Name, message, code and cause cross, and so do the outcome and the data of an error of Troupe
 * and the errors of an `AggregateError`. Other properties stay behind, and so does the stack: it
 * names files of one machine, which are of no use and no business of another. Errors of Troupe
 * and those of the language get their own class again; any other is an `Error` with its name.
 */
import { isActorError, type Outcome } from "./actor-error.ts";
import { type ErrorClass, fromWireError } from "./wire-error.ts";

/** What of an error crosses. The parts are what they were in the error; nothing is copied. */
export interface ErrorParts {
  readonly name: string;
  readonly message: string;
  /** A text or a number; of another kind it stays behind. */
  readonly code?: string | number;
  /** Only of an error of Troupe, as `data` is. */
  readonly outcome?: Outcome;
  readonly data?: unknown;
  readonly cause?: unknown;
  readonly errors?: readonly unknown[];
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

type ErrorMaker = new (message: string, options?: ErrorOptions) => Error;

/** The classes of the language whose instances are recognised by their name. */
const languageClasses: ReadonlyMap<string, ErrorMaker> = new Map<string, ErrorMaker>([
  ["EvalError", EvalError],
  ["RangeError", RangeError],
  ["ReferenceError", ReferenceError],
  ["SyntaxError", SyntaxError],
  ["TypeError", TypeError],
  ["URIError", URIError],
]);

const outcomes: ReadonlySet<unknown> = new Set<Outcome>(["not_run", "ran", "unknown"]);

/** Takes an error apart. */
export function errorParts(error: Error): ErrorParts {
  const { name, message, cause } = error;
  const parts: Writable<ErrorParts> = {
    name: typeof name === "string" ? name : "Error",
    message: typeof message === "string" ? message : "",
  };
  const { code, errors } = error as { code?: unknown; errors?: unknown };
  if (typeof code === "string" || typeof code === "number") parts.code = code;
  if (isActorError(error)) {
    parts.outcome = error.outcome;
    if (error.data !== undefined) parts.data = error.data;
  }
  if (cause !== undefined) parts.cause = cause;
  if (error instanceof AggregateError && Array.isArray(errors)) parts.errors = errors;
  return parts;
}

/**
 * Makes an error of parts that may come from anyone; undefined if they do not make one. `classes`
 * names further classes of Troupe, as for `fromWireError`.
 */
export function errorFromParts(
  parts: unknown,
  classes?: Readonly<Record<string, ErrorClass>>,
): Error | undefined {
  if (typeof parts !== "object" || parts === null) return undefined;
  const { name, message, code, outcome, data, cause, errors } = parts as Partial<ErrorParts>;
  if (typeof name !== "string" || typeof message !== "string") return undefined;
  if (code !== undefined && typeof code !== "string" && typeof code !== "number") return undefined;
  if (errors !== undefined && !Array.isArray(errors)) return undefined;
  if (outcome !== undefined) {
    if (!outcomes.has(outcome) || typeof code !== "string") return undefined;
    const wire = { name, message, code, outcome, data, cause };
    return withStack(withoutTrace(() => fromWireError(wire, classes)));
  }
  const options = cause === undefined ? undefined : { cause };
  const error = withoutTrace(() =>
    errors === undefined
      ? new (languageClasses.get(name) ?? Error)(message, options)
      : new AggregateError(errors, message, options),
  );
  if (error.name !== name) hide(error, "name", name);
  return withStack(code === undefined ? error : Object.assign(error, { code }));
}

/**
 * The trace of where a message was decoded says nothing, and takes a kilobyte for each error of a
 * few bytes.
 */
function withoutTrace<T>(make: () => T): T {
  const limit = Error.stackTraceLimit;
  Reflect.set(Error, "stackTraceLimit", 0);
  try {
    return make();
  } finally {
    Reflect.set(Error, "stackTraceLimit", limit);
  }
}

function withStack<E extends Error>(error: E): E {
  hide(error, "stack", `${error.name}: ${error.message}`);
  return error;
}

/** As the language has it: there, but not listed. */
function hide(error: Error, property: "name" | "stack", value: string): void {
  const rest = { writable: true, enumerable: false, configurable: true };
  Object.defineProperty(error, property, { value, ...rest });
}
