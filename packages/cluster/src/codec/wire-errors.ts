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

/** The name and the code of an error without cargo are cut to this many characters. */
const MAX_WORD_LENGTH = 256;

/**
 * The same error without what it carries, and with its texts cut, the message to `maxLength`
 * characters: all of it may be large, or unfit for the wire.
 */
export function withoutCargo(error: WireError, maxLength: number): WireError {
  const { name, code, outcome, message } = error;
  const [clippedName, clippedCode] = [clip(name, MAX_WORD_LENGTH), clip(code, MAX_WORD_LENGTH)];
  return { name: clippedName, code: clippedCode, outcome, message: clip(message, maxLength) };
}

/** Shortens text, and mends what CBOR cannot carry in it. */
function clip(text: string, length: number): string {
  return Buffer.from(text.slice(0, length), "utf8").toString("utf8");
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
