/**
 * What a handler refuses a call with: a code and data of its own, or an error that says it better.
 *
 * A handler that refuses has run. So an error that it passes on from a call of its own must not
 * say of the other call what its caller would take for this one.
 */
import { type ActorError, isActorError } from "../actor-error.ts";
import { ReplyError } from "../errors.ts";
import { nameOption } from "../option.ts";
import { fromWireError, toWireError } from "../wire-error.ts";

const unhandled = new WeakSet<ActorError>();

/** Marks an error as the refusal of a message that no handler of the user's has seen. */
export function beforeHandling<E extends ActorError>(error: E): E {
  unhandled.add(error);
  return error;
}

/** The error that a caller gets; its outcome is `"ran"` unless nothing of the user's has run. */
export function refusalOf(refusal: string | ActorError, data: unknown): ActorError {
  if (!isActorError(refusal)) return new ReplyError(nameOption("code", refusal), data);
  if (refusal.outcome === "ran" || unhandled.has(refusal)) return refusal;
  return asRan(refusal);
}

/** The same error, for an operation that has run. */
export function asRan(error: ActorError): ActorError {
  return fromWireError({ ...toWireError(error), outcome: "ran" });
}
