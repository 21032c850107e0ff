/**
 * The one ready queue and the one loop that gives every process its turn.
 *
 * A process is queued at most once and handles a few messages per turn, so a busy one delays
 * nobody for long. The loop is woken before control returns to the event loop, and steps aside for
 * timers and sockets once a budget of messages or of time is spent; the budget is counted across
 * wake-ups, because two processes that answer each other would otherwise never let go. The
 * receiver never runs on the sender's stack.
 */
import type { Clock } from "../clock.ts";
import type { EventLoop } from "../event-loop.ts";
import { RingQueue } from "../ring-queue.ts";

/** Messages that one process handles before the next one has its turn. */
const messagesPerTurn = 64;

/** Messages after which the loop steps aside, whatever the clock says. */
const messagesPerSlice = 4096;

/** Milliseconds after which the loop steps aside. */
const sliceMs = 2;

/** Messages between two looks at the clock. */
const messagesPerLook = 32;

/** Something that the scheduler gives turns to. */
export interface Runnable {
  /** Handles at most `limit` messages and returns how many; asks for another turn by itself. */
  run(limit: number): number;
  /** Names it, for whoever prints a schedule. */
  readonly describe?: () => string;
}

/**
 * Who is ready. Bounded by the number of processes: each is queued at most once. What `shift`
 * takes has its turn next, so this is where the order of turns is decided.
 */
export interface ReadyQueue {
  push(runnable: Runnable): void;
  shift(): Runnable | undefined;
}

/** In which order processes have their turns, and how long a turn may be. */
export interface Schedule {
  readonly ready: ReadyQueue;
  /** Messages that one process handles before the next one has its turn. */
  readonly messagesPerTurn: number;
  /** Messages after which the loop steps aside, whatever the clock says. */
  readonly messagesPerSlice: number;
}

/** First come, first served, in turns that cost little and delay nobody for long. */
export function fairSchedule(): Schedule {
  return { ready: new RingQueue<Runnable>(), messagesPerTurn, messagesPerSlice };
}

/** Messages per turn until it is known how long they take: a handler may take a millisecond. */
const firstLimit = 16;

/** Gives turns to the processes of one system. */
export class Scheduler {
  readonly #clock: Clock;
  readonly #loop: EventLoop;
  readonly #ready: ReadyQueue;
  readonly #messagesPerTurn: number;
  readonly #messagesPerSlice: number;
  /** How many messages a turn may have now: as many as fit into a slice. */
  #limit: number;
  #awake = false;
  #used = 0;
  #nextLook: number;
  #sliceEnd: number;

  constructor(clock: Clock, loop: EventLoop, schedule: Schedule = fairSchedule()) {
    this.#clock = clock;
    this.#loop = loop;
    this.#ready = schedule.ready;
    this.#messagesPerTurn = schedule.messagesPerTurn;
    this.#messagesPerSlice = schedule.messagesPerSlice;
    this.#limit = Math.min(firstLimit, schedule.messagesPerTurn);
    this.#nextLook = this.#untilLook();
    this.#sliceEnd = clock.monotonic() + sliceMs;
  }

  /** Queues a process for a turn. The process makes sure that it is not queued already. */
  ready(runnable: Runnable): void {
    this.#ready.push(runnable);
    if (this.#awake) return;
    this.#awake = true;
    this.#loop.soon(this.#wake);
  }

  readonly #wake = (): void => this.#drain(undefined);

  readonly #resume = (): void => {
    const now = this.#clock.monotonic();
    this.#used = 0;
    this.#nextLook = this.#untilLook();
    this.#sliceEnd = now + sliceMs;
    this.#drain(now);
  };

  #drain(lookedAt: number | undefined): void {
    let finished = false;
    try {
      finished = this.#runAll(lookedAt);
    } finally {
      // A turn throws only when the runtime is wrong. The others must still get their turns.
      if (finished) this.#awake = false;
      else this.#loop.later(this.#resume);
    }
  }

  /**
   * Gives turns until nobody is ready (true) or the budget is spent (false). `lookedAt` is the time
   * if it is known: after a wake-up it is not, and reading it would cost each call a look.
   */
  #runAll(lookedAt: number | undefined): boolean {
    const ready = this.#ready;
    let before = lookedAt;
    let usedBefore = this.#used;
    for (let next = ready.shift(); next !== undefined; next = ready.shift()) {
      // The turn itself counts too, so that turns which handle nothing cannot go on for ever.
      this.#used += 1 + next.run(this.#limit);
      if (this.#used < this.#nextLook) continue;
      const now = this.#clock.monotonic();
      if (before !== undefined) this.#adapt(this.#used - usedBefore, now - before);
      before = now;
      usedBefore = this.#used;
      this.#nextLook = this.#used + this.#untilLook();
      if (this.#used >= this.#messagesPerSlice || now >= this.#sliceEnd) return false;
    }
    return true;
  }

  /** So many messages took so long: no turn may last longer than a slice, if that can be helped. */
  #adapt(messages: number, ms: number): void {
    const fitting = ms > 0 ? Math.floor((messages * sliceMs) / ms) : this.#messagesPerTurn;
    const doubled = Math.min(this.#limit * 2, this.#messagesPerTurn);
    this.#limit = Math.max(1, Math.min(fitting, doubled));
  }

  #untilLook(): number {
    return Math.min(messagesPerLook, this.#limit, this.#messagesPerSlice);
  }
}
