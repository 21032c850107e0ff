/**
 * The port between a process and its system. Types only; nothing here runs.
 */
import type { ExitReason } from "../exit-reason.ts";
import type { Scheduler } from "../system/scheduler.ts";
import type { Cascade } from "./cascade.ts";
import type { ContextSources } from "./context-ports.ts";
import type { InboxHost } from "./inbox.ts";
import type { ProcessRelations } from "./process-relations.ts";
import type { Replies } from "./replies.ts";

/** What was going on when a process failed. */
export interface Failure {
  /** The name of an operation, `init` or `terminate`. */
  readonly operation: string | undefined;
  readonly arg: unknown;
  /** What was thrown. */
  readonly error: unknown;
}

/** What a process needs from its system. */
export interface ProcessHost extends InboxHost, ContextSources {
  readonly scheduler: Scheduler;
  readonly replies: Replies;
  readonly cascade: Cascade;
  /** The process is over: frees its name and number, before anybody is told. Returns its name. */
  release(process: ProcessRelations): string | undefined;
  /** The process is over and its callers are told: the time for events. */
  ended(
    process: ProcessRelations,
    name: string | undefined,
    reason: ExitReason,
    failure: Failure | undefined,
  ): void;
}
