/**
 * A clock that moves only when a test moves it.
 *
 * Due timers run in the order of their times, and in the order in which they were set when the
 * times are equal, unless a source of chance is to decide among equals. It is published in
 * `testing.ts`; nothing in the package uses it.
 */
import type { Clock, Random, TimerHandle } from "../clock.ts";
import { durationOption } from "../option.ts";

/** One timer. */
interface ManualTimer {
  readonly at: number;
  /** How long it was to wait when it was set. */
  readonly ms: number;
  readonly age: number;
  /** Undefined once it has run or was cleared. */
  fn: (() => void) | undefined;
}

/** How many timers of one instant chance chooses from, so that a crowd costs no more than a few. */
const choices = 8;

/** Cleared timers that are always left where they are. */
const clearedTimersKept = 64;

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
  /** What waits until the time is about to move. */
  readonly #putOff: (() => void)[] = [];
  /** A binary heap, the next timer first. A cleared one stays until it comes up or is swept. */
  #timers: ManualTimer[] = [];
  #armed = 0;
  #set = 0;

  /** `now` is what the wall clock shows at first. */
  constructor(options: { readonly now?: number } = {}) {
    this.#wallStart = options.now ?? 0;
  }

  /** How many timers are armed. */
  get pending(): number {
    this.#endTurn();
    return this.#armed;
  }

  now(): number {
    return this.#wallStart + this.#elapsed;
  }

  monotonic(): number {
    return this.#elapsed;
  }

  beforeAdvance(fn: () => void): void {
    this.#putOff.push(fn);
  }

  setTimer(ms: number, fn: () => void): TimerHandle {
    this.#set += 1;
    const timer: ManualTimer = { at: this.#elapsed + Math.max(0, ms), ms, age: this.#set, fn };
    this.#armed += 1;
    this.#push(timer);
    return timer;
  }

  clearTimer(handle: TimerHandle): void {
    const timer = handle as ManualTimer;
    if (timer.fn === undefined) return;
    timer.fn = undefined;
    this.#armed -= 1;
    // Finding it would cost a look at every other one, so many are swept out at once.
    if (this.#timers.length <= 2 * this.#armed + clearedTimersKept) return;
    this.#timers = this.#timers.filter(({ fn }) => fn !== undefined).sort(compare);
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
   * none; then time has not moved. Given a source of chance, it may be any timer of that instant,
   * except that those which were to wait equally long run in the order in which they were set.
   */
  runNext(ms: number = Number.POSITIVE_INFINITY, random?: Random): boolean {
    const fn = this.#nextDue(this.#elapsed + durationOption("ms", ms), random);
    fn?.();
    return fn !== undefined;
  }

  /** Milliseconds until the next timer falls due; undefined when none is armed. */
  get nextIn(): number | undefined {
    this.#endTurn();
    const timer = this.#first();
    return timer === undefined ? undefined : timer.at - this.#elapsed;
  }

  /** What was put off until the time is needed is done now: it is about to move. */
  #endTurn(): void {
    while (this.#putOff.length > 0) {
      for (const fn of this.#putOff.splice(0)) fn();
    }
  }

  #nextDue(end: number, random?: Random): (() => void) | undefined {
    this.#endTurn();
    const first = this.#first();
    if (first === undefined || first.at > end) return undefined;
    const timer = random === undefined ? this.#pop() : this.#popAny(first.at, random);
    const { fn } = timer;
    timer.fn = undefined;
    this.#armed -= 1;
    this.#elapsed = timer.at;
    return fn;
  }

  /** The next timer that is armed; those before it are forgotten. */
  #first(): ManualTimer | undefined {
    for (;;) {
      const timer = this.#timers[0];
      if (timer === undefined || timer.fn !== undefined) return timer;
      this.#pop();
    }
  }

  #popAny(at: number, random: Random): ManualTimer {
    const due: ManualTimer[] = [];
    for (let next = this.#first(); next?.at === at; next = this.#first()) {
      due.push(this.#pop());
      if (due.length === choices) break;
    }
    const oldest = due.filter((timer) => due.find(({ ms }) => ms === timer.ms) === timer);
    const chosen = oldest[Math.floor(random() * oldest.length)] as ManualTimer;
    for (const timer of due) if (timer !== chosen) this.#push(timer);
    return chosen;
  }

  #push(timer: ManualTimer): void {
    const timers = this.#timers;
    let at = timers.length;
    while (at > 0) {
      const above = (at - 1) >>> 1;
      const parent = timers[above] as ManualTimer;
      if (compare(parent, timer) <= 0) break;
      timers[at] = parent;
      at = above;
    }
    timers[at] = timer;
  }

  /** Takes the first timer out. There must be one. */
  #pop(): ManualTimer {
    const timers = this.#timers;
    const first = timers[0] as ManualTimer;
    const last = timers.pop() as ManualTimer;
    const { length } = timers;
    if (length === 0) return first;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= length) break;
      const right = below + 1;
      if (right < length && compare(timers[right] as ManualTimer, timers[below] as ManualTimer) < 0)
        below = right;
      const child = timers[below] as ManualTimer;
      if (compare(last, child) <= 0) break;
      timers[at] = child;
      at = below;
    }
    timers[at] = last;
    return first;
  }
}

/** Sorts by time, then by age. */
function compare(left: ManualTimer, right: ManualTimer): number {
  return left.at === right.at ? left.age - right.age : left.at - right.at;
}

/** Resolves when the promise reactions and messages that are already under way have run. */
export async function settle(): Promise<void> {
  // The first turn runs every queued reaction; the second lets a scheduler that yielded finish.
  for (let turn = 0; turn < 2; turn += 1) {
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}
