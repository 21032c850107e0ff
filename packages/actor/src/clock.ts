/**
 * The ports through which time and chance enter a system, and the clock of the machine.
 *
 * Nothing else in the package reads a clock, arms a timer or draws a random number, so that a
 * whole application can run under a simulated clock and a seeded generator.
 */
import { performance } from "node:perf_hooks";

/** What `setTimer` gives back; only the clock that made it can read it. */
export type TimerHandle = object | number;

/** Time, as a system sees it. Two calls in a row of `monotonic` never go backwards. */
export interface Clock {
  /** The wall clock in milliseconds since 1970. It may jump. */
  now(): number;
  /** Milliseconds since an arbitrary start. It never jumps; every duration is measured with it. */
  monotonic(): number;
  /** Calls `fn` once, not before `ms` milliseconds have passed and never synchronously. */
  setTimer(ms: number, fn: () => void): TimerHandle;
  /**
   * Calls `fn` once, before the time is next moved. Only a clock has this that is moved by hand,
   * even in the middle of a turn of the event loop.
   */
  beforeAdvance?(fn: () => void): void;
  /** Takes a timer back; a timer that has fired or was cleared is left alone. */
  clearTimer(handle: TimerHandle): void;
}

/** A source of numbers in `[0, 1)`. */
export type Random = () => number;

/** Draws an identifier of 32 hexadecimal digits. */
export function drawId(random: Random): string {
  let digits = "";
  for (let word = 0; word < 4; word += 1) {
    digits += Math.floor(random() * 0x1_0000_0000)
      .toString(16)
      .padStart(8, "0");
  }
  return digits;
}

/** Node clamps a longer `setTimeout` to one millisecond, so longer timers are chained. */
const longestTimeoutMs = 2_147_483_647;

/** One timer of the system clock; `timeout` changes when a long timer is chained. */
interface SystemTimer {
  timeout: NodeJS.Timeout;
}

/** The clock of the machine. A pending timer keeps the program alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer(ms, fn) {
    const timer: SystemTimer = { timeout: arm(ms) };
    return timer;

    function arm(left: number): NodeJS.Timeout {
      if (left <= longestTimeoutMs) return setTimeout(fn, left);
      const chain = () => {
        timer.timeout = arm(left - longestTimeoutMs);
      };
      return setTimeout(chain, longestTimeoutMs);
    }
  },
  clearTimer: (handle) => clearTimeout((handle as SystemTimer).timeout),
};
