/**
 * From what a caller asks to the bytes that are sent; what is wrong with it is found here, so a bad
 * operation or argument costs nothing and loses nothing.
 */
import { type AnyActorDefinition, OptionError, UnknownOperationError } from "@troupe/actor";
import type { Codec } from "@troupe/cluster/runtime";
import { CallTooLargeError } from "./errors.ts";
import type { Operation } from "./outcome.ts";
import { SharedMemory } from "./shared-memory.ts";
import { checkPath } from "./state-path.ts";
import type { Op } from "./vsr/index.ts";

/**
 * What an answer to a query may be made from.
 *
 * - `"linearizable"`: all that was answered to anybody before the query was made.
 * - `"local"`: what one replica has run by now, this node's own if it holds one. Nobody else is
 *   asked, so it may be arbitrarily old.
 * - `{ atLeast: op }`: the same, as soon as that replica has run this op; see {@link GroupRef.op}.
 */
export type Consistency = "linearizable" | "local" | { readonly atLeast: Op };

/** Reads the option `consistency`: the least op, or undefined for linearizable. */
export function leastOp(consistency: Consistency = "linearizable"): Op | undefined {
  if (consistency === "linearizable") return undefined;
  if (consistency === "local") return 0;
  const op = (consistency as { readonly atLeast?: unknown } | null)?.atLeast;
  if (Number.isSafeInteger(op) && (op as number) >= 0) return op as Op;
  throw new OptionError("consistency", '"linearizable", "local" or { atLeast: op }', consistency);
}

/** A request is forgotten when it is answered. */
const memory = new SharedMemory();

/**
 * Encodes a request or a query. Throws UnknownOperationError, NotSerializableError,
 * CallTooLargeError, OptionError.
 */
export function encodeOperation(
  definition: AnyActorDefinition,
  codec: Codec,
  [kind, name, arg]: Operation,
  bytesMax: number,
): Uint8Array {
  if (kind === "read") checkPath(arg);
  else if (kind !== "abandon") checkName(definition, kind, name);
  const body = encode(codec, [kind, name, arg]);
  if (body.length > bytesMax) throw new CallTooLargeError(name, body.length, bytesMax);
  return body;
}

function checkName(
  { name: actor, calls, casts, queries, info }: AnyActorDefinition,
  kind: "call" | "cast" | "info" | "query",
  name: string,
): void {
  const table: object = { call: calls, cast: casts, query: queries, info }[kind];
  if (Object.hasOwn(table, name)) return;
  throw new UnknownOperationError(actor, kind, name, Object.keys(table));
}

function encode(codec: Codec, operation: Operation): Uint8Array {
  try {
    const bytes = codec.encodeShared(operation);
    const body = memory.take(bytes.length);
    if (bytes instanceof Uint8Array) body.set(bytes);
    else bytes.copyTo(body, 0);
    return body;
  } catch (error) {
    // Encoded by itself, so that the error names the argument and not its envelope.
    codec.encodeShared(operation[2], "arg");
    throw error;
  }
}
