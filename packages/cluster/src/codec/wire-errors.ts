/** Errors on the wire: the classes that are revived with their own type, and a check of shape. */
import type { ActorError } from "@troupe/actor";
import { fromWireError, type WireError } from "@troupe/actor/runtime";
import {
  ActorUnknownError,
  AlreadyTrackedError,
  ConnectionLostError,
  DecodeError,
  DirectoryFullError,
  EntryTooLargeError,
  HandshakeError,
  ListenError,
  MessageTooLargeError,
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
  EntryTooLargeError,
  MessageTooLargeError,
  HandshakeError,
  ListenError,
  NodeUnknownError,
  OverloadedError,
  ProtocolError,
};

/** The error that another node answered with; a DecodeError if what it sent is no error. */
export function reviveError(value: unknown): ActorError {
  if (!isWireError(value)) return new DecodeError("an error without a shape", "unknown");
  return fromWireError(value, classes);
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
