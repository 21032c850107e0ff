/**
 * Repeats a call until it has an answer. That is safe because every call of the ledger is
 * idempotent by id: running it twice is running it once.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { isActorError } from "@troupe/actor";

/** How long to go on, and how to wait; tests replace the waiting. */
export interface RetryOptions {
  /** Gives up this many milliseconds after the first attempt. @default 30_000 */
  readonly patienceMs?: number;
  /** Waits between two attempts. */
  readonly pause?: (ms: number) => Promise<unknown>;
  /** Sees each error after which the call is repeated. */
  readonly onRetry?: (error: unknown) => void;
}

const firstPauseMs = 25;
const longestPauseMs = 400;

/** These calls did not run, and would not the next time either. */
const hopeless = new Set([
  "ERR_INVALID_OPTION",
  "ERR_NOT_SERIALIZABLE",
  "ERR_UNKNOWN_OPERATION",
  "ERR_MESSAGE_TOO_LARGE",
]);

/** True for an error after which the same call may succeed: it did not run, or nobody knows. */
export function isRetryable(error: unknown): boolean {
  return isActorError(error) && error.outcome !== "ran" && !hopeless.has(error.code);
}

/**
 * Runs `attempt` until it succeeds. Rejects with the attempt's error when that says that the call
 * ran or never will, and with the last error when the patience is over.
 */
export async function insist<T>(
  attempt: () => Promise<T>,
  { patienceMs = 30_000, pause = sleep, onRetry }: RetryOptions = {},
): Promise<T> {
  const givesUpAt = performance.now() + patienceMs;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    try {
      return await attempt();
    } catch (error) {
      if (!isRetryable(error) || performance.now() + pauseMs >= givesUpAt) throw error;
      onRetry?.(error);
      await pause(pauseMs);
    }
  }
}
