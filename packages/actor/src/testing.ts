/**
 * What tests of actors use: `import { createTestSystem } from "@troupe/actor/testing"`.
 *
 * A list of names; no code lives here, and no other source file imports it.
 */
export { type ExploreOptions, exploreSchedules } from "./testing/explore-schedules.ts";
export {
  checkLeaks,
  findLeaks,
  type Leak,
  type LeakKind,
  type LeakOptions,
} from "./testing/leaks.ts";
export { ManualClock, settle } from "./testing/manual-clock.ts";
export { Probe, type ProbeOptions, probe, type WithinOptions } from "./testing/probe.ts";
export type { Answer, Expected, ProbeMessage } from "./testing/probe-inbox.ts";
export type { Effect } from "./testing/pure-effects.ts";
export {
  type PureKind,
  type PureOptions,
  type PureResult,
  runPure,
  type StateOf,
} from "./testing/run-pure.ts";
export { seededRandom } from "./testing/seeded-random.ts";
export { stubRef } from "./testing/stub-ref.ts";
export {
  ExpectationError,
  LeakError,
  NotSettledError,
  ScheduleError,
} from "./testing/test-errors.ts";
export { createTestSystem, TestSystem, type TestSystemOptions } from "./testing/test-system.ts";
