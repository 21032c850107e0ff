/**
 * What tests of actors use: `import { ManualClock } from "@troupe/actor/testing"`.
 *
 * A list of names; no code lives here, and no other source file imports it.
 */
export { ManualClock, settle } from "./manual-clock.ts";
export { seededRandom } from "./seeded-random.ts";
