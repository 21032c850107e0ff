/** Virtual time as a process sees it: on a clock of its own speed, and not while it is paused. */
import type { Clock } from "@troupe/actor";
import type { EventQueue } from "./event-queue.ts";

/** `awake` runs a function now, or when the process wakes. */
export function clockOf(events: EventQueue, rate: number, awake: (run: () => void) => void): Clock {
  const monotonic = () => events.now * rate;
  return {
    now: monotonic,
    monotonic,
    setTimer(ms, fn) {
      const timer = { armed: true };
      events.after(ms / rate, () =>
        awake(() => {
          if (timer.armed) fn();
        }),
      );
      return timer;
    },
    clearTimer(timer) {
      if (typeof timer === "object") Object.assign(timer, { armed: false });
    },
  };
}
