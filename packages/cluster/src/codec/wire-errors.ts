/**
 * Errors on the wire: the classes that are revived with their own type, and a check of shape.
 *
 * An error is either the answer to a call or a value inside of a message.
 */
import { type ActorError, isActorError } from "@troupe/actor";
import { errorFromParts, fromWireError, toWireError, type WireError } from "@troupe/actor/runtime";
import {
  ActorUnknownError,
  AlreadyTrackedError,
  ConnectionLostError,
  DecodeError,
  DirectoryFullError,
  DiscoveryError,
  EntryTooLargeError,
  HandshakeError,
  ListenError,
  MessageTooLargeError,
  NodeLeavingError,
  NodeUnknownError,
  OverloadedError,
  ProtocolError,
} from "../errors.ts";

const classes = {
  ActorUnknownError,
  AlreadyTrackedError,
  ConnectionLostError,
  DecodeError,
  DirectoryFullError,
  DiscoveryError,
  EntryTooLargeError,
  MessageTooLargeError,
  HandshakeError,
  ListenError,
  NodeLeavingError,
  NodeUnknownError,
  OverloadedError,
  ProtocolError,
};

/** The error that another node answered with; a DecodeError if what it sent is no error. */
export function reviveError(value: unknown): ActorError {
  if (!isWireError(value)) return new DecodeError("an error without a shape", "unknown");
  return fromWireError(value, classes);
}

/** The error that a value holds, of parts that may come from anyone. Throws DecodeError. */
export function reviveErrorValue(parts: unknown): Error {
  const error = errorFromParts(parts, classes);
  if (error === undefined) throw new DecodeError("a malformed error");
  return error;
}

/** What a caller is told of an error; unlike what a log keeps of it, with the cause. */
export function errorForCaller(error: unknown): WireError {
  const wire = toWireError(error);
  const cause = isActorError(error) ? error.cause : undefined;
  return cause === undefined ? wire : { ...wire, cause };
}

/** The same error without what it carries, which may be large, or unfit for the wire. */
export function withoutCargo({ name, code, outcome, message }: WireError): WireError {
  return { name, code, outcome, message };
}

function isWireError(value: unknown): value is WireError {
  if (typeof value !== "object" || value === null) return false;
  const { name, code, outcome, message } = value as Record<string, unknown>;
  return (
    typeof name === "string" &&
    typeof code === "string" &&
    typeof message === "string" &&
    (outcome === "not_run" || outcome === "ran" || outcome === "unknown")
  );
}
