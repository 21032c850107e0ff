/**
 * What every supervisor does with its children, whatever its strategy: it deals with their ends,
 * counts and retries restarts, and knows when to give up or to be done.
 *
 * It is the state of a supervisor's actor. What takes time is a job in a lane, never a handler;
 * what a job has to say goes through the mailbox as a step. Which children a restart concerns, and
 * in which order they stop, is for the subclasses.
 */

import type { ActorError } from "../actor-error.ts";
import { isActorError } from "../actor-error.ts";
import type { Ctx } from "../ctx.ts";
import { type ExitReason, isOrderlyExit } from "../exit-reason.ts";
import type { Process } from "../process/process.ts";
import type { AnyRef, ReplyTo } from "../ref.ts";
import { type ActorSystem, report } from "../system/system.ts";
import { toWireError } from "../wire-error.ts";
import type { ChildSpec } from "./child-spec.ts";
import { RestartIntensity } from "./restart-intensity.ts";
import type { ChildHost, StartOutcome, SupervisedChild } from "./supervised-child.ts";
import type { Lane } from "./supervisor-jobs.ts";
import { type ResolvedRestartOptions, supervisedSpecOption } from "./supervisor-options.ts";
import { type ChildCounts, type ChildInfo, Offers } from "./supervisor-ref.ts";

/** Something that a supervisor does between two messages, with the `ctx` of its process. */
export class SupervisorStep {
  readonly run: (ctx: Ctx) => void;

  constructor(run: (ctx: Ctx) => void) {
    this.run = run;
  }
}

/** A restart that did not work. */
export interface FailedRestart {
  readonly child: SupervisedChild;
  readonly reason: ExitReason;
}

/** The children of one running supervisor. */
export abstract class Tree implements ChildHost {
  readonly system: ActorSystem;
  /** Child specs that callers have left here. */
  readonly offers = new Offers<ChildSpec>();
  protected readonly options: ResolvedRestartOptions;
  /** True once the children are being stopped for good. */
  protected isEnding = false;
  readonly #process: Process;
  readonly #intensity: RestartIntensity;

  constructor(system: ActorSystem, process: Process, options: ResolvedRestartOptions) {
    this.system = system;
    this.options = options;
    this.#process = process;
    this.#intensity = new RestartIntensity(options.maxRestarts, options.maxSeconds);
  }

  get ref(): AnyRef {
    return this.#process.ref;
  }

  /** Adds a child. */
  protected abstract startChild(spec: ChildSpec, to: ReplyTo<AnyRef | undefined>): void;

  /** Starts the static children; answers with the reason to give up when one fails. */
  abstract startAll(): Promise<ExitReason | undefined>;

  /** Stops every child, for good. */
  abstract stopAll(): Promise<void>;

  /** The children, oldest first. */
  protected abstract children(): Iterable<SupervisedChild>;

  /** Restarts what the end of a child concerns; answers with what did not come up. */
  protected abstract restartFor(child: SupervisedChild): Promise<FailedRestart | undefined>;

  /** A child has ended and is not restarted. */
  protected abstract settle(child: SupervisedChild): void;

  /** Whether a significant child is left that has not ended. */
  protected abstract hasSignificant(): boolean;

  /** Adds a child whose spec a caller has left here. */
  startOffered(offer: number, to: ReplyTo<AnyRef | undefined>): void {
    try {
      const spec = this.offers.take(offer) as ChildSpec;
      this.startChild(supervisedSpecOption("spec", spec, this.options.autoShutdown), to);
    } catch (error) {
      if (!isActorError(error)) throw error;
      this.refuse(to, error);
    }
  }

  /** The start of the supervisor is no longer wanted: makes it fail soon. */
  cancelStart(): void {
    this.isEnding = true;
    for (const child of this.children()) if (child.status === "starting") void child.stop();
  }

  /** The supervisor is over: nobody is left to wait for the children. */
  orphanAll(reason: ExitReason): void {
    this.isEnding = true;
    for (const child of [...this.children()].reverse()) child.orphan(reason);
  }

  which(): readonly ChildInfo[] {
    const infos = Array.from(this.children(), ({ spec, ref, status }) => {
      const { id, type, restart } = spec;
      return { id, ref, status, type, restart };
    });
    return infos.reverse();
  }

  count(): ChildCounts {
    const counts = { specs: 0, active: 0, supervisors: 0, workers: 0 };
    for (const { spec, status } of this.children()) {
      counts.specs += 1;
      if (status === "running") counts.active += 1;
      if (spec.type === "supervisor") counts.supervisors += 1;
      else counts.workers += 1;
    }
    return counts;
  }

  exited(child: SupervisedChild): void {
    this.#step(() => this.#onExited(child));
  }

  /** Does something for a caller when its turn in the lane comes, and answers. */
  protected serve<R>(lane: Lane, to: ReplyTo<R>, work: () => Promise<R>): void {
    lane.run(() => this.serveNow(to, work));
  }

  /**
   * Does something for a caller without waiting for a turn. A supervisor that ends meanwhile does
   * not answer: the caller is told that it has ended.
   */
  protected async serveNow<R>(to: ReplyTo<R>, work: () => Promise<R>): Promise<void> {
    if (this.isEnding) return;
    try {
      const reply = await work();
      if (!this.isEnding) this.#step((ctx) => ctx.reply(to, reply));
    } catch (error) {
      if (isActorError(error)) this.refuse(to, error);
      else this.#step(() => rethrow(error));
    }
  }

  /** Answers a caller with an error. */
  protected refuse(to: ReplyTo<never>, error: ActorError): void {
    if (!this.isEnding) this.#step((ctx) => ctx.refuse(to, error.code, toWireError(error)));
  }

  /** Starts a child once more, and reports it when that has worked. */
  protected async startAgain(child: SupervisedChild): Promise<StartOutcome> {
    const outcome = await child.start("restarting");
    if (!this.isEnding && outcome.is === "started") {
      const { ref } = outcome;
      report(this.system, "restart", { supervisor: this.ref, id: child.spec.id, ref });
    }
    return outcome;
  }

  /** A child has ended by itself: what is to be done has its turn in the child's lane. */
  #onExited(child: SupervisedChild): void {
    const reason = child.exit;
    if (this.isEnding || reason === undefined) return;
    if (isRestartDue(child.spec, reason)) child.awaitRestart();
    child.lane.run(() => this.#dealWith(child));
  }

  async #dealWith(child: SupervisedChild): Promise<void> {
    // The news is stale when a group restart, or a caller, has been here before.
    const reason = child.takeExit();
    if (this.isEnding || reason === undefined) return;
    if (isRestartDue(child.spec, reason)) {
      await this.#restart(child, reason);
      return;
    }
    this.settle(child);
    if (child.spec.significant === true && this.#isDone()) this.#stop("shutdown");
  }

  /** OTP: supervisor.erl `do_auto_shutdown`. */
  #isDone(): boolean {
    const { autoShutdown } = this.options;
    if (autoShutdown === "never") return false;
    return autoShutdown === "any_significant" || !this.hasSignificant();
  }

  /** Restarts, unless that is one restart too many. Each try counts. */
  async #restart(child: SupervisedChild, reason: ExitReason): Promise<void> {
    if (this.#intensity.exceedsAt(this.system.clock.monotonic())) {
      this.#giveUp(child, reason);
      return;
    }
    const failed = await this.restartFor(child);
    if (failed === undefined || this.isEnding) return;
    const { id } = failed.child.spec;
    report(this.system, "restartFailed", { supervisor: this.ref, id, reason: failed.reason });
    failed.child.awaitRetry();
    // By a message, as in OTP: a start that fails at once would otherwise never let go of the loop.
    this.#step(() => failed.child.lane.run(() => this.#retry(failed)));
  }

  async #retry({ child, reason }: FailedRestart): Promise<void> {
    // Somebody may have terminated the child, or another restart may have brought it up.
    if (!this.isEnding && child.isRestarting) await this.#restart(child, reason);
  }

  #giveUp(child: SupervisedChild, reason: ExitReason): void {
    const { maxRestarts, maxSeconds } = this.options;
    const supervisor = this.ref;
    const { id } = child.spec;
    const limit = `${maxRestarts} restarts in ${maxSeconds} s`;
    this.system.logger.error(`${supervisor} gives up on "${id}": more than ${limit}`, reason);
    report(this.system, "restartLimit", { supervisor, id, reason, maxRestarts, maxSeconds });
    this.#stop("shutdown");
  }

  #stop(reason: ExitReason): void {
    this.isEnding = true;
    this.#step((ctx) => ctx.stop(reason));
  }

  #step(run: (ctx: Ctx) => void): void {
    this.#process.inbox.inform("step", new SupervisorStep(run));
  }
}

/** OTP: supervisor.erl `do_restart`. */
function isRestartDue({ restart }: ChildSpec, reason: ExitReason): boolean {
  return restart === "permanent" || (restart === "transient" && !isOrderlyExit(reason));
}

/** What a start that failed means to a restart. */
export function failedRestart(
  child: SupervisedChild,
  outcome: StartOutcome,
): FailedRestart | undefined {
  return outcome.is === "failed" ? { child, reason: outcome.reason } : undefined;
}

function rethrow(error: unknown): never {
  throw error;
}
