/**
 * A system for tests: its time moves only when told to, and a seed decides who runs next.
 *
 * It is a real system with other ports: a manual clock, a loop that runs one turn at a time, and a
 * queue that picks by seed. Nothing of the runtime is replaced, and no real time is waited for.
 */
import { OptionError } from "../errors.ts";
import { booleanOption, integerOption, objectOption, withDefaults } from "../option.ts";
import type { Logger } from "../system/events.ts";
import { ActorSystem } from "../system/system.ts";
import type { SystemOptions } from "../system/system-options.ts";
import type { WireClass } from "../wire-class.ts";
import { ManualClock } from "./manual-clock.ts";
import { SeededQueue } from "./seeded-queue.ts";
import { seededRandom } from "./seeded-random.ts";
import { NotSettledError } from "./test-errors.ts";
import { reactions, TestLoop } from "./test-loop.ts";

/** What `createTestSystem` takes. */
export interface TestSystemOptions {
  /** Decides the schedule, and what `ctx.random` and `ctx.id` give. @default 1 */
  readonly seed?: number;
  /** What the wall clock shows at first, in milliseconds. @default 1 January 2026, UTC */
  readonly now?: number;
  /**
   * Copies what messages carry, and refuses with `NotSerializableError` what no wire could.
   * @default true
   */
  readonly cloneMessages?: boolean;
  /** Classes whose instances may stand in messages. @default none */
  readonly classes?: readonly WireClass[];
  /** How many messages a mailbox holds. @default as for `createSystem` */
  readonly mailboxCapacity?: number;
  /** Where crashes are reported; `false` for nowhere. @default false */
  readonly logger?: Logger | false;
}

/** The defaults of {@link TestSystemOptions}. */
export const testSystemDefaults = {
  seed: 1,
  now: Date.UTC(2026, 0, 1),
  cloneMessages: true,
  logger: false,
} as const satisfies TestSystemOptions;

/** Turns without a pause after which a system is said not to settle. */
const maxTurns = 100_000;

/** Timers that the end of a system may take. */
const maxTimersAtEnd = 50_000;

/** A part of the seed's numbers that the schedule does not draw from. */
const applicationStream = 0x5bd1_e995;

/**
 * A system on a virtual clock with a seeded schedule.
 *
 * Turns are taken by themselves, so `await ref.call(…)` works as ever; `hold` changes that. Time
 * passes only through {@link advance}, a probe that waits, and the end of `await using`.
 */
export class TestSystem extends ActorSystem {
  declare readonly clock: ManualClock;
  /** Decides the schedule: the same seed gives the same one. */
  readonly seed: number;
  readonly #loop: TestLoop;
  readonly #queue: SeededQueue;
  readonly #random: () => number;
  /** How many of `settle`, `advance` and the like are under way. */
  #driving = 0;

  constructor(options: TestSystemOptions = {}) {
    objectOption("options", options);
    const { seed, now, ...rest } = withDefaults(testSystemDefaults, options);
    const random = seededRandom(integerOption("seed", seed, 0));
    const loop = new TestLoop(random);
    const queue = new SeededQueue(random);
    // What a handler sees of its system is the same in every replay, also in a `ReplyTo`.
    const identity = { node: undefined, incarnation: 0, tag: `#test${seed}` };
    const systemOptions: SystemOptions = {
      ...rest,
      clock: new ManualClock({ now: integerOption("now", now, 0) }),
      random: seededRandom((seed + applicationStream) >>> 0),
      cloneMessages: booleanOption("cloneMessages", rest.cloneMessages),
      // A test is ended by its runner.
      signals: [],
      loop,
      schedule: { ready: queue, messagesPerTurn: 1, messagesPerSlice: 1 },
    };
    super(systemOptions, identity);
    this.seed = seed;
    this.#loop = loop;
    this.#queue = queue;
    this.#random = random;
  }

  /** Who had the turns so far, oldest first, by name: at most the last ten thousand. */
  get turns(): readonly string[] {
    return this.#queue.names;
  }

  /** Whether anything goes on that does not wait for time: a turn to take, or a test's own wait. */
  get isBusy(): boolean {
    return this.#driving > 0 || (!this.#loop.isHeld && !this.#loop.isIdle);
  }

  /** Whether a `settle`, `advance` or the like of the test decides what happens, and when. */
  get isDriven(): boolean {
    return this.#driving > 0;
  }

  /** Who is ready for a turn, by name, in the order in which they became so. */
  get waiting(): readonly string[] {
    return this.#queue.waiting;
  }

  /** Whether it gives turns only when told to. */
  get isHeld(): boolean {
    return this.#loop.isHeld;
  }

  /** Gives no turn by itself any more: {@link step}, `settle` and `advance` do. */
  hold(): void {
    this.#loop.hold();
  }

  /** Gives turns by itself again. */
  release(): void {
    this.#loop.release();
  }

  /**
   * Gives one process one turn, in which it handles one message, begins or ends, and lets the
   * promises that this settled go on. Holds the system. Resolves to the name of the process, or to
   * undefined when nobody is ready.
   *
   * @example
   * ```ts
   * system.hold();
   * counter.cast("reset");
   * await system.step(); // => "counter <1>"
   * ```
   */
  async step(): Promise<string | undefined> {
    this.hold();
    await reactions();
    const before = this.#queue.turns;
    while (this.#queue.turns === before && this.#loop.runOne());
    const name = this.#queue.turns === before ? undefined : this.#queue.latest;
    await reactions();
    return name;
  }

  /**
   * Gives turns until nobody is ready and every promise has had its reactions. Time stands still.
   * Throws `NotSettledError` when there is no end to it.
   */
  settle(): Promise<void> {
    return this.#drive(() => this.#settle());
  }

  /**
   * Lets so many milliseconds pass. Timers run at their own times and in their order, and the
   * system settles before, between and after them. Timers of the same instant may run without a
   * pause between them, as the seed decides.
   *
   * @example
   * ```ts
   * const answer = slow.call("work", undefined, { timeout: 100 });
   * const failed = expect(answer).rejects.toMatchObject({ code: "ERR_CALL_TIMEOUT" });
   * await system.advance(100);
   * await failed;
   * ```
   */
  async advance(ms: number): Promise<void> {
    const end = this.clock.monotonic() + finiteDuration(ms);
    await this.#drive(() => this.#moveTo(end, () => false));
  }

  /**
   * Lets time pass until the condition holds, at most `ms` milliseconds of it; false when it does
   * not by then. It is looked at whenever the system has settled.
   */
  until(condition: () => boolean, ms: number): Promise<boolean> {
    const end = this.clock.monotonic() + finiteDuration(ms);
    return this.#drive(async () => {
      await this.#moveTo(end, condition);
      return condition();
    });
  }

  /**
   * Shuts the system down and lets as much time pass as that takes. Rejects with what `shutdown`
   * rejects with, and with `NotSettledError` when timers keep time from passing.
   */
  override async [Symbol.asyncDispose](): Promise<void> {
    let isOver = false;
    const over = () => {
      isOver = true;
    };
    const shutdown = this.shutdown();
    shutdown.then(over, over);
    await this.#drive(async () => {
      await this.#settle();
      for (let left = maxTimersAtEnd; !isOver; left -= 1) {
        if (left === 0 || !this.clock.runNext()) {
          throw new NotSettledError("the system does not shut down", this.waiting);
        }
        await this.#settle();
      }
    });
    await shutdown;
  }

  async #drive<T>(task: () => Promise<T>): Promise<T> {
    this.#driving += 1;
    try {
      return await task();
    } finally {
      this.#driving -= 1;
    }
  }

  async #settle(): Promise<void> {
    const end = this.#queue.turns + maxTurns;
    for (;;) {
      await reactions();
      if (this.#loop.isIdle) return;
      if (this.#queue.turns >= end) {
        const busy = [...new Set(this.turns.slice(-1000))];
        throw new NotSettledError(`still busy after ${maxTurns} turns`, busy);
      }
      if (this.#loop.isHeld) this.#loop.runSome();
    }
  }

  /** Runs the timers up to a moment, or until the condition holds. */
  async #moveTo(end: number, isEnough: () => boolean): Promise<void> {
    await this.#settle();
    while (!isEnough()) {
      const left = end - this.clock.monotonic();
      if (left < 0 || !this.clock.runNext(left)) {
        this.clock.advance(Math.max(0, left));
        return;
      }
      if (this.clock.nextIn !== 0 || this.#random() < 0.5) await this.#settle();
    }
  }
}

/**
 * Makes a system for a test. Throws `OptionError` for a bad option.
 *
 * @example
 * ```ts
 * await using system = createTestSystem({ seed: 7 });
 * const session = await system.start(Session);
 * await system.advance(30_000); // its timers have fired, in order
 * ```
 */
export function createTestSystem(options?: TestSystemOptions): TestSystem {
  return new TestSystem(options);
}

function finiteDuration(ms: unknown): number {
  if (typeof ms === "number" && ms >= 0 && ms < Number.POSITIVE_INFINITY) return ms;
  throw new OptionError("ms", "a finite number of milliseconds >= 0", ms);
}
