/**
 * Many deadlines, few timers: one queue per distinct duration, one armed timer for its head.
 *
 * Waits of equal length end in the order in which they began, so a queue per duration is always
 * sorted, and adding or removing a deadline is a few pointer writes. A timer is left armed when
 * its queue runs empty, because the next call usually comes at once; a sweep after the turn clears
 * it, so that an idle system does not hold the program open. This file never decides what a
 * missed deadline means.
 */
import type { Clock, TimerHandle } from "./clock.ts";
import { type EventLoop, nodeEventLoop } from "./event-loop.ts";

/** Something that waits for at most so long. Subclass it; a deadline is in one queue at a time. */
export abstract class Deadline {
  dueAt = 0;
  queue: DeadlineQueue | undefined = undefined;
  previous: Deadline | undefined = undefined;
  next: Deadline | undefined = undefined;

  /** Called once when the time is up; the deadline has already been removed. */
  abstract expire(): void;
}

/** A deadline that calls a function. */
export class Bound extends Deadline {
  readonly #expired: () => void;

  constructor(expired: () => void) {
    super();
    this.#expired = expired;
  }

  override expire(): void {
    this.#expired();
  }
}

/** The deadlines of one duration, oldest first. */
interface DeadlineQueue {
  readonly ms: number;
  readonly fire: () => void;
  head: Deadline | undefined;
  tail: Deadline | undefined;
  timer: TimerHandle | undefined;
}

/** The deadlines of one system, or of one table of calls. */
export class Deadlines {
  readonly #clock: Clock;
  readonly #loop: EventLoop;
  readonly #queues = new Map<number, DeadlineQueue>();
  #recent: DeadlineQueue | undefined;
  #sweeping = false;

  constructor(options: { readonly clock: Clock; readonly loop?: EventLoop }) {
    this.#clock = options.clock;
    this.#loop = options.loop ?? nodeEventLoop;
  }

  /** Starts a wait of `ms` milliseconds, rounded up; `Infinity` never expires. */
  add(deadline: Deadline, ms: number): void {
    if (ms === Number.POSITIVE_INFINITY) return;
    let queue = this.#recent;
    if (queue === undefined || queue.ms !== ms) queue = this.#queueOf(Math.ceil(ms));
    deadline.dueAt = this.#clock.monotonic() + queue.ms;
    deadline.queue = queue;
    const tail = queue.tail;
    if (tail === undefined) queue.head = deadline;
    else {
      tail.next = deadline;
      deadline.previous = tail;
    }
    queue.tail = deadline;
    if (queue.timer === undefined) queue.timer = this.#clock.setTimer(queue.ms, queue.fire);
  }

  /** Ends a wait; one that has expired, or was never added, is left alone. */
  remove(deadline: Deadline): void {
    const queue = deadline.queue;
    if (queue === undefined) return;
    const { previous, next } = deadline;
    if (previous === undefined) queue.head = next;
    else previous.next = next;
    if (next === undefined) queue.tail = previous;
    else next.previous = previous;
    deadline.queue = undefined;
    deadline.previous = undefined;
    deadline.next = undefined;
    if (queue.head === undefined && !this.#sweeping) {
      this.#sweeping = true;
      this.#loop.later(this.#sweep);
    }
  }

  #queueOf(ms: number): DeadlineQueue {
    let queue = this.#queues.get(ms);
    if (queue === undefined) {
      const fire = () => this.#fire(made);
      const made: DeadlineQueue = { ms, fire, head: undefined, tail: undefined, timer: undefined };
      queue = made;
      this.#queues.set(ms, queue);
    }
    this.#recent = queue;
    return queue;
  }

  #fire(queue: DeadlineQueue): void {
    queue.timer = undefined;
    const now = this.#clock.monotonic();
    for (let head = queue.head; head !== undefined && head.dueAt <= now; head = queue.head) {
      this.remove(head);
      head.expire();
    }
    // An expired wait may have begun another one of the same length, which armed the timer.
    if (queue.head !== undefined && queue.timer === undefined) {
      queue.timer = this.#clock.setTimer(Math.max(0, queue.head.dueAt - now), queue.fire);
    }
  }

  readonly #sweep = (): void => {
    this.#sweeping = false;
    for (const queue of this.#queues.values()) {
      if (queue.head !== undefined) continue;
      if (queue.timer !== undefined) this.#clock.clearTimer(queue.timer);
      queue.timer = undefined;
      this.#queues.delete(queue.ms);
      if (this.#recent === queue) this.#recent = undefined;
    }
  };
}
