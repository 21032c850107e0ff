/**
 * `exploreSchedules`: one test, run under many schedules, until one of them makes it fail.
 *
 * Each run has a system of its own. When the test waits and nobody has anything to do, time moves
 * on to the next timer, so that two actors that wait for each other end in a timeout and not in
 * silence. What a run leaves behind fails it, too.
 */
import { booleanOption, functionOption, integerOption } from "../option.ts";
import { checkLeaks } from "./leaks.ts";
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
}

/** Who had the last turns, in the message of a failure. */
const turnsShown = 20;

/** Rounds of the event loop without anything to do, after which time moves on. */
const roundsPerTimer = 20;

/** Timers that may pass while a test waits; a heartbeat alone must not keep it waiting for ever. */
const maxTimers = 10_000;

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
  const { leaks = true, ...systemOptions } = options;
  booleanOption("leaks", leaks);
  for (const seed of seeds(count, options.seed ?? 1)) {
    const system = createTestSystem({ ...systemOptions, seed });
    try {
      await untilDone(system, Promise.resolve(body(system)));
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
async function untilDone(system: TestSystem, body: Promise<void>): Promise<void> {
  let isDone = false;
  const done = () => {
    isDone = true;
  };
  body.then(done, done);
  let idle = 0;
  let timers = 0;
  while (!isDone) {
    await reactions();
    idle = system.isBusy ? 0 : idle + 1;
    if (idle < roundsPerTimer) continue;
    if (timers < maxTimers && !system.isHeld && system.clock.runNext()) {
      timers += 1;
      idle = 0;
    } else if (timers === maxTimers || idle >= roundsUntilStuck) {
      throw new NotSettledError("the test waits for what cannot happen", system.waiting);
    }
  }
  await body;
}
