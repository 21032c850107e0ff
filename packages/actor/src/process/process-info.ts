/**
 * What can be seen of a process from outside: its figures, and the messages that it handles.
 *
 * Types only; nothing here runs.
 */
import type { ExitReason } from "../exit-reason.ts";
import type { OperationKind } from "../program.ts";
import type { AnyRef } from "../ref.ts";

/**
 * What a process is doing: `starting` runs `init`, `waiting` has no message, `ready` waits for its
 * turn, `busy` waits for an async handler, `suspended` keeps its messages for later.
 */
export type ProcessStatus = "starting" | "waiting" | "ready" | "busy" | "suspended" | "terminating";

/** The figures of one process. OTP: `process_info/1` and `sys:get_status/1`. */
export interface ProcessInfo {
  readonly ref: AnyRef;
  /** The name of its definition. */
  readonly actor: string;
  /** The name it is registered under, if it has one. */
  readonly name: string | undefined;
  readonly status: ProcessStatus;
  /** The operation that it is handling now. */
  readonly operation: string | undefined;
  /** Its supervisor, or the process that started and linked it. */
  readonly parent: AnyRef | undefined;
  /** How many messages wait. */
  readonly mailbox: number;
  /** How many calls it has not answered: queued, being handled, or deferred. */
  readonly openCalls: number;
  /** How many messages it has handled since it started. */
  readonly handled: number;
  /** How many timers it has set that have not been handled. */
  readonly timers: number;
  /** How many monitors it has set. */
  readonly monitors: number;
  /** How many named effects are being done, or have an outcome that it has not handled. */
  readonly effects: number;
  readonly links: readonly AnyRef[];
  /** How many calls it has deferred and not answered. */
  readonly deferred: number;
  /** The state itself, not a copy: look, and change nothing. */
  readonly state: unknown;
}

/** What became of a message. */
export type TraceOutcome = "returned" | "deferred" | "refused" | "crashed";

/** One step of a traced process. OTP: `sys:trace/2`. */
export type TraceEvent =
  | {
      readonly event: "message";
      readonly kind: OperationKind;
      readonly operation: string;
      readonly arg: unknown;
    }
  | {
      readonly event: "handled";
      readonly operation: string;
      readonly outcome: TraceOutcome;
      /** The reply, or what was thrown. */
      readonly result: unknown;
      /** The state itself, not a copy. */
      readonly state: unknown;
    }
  | { readonly event: "exit"; readonly reason: ExitReason };

/** Is told what a traced process does, as it does it. */
export type Tracer = (event: TraceEvent) => void;
