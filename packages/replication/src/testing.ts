/**
 * What tests of replicated actors use:
 * `import { checkDeterminism } from "@troupe/replication/testing"`.
 *
 * A list; no code lives here.
 */
export { checkDeterminism, type DeterminismStep } from "./determinism.ts";
export { DeterminismError } from "./errors.ts";
