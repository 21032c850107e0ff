/**
 * A wait that ends early: because something has happened, or because it is all over.
 *
 * Sources wait with it between two looks. A wake that comes while nobody waits is kept for the
 * next wait, so that no news is missed in between; several of them are one.
 */
import type { Clock, TimerHandle } from "@troupe/actor";

export class Pause {
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  #woken = false;
  #resume: (() => void) | undefined;

  constructor(context: { readonly clock: Clock; readonly signal: AbortSignal }) {
    this.#clock = context.clock;
    this.#signal = context.signal;
  }

  /** Ends the wait that is under way, or else the next one. */
  wake(): void {
    this.#woken = true;
    this.#resume?.();
  }

  /** Waits for `ms`, or until woken; without a duration only until woken. Aborted: not at all. */
  async wait(ms?: number): Promise<void> {
    if (!this.#woken && !this.#signal.aborted) await this.#until(ms);
    this.#woken = false;
  }

  #until(ms: number | undefined): Promise<void> {
    return new Promise((resolve) => {
      let timer: TimerHandle | undefined;
      const end = () => {
        if (timer !== undefined) this.#clock.clearTimer(timer);
        this.#signal.removeEventListener("abort", end);
        this.#resume = undefined;
        resolve();
      };
      this.#resume = end;
      this.#signal.addEventListener("abort", end);
      if (ms !== undefined) timer = this.#clock.setTimer(ms, end);
    });
  }
}
