/**
 * What the context of a local process needs: of its system, and of its process.
 *
 * Types only; nothing here runs.
 */
import type { AnyActorDefinition } from "../actor.ts";
import type { Clock, Random } from "../clock.ts";
import type { ExitReason } from "../exit-reason.ts";
import type { CopyMessage } from "../plain-data.ts";
import type { Operation, OperationKind } from "../program.ts";
import type { AnyRef, Inferred, ReplyPort, ReplyTo } from "../ref.ts";
import type { Launchable } from "../system/start-options.ts";
import type { MonitorTarget } from "./monitors.ts";
import type { Notice } from "./notice.ts";
import type { Peer } from "./peer.ts";

/** What a handler can start. */
export type Startee = AnyActorDefinition | Launchable<AnyRef>;

/** Where a context draws from. */
export interface ContextSources {
  readonly clock: Clock;
  readonly random: Random;
  /** Copies what is sent as the codec would, in a system that copies its messages. */
  readonly copy: CopyMessage | undefined;
  /** How many timers, and how many monitors, a process may have. */
  readonly maxTimers: number;
  /** What a monitor of a ref, or of a name, watches. Throws `OptionError` for a foreign ref. */
  monitorTarget(target: AnyRef | string): MonitorTarget;
  /**
   * The process behind a ref, also one that is over, or of another node; undefined for a name that
   * nobody has. Throws `OptionError` for a ref of a system that this one does not know.
   */
  peer(target: AnyRef): Peer | undefined;
  /** Starts something on behalf of a handler; linked, that process is its parent. */
  startFrom(
    parent: AnyRef,
    linked: boolean,
    startee: Startee,
    rest: readonly unknown[],
  ): Promise<never>;
  /** Marks the deferred replies of this system: another one numbers its own. */
  readonly systemTag: string;
  /** Reports what somebody should look at. */
  warn(message: string, details: unknown): void;
  /** Reports an effect that failed and whose handler wanted to be told nothing. */
  effectFailed(ref: AnyRef, id: string, effect: string, error: unknown): void;
  /** Whether the reply to a call that another system has deferred can be sent there. */
  canAnswer(to: ReplyTo<never>): boolean;
  /** Whether a deferred call is still open; one of another system, whether it may be. */
  isAwaited(to: ReplyTo<never>): boolean;
  /** Answers a deferred call, if it is still open. */
  answer(to: ReplyTo<never>, answer: (port: ReplyPort) => void): void;
}

/** What a context asks of its process. */
export interface ContextPort {
  readonly ref: AnyRef;
  describe(): string;
  /** `"closed"` between handlers, and `"ignored"` once the process is dead. */
  effects(): "open" | "closed" | "ignored";
  /** Queues a message of the runtime. */
  notify(notice: Notice): void;
  /** Leaves the reply of the message being handled for later. */
  defer(): ReplyTo<Inferred>;
  /** The handler that deferred has not returned after all. */
  undefer(): void;
  /** Runs an operation before the next message. */
  continueWith(operation: Operation, arg: unknown): void;
  /** How many operations wait to be run before the next message. */
  readonly continuations: number;
  setIdleTimeout(operation: Operation, ms: number): void;
  /** What the message being handled is called in reports. */
  handling(kind: OperationKind, operation: string, arg: unknown): void;
  link(target: AnyRef): void;
  unlink(target: AnyRef): void;
  sendExit(target: AnyRef, reason: ExitReason | "kill"): void;
  /** Aborted when the process is over. */
  readonly endSignal: AbortSignal;
}
