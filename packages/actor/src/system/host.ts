/**
 * What a system is to its processes: the parts of it that a process needs, behind one port.
 */
import type { Deadlines } from "../deadlines.ts";
import { messageCopier } from "../plain-data.ts";
import { Cascade } from "../process/cascade.ts";
import type { Startee } from "../process/context-ports.ts";
import type { ForeignPort } from "../process/peer.ts";
import type { ProcessHost } from "../process/process-host.ts";
import { Replies } from "../process/replies.ts";
import type { AnyRef } from "../ref.ts";
import type { ProcessTable } from "./process-table.ts";
import type { Reports } from "./reports.ts";
import { Scheduler } from "./scheduler.ts";
import type { ResolvedSystemOptions } from "./system-options.ts";

/** Timers and monitors of one process, and deferred replies of one system: far beyond need. */
const maxHeld = 1_048_576;

/** What a host is made of. */
export interface HostParts {
  readonly options: ResolvedSystemOptions;
  readonly reports: Reports;
  readonly deadlines: Deadlines;
  /** Marks what belongs to this system. */
  readonly systemTag: string;
  /** Draws the numbers of deferred replies, if they are not just counted. */
  readonly drawReply: (() => number) | undefined;
  /** The table is made with the host, so it is asked for when it is needed. */
  readonly table: () => ProcessTable;
  /** What is known of other systems; asked for when it is needed. */
  readonly foreign: () => ForeignPort | undefined;
  /** Starts something; with a parent it is linked to that. */
  readonly start: (
    parent: AnyRef | undefined,
    startee: Startee,
    first: unknown,
    second: unknown,
  ) => Promise<unknown>;
}

/** The port of a system to its processes. */
export function makeHost(parts: HostParts): ProcessHost {
  const { options, reports, deadlines, systemTag, table, foreign, start } = parts;
  const { clock, loop, random, mailboxCapacity, schedule, cloneMessages, logger } = options;
  const replies = new Replies(maxHeld, parts.drawReply);
  return {
    clock,
    random,
    mailboxCapacity,
    deadlines,
    replies,
    systemTag,
    maxTimers: Math.min(maxHeld, mailboxCapacity),
    copy: cloneMessages ? messageCopier(options.classes) : undefined,
    cascade: new Cascade(),
    scheduler: new Scheduler(clock, loop, schedule),
    monitorTarget: (target) => table().monitorTarget(target),
    peer: (target) => table().peer(target),
    canAnswer: (to) => to.system === systemTag || foreign()?.reply(to) !== undefined,
    // Of a call that another system has deferred, only that one knows.
    isAwaited: (to) =>
      to.system === systemTag ? replies.has(to.replyTo) : foreign()?.reply(to) !== undefined,
    answer: (to, answer) => {
      const isOurs = to.system === systemTag;
      const port = isOurs ? replies.take(to.replyTo) : foreign()?.reply(to);
      if (port !== undefined) answer(port);
    },
    startFrom: (parent, linked, startee, [first, second]) =>
      start(linked ? parent : undefined, startee, first, second) as Promise<never>,
    deadLetter: (ref, kind, operation, arg, reason) =>
      reports.deadLetter(ref, kind, operation, arg, reason),
    effectFailed: (...failure) => reports.effectFailed(...failure),
    warn: (message, details) => logger.warn(message, details),
    release: (process) => table().release(process),
    ended: (process, ...end) => reports.ended(process, ...end),
  };
}
