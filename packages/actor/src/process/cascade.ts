/**
 * Ends that cause ends, one after another instead of one inside the other.
 *
 * A chain of linked processes may be of any length, and so may not be a chain of function calls.
 */
import { RingQueue } from "../ring-queue.ts";

/** Runs what an end causes, when the end itself is over. */
export class Cascade {
  /** Bounded by the links that are left: each is broken once. */
  readonly #waiting = new RingQueue<() => void>();
  #running = false;

  /** Runs `consequence` now, or after the one that is running. */
  run(consequence: () => void): void {
    this.#waiting.push(consequence);
    if (this.#running) return;
    this.#running = true;
    try {
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
        next();
      }
    } finally {
      this.#running = false;
    }
  }
}
