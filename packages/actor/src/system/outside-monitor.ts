/**
 * A monitor of code that is no actor: it calls a function instead of sending a message.
 *
 * It keeps the two promises of every monitor: to tell once, and to tell nobody before it is known
 * how to take it back.
 */
import type { EventLoop } from "../event-loop.ts";
import type { ExitReason } from "../exit-reason.ts";
import type { Watched } from "../process/monitors.ts";

/** Tells once when a process is over; undefined stands for none. Returns what takes it back. */
export function watchFromOutside(
  process: Watched | undefined,
  loop: EventLoop,
  tell: (reason: ExitReason) => void,
): () => void {
  let isOver = false;
  const fire = (reason: ExitReason) => {
    if (isOver) return;
    isOver = true;
    tell(reason);
  };
  const later = (reason: ExitReason) => loop.soon(() => fire(reason));
  let unwatch: (() => void) | undefined;
  if (process === undefined || process.isDead) later(process?.absence ?? "noproc");
  else {
    // What watches a process far away may find while it begins that it cannot.
    let hear = later;
    unwatch = process.watch((reason) => hear(reason));
    hear = fire;
  }
  return () => {
    isOver = true;
    unwatch?.();
  };
}
