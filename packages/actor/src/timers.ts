/**
 * The timers of one process: set and cancelled as effects of a handler, which take place when the
 * handler returns and never happen when it does not.
 *
 * A cancelled timer is never handled, even if it had fired and its message was already queued.
 */
import type { Clock, TimerHandle } from "./clock.ts";
import { MailboxFullError } from "./errors.ts";
import type { Operation } from "./program.ts";

/** One timer. `staged` timers wait for their handler to return. */
export interface Timer {
  readonly id: string;
  readonly ms: number;
  readonly operation: Operation;
  readonly arg: unknown;
  handle: TimerHandle | undefined;
  cancelled: boolean;
}

/** What the timers of a process need. */
export interface TimersOptions {
  readonly clock: Clock;
  /** How many timers the process may have at a time. */
  readonly max: number;
  /** Names the process in errors. */
  readonly owner: string;
  /** Called when a timer fires. */
  readonly fire: (timer: Timer) => void;
}

/** The timers of one process. */
export class Timers {
  readonly #options: TimersOptions;
  readonly #timers = new Map<string, Timer>();
  #lastId = 0;
  #staged: Timer[] = [];
  #cancelled: Timer[] = [];

  constructor(options: TimersOptions) {
    this.#options = options;
  }

  /** Stages a new timer. Throws `MailboxFullError` when the process has too many. */
  stage(ms: number, operation: Operation, arg: unknown): string {
    const { max, owner } = this.#options;
    if (this.#timers.size >= max) throw new MailboxFullError(`timers of ${owner}`, max);
    this.#lastId += 1;
    const id = `t${this.#lastId}`;
    const timer: Timer = { id, ms, operation, arg, handle: undefined, cancelled: false };
    this.#timers.set(id, timer);
    this.#staged.push(timer);
    return id;
  }

  /** Stages the cancelling of a timer; false when it has been handled, cancelled or never was. */
  stageCancel(id: string): boolean {
    const timer = this.#timers.get(id);
    if (timer === undefined || timer.cancelled) return false;
    timer.cancelled = true;
    this.#cancelled.push(timer);
    return true;
  }

  /** The handler has returned: arms and cancels what it staged. */
  commit(): void {
    for (const timer of this.#cancelled) this.#remove(timer);
    for (const timer of this.#staged) {
      if (timer.cancelled) continue;
      timer.handle = this.#options.clock.setTimer(timer.ms, () => this.#options.fire(timer));
    }
    this.#forgetStaged();
  }

  /** The handler has not returned: forgets what it staged. */
  rollback(): void {
    for (const timer of this.#cancelled) timer.cancelled = false;
    for (const timer of this.#staged) this.#timers.delete(timer.id);
    this.#forgetStaged();
  }

  /** Takes a timer whose message is about to be handled; false when it has been cancelled. */
  take(timer: Timer): boolean {
    if (timer.cancelled) return false;
    this.#timers.delete(timer.id);
    return true;
  }

  /** Cancels every timer; the process is over. */
  clear(): void {
    for (const timer of this.#timers.values()) this.#disarm(timer);
    this.#timers.clear();
    this.#forgetStaged();
  }

  #remove(timer: Timer): void {
    this.#disarm(timer);
    this.#timers.delete(timer.id);
  }

  #disarm(timer: Timer): void {
    timer.cancelled = true;
    if (timer.handle !== undefined) this.#options.clock.clearTimer(timer.handle);
    timer.handle = undefined;
  }

  #forgetStaged(): void {
    if (this.#staged.length > 0) this.#staged = [];
    if (this.#cancelled.length > 0) this.#cancelled = [];
  }
}
