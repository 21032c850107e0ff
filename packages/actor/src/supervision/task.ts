/**
 * Tasks: one function, run in a process of its own, and what its caller holds of it.
 *
 * A task is a process like any other, so it can be killed, linked and supervised. What cannot be
 * ended is the function itself: it is given a signal, and what it does after that is not seen.
 */
import { defineActor } from "../actor.ts";
import type { Clock } from "../clock.ts";
import type { Ctx } from "../ctx.ts";
import type { ExitReason } from "../exit-reason.ts";
import { durationOption } from "../option.ts";
import type { LocalRef } from "../process/local-ref.ts";
import type { Process } from "../process/process.ts";
import type { AnyRef } from "../ref.ts";
import type { StartedChild } from "../system/startable.ts";
import { type ActorSystem, launch } from "../system/system.ts";
import {
  type ChildSpec,
  type ChildStart,
  launchOptions,
  type Shutdown,
  supervisedRef,
} from "./child-spec.ts";
import { TaskExitedError } from "./supervisor-errors.ts";

/** What the function of a task is given. */
export interface TaskContext {
  /** Aborted when the task is asked to end, or was killed: pass it on to what is waited for. */
  readonly signal: AbortSignal;
  /** The process of the task. */
  readonly self: AnyRef;
}

/** What a task runs. */
export type TaskFunction<T> = (task: TaskContext) => T | PromiseLike<T>;

/** How a task ended: with a result, or without one. */
export type TaskEnd<T> = { readonly ok: T } | { readonly exit: ExitReason };

/** How long `yield` waits, and `shutdown`, before it kills. Elixir: the same 5000. */
export const taskDefaults = { timeout: 5000 } as const;

/**
 * A task that was started. Whoever has it may wait for it, as often as wanted: that only the owner
 * may, once, is a rule of the BEAM, where the result is a message to the owner.
 */
export interface Task<T> {
  /**
   * The ref of its process. Rejects with `MaxChildrenError` (did not run) and when the supervisor
   * is over; `result`, `yield` and `shutdown` then reject with the same error.
   */
  readonly started: Promise<AnyRef>;
  /**
   * The result. Rejects with `TaskExitedError`, which has the task's reason. A task whose `result`
   * nobody asks for may fail without consequence. Elixir: `Task.await/2`, without a timeout.
   */
  readonly result: Promise<T>;
  /**
   * Waits for at most `ms` milliseconds, 5000 unless given. Undefined: the time is up, and the task
   * goes on. Elixir: `Task.yield/2`.
   *
   * @example
   * ```ts
   * const end = await task.yield(100);
   * if (end === undefined) console.log("still busy");
   * else if ("ok" in end) console.log("done", end.ok);
   * ```
   */
  yield(ms?: number): Promise<TaskEnd<T> | undefined>;
  /**
   * Asks the task to end, by its signal, and kills it when `ms` milliseconds (5000) have passed; at
   * once with `"brutal_kill"`. Undefined: it has ended because of that. Otherwise how it ended,
   * which it may have done before, or meanwhile. Elixir: `Task.shutdown/2`.
   */
  shutdown(ms?: number | "brutal_kill"): Promise<TaskEnd<T> | undefined>;
}

/** One run of a function: the state of a task's process. */
export class TaskRun<T> {
  /** Resolves when the process has ended. */
  readonly ended: Promise<TaskEnd<T>>;
  /** What the function threw. */
  thrown: { readonly error: unknown } | undefined = undefined;
  readonly #fn: TaskFunction<T>;
  readonly #abort = new AbortController();
  #settle: (end: TaskEnd<T>) => void = () => {};
  #value: { readonly ok: T } | undefined = undefined;
  #process: Process | undefined = undefined;
  #asked: ExitReason | undefined = undefined;

  constructor(fn: TaskFunction<T>) {
    this.#fn = fn;
    this.ended = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  /** Belongs to a process from now on. */
  attach(process: Process): void {
    this.#process = process;
    process.onExit((reason) => {
      if (this.#value !== undefined && reason === "normal") this.#settle(this.#value);
      else {
        this.#settle({ exit: reason });
        this.#cancel(reason);
      }
    });
  }

  /** Asks the process to end; the function is told. */
  exit(reason: ExitReason): void {
    if (this.#asked === undefined && reason !== "killed") {
      this.#asked = reason;
      this.#cancel(reason);
    }
    this.#process?.exit(reason);
  }

  /** Runs the function in its process. */
  async run(ctx: Ctx): Promise<void> {
    const { signal } = this.#abort;
    try {
      this.#value = { ok: await this.#fn({ signal, self: ctx.self }) };
      ctx.stop("normal");
    } catch (error) {
      const asked = this.#asked;
      if (asked === undefined || !isAbortOf(signal, error)) {
        this.thrown = { error };
        throw error;
      }
      // It has done as it was asked, which is no crash.
      ctx.stop(asked);
    }
  }

  #cancel(reason: ExitReason): void {
    this.#abort.abort(new TaskExitedError(String(this.#process?.ref), reason));
  }
}

/** Whether a function has failed because its signal was aborted. */
function isAbortOf(signal: AbortSignal, error: unknown): boolean {
  if (error === signal.reason) return true;
  return (error as { name?: unknown } | undefined)?.name === "AbortError";
}

/** What the process of a task is started with. */
interface TaskArg {
  readonly task: Pick<TaskRun<unknown>, "run">;
  readonly link: AnyRef | undefined;
}

const taskActor = defineActor("task", {
  init: ({ task, link }: TaskArg, ctx) => {
    if (link !== undefined) ctx.link(link);
    ctx.continue("run");
    return { task };
  },
  continue: { run: ({ task }, _: undefined, ctx) => task.run(ctx) },
});

/** The child spec of a task. */
export function taskSpec<T>(
  run: TaskRun<T>,
  link: AnyRef | undefined,
  shutdown: Shutdown,
): ChildSpec<LocalRef> {
  const arg: TaskArg = { task: run, link };
  const start = async (system: ActorSystem, start?: ChildStart) => {
    const options = launchOptions(start);
    const makeRef = (process: Process) => {
      run.attach(process);
      return supervisedRef(process, start);
    };
    const process = await launch(system, { definition: taskActor, arg, options, makeRef });
    return {
      ref: process.ref,
      onExit: (listener) => process.onExit(listener),
      exit: (reason) => run.exit(reason),
      parentExited: (reason) => process.parentExited(reason),
    } satisfies StartedChild<LocalRef>;
  };
  return { id: "task", restart: "temporary", shutdown, type: "worker", start };
}

/** A task, for its caller. */
export class StartedTask<T> implements Task<T> {
  readonly started: Promise<AnyRef>;
  readonly #run: TaskRun<T>;
  readonly #clock: Clock;
  readonly #ended: Promise<TaskEnd<T>>;
  #result: Promise<T> | undefined = undefined;

  constructor(run: TaskRun<T>, started: Promise<AnyRef>, clock: Clock) {
    this.#run = run;
    this.#clock = clock;
    this.started = started;
    this.#ended = started.then(() => run.ended);
    // Who asks for neither need not hear that it failed.
    this.started.catch(() => {});
    this.#ended.catch(() => {});
  }

  get result(): Promise<T> {
    this.#result ??= this.#resultOf();
    return this.#result;
  }

  /** Async, so that a bad duration rejects. */
  async yield(ms: number = taskDefaults.timeout): Promise<TaskEnd<T> | undefined> {
    return this.#endWithin(durationOption("ms", ms));
  }

  async shutdown(
    ms: number | "brutal_kill" = taskDefaults.timeout,
  ): Promise<TaskEnd<T> | undefined> {
    const patience = ms === "brutal_kill" ? 0 : durationOption("ms", ms);
    await this.started;
    const before = await this.#endWithin(0);
    if (before !== undefined) return before;
    if (ms !== "brutal_kill") {
      this.#run.exit("shutdown");
      const end = await this.#endWithin(patience);
      if (end !== undefined) return isExit(end, "shutdown") ? undefined : end;
    }
    this.#run.exit("killed");
    const end = await this.#ended;
    return isExit(end, "killed") ? undefined : end;
  }

  async #resultOf(): Promise<T> {
    const end = await this.#ended;
    if ("ok" in end) return end.ok;
    throw new TaskExitedError(String(await this.started), end.exit, this.#run.thrown);
  }

  /** The end, if it comes within so many milliseconds; 0 looks without waiting. */
  #endWithin(ms: number): Promise<TaskEnd<T> | undefined> {
    const time = timeUp(this.#clock, ms);
    return Promise.race([this.#ended, time.up]).finally(time.forget);
  }
}

function timeUp(clock: Clock, ms: number) {
  if (ms === 0) return { up: Promise.resolve(undefined), forget: () => {} };
  if (ms === Number.POSITIVE_INFINITY) return { up: new Promise<never>(() => {}), forget() {} };
  let forget = () => {};
  const up = new Promise<undefined>((resolve) => {
    const timer = clock.setTimer(ms, () => resolve(undefined));
    forget = () => clock.clearTimer(timer);
  });
  return { up, forget };
}

function isExit(end: TaskEnd<unknown>, reason: ExitReason): boolean {
  return "exit" in end && end.exit === reason;
}
