/**
 * Errors as plain data, for a wire or a log, and back.
 *
 * The revived error has the class, code, outcome and data of the original, so `isActorError` and
 * `isReplyError` answer the same on both sides. This file encodes nothing into bytes.
 */
import { ActorError, type ActorErrorInit, isActorError, type Outcome } from "./actor-error.ts";
import type { Performed } from "./effect-attempt.ts";
import * as errors from "./errors.ts";
import { toErrorValue } from "./exit-reason.ts";
import * as registryErrors from "./registry/registry-errors.ts";
import * as stateMachineErrors from "./state-machine/state-machine-errors.ts";
import * as supervisorErrors from "./supervision/supervisor-errors.ts";

/** An error as plain data. `data` is whatever the error carried and must itself be encodable. */
export interface WireError {
  readonly name: string;
  readonly code: string;
  readonly outcome: Outcome;
  readonly message: string;
  readonly data?: unknown;
  /** What it was caused by; a wire may leave it out. */
  readonly cause?: unknown;
}

/** A subclass of `ActorError` whose own fields are read from `data`. */
export interface ErrorClass {
  readonly name: string;
  readonly prototype: ActorError;
}

const ownClasses = new Map<string, ErrorClass>(
  [errors, registryErrors, stateMachineErrors, supervisorErrors].flatMap(classesOf),
);

/** The error classes that a module exports, by name. */
function classesOf(module: object): [string, ErrorClass][] {
  return Object.entries(module).filter(
    (entry): entry is [string, ErrorClass] =>
      typeof entry[1] === "function" && entry[1].prototype instanceof ActorError,
  );
}

/**
 * Reduces any thrown value to plain data.
 *
 * An error that is not Troupe's keeps its name and message; its outcome is `"unknown"`.
 */
export function toWireError(error: unknown): WireError {
  if (isActorError(error)) {
    const { name, code, outcome, message, data } = error;
    return data === undefined
      ? { name, code, outcome, message }
      : { name, code, outcome, message, data };
  }
  const { name, message, code } = toErrorValue(error);
  return { name, code: code ?? "ERR_UNKNOWN", outcome: "unknown", message };
}

/** Longer texts of an error are cut where the whole of it cannot be sent. */
const nameMax = 32;
const messageMax = 64;

/**
 * Sends as much of an error as can be sent, and returns what `send` does: all of it, or all but its
 * data, or little more than its name. `send` throws for what cannot be sent.
 */
export function sendError<T>(error: unknown, send: (wire: WireError) => T): T {
  const wire = readError(error);
  try {
    return send(wire);
  } catch {
    const { data: _, ...bare } = wire;
    try {
      return send(bare);
    } catch {
      return send({
        name: sendableText(bare.name, nameMax),
        code: sendableText(bare.code, nameMax),
        outcome: bare.outcome,
        message: sendableText(bare.message, messageMax),
      });
    }
  }
}

/**
 * Sends what came of an effect, its value or as much of its error as can be sent, and returns what
 * `send` does.
 */
export function sendPerformed<T>(
  performed: Performed,
  send: (outcome: { readonly value: unknown } | { readonly error: WireError }) => T,
): T {
  if ("error" in performed) return sendError(performed.error, (error) => send({ error }));
  try {
    return send(performed);
  } catch (unsendable) {
    // It has been done; only what it returned cannot be told.
    return sendError(unsendable, (error) => send({ error: { ...error, outcome: "ran" } }));
  }
}

/**
 * So much of a text, with a sign in place of each half of a surrogate pair, which no wire carries.
 * An error quotes such a half when it cuts a text, as that of `JSON.parse` does.
 */
export function sendableText(text: unknown, length?: number): string {
  return Buffer.from(String(text).slice(0, length), "utf8").toString("utf8");
}

/**
 * What was thrown may throw itself when it is looked at, and an error that no compiler has seen may
 * have a number for a code.
 */
function readError(error: unknown): WireError {
  try {
    const wire = toWireError(error);
    const [name, code] = [sendableText(wire.name), sendableText(wire.code)];
    return { ...wire, name, code, message: sendableText(wire.message) };
  } catch {
    const message = "what was thrown cannot be read";
    return { name: "Error", code: "ERR_UNKNOWN", outcome: "unknown", message };
  }
}

/**
 * Makes an error again from its plain data.
 *
 * `classes` names further error classes, keyed by the `name` their instances carry. An unknown
 * name becomes a plain `ActorError` with that name.
 */
export function fromWireError(
  wire: WireError,
  classes?: Readonly<Record<string, ErrorClass>>,
): ActorError {
  const { name, code, outcome, message, data, cause } = wire;
  const init: ActorErrorInit = { name, code, outcome, data, cause };
  const own = classes !== undefined && Object.hasOwn(classes, name) ? classes[name] : undefined;
  const target = own ?? ownClasses.get(name) ?? ActorError;
  // The subclass constructors build messages from their arguments; a revived error already has
  // its message, so only the base constructor runs, with the subclass as its prototype.
  return Reflect.construct(ActorError, [message, init], target as typeof ActorError);
}
