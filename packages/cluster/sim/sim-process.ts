/**
 * One life of one node, as an operating system sees it: a clock of its own, timers, turns of its
 * event loop, and sockets whose bytes wait while it is paused.
 *
 * Everything that happens in a process comes through `run`. Promise reactions belong to the event
 * that caused them, exactly as in a real program: nothing can come in between.
 */
import type { Clock, EventLoop, TimerHandle } from "@troupe/actor";
import type { EventQueue, Scheduled } from "./event-queue.ts";

/** What wakes a process: a timer, its own `setImmediate`, or something on a socket. */
export type Wakeup = "timer" | "turn" | "socket";

interface Asleep {
  readonly kind: Wakeup;
  readonly task: () => void;
}

interface Pause {
  readonly from: number;
  to: number;
}

const settled = Promise.resolve();

export interface ProcessOptions {
  readonly label: string;
  /** The machine that it runs on. */
  readonly host: number;
  readonly events: EventQueue;
  /** The machine's wall clock. */
  readonly wall: () => number;
  /** How much faster than true time its monotonic clock runs: 1 is true. */
  readonly rate: number;
  /** What its monotonic clock shows when it begins. */
  readonly monotonicStart: number;
}

export class SimProcess {
  readonly label: string;
  readonly host: number;
  readonly bornAt: number;
  readonly clock: SimClock;
  readonly loop: EventLoop;
  readonly #events: EventQueue;
  readonly #pauses: Pause[] = [];
  #asleep: Asleep[] | undefined;
  /** What waited while it slept and has not happened yet; nothing newer overtakes it. */
  readonly #backlog: Asleep[] = [];
  #alive = true;
  /** Told that it is to end in good order; its links may end at any moment from here. */
  stopping = false;

  constructor(options: ProcessOptions) {
    this.label = options.label;
    this.host = options.host;
    this.#events = options.events;
    this.bornAt = options.events.now;
    this.clock = new SimClock(this, options);
    this.loop = {
      soon: (task) => void settled.then(task),
      later: (task) => this.post("turn", 0, task),
    };
  }

  get alive(): boolean {
    return this.#alive;
  }

  get paused(): boolean {
    return this.#asleep !== undefined;
  }

  /** Lets something happen to the process: now, when it wakes, or never. */
  run(kind: Wakeup, task: () => void): void {
    if (!this.#alive) return;
    if (this.#asleep !== undefined) this.#asleep.push({ kind, task });
    else if (this.#backlog.length > 0) this.#waitBehind({ kind, task });
    else task();
  }

  post(kind: Wakeup, ms: number, task: () => void): Scheduled {
    return this.#events.after(ms, () => this.run(kind, task));
  }

  /** Stops it as SIGSTOP does: bytes pile up and its clock goes on. */
  pause(): void {
    if (!this.#alive || this.paused) return;
    this.#asleep = this.#backlog.splice(0);
    this.#pauses.push({ from: this.#events.now, to: Number.POSITIVE_INFINITY });
  }

  /** Lets it go on: what waited happens now, one after another. */
  resume(timersFirst: boolean): void {
    const waiting = this.#asleep;
    if (waiting === undefined) return;
    this.#asleep = undefined;
    const pause = this.#pauses.at(-1);
    if (pause !== undefined) pause.to = this.#events.now;
    const isFirst = ({ kind }: Asleep) => (kind === "socket") !== timersFirst;
    const inOrder = [...waiting.filter(isFirst), ...waiting.filter((each) => !isFirst(each))];
    for (const each of inOrder) this.#waitBehind(each);
  }

  #waitBehind(each: Asleep): void {
    this.#backlog.push(each);
    this.#events.after(0, () => this.#backlog.shift()?.task());
  }

  /** Nothing happens in it any more. */
  kill(): void {
    this.#alive = false;
    this.#asleep = undefined;
    this.#backlog.length = 0;
  }

  /** Milliseconds since a moment, without the pauses that are longer than `shortMs`. */
  awakeSince(moment: number, shortMs: number): number {
    const { now } = this.#events;
    let awake = now - moment;
    for (let i = this.#pauses.length - 1; i >= 0; i--) {
      const pause = this.#pauses[i];
      if (pause === undefined || pause.to <= moment) break;
      const lost = Math.min(pause.to, now) - Math.max(pause.from, moment);
      if (pause.to - pause.from > shortMs) awake -= lost;
    }
    return awake;
  }
}

interface SimTimer {
  event: Scheduled | undefined;
  fn: (() => void) | undefined;
}

/** The clocks of one process. Timers never fire early, whatever its clock makes of true time. */
export class SimClock implements Clock {
  readonly #process: SimProcess;
  readonly #events: EventQueue;
  readonly #wall: () => number;
  readonly #rate: number;
  readonly #start: number;
  readonly #bornAt: number;
  #armed = 0;

  constructor(process: SimProcess, { events, wall, rate, monotonicStart }: ProcessOptions) {
    this.#process = process;
    this.#events = events;
    this.#wall = wall;
    this.#rate = rate;
    this.#start = monotonicStart;
    this.#bornAt = events.now;
  }

  /** How many timers are armed. */
  get armed(): number {
    return this.#armed;
  }

  now(): number {
    return Math.floor(this.#wall());
  }

  monotonic(): number {
    return this.#at(this.#events.now);
  }

  setTimer(ms: number, fn: () => void): TimerHandle {
    const due = this.monotonic() + Math.max(1, ms);
    let at = this.#bornAt + (due - this.#start) / this.#rate;
    while (this.#at(at) < due) at += 0.001;
    const timer: SimTimer = { event: undefined, fn };
    this.#armed += 1;
    timer.event = this.#events.at(at, () => this.#process.run("timer", () => this.#fire(timer)));
    return timer;
  }

  clearTimer(handle: TimerHandle): void {
    const timer = handle as SimTimer;
    if (timer.fn === undefined) return;
    timer.fn = undefined;
    this.#armed -= 1;
    if (timer.event !== undefined) timer.event.run = undefined;
  }

  #fire(timer: SimTimer): void {
    const { fn } = timer;
    if (fn === undefined) return;
    timer.fn = undefined;
    this.#armed -= 1;
    fn();
  }

  #at(moment: number): number {
    return this.#start + (moment - this.#bornAt) * this.#rate;
  }
}
