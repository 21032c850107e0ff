/**
 * The tree of a static supervisor: children in an order, with ids, under one of three strategies.
 *
 * With `one_for_one` each child has a lane of its own, so a slow one delays no other. The others
 * share one lane, because a restart concerns several children. It does not decide whether a
 * restart is due.
 */
import { type ActorError, isActorError } from "../actor-error.ts";
import { StartError } from "../errors.ts";
import type { ExitReason } from "../exit-reason.ts";
import type { Process } from "../process/process.ts";
import type { AnyRef, ReplyTo } from "../ref.ts";
import type { ActorSystem } from "../system/system.ts";
import type { ChildSpec } from "./child-spec.ts";
import { type StartOutcome, SupervisedChild } from "./supervised-child.ts";
import {
  ChildAlreadyPresentError,
  ChildAlreadyStartedError,
  ChildNotFoundError,
  ChildRestartingError,
  ChildRunningError,
} from "./supervisor-errors.ts";
import { Lane } from "./supervisor-jobs.ts";
import type { ResolvedRestartOptions } from "./supervisor-options.ts";
import { type FailedRestart, failedRestart, Tree } from "./supervisor-tree.ts";

/**
 * Whom a restart concerns: the child that ended; every child; or the child that ended and those
 * that were started after it.
 */
export type Strategy = "one_for_one" | "one_for_all" | "rest_for_one";

/** The strategies, for checks. */
export const strategies = ["one_for_one", "one_for_all", "rest_for_one"] as const;

/** What makes a static tree. */
export interface StaticTreeOptions extends ResolvedRestartOptions {
  readonly strategy: Strategy;
  readonly children: readonly ChildSpec[];
}

/** The children of a static supervisor. */
export class StaticTree extends Tree {
  readonly #strategy: Strategy;
  /** In the order of their starts. */
  readonly #children = new Map<string, SupervisedChild>();
  /** The significant children that were left when that was asked last. */
  readonly #significant = new Set<SupervisedChild>();
  readonly #lane = new Lane();

  constructor(system: ActorSystem, process: Process, options: StaticTreeOptions) {
    super(system, process, options);
    this.#strategy = options.strategy;
    for (const spec of options.children) this.#add(spec, this.#newLane());
  }

  override async startAll(): Promise<ExitReason | undefined> {
    for (const child of [...this.#children.values()]) {
      const outcome = this.isEnding ? cancelled : await child.start("starting");
      if (outcome.is === "started") continue;
      if (outcome.is === "ignored") {
        this.settle(child);
        continue;
      }
      await this.stopAll();
      const reason = outcome.is === "failed" ? outcome.reason : "shutdown";
      return { shutdown: { failedToStartChild: { id: child.spec.id, reason } } };
    }
    return undefined;
  }

  /** Stops the children one by one, the last first. */
  override async stopAll(): Promise<void> {
    this.isEnding = true;
    for (const child of [...this.#children.values()].reverse()) await child.stop();
  }

  protected override startChild(spec: ChildSpec, to: ReplyTo<AnyRef | undefined>): void {
    const { id } = spec;
    const present = this.#children.get(id);
    if (present?.status === "restarting") this.refuse(to, taken(present));
    else {
      const lane = present?.lane ?? this.#newLane();
      this.serve(lane, to, () => this.#startNew(spec, lane));
    }
  }

  terminateChild(id: string, to: ReplyTo<void>): void {
    const child = this.#children.get(id);
    if (child === undefined) this.refuse(to, notFound(id));
    // Whoever restarts the child holds the lane, so this one does not queue behind it.
    else if (child.isRestarting) void this.serveNow(to, () => this.#terminate(id));
    else this.serve(child.lane, to, () => this.#terminate(id));
  }

  restartChild(id: string, to: ReplyTo<AnyRef | undefined>): void {
    this.#whenStopped(id, to, async (child) => {
      const outcome = await child.start("starting");
      if (outcome.is === "failed") throw startError(child, outcome);
      if (outcome.is === "ignored") this.settle(child);
      return outcome.is === "started" ? outcome.ref : undefined;
    });
  }

  deleteChild(id: string, to: ReplyTo<void>): void {
    this.#whenStopped(id, to, async () => {
      this.#children.delete(id);
    });
  }

  /** Stops a child, if there is one, when its turn comes. */
  protected async stopById(id: string): Promise<void> {
    const child = this.#children.get(id);
    if (child === undefined) return;
    const stop = async () => {
      await child.stop();
      this.settle(child);
    };
    // Whoever restarts the child holds the lane, so this one does not queue behind it.
    await (child.isRestarting ? stop() : child.lane.turn(stop));
  }

  /** Starts a child that has no process, when its turn comes. */
  protected async startStopped(spec: ChildSpec): Promise<void> {
    const child = this.#children.get(spec.id) ?? this.#add(spec, this.#newLane());
    await child.lane.turn(async () => {
      if (this.isEnding || !child.isStopped) return;
      const outcome = await child.start("starting");
      if (outcome.is === "failed") throw startError(child, outcome);
    });
  }

  /** The ref of the process that a child has now. */
  refOf(id: string): AnyRef | undefined {
    return this.#children.get(id)?.ref;
  }

  protected override children(): Iterable<SupervisedChild> {
    return this.#children.values();
  }

  protected override settle({ spec }: SupervisedChild): void {
    if (spec.restart === "temporary") this.#children.delete(spec.id);
  }

  protected override hasSignificant(): boolean {
    if (this.#isSignificantLeft()) return true;
    // One may have been started again since; that is looked for when nobody else is left.
    for (const child of this.#children.values()) {
      if (child.spec.significant === true) this.#significant.add(child);
    }
    return this.#isSignificantLeft();
  }

  #isSignificantLeft(): boolean {
    for (const child of this.#significant) {
      if (!child.isStopped && this.#children.get(child.spec.id) === child) return true;
      this.#significant.delete(child);
    }
    return false;
  }

  protected override async restartFor(
    crashed: SupervisedChild,
  ): Promise<FailedRestart | undefined> {
    if (this.#strategy === "one_for_one") {
      return failedRestart(crashed, await this.startAgain(crashed));
    }
    crashed.awaitRestart();
    const group = this.#groupOf(crashed);
    await this.#stopGroup(group, crashed);
    for (const child of group) {
      if (this.isEnding) return undefined;
      // The temporary ones are gone.
      if (this.#children.get(child.spec.id) !== child) continue;
      const outcome = await this.startAgain(child);
      // What comes after one that is not up stays stopped, until the retry if there is one.
      if (outcome.is === "cancelled") return undefined;
      if (outcome.is === "failed") return failedRestart(child, outcome);
    }
    return undefined;
  }

  /** The children that a restart concerns, in the order of their starts. */
  #groupOf(crashed: SupervisedChild): readonly SupervisedChild[] {
    const all = [...this.#children.values()];
    return this.#strategy === "one_for_all" ? all : all.slice(all.indexOf(crashed));
  }

  async #stopGroup(group: readonly SupervisedChild[], crashed: SupervisedChild): Promise<void> {
    for (const child of [...group].reverse()) {
      if (this.isEnding) return;
      if (child === crashed) continue;
      await child.stop();
      this.settle(child);
    }
  }

  #newLane(): Lane {
    return this.#strategy === "one_for_one" ? new Lane() : this.#lane;
  }

  #add(spec: ChildSpec, lane: Lane): SupervisedChild {
    const child = new SupervisedChild(spec, this, lane);
    this.#children.set(spec.id, child);
    return child;
  }

  async #startNew(spec: ChildSpec, lane: Lane): Promise<AnyRef | undefined> {
    const present = this.#children.get(spec.id);
    if (present?.isStopped === true) throw new ChildAlreadyPresentError(spec.id);
    if (present !== undefined) throw taken(present);
    const child = this.#add(spec, lane);
    const outcome = await child.start("starting");
    if (outcome.is === "started") return outcome.ref;
    if (outcome.is === "ignored") this.settle(child);
    else {
      this.#children.delete(spec.id);
      throw startError(child, outcome);
    }
    return undefined;
  }

  async #terminate(id: string): Promise<void> {
    const child = this.#children.get(id);
    if (child === undefined) throw notFound(id);
    await child.stop();
    this.settle(child);
  }

  /** Does something with a child that must have no process, and get none. */
  #whenStopped<R>(id: string, to: ReplyTo<R>, work: (child: SupervisedChild) => Promise<R>): void {
    const child = this.#children.get(id);
    if (child === undefined) this.refuse(to, notFound(id));
    else if (child.status === "restarting") this.refuse(to, new ChildRestartingError(id));
    else {
      this.serve(child.lane, to, async () => {
        const now = this.#children.get(id);
        if (now === undefined) throw notFound(id);
        if (now.status === "restarting") throw new ChildRestartingError(id);
        if (!now.isStopped) throw new ChildRunningError(id);
        return work(now);
      });
    }
  }
}

const cancelled: StartOutcome = { is: "cancelled" };

function notFound(id: string): ChildNotFoundError {
  return new ChildNotFoundError(`"${id}"`);
}

function taken({ spec, ref }: SupervisedChild): ChildAlreadyStartedError {
  return new ChildAlreadyStartedError(spec.id, ref);
}

/** Why a child did not come up, for the caller who asked for it. */
export function startError({ spec }: SupervisedChild, outcome: StartOutcome): ActorError {
  if (outcome.is !== "failed") return new StartError(`the child "${spec.id}"`, "shutdown");
  const { reason, error } = outcome;
  // A name that is taken, a bad option: nothing has run, and the error says it best.
  if (isActorError(error) && error.outcome === "not_run") return error;
  return new StartError(`the child "${spec.id}"`, reason, error);
}
