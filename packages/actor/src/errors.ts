/**
 * The errors of this package, one class per code, and the assertion of the house.
 *
 * Every class answers in `outcome` whether the call may have run. Extra fields are read from
 * `data`, so that an error revived from a wire has them too.
 */
import { ActorError, isActorError, type Outcome } from "./actor-error.ts";
import { describeExit, type ExitReason } from "./exit-reason.ts";

/** An option has a value it cannot have. Nothing was started or sent. */
export class OptionError extends ActorError {
  declare readonly data: { option: string; expected: string; given: unknown };

  constructor(option: string, expected: string, given: unknown) {
    const shown = show(given);
    super(`invalid option ${option}: expected ${expected}, got ${shown}`, {
      name: "OptionError",
      code: "ERR_INVALID_OPTION",
      outcome: "not_run",
      data: { option, expected, given: isPlain(given) ? given : shown },
    });
  }

  /** The option's name. */
  get option(): string {
    return this.data.option;
  }

  /** What would have been accepted. */
  get expected(): string {
    return this.data.expected;
  }

  /** What was given; anything but a string, number, boolean or null is described in words. */
  get given(): unknown {
    return this.data.given;
  }
}

/** There is no such process: it ended, or never was. The call did not run. OTP: `noproc`. */
export class NoProcessError extends ActorError {
  constructor(target: string) {
    super(`${target} is not running`, {
      name: "NoProcessError",
      code: "ERR_NO_PROCESS",
      outcome: "not_run",
      data: { target },
    });
  }
}

/** The actor has no operation of that kind and name. The call did not run. */
export class UnknownOperationError extends ActorError {
  constructor(actor: string, kind: string, given: unknown, known: Iterable<string>) {
    const names = [...known];
    const list = names.length === 0 ? "it has none" : `it has ${names.join(", ")}`;
    // A caller that no compiler has checked may name anything, a symbol for example.
    const operation = String(given);
    super(`${actor} has no ${kind} "${operation}"; ${list}`, {
      name: "UnknownOperationError",
      code: "ERR_UNKNOWN_OPERATION",
      outcome: "not_run",
      data: { actor, kind, operation, known: names },
    });
  }
}

/** The name is taken by a running process; no second one was made. OTP: `already_started`. */
export class AlreadyStartedError extends ActorError {
  // `name` of an Error is its class, so the process name that is taken is `registeredName`.
  declare readonly data: { name: string; ref: unknown };

  constructor(name: string, ref: unknown) {
    super(`the name "${name}" is taken`, {
      name: "AlreadyStartedError",
      code: "ERR_ALREADY_STARTED",
      outcome: "not_run",
      data: { name, ref },
    });
  }

  /** The name that is taken. */
  get registeredName(): string {
    return this.data.name;
  }

  /** The ref of the process that has the name. */
  get ref(): unknown {
    return this.data.ref;
  }
}

/** The mailbox is at its capacity. The call did not run. */
export class MailboxFullError extends ActorError {
  constructor(target: string, capacity: number) {
    super(`the mailbox of ${target} is full (${capacity} messages)`, {
      name: "MailboxFullError",
      code: "ERR_MAILBOX_FULL",
      outcome: "not_run",
      data: { target, capacity },
    });
  }
}

/** A process called itself and would have waited for itself. OTP: `calling_self`. */
export class CallingSelfError extends ActorError {
  constructor(target: string) {
    super(`${target} called itself`, {
      name: "CallingSelfError",
      code: "ERR_CALLING_SELF",
      outcome: "not_run",
      data: { target },
    });
  }
}

/** More calls wait for an answer than the table holds. The call was not sent. */
export class TooManyCallsError extends ActorError {
  constructor(max: number) {
    super(`${max} calls already wait for an answer`, {
      name: "TooManyCallsError",
      code: "ERR_TOO_MANY_CALLS",
      outcome: "not_run",
      data: { max },
    });
  }
}

/** No answer came in time. The call may have run, or may run later. OTP: `timeout`. */
export class CallTimeoutError extends ActorError {
  constructor(target: string, operation: string, timeoutMs: number) {
    super(`${target} did not answer ${operation} within ${timeoutMs} ms`, {
      name: "CallTimeoutError",
      code: "ERR_CALL_TIMEOUT",
      outcome: "unknown",
      data: { target, operation, timeoutMs },
    });
  }
}

/** An effect did not settle in time, and was told so. The work may be done all the same. */
export class EffectTimeoutError extends ActorError {
  constructor(effect: string, timeoutMs: number) {
    super(`the effect "${effect}" did not settle within ${timeoutMs} ms`, {
      name: "EffectTimeoutError",
      code: "ERR_EFFECT_TIMEOUT",
      outcome: "unknown",
      data: { effect, timeoutMs },
    });
  }
}

/** The caller's signal was aborted: before sending (`not_run`) or while waiting (`unknown`). */
export class CallAbortedError extends ActorError {
  constructor(outcome: "not_run" | "unknown", cause?: unknown) {
    super(outcome === "not_run" ? "the call was aborted unsent" : "the call was aborted", {
      name: "CallAbortedError",
      code: "ERR_CALL_ABORTED",
      outcome,
      cause,
    });
  }
}

/**
 * The process ended before it answered.
 *
 * The outcome is `"unknown"` for the call that was being handled and `"not_run"` for one that was
 * still queued. OTP: the caller exits with the server's reason.
 */
export class ProcessExitedError extends ActorError {
  declare readonly data: { target: string; reason: ExitReason };

  constructor(target: string, reason: ExitReason, outcome: "not_run" | "unknown") {
    super(`${target} exited: ${describeExit(reason)}`, {
      name: "ProcessExitedError",
      code: "ERR_PROCESS_EXITED",
      outcome,
      data: { target, reason },
    });
  }

  /** Why the process ended. */
  get reason(): ExitReason {
    return this.data.reason;
  }
}

/**
 * The process did not come up: `init` threw, refused, stopped, returned nothing or took too long.
 * `init` may have run.
 */
export class StartError extends ActorError {
  declare readonly data: { target: string; reason: ExitReason };

  constructor(target: string, reason: ExitReason, cause?: unknown) {
    super(`${target} did not start: ${describeExit(reason)}`, {
      name: "StartError",
      code: "ERR_START",
      outcome: "unknown",
      data: { target, reason },
      cause,
    });
  }

  /** Why the process ended. */
  get reason(): ExitReason {
    return this.data.reason;
  }
}

/** `init` returned nothing: a process has a state, be it `null`. OTP: `bad_return_value`. */
export class NoStateError extends ActorError {
  constructor(target: string, what = "init") {
    super(`${what} of ${target} returned nothing, expected the state`, {
      name: "NoStateError",
      code: "ERR_NO_STATE",
      outcome: "ran",
      data: { target },
    });
  }
}

/** The system is shutting down and starts nothing more. */
export class SystemStoppedError extends ActorError {
  constructor() {
    super("the system is shutting down", {
      name: "SystemStoppedError",
      code: "ERR_SYSTEM_STOPPED",
      outcome: "not_run",
    });
  }
}

/** An effect was asked for through a `ctx` whose handler is over. */
export class OutsideHandlerError extends ActorError {
  constructor(method: string) {
    super(`ctx.${method} was used after the handler had ended`, {
      name: "OutsideHandlerError",
      code: "ERR_OUTSIDE_HANDLER",
      outcome: "not_run",
      data: { method },
    });
  }
}

/** `ctx.defer` was used where nobody waits for a reply: in a cast, an info or a continue. */
export class NoCallerError extends ActorError {
  constructor(operation: string) {
    super(`nobody waits for a reply to "${operation}"`, {
      name: "NoCallerError",
      code: "ERR_NO_CALLER",
      outcome: "not_run",
      data: { operation },
    });
  }
}

/** The operation does not take such a payload. The call did not run. */
export class PayloadError extends ActorError {
  declare readonly data: { actor: string; operation: string; expected: string; given: unknown };

  constructor(actor: string, operation: string, expected: string, given: unknown) {
    const shown = show(given);
    super(`${actor} expected ${expected} for "${operation}", got ${shown}`, {
      name: "PayloadError",
      code: "ERR_PAYLOAD",
      outcome: "not_run",
      data: { actor, operation, expected, given: isPlain(given) ? given : shown },
    });
  }
}

/** A value cannot be encoded. Nothing was sent. */
export class NotSerializableError extends ActorError {
  declare readonly data: { path: string; problem: string };

  constructor(path: string, problem: string) {
    super(`cannot encode ${path}: ${problem}`, {
      name: "NotSerializableError",
      code: "ERR_NOT_SERIALIZABLE",
      outcome: "not_run",
      data: { path, problem },
    });
  }

  /** Where in the value: `arg.items[2].callback`. */
  get path(): string {
    return this.data.path;
  }
}

/** A handler refused the call with `ctx.fail`: `code` and `data` are the handler's own. */
export class ReplyError extends ActorError {
  constructor(code: string, data?: unknown) {
    super(`refused: ${code}`, { name: "ReplyError", code, outcome: "ran", data });
  }
}

/** Tells whether an error is a refusal by `ctx.fail`, optionally one with the given code. */
export function isReplyError(error: unknown, code?: string): error is ReplyError {
  return isActorError(error, code) && error.name === "ReplyError";
}

/** A handler of a replicated actor threw. It ran, and the state is as before the call. */
export class HandlerError extends ActorError {
  constructor(message: string, data?: unknown) {
    super(message, { name: "HandlerError", code: "ERR_HANDLER", outcome: "ran", data });
  }
}

/** Troupe itself is wrong. Nobody catches this but the boundary of a process. */
export class InvariantError extends ActorError {
  constructor(message: string) {
    const outcome: Outcome = "unknown";
    super(message, { name: "InvariantError", code: "ERR_INVARIANT", outcome });
  }
}

/**
 * Throws an {@link InvariantError} unless the condition holds. It stays on in production.
 *
 * @example
 * ```ts
 * assert(replicaCount % 2 === 1, "a group has an odd size");
 * ```
 */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}

/** Whether a value may stand in the data of an error as it is. */
export function isPlain(value: unknown): boolean {
  return value === null || ["string", "number", "boolean"].includes(typeof value);
}

/** Names a value in a message without running code of the user's. */
export function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "function") return "a function";
  if (typeof value === "symbol") return "a symbol";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object" && value !== null) return "an object";
  return String(value);
}
