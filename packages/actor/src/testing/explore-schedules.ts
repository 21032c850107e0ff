/**
 * `exploreSchedules`: one test, run under many schedules, until one of them makes it fail.
 *
 * Each run has a system of its own. When the test waits and nobody has anything to do, time moves
 * on to the next timer, so that two actors that wait for each other end in a timeout and not in
 * silence. For some seeds a little time also passes while somebody is ready, as in a program that
 * is slow, so that messages race with timers. What a run leaves behind fails it, too.
 */
import type { Random } from "../clock.ts";
import { booleanOption, durationOption, functionOption, integerOption } from "../option.ts";
import { checkLeaks } from "./leaks.ts";
import type { ManualClock } from "./manual-clock.ts";
import { seededRandom } from "./seeded-random.ts";
import { NotSettledError, ScheduleError } from "./test-errors.ts";
import { reactions } from "./test-loop.ts";
import { createTestSystem, type TestSystem, type TestSystemOptions } from "./test-system.ts";

/** What `exploreSchedules` takes besides the options of its systems. */
export interface ExploreOptions extends TestSystemOptions {
  /** The first seed; the others follow it. @default 1 */
  readonly seed?: number;
  /**
   * Looks for what a run leaves behind: calls without an answer when the test is done, and
   * anything at all when its system has shut down. @default true
   */
  readonly leaks?: boolean;
  /**
   * By how many milliseconds the processes may lag behind the clock: for about half of the seeds
   * so much time passes, timer by timer, while somebody is ready. 0 for none. @default 500
   */
  readonly lag?: number;
}

/** The default of {@link ExploreOptions.lag}: no call with the default timeout comes to harm. */
const defaultLag = 500;

/** How likely a round of the event loop is to let a timer run before who is ready. */
const lagChances = [0, 0, 0, 1 / 64, 1 / 16, 1 / 4] as const;

/** The part of the time that passes by itself that the processes may lag behind once more. */
const lagRegained = 0.1;

/** A part of the seed's numbers that neither the schedule nor the application draws from. */
const timeStream = 0x2545_f491;

/** Who had the last turns, in the message of a failure. */
const turnsShown = 20;

/** Rounds of the event loop without anything to do, after which time moves on. */
const roundsPerTimer = 20;

/** Moments of timers that may pass while a test waits: a heartbeat must not keep it for ever. */
const maxMoments = 10_000;

/** Such rounds with no timer left, after which the test waits in vain. */
const roundsUntilStuck = 100_000;

/**
 * Runs a test under `count` schedules, one seed after another.
 *
 * Throws `ScheduleError` for the first that fails, with the seed that replays it: the test's own
 * error is its `cause`. In an environment with `TROUPE_SEED`, only that seed is run. Throws
 * `OptionError` for a bad option.
 *
 * @example
 * ```ts
 * await exploreSchedules(50, async (system) => {
 *   const account = await system.start(Account, { balance: 100 });
 *   const one = await system.start(Teller, { account });
 *   const two = await system.start(Teller, { account });
 *   await Promise.all([one.call("withdraw", 10), two.call("withdraw", 10)]);
 *   expect(await account.query("balance")).toBe(80);
 * });
 * ```
 */
export async function exploreSchedules(
  count: number,
  body: (system: TestSystem) => Promise<void> | void,
  options: ExploreOptions = {},
): Promise<void> {
  integerOption("count", count, 1);
  functionOption("body", body);
  const { leaks = true, lag = defaultLag, ...systemOptions } = options;
  booleanOption("leaks", leaks);
  durationOption("lag", lag);
  for (const seed of seeds(count, options.seed ?? 1)) {
    const system = createTestSystem({ ...systemOptions, seed });
    try {
      const time = new SeededTime(system.clock, seed, lag);
      await untilDone(system, time, Promise.resolve(body(system)));
      await end(system, leaks);
    } catch (error) {
      system.hold();
      throw new ScheduleError(seed, system.turns.slice(-turnsShown), error);
    }
  }
}

function seeds(count: number, first: number): number[] {
  const only = process.env.TROUPE_SEED;
  if (only !== undefined) return [integerOption("TROUPE_SEED", Number(only), 0)];
  integerOption("seed", first, 0);
  return Array.from({ length: count }, (_, index) => first + index);
}

async function end(system: TestSystem, leaks: boolean): Promise<void> {
  if (leaks) await checkLeaks(system, { kinds: ["call", "deferred"] });
  await system[Symbol.asyncDispose]();
  if (leaks) await checkLeaks(system);
}

/** Waits for the test, and lets time pass while everybody waits for it. */
async function untilDone(system: TestSystem, time: SeededTime, body: Promise<void>): Promise<void> {
  let isDone = false;
  const done = () => {
    isDone = true;
  };
  body.then(done, done);
  let idle = 0;
  let moments = 0;
  while (!isDone) {
    await reactions();
    idle = system.isBusy ? 0 : idle + 1;
    if (system.isBusy && !system.isDriven) time.lag();
    if (idle < roundsPerTimer) continue;
    if (moments < maxMoments && !system.isHeld && time.moveOn()) {
      moments += 1;
      idle = 0;
    } else if (moments === maxMoments || idle >= roundsUntilStuck) {
      throw new NotSettledError("the test waits for what cannot happen", system.waiting);
    }
  }
  await body;
}

/** The time of one run: which timers run, and how many of them before anybody has a turn. */
class SeededTime {
  readonly #clock: ManualClock;
  readonly #random: Random;
  readonly #chance: number;
  readonly #maxLag: number;
  /** How much time may still pass while somebody is ready. */
  #left: number;
  #lookedAt = 0;

  constructor(clock: ManualClock, seed: number, maxLag: number) {
    this.#clock = clock;
    this.#random = seededRandom((seed + timeStream) >>> 0);
    this.#chance = lagChances[Math.floor(this.#random() * lagChances.length)] as number;
    this.#maxLag = maxLag;
    this.#left = maxLag;
  }

  /**
   * Moves on to the next timer within `ms` and runs it, and maybe others of the same instant
   * before anybody has a turn. False when there is none.
   */
  moveOn(ms: number = Number.POSITIVE_INFINITY): boolean {
    if (!this.#clock.runNext(ms, this.#random)) return false;
    while (this.#clock.nextIn === 0 && this.#random() < 0.5) this.#clock.runNext(0, this.#random);
    return true;
  }

  /** Somebody is ready: lets the next timer run first, if chance says so and it is near. */
  lag(): void {
    if (this.#maxLag === 0 || this.#random() >= this.#chance) return;
    const before = this.#clock.monotonic();
    const regained = (before - this.#lookedAt) * lagRegained;
    this.#left = Math.min(this.#maxLag, this.#left + regained);
    this.moveOn(this.#left);
    this.#lookedAt = this.#clock.monotonic();
    this.#left = Math.max(0, this.#left - (this.#lookedAt - before));
  }
}
