/**
 * Many deadlines, few timers: one queue per distinct duration, one armed timer for its head.
 *
 * Waits of equal length end in the order in which they began, so a queue per duration is always
 * sorted, and adding or removing a deadline is a few pointer writes. The clock is read, and a
 * timer armed or cleared, once at the end of a turn of the event loop, for what is still waiting
 * then: most calls are answered in the turn in which they began, and what a program does before it
 * lets go of the loop is not counted against its calls. This file never decides what a missed
 * deadline means.
 */
import type { Clock, TimerHandle } from "./clock.ts";
import { type EventLoop, nodeEventLoop } from "./event-loop.ts";

/** Something that waits for at most so long. Subclass it; a deadline is in one queue at a time. */
export abstract class Deadline {
  dueAt = 0;
  queue: DeadlineQueue | undefined = undefined;
  previous: Deadline | undefined = undefined;
  next: Deadline | undefined = undefined;

  /** Called once when the `ms` are over; the deadline has already been removed. */
  abstract expire(ms: number): void;
}

/** Deadlines that expire in one go: the rest waits until others had their turn. */
const maxExpiries = 1000;

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
  /** The first of those that began in this turn, and whose time is not known yet. */
  begun: Deadline | undefined;
  timer: TimerHandle | undefined;
}

/** The deadlines of one system, or of one table of calls. */
export class Deadlines {
  readonly #clock: Clock;
  readonly #loop: EventLoop;
  readonly #queues = new Map<number, DeadlineQueue>();
  #recent: DeadlineQueue | undefined;
  /** True when the end of this turn has something to do. */
  #inTurn = false;

  constructor(options: { readonly clock: Clock; readonly loop?: EventLoop }) {
    this.#clock = options.clock;
    this.#loop = options.loop ?? nodeEventLoop;
  }

  /** Starts a wait of `ms` milliseconds, rounded up; `Infinity` never expires. */
  add(deadline: Deadline, ms: number): void {
    if (ms === Number.POSITIVE_INFINITY) return;
    let queue = this.#recent;
    if (queue === undefined || queue.ms !== ms) queue = this.#queueOf(Math.ceil(ms));
    deadline.queue = queue;
    const tail = queue.tail;
    if (tail === undefined) queue.head = deadline;
    else {
      tail.next = deadline;
      deadline.previous = tail;
    }
    queue.tail = deadline;
    if (queue.begun === undefined) queue.begun = deadline;
    if (!this.#inTurn) this.#beginTurn();
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
    if (queue.begun === deadline) queue.begun = next;
    deadline.queue = undefined;
    deadline.previous = undefined;
    deadline.next = undefined;
    if (queue.head === undefined && !this.#inTurn) this.#beginTurn();
  }

  #beginTurn(): void {
    this.#inTurn = true;
    this.#loop.later(this.#endTurn);
    this.#clock.beforeAdvance?.(this.#endTurn);
  }

  #queueOf(ms: number): DeadlineQueue {
    let queue = this.#queues.get(ms);
    if (queue === undefined) {
      const fire = () => this.#fire(made);
      const made: DeadlineQueue = {
        ms,
        fire,
        head: undefined,
        tail: undefined,
        begun: undefined,
        timer: undefined,
      };
      queue = made;
      this.#queues.set(ms, queue);
    }
    this.#recent = queue;
    return queue;
  }

  #fire(queue: DeadlineQueue): void {
    queue.timer = undefined;
    const now = this.#clock.monotonic();
    // What has begun since the last turn ended is not due.
    let expired = 0;
    for (let head = queue.head; head !== queue.begun; head = queue.head) {
      if (head === undefined || head.dueAt > now || expired === maxExpiries) break;
      expired += 1;
      this.remove(head);
      head.expire(queue.ms);
    }
    if (!this.#inTurn) this.#arm(queue, now);
  }

  #arm(queue: DeadlineQueue, now: number): void {
    if (queue.head === undefined || queue.timer !== undefined) return;
    const ms = Math.max(0, queue.head.dueAt - now);
    queue.timer = this.#clock.setTimer(ms, queue.fire);
  }

  readonly #endTurn = (): void => {
    if (!this.#inTurn) return;
    this.#inTurn = false;
    const now = Math.ceil(this.#clock.monotonic());
    for (const queue of this.#queues.values()) {
      for (let each = queue.begun; each !== undefined; each = each.next) {
        each.dueAt = now + queue.ms;
      }
      queue.begun = undefined;
      if (queue.head !== undefined) this.#arm(queue, now);
      else {
        if (queue.timer !== undefined) this.#clock.clearTimer(queue.timer);
        queue.timer = undefined;
        this.#queues.delete(queue.ms);
        if (this.#recent === queue) this.#recent = undefined;
      }
    }
  };
}
