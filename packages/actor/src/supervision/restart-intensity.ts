/**
 * How often a supervisor may restart before it gives up: a sliding window of restart times.
 *
 * The window is measured in milliseconds of the monotonic clock. OTP compares whole seconds, so
 * there two crashes up to one second further apart can both count (supervisor.erl `add_restart`).
 */
import { integerOption, positiveOption } from "../option.ts";
import { RingQueue } from "../ring-queue.ts";

/** Counts restarts within a window. */
export class RestartIntensity {
  readonly #maxRestarts: number;
  readonly #windowMs: number;
  /** The times of the restarts in the window, oldest first; never more than `maxRestarts + 1`. */
  readonly #times = new RingQueue<number>();

  /** Tolerates `maxRestarts` restarts within `maxSeconds` seconds. */
  constructor(maxRestarts: number, maxSeconds: number) {
    this.#maxRestarts = integerOption("maxRestarts", maxRestarts, 0);
    this.#windowMs = positiveOption("maxSeconds", maxSeconds) * 1000;
  }

  /** Counts a restart at `nowMs`. True when it is one too many. */
  exceedsAt(nowMs: number): boolean {
    const times = this.#times;
    for (let oldest = times.peek(); oldest !== undefined; oldest = times.peek()) {
      if (nowMs - oldest <= this.#windowMs) break;
      times.shift();
    }
    times.push(nowMs);
    if (times.size <= this.#maxRestarts) return false;
    times.shift();
    return true;
  }
}
