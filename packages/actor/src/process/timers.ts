/**
 * The timers of one process: set and cancelled as effects of a handler, which take place when the
 * handler returns and never happen when it does not.
 *
 * A cancelled timer is never handled, even if it had fired and its message was already queued.
 */
import type { Clock, TimerHandle } from "../clock.ts";
import { MailboxFullError } from "../errors.ts";
import type { Operation } from "../program.ts";
import type { Notice } from "./notice.ts";

/** What the timers of a process need. */
export interface TimersOptions {
  readonly clock: Clock;
  /** How many timers the process may have at a time. */
  readonly max: number;
  /** Names the process in errors. */
  readonly owner: string;
  /** Called when a timer fires. */
  readonly fire: (timer: Notice) => void;
}

/** One timer. A staged one waits for its handler to return. */
class Timer implements Notice {
  readonly id: string;
  readonly ms: number;
  readonly operation: Operation;
  readonly arg: unknown;
  handle: TimerHandle | undefined = undefined;
  cancelled = false;
  readonly #timers: Map<string, Timer>;

  constructor(
    timers: Map<string, Timer>,
    id: string,
    ms: number,
    operation: Operation,
    arg: unknown,
  ) {
    this.#timers = timers;
    this.id = id;
    this.ms = ms;
    this.operation = operation;
    this.arg = arg;
  }

  take(): boolean {
    if (this.cancelled) return false;
    this.#timers.delete(this.id);
    return true;
  }
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

  /** How many timers are armed, or have fired and wait for their turn. */
  get size(): number {
    return this.#timers.size;
  }

  /** Stages a new timer. Throws `MailboxFullError` when the process has too many. */
  stage(ms: number, operation: Operation, arg: unknown): string {
    const { max, owner } = this.#options;
    if (this.#timers.size >= max) throw new MailboxFullError(`timers of ${owner}`, max);
    this.#lastId += 1;
    const timer = new Timer(this.#timers, `t${this.#lastId}`, ms, operation, arg);
    this.#timers.set(timer.id, timer);
    this.#staged.push(timer);
    return timer.id;
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
