/**
 * One child of a supervisor: starting it, watching it, stopping it within its time.
 *
 * It works on any `StartedChild`, so it trusts no child to answer or to keep its word: every wait
 * has an end, but for a child whose spec says `"infinity"`, and nothing that a child throws gets
 * past this file. It never decides whether a child is restarted.
 */
import { isActorError } from "../actor-error.ts";
import type { StartError } from "../errors.ts";
import { type ExitReason, toErrorValue } from "../exit-reason.ts";
import type { AnyRef } from "../ref.ts";
import type { StartedChild } from "../system/startable.ts";
import type { ActorSystem } from "../system/system.ts";
import type { ChildSpec, ChildStart } from "./child-spec.ts";
import type { Lane } from "./supervisor-jobs.ts";

/** How long a killed child may take to report its end, before the supervisor goes on without. */
const killedGraceMs = 5000;

/**
 * What a child is doing. A `stopped` one has no process; a `restarting` one has none either, and
 * its supervisor is about to give it one.
 */
export type ChildStatus = "starting" | "running" | "restarting" | "stopped";

/** What became of a start. */
export type StartOutcome =
  | { readonly is: "started"; readonly ref: AnyRef | undefined }
  /** It came up to say that there is nothing to supervise. */
  | { readonly is: "ignored" }
  /** It was stopped before it was up. */
  | { readonly is: "cancelled" }
  | { readonly is: "failed"; readonly reason: ExitReason; readonly error: unknown };

/** What a child needs from its supervisor. */
export interface ChildHost {
  readonly system: ActorSystem;
  readonly ref: AnyRef;
  /** The process of a child has ended by itself. */
  exited(child: SupervisedChild): void;
}

/** One start that is under way. A signal costs more than a start, so it is made when asked for. */
class StartAttempt implements ChildStart {
  readonly supervisor: AnyRef;
  readonly outcome: Promise<StartOutcome>;
  /** Whether the child is no longer wanted. */
  isCancelled = false;
  #abort: AbortController | undefined = undefined;
  #cancelled: (() => void) | undefined = undefined;
  #resolve: ((outcome: StartOutcome) => void) | undefined = undefined;

  constructor(supervisor: AnyRef) {
    this.supervisor = supervisor;
    this.outcome = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.isCancelled) this.#abort.abort();
    return this.#abort.signal;
  }

  onCancel(listener: () => void): void {
    this.#cancelled = listener;
  }

  cancel(): void {
    if (this.isCancelled) return;
    this.isCancelled = true;
    this.#abort?.abort();
    this.#cancelled?.();
  }

  /** Tells the outcome; the first one counts. */
  finish(outcome: StartOutcome): void {
    this.#resolve?.(this.isCancelled ? { is: "cancelled" } : outcome);
    this.#resolve = undefined;
  }
}

/** A child, from the first start of its spec to its last stop. */
export class SupervisedChild {
  readonly spec: ChildSpec;
  /** Where the jobs that concern the child have their turn. */
  readonly lane: Lane;
  readonly #host: ChildHost;
  #status: ChildStatus = "stopped";
  #started: StartedChild | undefined = undefined;
  #attempt: StartAttempt | undefined = undefined;
  #stopping: Promise<void> | undefined = undefined;
  /** True while the supervisor itself ends the child, so that the end is no news. */
  #isUnwanted = false;
  /** True while a restart that failed waits for its next try. */
  #isRetrying = false;
  /** Why the process ended by itself, until somebody deals with it. */
  #exit: ExitReason | undefined = undefined;
  #onEnd: (() => void) | undefined = undefined;

  constructor(spec: ChildSpec, host: ChildHost, lane: Lane) {
    this.spec = spec;
    this.lane = lane;
    this.#host = host;
  }

  get status(): ChildStatus {
    return this.#status;
  }

  /** The ref of the running process, if the child has one. */
  get ref(): AnyRef | undefined {
    return this.#started?.ref;
  }

  /** Whether it has no process and gets none; not so while the news of its end is on its way. */
  get isStopped(): boolean {
    return this.#status === "stopped" && this.#exit === undefined;
  }

  /** Why the process ended, if that has not been dealt with. */
  get exit(): ExitReason | undefined {
    return this.#exit;
  }

  /** Whether stopping it calls a restart off: one under way, or one that failed and comes again. */
  get isRestarting(): boolean {
    if (this.#status !== "restarting") return false;
    return this.#isRetrying || this.#attempt !== undefined;
  }

  /** Takes the news that the process has ended by itself; undefined when it is stale. */
  takeExit(): ExitReason | undefined {
    const reason = this.#exit;
    this.#exit = undefined;
    return reason;
  }

  /** A restart is due, and has its turn later. */
  awaitRestart(): void {
    this.#status = "restarting";
    this.#isRetrying = false;
  }

  /** A restart has failed and is to be tried again. */
  awaitRetry(): void {
    this.#status = "restarting";
    this.#isRetrying = true;
  }

  /** Starts the child; never rejects. */
  start(status: "starting" | "restarting"): Promise<StartOutcome> {
    if (this.#stopping !== undefined) return this.#stopping.then(() => this.start(status));
    this.#renew(false);
    this.#status = status;
    const attempt = new StartAttempt(this.#host.ref);
    this.#attempt = attempt;
    void this.#launch(attempt);
    return attempt.outcome;
  }

  /** Ends the child as its spec says, also one whose start is under way; never rejects. */
  stop(): Promise<void> {
    if (this.#stopping !== undefined) return this.#stopping;
    this.#renew(true);
    const stopping = this.#end().finally(() => {
      this.#stopping = undefined;
    });
    this.#stopping = stopping;
    return stopping;
  }

  /** Its supervisor is over: the child gets to know, and nobody waits for it. */
  orphan(reason: ExitReason): void {
    this.#renew(true);
    this.#attempt?.cancel();
    const started = this.#started;
    if (started === undefined) return;
    if (started.parentExited === undefined) this.#ask(started, "killed");
    else started.parentExited(reason);
  }

  /** What was pending of the life before is stale now. */
  #renew(isUnwanted: boolean): void {
    this.#isUnwanted = isUnwanted;
    this.#isRetrying = false;
    this.#exit = undefined;
  }

  async #launch(attempt: StartAttempt): Promise<void> {
    let outcome: StartOutcome;
    try {
      const started = await this.spec.start(this.#host.system, attempt);
      // It may come up although it is no longer wanted, even after the supervisor is gone.
      if (attempt.isCancelled) this.#ask(started, "killed");
      else this.#adopt(started);
      outcome = { is: "started", ref: started.ref };
    } catch (error) {
      outcome = outcomeOf(error);
    }
    this.#finish(attempt, outcome);
  }

  #finish(attempt: StartAttempt, outcome: StartOutcome): void {
    if (this.#attempt === attempt) {
      this.#attempt = undefined;
      if (this.#started === undefined) this.#status = "stopped";
    }
    attempt.finish(outcome);
  }

  #adopt(started: StartedChild): void {
    this.#started = started;
    this.#status = "running";
    try {
      started.onExit((reason) => {
        if (this.#started === started) this.#ended(reason);
      });
    } catch (error) {
      this.#started = undefined;
      this.#ask(started, "killed");
      throw error;
    }
  }

  #ended(reason: ExitReason): void {
    this.#started = undefined;
    this.#status = "stopped";
    this.#onEnd?.();
    if (this.#isUnwanted) return;
    this.#exit = reason;
    this.#host.exited(this);
  }

  async #end(): Promise<void> {
    if (this.#attempt !== undefined) await this.#cancel(this.#attempt);
    const started = this.#started;
    if (started !== undefined) {
      const { shutdown } = this.spec;
      const isGraceful = shutdown !== "brutal_kill";
      if (isGraceful) this.#ask(started, "shutdown");
      if (!isGraceful || !(await this.#hasEndedWithin(msOf(shutdown)))) {
        this.#ask(started, "killed");
        await this.#hasEndedWithin(killedGraceMs);
      }
    }
    this.#started = undefined;
    this.#status = "stopped";
  }

  /** Calls a start off, and waits for as long as the child may take to stop. */
  async #cancel(attempt: StartAttempt): Promise<void> {
    attempt.cancel();
    const { shutdown } = this.spec;
    await this.#isWithin(shutdown === "brutal_kill" ? 0 : msOf(shutdown), (over) => {
      void attempt.outcome.then(over);
    });
    this.#finish(attempt, { is: "cancelled" });
  }

  /** Waits for the end of the process; false when the time is up first. */
  async #hasEndedWithin(ms: number): Promise<boolean> {
    if (this.#started === undefined) return true;
    const hasEnded = await this.#isWithin(ms, (over) => {
      this.#onEnd = over;
    });
    this.#onEnd = undefined;
    return hasEnded;
  }

  /** Waits for something to be over; false when the time is up first. */
  #isWithin(ms: number, whenOver: (over: () => void) => void): Promise<boolean> {
    const { clock } = this.#host.system;
    return new Promise((resolve) => {
      const isLimited = ms !== Number.POSITIVE_INFINITY;
      const timer = isLimited ? clock.setTimer(ms, () => resolve(false)) : undefined;
      whenOver(() => {
        if (timer !== undefined) clock.clearTimer(timer);
        resolve(true);
      });
    });
  }

  #ask(started: StartedChild, reason: ExitReason): void {
    try {
      started.exit(reason);
    } catch (error) {
      this.#host.system.logger.error(`the child "${this.spec.id}" threw when asked to end`, error);
    }
  }
}

function outcomeOf(error: unknown): StartOutcome {
  if (!isActorError(error, "ERR_START")) {
    return { is: "failed", reason: { error: toErrorValue(error) }, error };
  }
  const { reason } = error as StartError;
  return reason === "normal" ? { is: "ignored" } : { is: "failed", reason, error };
}

function msOf(shutdown: number | "infinity"): number {
  return shutdown === "infinity" ? Number.POSITIVE_INFINITY : shutdown;
}
