/**
 * What tests of actors use: `import { createTestSystem } from "@troupe/actor/testing"`.
 *
 * A list of names; no code lives here, and no other source file imports it.
 */
export { type ExploreOptions, exploreSchedules } from "./explore-schedules.ts";
export { checkLeaks, findLeaks, type Leak, type LeakKind, type LeakOptions } from "./leaks.ts";
export { ManualClock, settle } from "./manual-clock.ts";
export { Probe, type ProbeOptions, probe, type WithinOptions } from "./probe.ts";
export type { Answer, Expected, ProbeMessage } from "./probe-inbox.ts";
export type { Effect } from "./pure-effects.ts";
export {
  type PureKind,
  type PureOptions,
  type PureResult,
  runPure,
  type StateOf,
} from "./run-pure.ts";
export { seededRandom } from "./seeded-random.ts";
export { stubRef } from "./stub-ref.ts";
export { ExpectationError, LeakError, NotSettledError, ScheduleError } from "./test-errors.ts";
export { createTestSystem, TestSystem, type TestSystemOptions } from "./test-system.ts";
