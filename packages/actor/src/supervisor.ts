/**
 * Supervisors: trees of children that are started in order, restarted by rule and stopped in
 * reverse.
 *
 * A supervisor is an actor like any other. Its state is its children; what happens to them comes
 * in as info messages, ahead of every other, and a start never holds its mailbox, so it answers
 * and stops while a child takes its time. How a child is started and stopped is not its business.
 */
import { type Ctx, defineActor } from "./actor.ts";
import { type ChildSpec, checkChildSpec } from "./child-spec.ts";
import { assert, OptionError } from "./errors.ts";
import { type ExitReason, isOrderlyExit } from "./exit-reason.ts";
import { LocalRef } from "./local-ref.ts";
import { onAbort } from "./on-abort.ts";
import {
  functionOption,
  integerOption,
  objectOption,
  oneOfOption,
  positiveOption,
  withDefaults,
} from "./option.ts";
import type { Process } from "./process.ts";
import type { AnyRef, CallOptions } from "./ref.ts";
import { RestartIntensity } from "./restart-intensity.ts";
import type { LaunchOptions, Startable, StartedChild } from "./startable.ts";
import { type ChildStatus, SupervisedChild } from "./supervised-child.ts";
import { type ActorSystem, launch, report } from "./system.ts";

/** Whom a restart concerns: the child that ended, and nobody else. */
export type Strategy = "one_for_one";

/** What `supervisor` takes. */
export interface SupervisorOptions {
  readonly strategy: Strategy;
  /** Restarts that are tolerated within `maxSeconds`; one more ends the supervisor. @default 3 */
  readonly maxRestarts?: number;
  /** The length of the window in seconds; it is measured in milliseconds. @default 5 */
  readonly maxSeconds?: number;
  /** Started in this order, stopped in reverse. */
  readonly children: readonly ChildSpec[];
}

/** The defaults of {@link SupervisorOptions}. Elixir: `Supervisor`, 3 restarts in 5 seconds. */
export const supervisorDefaults = {
  maxRestarts: 3,
  maxSeconds: 5,
} as const satisfies Partial<SupervisorOptions>;

type Defaults = Required<Pick<SupervisorOptions, "maxRestarts" | "maxSeconds">>;

/** One child, as its supervisor sees it. */
export interface ChildInfo {
  readonly id: string;
  /** The running process; undefined while there is none, and for a child that has no ref. */
  readonly ref: AnyRef | undefined;
  readonly status: ChildStatus;
  readonly type: ChildSpec["type"];
  readonly restart: ChildSpec["restart"];
}

/** How many children a supervisor has, and of which kind. A restarting one is not active. */
export interface ChildCounts {
  readonly specs: number;
  readonly active: number;
  readonly supervisors: number;
  readonly workers: number;
}

/** The ref of a supervisor. */
export interface SupervisorRef extends AnyRef {
  /** The children, newest first. Rejects as a query does. OTP: `supervisor:which_children`. */
  whichChildren(options?: CallOptions): Promise<readonly ChildInfo[]>;
  /** Counts the children. Rejects as a query does. OTP: `supervisor:count_children`. */
  countChildren(options?: CallOptions): Promise<ChildCounts>;
}

/** What `supervisor` makes: give it to `system.start` or to `child`. */
export interface SupervisorDefinition
  extends Startable<SupervisorRef>,
    Required<SupervisorOptions> {}

/**
 * Defines a supervisor.
 *
 * Starting it starts the children in order; when one fails, those before it are stopped in reverse
 * and the start rejects with `StartError`. A child that ends is restarted as its spec says; a
 * restart that fails is tried again, and each try counts. With more than `maxRestarts` restarts
 * within `maxSeconds`, the children are stopped in reverse and the supervisor exits `shutdown`.
 * Throws `OptionError` for a bad option. OTP: `supervisor`.
 *
 * @example
 * ```ts
 * const App = supervisor({
 *   strategy: "one_for_one",
 *   children: [child(Counter, { start: 0 }, { name: "c1" })],
 * });
 * const app = await system.start(App);
 * await app.whichChildren(); // => [{ id: "c1", status: "running", … }]
 * ```
 */
export function supervisor(options: SupervisorOptions): SupervisorDefinition {
  objectOption("options", options);
  const definition = withDefaults(supervisorDefaults as Defaults, options);
  oneOfOption("strategy", definition.strategy, ["one_for_one"]);
  integerOption("maxRestarts", definition.maxRestarts, 0);
  positiveOption("maxSeconds", definition.maxSeconds);
  const children = checkChildren(definition.children);
  const launchIn = (system: ActorSystem, launchOptions: LaunchOptions) =>
    launchSupervisor(system, made, launchOptions);
  const made: SupervisorDefinition = Object.freeze({ ...definition, children, launchIn });
  return made;
}

function checkChildren(children: readonly ChildSpec[]): readonly ChildSpec[] {
  if (!Array.isArray(children)) throw new OptionError("children", "an array", children);
  const ids = new Set<string>();
  for (const [at, spec] of children.entries()) {
    objectOption(`children[${at}]`, spec);
    checkChildSpec(spec, `children[${at}].`);
    functionOption(`children[${at}].start`, spec.start);
    if (ids.has(spec.id)) throw new OptionError(`children[${at}].id`, "a unique id", spec.id);
    ids.add(spec.id);
  }
  return Object.freeze([...children]);
}

/** A child's process has ended: the message that its supervisor gets. */
interface ChildExited {
  readonly child: SupervisedChild;
  readonly reason: ExitReason;
}

/** A restart is over: it worked when there is no failure. */
interface ChildRestarted {
  readonly child: SupervisedChild;
  readonly failure: ExitReason | undefined;
}

/** The children of one running supervisor: the state of its actor. */
class Tree {
  readonly #system: ActorSystem;
  readonly #definition: SupervisorDefinition;
  readonly #process: Process;
  readonly #intensity: RestartIntensity;
  #children: readonly SupervisedChild[];
  /** True once the children are being stopped for good. */
  #ending = false;

  constructor(system: ActorSystem, definition: SupervisorDefinition, process: Process) {
    const { maxRestarts, maxSeconds, children } = definition;
    this.#system = system;
    this.#definition = definition;
    this.#process = process;
    this.#intensity = new RestartIntensity(maxRestarts, maxSeconds);
    const exited = (child: SupervisedChild, reason: ExitReason) =>
      process.inbox.inform("childExited", { child, reason } satisfies ChildExited);
    this.#children = children.map((spec) => new SupervisedChild(spec, system, exited));
  }

  /** Starts the children in order; answers with the reason to give up when one fails. */
  async startAll(): Promise<ExitReason | undefined> {
    for (const child of this.#children) {
      const reason = this.#ending ? "shutdown" : await child.start("starting");
      if (reason === undefined) continue;
      await this.stopAll();
      return { shutdown: { failedToStartChild: { id: child.spec.id, reason } } };
    }
    return undefined;
  }

  /** The start of the supervisor is no longer wanted: makes it fail soon. */
  cancelStart(): void {
    this.#ending = true;
    for (const child of this.#children) if (child.status === "starting") void child.stop();
  }

  /** Stops the children one by one, the last first. */
  async stopAll(): Promise<void> {
    this.#ending = true;
    for (const child of [...this.#children].reverse()) await child.stop();
  }

  /** The supervisor was killed: nobody is left to wait for the children. */
  killAll(): void {
    this.#ending = true;
    for (const child of [...this.#children].reverse()) child.kill();
  }

  onExited({ child, reason }: ChildExited, ctx: Ctx): void {
    const { restart } = child.spec;
    if (restart === "permanent" || (restart === "transient" && !isOrderlyExit(reason))) {
      this.#restart(child, reason, ctx);
    } else if (restart === "temporary") {
      this.#children = this.#children.filter((other) => other !== child);
    }
  }

  onRestarted({ child, failure }: ChildRestarted, ctx: Ctx): void {
    const { ref: self } = this.#process;
    const { id } = child.spec;
    if (failure === undefined) {
      report(this.#system, "restart", { supervisor: self, id, ref: child.ref });
      return;
    }
    report(this.#system, "restartFailed", { supervisor: self, id, reason: failure });
    this.#restart(child, failure, ctx);
  }

  which(): readonly ChildInfo[] {
    const infos = this.#children.map(({ spec, ref, status }) => {
      const { id, type, restart } = spec;
      return { id, ref, status, type, restart };
    });
    return infos.reverse();
  }

  count(): ChildCounts {
    const ofType = (type: ChildSpec["type"]) =>
      this.#children.filter(({ spec }) => spec.type === type).length;
    return {
      specs: this.#children.length,
      active: this.#children.filter(({ status }) => status === "running").length,
      supervisors: ofType("supervisor"),
      workers: ofType("worker"),
    };
  }

  /** Restarts a child, unless that is one restart too many. Each try counts. */
  #restart(child: SupervisedChild, reason: ExitReason, ctx: Ctx): void {
    const { maxRestarts, maxSeconds } = this.#definition;
    if (this.#intensity.exceedsAt(this.#system.clock.monotonic())) {
      const supervisor = this.#process.ref;
      const { id } = child.spec;
      const limit = `${maxRestarts} restarts in ${maxSeconds} s`;
      this.#system.logger.error(`${supervisor} gives up on "${id}": more than ${limit}`, reason);
      report(this.#system, "restartLimit", { supervisor, id, reason, maxRestarts, maxSeconds });
      ctx.stop("shutdown");
      return;
    }
    void child.start("restarting").then((failure) => {
      if (this.#ending) return;
      this.#process.inbox.inform("childRestarted", { child, failure } satisfies ChildRestarted);
    });
  }
}

/** A supervisor's ref: a local ref with names for its queries. */
class LocalSupervisorRef extends LocalRef implements SupervisorRef {
  async whichChildren(options?: CallOptions): Promise<readonly ChildInfo[]> {
    return (await this.query("whichChildren", undefined, options)) as readonly ChildInfo[];
  }

  async countChildren(options?: CallOptions): Promise<ChildCounts> {
    return (await this.query("countChildren", undefined, options)) as ChildCounts;
  }
}

/** Starts a supervisor as a process whose state is its children. */
async function launchSupervisor(
  system: ActorSystem,
  definition: SupervisorDefinition,
  options: LaunchOptions,
): Promise<StartedChild<SupervisorRef>> {
  // The process makes its ref while it is made, so both exist before `init` runs.
  let born: { readonly tree: Tree; readonly ref: LocalSupervisorRef } | undefined;
  const actor = defineActor("supervisor", {
    init: async (_: undefined, ctx): Promise<Tree> => {
      assert(born !== undefined, "a supervisor has its children before it initialises");
      const failure = await born.tree.startAll();
      if (failure !== undefined) ctx.stop(failure);
      return born.tree;
    },
    queries: { whichChildren: (tree) => tree.which(), countChildren: (tree) => tree.count() },
    info: {
      childExited: (tree, exited: ChildExited, ctx) => tree.onExited(exited, ctx),
      childRestarted: (tree, restarted: ChildRestarted, ctx) => tree.onRestarted(restarted, ctx),
    },
    terminate: (tree) => tree.stopAll(),
  });
  const makeRef = (process: Process) => {
    const tree = new Tree(system, definition, process);
    const ref = new LocalSupervisorRef(process.inbox);
    // After an orderly end there is nobody left to kill.
    process.onExit(() => tree.killAll());
    born = { tree, ref };
    return ref;
  };
  const { signal, ...rest } = options;
  // Each child has its own limits, so the supervisor itself needs none. OTP: `infinity`.
  const ownLimits = { startTimeout: Number.POSITIVE_INFINITY, shutdown: "infinity" } as const;
  const cancel = () => born?.tree.cancelStart();
  const ignoreSignal = signal === undefined ? undefined : onAbort(signal, cancel);
  try {
    const process = await launch(system, {
      definition: actor,
      arg: undefined,
      options: { ...rest, ...ownLimits },
      makeRef,
      onExitAsked: cancel,
    });
    assert(born !== undefined, "a started supervisor has a ref");
    const onExit = (listener: (reason: ExitReason) => void) => process.onExit(listener);
    return { ref: born.ref, onExit, exit: (reason) => process.exit(reason) };
  } finally {
    ignoreSignal?.();
  }
}
