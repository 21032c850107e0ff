/**
 * The two ways to wait for the end of a process: asking (`stop`) and insisting (`shutdown`).
 */
import type { Clock } from "./clock.ts";
import { CallingSelfError, CallTimeoutError, OptionError, ProcessExitedError } from "./errors.ts";
import { type ExitReason, isExitReason, isSameExit } from "./exit-reason.ts";
import { durationOption, objectOption } from "./option.ts";
import type { Process } from "./process.ts";

/** How a process is stopped. */
export interface StopOptions {
  /** @default "normal" */
  readonly reason?: ExitReason;
  /** Milliseconds to wait. @default the `shutdown` time of the process */
  readonly timeout?: number;
}

/** Asks a process to stop and waits; rejects when it takes too long or ends otherwise. */
export async function stopProcess(
  process: Process,
  clock: Clock,
  options: StopOptions = {},
): Promise<void> {
  objectOption("options", options);
  const { reason = "normal", timeout = process.shutdownMs } = options;
  if (!isExitReason(reason)) throw new OptionError("reason", "an exit reason", reason);
  const timeoutMs = durationOption("timeout", timeout);
  if (process.inbox.isOnStack && reason !== "killed")
    throw new CallingSelfError(process.describe());
  process.exit(reason);
  const actual = await exitWithin(process, timeoutMs, clock);
  if (actual === undefined) throw new CallTimeoutError(process.describe(), "stop", timeoutMs);
  if (isSameExit(actual, reason)) return;
  throw new ProcessExitedError(process.describe(), actual, "unknown");
}

/** Ends a process with `shutdown`, and kills it when its shutdown time is over. */
export async function endProcess(process: Process, clock: Clock): Promise<void> {
  process.exit("shutdown");
  const reason = await exitWithin(process, process.shutdownMs, clock);
  if (reason === undefined) process.exit("killed");
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
