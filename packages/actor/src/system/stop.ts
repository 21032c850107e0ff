/**
 * The two ways to wait for the end of a process: asking (`stop`) and insisting (`shutdown`).
 */
import type { Clock, TimerHandle } from "../clock.ts";
import { Deadline, type Deadlines } from "../deadlines.ts";
import { CallingSelfError, CallTimeoutError, OptionError, ProcessExitedError } from "../errors.ts";
import { type ExitReason, isExitReason, isSameExit } from "../exit-reason.ts";
import { durationOption, objectOption } from "../option.ts";
import type { Process } from "../process/process.ts";

/** How a process is stopped. */
export interface StopOptions {
  /** @default "normal" */
  readonly reason?: ExitReason;
  /** Milliseconds to wait. @default the `shutdown` time of the process */
  readonly timeout?: number;
}

/** Somebody who waits for the end of a process, but not for ever. */
class StopWait extends Deadline {
  readonly #process: Process;
  readonly #reason: ExitReason;
  readonly #timeoutMs: number;
  readonly #resolve: () => void;
  readonly #reject: (error: unknown) => void;

  constructor(
    process: Process,
    reason: ExitReason,
    timeoutMs: number,
    resolve: () => void,
    reject: (error: unknown) => void,
  ) {
    super();
    this.#process = process;
    this.#reason = reason;
    this.#timeoutMs = timeoutMs;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  ended(actual: ExitReason): void {
    if (isSameExit(actual, this.#reason)) this.#resolve();
    else this.#reject(new ProcessExitedError(this.#process.describe(), actual, "unknown"));
  }

  override expire(): void {
    this.#reject(new CallTimeoutError(this.#process.describe(), "stop", this.#timeoutMs));
  }
}

const noOptions: StopOptions = Object.freeze({});

/** Asks a process to stop and waits; rejects when it takes too long or ends otherwise. */
export function stopProcess(
  process: Process,
  deadlines: Deadlines,
  options: StopOptions = noOptions,
): Promise<void> {
  // What is thrown in here rejects.
  return new Promise((resolve, reject) => {
    objectOption("options", options);
    const { reason = "normal", timeout = process.shutdownMs } = options;
    if (!isExitReason(reason)) throw new OptionError("reason", "an exit reason", reason);
    const timeoutMs = durationOption("timeout", timeout);
    if (process.inbox.isOnStack && reason !== "killed") {
      throw new CallingSelfError(process.describe());
    }
    const wait = new StopWait(process, reason, timeoutMs, resolve, reject);
    deadlines.add(wait, timeoutMs);
    process.onExit((actual) => {
      deadlines.remove(wait);
      wait.ended(actual);
    });
    process.exit(reason);
  });
}

/** Until when a shutdown may take, on the monotonic clock. */
export interface Limit {
  readonly clock: Clock;
  readonly end: number;
}

/**
 * Ends processes with `shutdown`, the newest first, each within its shutdown time and all within
 * the limit; kills what is left then. A process with a living parent is left to it.
 */
export async function stopAll(processes: () => Iterable<Process>, limit: Limit): Promise<void> {
  for (;;) {
    const left = [...processes()].reverse();
    if (left.length === 0) return;
    if (leftOf(limit) === 0) {
      for (const process of left) process.exit("killed");
      return;
    }
    // Somebody has no living parent, so every round ends somebody. What is left after a round had
    // a parent when it began, or was started meanwhile.
    for (const process of left) {
      if (process.parent?.isDead !== false) await stopWithin(process, limit);
    }
  }
}

async function stopWithin(process: Process, limit: Limit): Promise<void> {
  if (process.isDead || leftOf(limit) === 0) return;
  process.exit("shutdown");
  const ms = Math.min(process.shutdownMs, leftOf(limit));
  const reason = await exitWithin(process, ms, limit.clock);
  if (reason === undefined) process.exit("killed");
}

/** What an application does when its system shuts down. */
export type StopHook = () => Promise<void> | void;

/** Runs hooks, the last added first, within the limit. Returns what went wrong. */
export async function runHooks(hooks: StopHook[], limit: Limit): Promise<unknown[]> {
  const failures: unknown[] = [];
  for (let hook = hooks.pop(); hook !== undefined; hook = hooks.pop()) {
    try {
      await withinLimit(hook(), limit);
    } catch (error) {
      failures.push(error);
    }
  }
  return failures;
}

function leftOf({ clock, end }: Limit): number {
  return Math.max(0, end - clock.monotonic());
}

/** Waits for a hook, but not beyond the limit. */
async function withinLimit(hook: Promise<void> | void, limit: Limit): Promise<void> {
  if (hook === undefined) return;
  const ms = leftOf(limit);
  if (ms === Number.POSITIVE_INFINITY) {
    await hook;
    return;
  }
  let timer: TimerHandle | undefined;
  const late = new Promise<never>((_, reject) => {
    const timedOut = () => reject(new CallTimeoutError("a stop hook", "shutdown", ms));
    timer = limit.clock.setTimer(ms, timedOut);
  });
  try {
    await Promise.race([hook, late]);
  } finally {
    if (timer !== undefined) limit.clock.clearTimer(timer);
  }
}

/** Something whose end can be waited for. */
export interface Ending {
  onExit(listener: (reason: ExitReason) => void): void;
}

/** Waits for an end; undefined when `ms` milliseconds have passed first. */
export function exitWithin(
  ending: Ending,
  ms: number,
  clock: Clock,
): Promise<ExitReason | undefined> {
  return new Promise((resolve) => {
    const timer =
      ms === Number.POSITIVE_INFINITY ? undefined : clock.setTimer(ms, () => resolve(undefined));
    ending.onExit((reason) => {
      if (timer !== undefined) clock.clearTimer(timer);
      resolve(reason);
    });
  });
}
