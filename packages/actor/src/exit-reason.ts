/**
 * Why a process ended, as a value that a supervisor reads and a frame carries.
 *
 * The words are OTP's. A reason is plain data: a thrown error is reduced to name, message, stack
 * and code. This file never throws.
 */

/** A thrown value reduced to plain data, so that it can cross a wire and be logged. */
export interface ErrorValue {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  readonly code?: string;
}

/**
 * Why a process ended.
 *
 * - `"normal"`: it finished its work. `"shutdown"` and `{ shutdown }`: it was asked to stop.
 * - `"killed"`: it was ended without a chance to clean up.
 * - `"noproc"`, `"noconnection"`: there was no such process; its node was lost.
 * - `{ error }`: one of its handlers threw.
 *
 * Source: OTP reference manual, "Processes", exit reasons; supervisor.erl `do_restart`.
 */
export type ExitReason =
  | "normal"
  | "shutdown"
  | { readonly shutdown: unknown }
  | "killed"
  | "noproc"
  | "noconnection"
  | { readonly error: ErrorValue };

/** The reasons that are words, for validation of what a user hands in. */
const words: ReadonlySet<unknown> = new Set([
  "normal",
  "shutdown",
  "killed",
  "noproc",
  "noconnection",
]);

/** True for `normal`, `shutdown` and `{ shutdown }`: the ends that nobody needs to hear about. */
export function isOrderlyExit(reason: ExitReason): boolean {
  if (typeof reason === "string") return reason === "normal" || reason === "shutdown";
  return "shutdown" in reason;
}

/** True when a value has the shape of an exit reason. */
export function isExitReason(value: unknown): value is ExitReason {
  if (typeof value === "string") return words.has(value);
  if (typeof value !== "object" || value === null) return false;
  if ("shutdown" in value) return !("error" in value);
  return "error" in value && isErrorValue(value.error);
}

function isErrorValue(value: unknown): value is ErrorValue {
  if (typeof value !== "object" || value === null) return false;
  const { name, message } = value as Partial<ErrorValue>;
  return typeof name === "string" && typeof message === "string";
}

/** True when two reasons mean the same end; two errors are the same only by identity. */
export function isSameExit(left: ExitReason, right: ExitReason): boolean {
  if (left === right) return true;
  if (typeof left === "string" || typeof right === "string") return false;
  return "shutdown" in left && "shutdown" in right && left.shutdown === right.shutdown;
}

/** One line for messages: `shutdown`, `error: Error: boom`. */
export function describeExit(reason: ExitReason): string {
  if (typeof reason === "string") return reason;
  if ("error" in reason) return `${reason.error.name}: ${reason.error.message}`;
  return `shutdown (${safeString(reason.shutdown)})`;
}

/** Reduces whatever was thrown to plain data; a value that is no error becomes its own text. */
export function toErrorValue(thrown: unknown): ErrorValue {
  if (!(thrown instanceof Error)) return { name: "Error", message: safeString(thrown) };
  const { name, message, stack } = thrown;
  const code = (thrown as { code?: unknown }).code;
  return {
    name: String(name),
    message: String(message),
    ...(typeof stack === "string" ? { stack } : {}),
    ...(typeof code === "string" ? { code } : {}),
  };
}

/** Text for any value. A hostile `toString` or `toJSON` must not turn a report into a crash. */
function safeString(value: unknown): string {
  try {
    if (typeof value === "object" && value !== null) return JSON.stringify(value) ?? "object";
    return String(value);
  } catch {
    return "a value that cannot be printed";
  }
}
