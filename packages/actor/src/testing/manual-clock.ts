/**
 * A clock that moves only when a test moves it.
 *
 * Due timers run in the order of their times, and in the order in which they were set when the
 * times are equal. It is published in `testing.ts`; nothing in the package uses it.
 */
import type { Clock, TimerHandle } from "../clock.ts";
import { durationOption } from "../option.ts";

/** One armed timer. */
interface ManualTimer {
  readonly at: number;
  readonly fn: () => void;
  armed: boolean;
}

/**
 * A clock for tests.
 *
 * @example
 * ```ts
 * const clock = new ManualClock();
 * const system = createSystem({ clock });
 * const waiting = ref.call("slow", undefined, { timeout: 100 });
 * await clock.advanceAsync(100); // the call has timed out
 * ```
 */
export class ManualClock implements Clock {
  readonly #wallStart: number;
  #elapsed = 0;
  /** Sorted by time, then by age. */
  readonly #timers: ManualTimer[] = [];

  /** `now` is what the wall clock shows at first. */
  constructor(options: { readonly now?: number } = {}) {
    this.#wallStart = options.now ?? 0;
  }

  /** How many timers are armed. */
  get pending(): number {
    return this.#timers.length;
  }

  now(): number {
    return this.#wallStart + this.#elapsed;
  }

  monotonic(): number {
    return this.#elapsed;
  }

  setTimer(ms: number, fn: () => void): TimerHandle {
    const timer: ManualTimer = { at: this.#elapsed + Math.max(0, ms), fn, armed: true };
    this.#timers.splice(this.#firstAfter(timer.at), 0, timer);
    return timer;
  }

  clearTimer(handle: TimerHandle): void {
    const timer = handle as ManualTimer;
    if (!timer.armed) return;
    timer.armed = false;
    this.#timers.splice(this.#timers.indexOf(timer), 1);
  }

  /** Moves time on by `ms`, running each timer that falls due at its own time. */
  advance(ms: number): void {
    const end = this.#elapsed + durationOption("ms", ms);
    for (let fn = this.#nextDue(end); fn !== undefined; fn = this.#nextDue(end)) fn();
    this.#elapsed = end;
  }

  /** Like {@link advance}, letting every message and promise settle before, between and after. */
  async advanceAsync(ms: number): Promise<void> {
    const end = this.#elapsed + durationOption("ms", ms);
    await settle();
    for (let fn = this.#nextDue(end); fn !== undefined; fn = this.#nextDue(end)) {
      fn();
      await settle();
    }
    this.#elapsed = end;
  }

  /**
   * Moves time on to the next timer and runs it, if it falls due within `ms`. False when there is
   * none; then time has not moved.
   */
  runNext(ms: number = Number.POSITIVE_INFINITY): boolean {
    const fn = this.#nextDue(this.#elapsed + durationOption("ms", ms));
    fn?.();
    return fn !== undefined;
  }

  /** Milliseconds until the next timer falls due; undefined when none is armed. */
  get nextIn(): number | undefined {
    const timer = this.#timers[0];
    return timer === undefined ? undefined : timer.at - this.#elapsed;
  }

  #nextDue(end: number): (() => void) | undefined {
    const timer = this.#timers[0];
    if (timer === undefined || timer.at > end) return undefined;
    this.#timers.shift();
    timer.armed = false;
    this.#elapsed = timer.at;
    return timer.fn;
  }

  #firstAfter(at: number): number {
    let low = 0;
    let high = this.#timers.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#timers[middle] as ManualTimer).at <= at) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Resolves when the promise reactions and messages that are already under way have run. */
export async function settle(): Promise<void> {
  // The first turn runs every queued reaction; the second lets a scheduler that yielded finish.
  for (let turn = 0; turn < 2; turn += 1) {
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}
