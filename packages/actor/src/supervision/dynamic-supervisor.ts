/**
 * Dynamic supervisors: many children of no order, each started on request and stopped together.
 *
 * A child is known by its ref, so ids need not be unique, and what happens to one child costs the
 * same however many there are.
 */
import type { Ctx } from "../ctx.ts";
import type { ExitReason } from "../exit-reason.ts";
import { integerOption, withDefaults } from "../option.ts";
import type { Process } from "../process/process.ts";
import { type AnyRef, type CallOptions, describeAddress, type ReplyTo } from "../ref.ts";
import { NamedRef } from "../system/named-ref.ts";
import type { LaunchOptions } from "../system/start-options.ts";
import type { Startable } from "../system/startable.ts";
import type { ActorSystem } from "../system/system.ts";
import type { ChildSpec } from "./child-spec.ts";
import { SupervisedChild } from "./supervised-child.ts";
import { ChildNotFoundError, MaxChildrenError } from "./supervisor-errors.ts";
import { Lane } from "./supervisor-jobs.ts";
import {
  type ResolvedRestartOptions,
  type RestartOptions,
  resolveRestartOptions,
} from "./supervisor-options.ts";
import { defineSupervisor, launchSupervisor } from "./supervisor-process.ts";
import {
  childRefOption,
  LocalSupervisorRef,
  offerPayload,
  type SupervisorView,
} from "./supervisor-ref.ts";
import { startError } from "./supervisor-static.ts";
import { type FailedRestart, failedRestart, Tree } from "./supervisor-tree.ts";

/** What `dynamicSupervisor` takes. */
export interface DynamicSupervisorOptions extends RestartOptions {
  /** How many children it may have, those that are being restarted included. @default Infinity */
  readonly maxChildren?: number;
}

/** The defaults of {@link DynamicSupervisorOptions}. Elixir: `DynamicSupervisor`. */
export const dynamicSupervisorDefaults = {
  maxChildren: Number.POSITIVE_INFINITY,
} as const satisfies DynamicSupervisorOptions;

/** {@link DynamicSupervisorOptions} with every value filled in. */
export interface ResolvedDynamicOptions extends ResolvedRestartOptions {
  readonly maxChildren: number;
}

/**
 * The ref of a dynamic supervisor. Its methods wait for as long as the child takes, unless
 * `options.timeout` says otherwise; they also reject as a call does.
 */
export interface DynamicSupervisorRef extends SupervisorView {
  /**
   * Starts a child and resolves with its ref, or with undefined when there is nothing to supervise.
   * Rejects with `MaxChildrenError`, `OptionError` (did not run), or `StartError`, and then there
   * is no such child. Elixir: `DynamicSupervisor.start_child/2`.
   *
   * @example
   * ```ts
   * const counter = await pool.startChild(child(Counter, { start: 0 }));
   * ```
   */
  startChild<R extends AnyRef | undefined>(
    spec: ChildSpec<R>,
    options?: CallOptions,
  ): Promise<R | undefined>;
  /**
   * Stops a child and forgets it; one that is being restarted is known by the ref that it had.
   * Rejects with `ChildNotFoundError`. Elixir: `DynamicSupervisor.terminate_child/2`.
   */
  terminateChild(ref: AnyRef, options?: CallOptions): Promise<void>;
}

/** What `dynamicSupervisor` makes: give it to `system.start` or to `child`. */
export interface DynamicSupervisorDefinition
  extends Startable<DynamicSupervisorRef>,
    ResolvedDynamicOptions {}

/**
 * Defines a supervisor whose children are started on request.
 *
 * It has no children at first, and none again after it was restarted. A child that ends is
 * restarted as its spec says, and forgotten when it is not; no other child is concerned. When the
 * supervisor ends, its children are stopped all at once. Throws `OptionError` for a bad option.
 * Elixir: `DynamicSupervisor`; OTP: `simple_one_for_one`.
 *
 * @example
 * ```ts
 * const Pool = dynamicSupervisor({ maxChildren: 1000 });
 * const pool = await system.start(Pool);
 * const ref = await pool.startChild(child(Counter, { start: 0 }, { restart: "transient" }));
 * ```
 */
export function dynamicSupervisor(
  options: DynamicSupervisorOptions = {},
): DynamicSupervisorDefinition {
  const resolved = resolveDynamicOptions(options);
  const launchIn = (system: ActorSystem, launchOptions: LaunchOptions) => {
    const make = (process: Process) => {
      const tree = new DynamicTree(system, process, resolved);
      return { tree, ref: new LocalDynamicRef(process.inbox, tree.offers) };
    };
    return launchSupervisor(system, dynamicActor, make, launchOptions);
  };
  return Object.freeze({ ...resolved, launchIn });
}

/** Fills in and checks {@link DynamicSupervisorOptions}; throws `OptionError` for a bad one. */
export function resolveDynamicOptions(options: DynamicSupervisorOptions): ResolvedDynamicOptions {
  const restarts = resolveRestartOptions(options);
  const { maxChildren } = withDefaults(
    dynamicSupervisorDefaults as Pick<ResolvedDynamicOptions, "maxChildren">,
    options,
  );
  if (maxChildren !== Number.POSITIVE_INFINITY) integerOption("maxChildren", maxChildren, 0);
  return { ...restarts, maxChildren };
}

/** What tells children apart: the number of a process of this node, or the words of an address. */
type ChildKey = number | string;

/** The children of a dynamic supervisor. */
export class DynamicTree extends Tree {
  readonly #maxChildren: number;
  /** With the key under which each one is known, oldest first. */
  readonly #children = new Map<SupervisedChild, ChildKey | undefined>();
  readonly #byKey = new Map<ChildKey, SupervisedChild>();
  #significant = 0;

  constructor(system: ActorSystem, process: Process, options: ResolvedDynamicOptions) {
    super(system, process, options);
    this.#maxChildren = options.maxChildren;
  }

  override async startAll(): Promise<ExitReason | undefined> {
    return undefined;
  }

  /** Stops the children all at once, each within its own time. */
  override async stopAll(): Promise<void> {
    this.isEnding = true;
    const children = [...this.#children.keys()].reverse();
    await Promise.all(children.map((child) => child.stop()));
  }

  terminateChild(ref: AnyRef, to: ReplyTo<void>): void {
    const child = this.#byKey.get(this.#keyOf(ref));
    const terminate = async () => {
      // It may have been forgotten, or have another ref by now.
      if (child === undefined || this.#byKey.get(this.#keyOf(ref)) !== child) {
        throw new ChildNotFoundError(describeAddress(ref.address));
      }
      await child.stop();
      this.settle(child);
    };
    // Whoever restarts the child holds the lane, so this one does not queue behind it.
    if (child === undefined || child.isRestarting) void this.serveNow(to, terminate);
    else this.serve(child.lane, to, terminate);
  }

  protected override startChild(spec: ChildSpec, to: ReplyTo<AnyRef | undefined>): void {
    if (this.#children.size >= this.#maxChildren) {
      this.refuse(to, new MaxChildrenError(String(this.ref), this.#maxChildren));
      return;
    }
    const child = new SupervisedChild(spec, this, new Lane());
    this.#children.set(child, undefined);
    if (spec.significant === true) this.#significant += 1;
    this.serve(child.lane, to, async () => {
      const outcome = await child.start("starting");
      if (outcome.is === "started") {
        this.#know(child, outcome.ref);
        return outcome.ref;
      }
      this.settle(child);
      if (outcome.is === "ignored") return undefined;
      throw startError(child, outcome);
    });
  }

  protected override children(): Iterable<SupervisedChild> {
    return this.#children.keys();
  }

  protected override settle(child: SupervisedChild): void {
    this.#forgetKey(child);
    if (!this.#children.delete(child)) return;
    if (child.spec.significant === true) this.#significant -= 1;
  }

  protected override hasSignificant(): boolean {
    return this.#significant > 0;
  }

  protected override async restartFor(child: SupervisedChild): Promise<FailedRestart | undefined> {
    const outcome = await this.startAgain(child);
    if (outcome.is === "started") this.#know(child, outcome.ref);
    else if (outcome.is === "ignored") this.settle(child);
    return failedRestart(child, outcome);
  }

  /** The child has a new process. */
  #know(child: SupervisedChild, ref: AnyRef | undefined): void {
    this.#forgetKey(child);
    if (ref === undefined || !this.#children.has(child)) return;
    const key = this.#keyOf(ref);
    this.#children.set(child, key);
    this.#byKey.set(key, child);
  }

  #forgetKey(child: SupervisedChild): void {
    const key = this.#children.get(child);
    if (key !== undefined && this.#byKey.get(key) === child) this.#byKey.delete(key);
  }

  #keyOf(ref: AnyRef): ChildKey {
    const { address } = ref;
    if (this.system.isLocalRef(NamedRef.resolve(ref))) return address.id;
    return `${describeAddress(address)} in life ${address.incarnation}`;
  }
}

/** A dynamic supervisor's ref. */
export class LocalDynamicRef extends LocalSupervisorRef implements DynamicSupervisorRef {
  startChild<R extends AnyRef | undefined>(
    spec: ChildSpec<R>,
    options?: CallOptions,
  ): Promise<R | undefined> {
    return this.askToStart<R>(spec, options);
  }

  /** Async, so that a bad ref rejects. */
  async terminateChild(ref: AnyRef, options?: CallOptions): Promise<void> {
    await this.ask("terminateChild", childRefOption(ref), options);
  }
}

/** What a tree of dynamic children can be asked. */
export const dynamicCalls = {
  calls: {
    startChild: (tree: DynamicTree, offer: number, ctx: Ctx) =>
      ctx.defer<AnyRef | undefined>((to) => tree.startOffered(offer, to)),
    terminateChild: (tree: DynamicTree, ref: AnyRef, ctx: Ctx) =>
      ctx.defer<void>((to) => tree.terminateChild(ref, to)),
  },
  payloads: { startChild: offerPayload, terminateChild: refPayload },
};

const dynamicActor = defineSupervisor<DynamicTree>("dynamic supervisor", dynamicCalls);

function refPayload(arg: unknown): true | string {
  return typeof (arg as AnyRef | undefined)?.address === "object" || "the ref of a child";
}
