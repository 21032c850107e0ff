/**
 * The base of every error that Troupe reports to a caller, and the guard that recognises one.
 *
 * An error says what a caller must know before it retries: whether the operation may have run.
 * The brand is a registered symbol, so the guard also holds when an application ends up with two
 * copies of this package. This file knows no concrete error and never throws.
 */

const brand: unique symbol = Symbol.for("troupe.ActorError") as never;

/**
 * Whether the operation behind a failed call may have run.
 *
 * - `"not_run"`: it certainly did not run; retrying is safe.
 * - `"ran"`: it ran, and the error is its answer.
 * - `"unknown"`: it may have run, be running now, or run later.
 */
export type Outcome = "not_run" | "ran" | "unknown";

/** What an `ActorError` is made of; subclasses fill it in, and the wire carries it. */
export interface ActorErrorInit {
  readonly name: string;
  readonly code: string;
  readonly outcome: Outcome;
  readonly data?: unknown;
  readonly cause?: unknown;
}

/**
 * The base class of every error with which Troupe rejects a promise.
 *
 * Compare `code`, or use {@link isActorError}, rather than `instanceof`: both keep working across
 * nodes and across package copies.
 *
 * @example
 * ```ts
 * try {
 *   await counter.call("add", 5);
 * } catch (error) {
 *   if (isActorError(error) && error.outcome === "not_run") await counter.call("add", 5);
 *   else throw error;
 * }
 * ```
 */
export class ActorError extends Error {
  /** A stable name for the failure: `ERR_…` for Troupe's own, the user's word for `ctx.fail`. */
  readonly code: string;
  /** Whether the operation may have run. */
  readonly outcome: Outcome;
  /** Details as plain data; what it holds depends on the code. */
  readonly data?: unknown;

  constructor(message: string, init: ActorErrorInit) {
    super(message, init.cause === undefined ? undefined : { cause: init.cause });
    this.name = init.name;
    this.code = init.code;
    this.outcome = init.outcome;
    if (init.data !== undefined) this.data = init.data;
  }

  /** Marks the instance for {@link isActorError}. */
  get [brand](): true {
    return true;
  }
}

/**
 * Tells whether a value is an error of Troupe, optionally one with the given code.
 *
 * @example
 * ```ts
 * isActorError(error, "ERR_CALL_TIMEOUT"); // => true for a call that took too long
 * ```
 */
export function isActorError(error: unknown, code?: string): error is ActorError {
  if (typeof error !== "object" || error === null) return false;
  if ((error as { [brand]?: unknown })[brand] !== true) return false;
  return code === undefined || (error as ActorError).code === code;
}
