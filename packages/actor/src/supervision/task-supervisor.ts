/**
 * Task supervisors: they run functions as processes, so that none is forgotten at the end.
 *
 * It is a dynamic supervisor whose children are tasks, none of which is restarted.
 */
import { OptionError } from "../errors.ts";
import { functionOption, objectOption, withDefaults } from "../option.ts";
import type { Process } from "../process/process.ts";
import type { AnyRef, CallOptions } from "../ref.ts";
import type { LaunchOptions } from "../system/start-options.ts";
import { shutdownOption } from "../system/start-options.ts";
import type { Startable } from "../system/startable.ts";
import type { ActorSystem } from "../system/system.ts";
import type { Shutdown } from "./child-spec.ts";
import {
  DynamicTree,
  dynamicCalls,
  dynamicSupervisorDefaults,
  LocalDynamicRef,
  resolveDynamicOptions,
} from "./dynamic-supervisor.ts";
import { defineSupervisor, launchSupervisor } from "./supervisor-process.ts";
import type { SupervisorView } from "./supervisor-ref.ts";
import { StartedTask, type Task, type TaskFunction, TaskRun, taskSpec } from "./task.ts";

/** What `taskSupervisor` takes. */
export interface TaskSupervisorOptions {
  /** How many tasks may run at a time. @default Infinity */
  readonly maxChildren?: number;
  /** How long a task may take to end when the supervisor does, in milliseconds. @default 5000 */
  readonly shutdown?: Shutdown;
}

/** The defaults of {@link TaskSupervisorOptions}. Elixir: `Task.Supervisor`. */
export const taskSupervisorDefaults = {
  maxChildren: dynamicSupervisorDefaults.maxChildren,
  shutdown: 5000,
} as const satisfies TaskSupervisorOptions;

/** What `run` takes after the function. */
export interface TaskOptions {
  /**
   * Links the task and this process, usually `ctx.self`: a crash of one ends the other. Without it
   * neither feels the other's end. Elixir: `async`, and `async_nolink` without it.
   */
  readonly link?: AnyRef;
  /** @default the supervisor's */
  readonly shutdown?: Shutdown;
}

/** The ref of a task supervisor. */
export interface TaskSupervisorRef extends SupervisorView {
  /**
   * Runs a function as a process. Throws `OptionError` for bad options; that the task could not be
   * started is told by the task, with `MaxChildrenError` if there are too many (did not run).
   * Elixir: `Task.Supervisor.async_nolink/3`.
   *
   * @example
   * ```ts
   * const task = tasks.run(async ({ signal }) => (await fetch(url, { signal })).text());
   * const page = await task.result;
   * ```
   */
  run<T>(fn: TaskFunction<T>, options?: TaskOptions): Task<T>;
  /** Stops a task. Rejects with `ChildNotFoundError`. */
  terminateChild(ref: AnyRef, options?: CallOptions): Promise<void>;
}

/** What `taskSupervisor` makes: give it to `system.start` or to `child`. */
export interface TaskSupervisorDefinition
  extends Startable<TaskSupervisorRef>,
    Required<TaskSupervisorOptions> {}

/**
 * Defines a supervisor of tasks: functions that run as processes, beside whoever waits for them.
 *
 * A task that throws is reported as a crash and is not restarted. When the supervisor ends, all
 * its tasks are told by their signals, and killed when their time is up. Throws `OptionError` for a
 * bad option. Elixir: `Task.Supervisor`.
 *
 * @example
 * ```ts
 * const tasks = await system.start(taskSupervisor({ maxChildren: 100 }));
 * const sum = tasks.run(async () => 1 + 1);
 * await sum.result; // => 2
 * ```
 */
export function taskSupervisor(options: TaskSupervisorOptions = {}): TaskSupervisorDefinition {
  objectOption("options", options);
  const { maxChildren, shutdown } = withDefaults(
    taskSupervisorDefaults as Required<TaskSupervisorOptions>,
    options,
  );
  const resolved = resolveDynamicOptions({ maxChildren });
  taskShutdownOption(shutdown);
  const launchIn = (system: ActorSystem, launchOptions: LaunchOptions) => {
    const make = (process: Process) => {
      const tree = new DynamicTree(system, process, resolved);
      return { tree, ref: new LocalTaskSupervisorRef(process, tree, system, shutdown) };
    };
    return launchSupervisor(system, taskSupervisorActor, make, launchOptions);
  };
  return Object.freeze({ maxChildren, shutdown, launchIn });
}

const taskSupervisorActor = defineSupervisor<DynamicTree>("task supervisor", dynamicCalls);

function taskShutdownOption(shutdown: Shutdown): Shutdown {
  if (shutdown !== "brutal_kill") shutdownOption("shutdown", shutdown);
  return shutdown;
}

/** A task supervisor's ref. */
class LocalTaskSupervisorRef extends LocalDynamicRef implements TaskSupervisorRef {
  readonly #system: ActorSystem;
  readonly #shutdown: Shutdown;

  constructor(process: Process, tree: DynamicTree, system: ActorSystem, shutdown: Shutdown) {
    super(process.inbox, tree.offers);
    this.#system = system;
    this.#shutdown = shutdown;
  }

  run<T>(fn: TaskFunction<T>, options: TaskOptions = {}): Task<T> {
    functionOption("fn", fn);
    objectOption("options", options);
    const { link, shutdown = this.#shutdown } = options;
    if (link !== undefined && !this.#system.isLocalRef(link)) {
      throw new OptionError("link", "the ref of a process of this system", link);
    }
    const run = new TaskRun(fn);
    const started = this.startChild(taskSpec(run, link, taskShutdownOption(shutdown)));
    return new StartedTask(run, started as Promise<AnyRef>, this.#system.clock);
  }
}
