/**
 * Makes a failing world smaller: whole kinds of faults off, fewer replicas and clients, shorter,
 * quieter. A change stays if the same property still fails in the smaller world; what is left is
 * what the failure needs, or at least what one change at a time cannot take away.
 */
import { type Overrides, optionsOf, type SimOptions } from "./options.ts";
import type { ProfileName } from "./profiles.ts";
import { type RunResult, run } from "./run.ts";

export interface Shrunk {
  readonly overrides: Overrides;
  readonly result: RunResult;
  readonly runs: number;
}

/** What the mutant or the patience of whoever asks allows a run. */
export type Run = (overrides: Overrides) => RunResult;

/** Numbers that mean a kind of fault, which is off at 0. */
const faults = [
  "loss",
  "duplication",
  "partitionEveryMs",
  "clogEveryMs",
  "crashEveryMs",
  "crashAll",
  "crashWriting",
  "hunted",
  "pauseEveryMs",
  "diskStall",
  "clockOffsetMs",
  "clockDrift",
  "clockStepEveryMs",
  "effects",
  "foundingMs",
  "votersCrash",
  "straying",
  "roundOksStray",
  "waverEveryMs",
  "clientCrashEveryMs",
  "receiverCrashEveryMs",
  "givenUp",
  "queries",
  "readers",
  "lateClients",
  "latencyMinMs",
  "diskMinMs",
  "rot",
  "lostHeaders",
  "lostDisks",
  "wiped",
  "rejoinersCrash",
] as const satisfies readonly (keyof SimOptions)[];

/** Numbers that are worth making smaller, down to a least. */
const sizes = [
  ["faultyMs", 200],
  ["clients", 1],
  ["callsMax", 1],
] as const satisfies readonly (readonly [keyof SimOptions, number])[];

export function shrink(
  seed: number,
  profile: ProfileName,
  given: Overrides,
  runWith: Run = (overrides) => run(seed, { profile, overrides }),
): Shrunk | undefined {
  let overrides = given;
  let result = runWith(overrides);
  const { checker } = result;
  if (checker === undefined) return undefined;
  let runs = 1;
  const takes = (change: Overrides): boolean => {
    const next = { ...overrides, ...change, config: { ...overrides.config, ...change.config } };
    const outcome = runWith(next);
    runs++;
    if (outcome.checker !== checker) return false;
    overrides = next;
    result = outcome;
    return true;
  };
  for (let smaller = true; smaller; ) {
    smaller = false;
    for (const change of candidates(optionsOf(seed, profile, overrides), result)) {
      if (takes(change)) smaller = true;
    }
  }
  const { config, ...rest } = overrides;
  const hasConfig = config !== undefined && Object.keys(config).length > 0;
  return { overrides: hasConfig ? { ...rest, config } : rest, result, runs };
}

/** What might be left out of such a world, the large things first. */
function candidates(options: SimOptions, { simulatedMs }: RunResult): Overrides[] {
  const changes: Overrides[] = [];
  if (simulatedMs < options.faultyMs) changes.push({ faultyMs: simulatedMs });
  for (const name of faults) if (options[name] !== 0) changes.push({ [name]: 0 });
  if (options.leavesMinorityDown) changes.push({ leavesMinorityDown: false });
  if (options.receiverLeaves) changes.push({ receiverLeaves: false });
  if (options.beyond) changes.push({ beyond: false });
  const { replicaCount } = options.config;
  for (let count = 1; count < replicaCount; count++) {
    changes.push({ config: { replicaCount: count } });
  }
  for (const [name, least] of sizes) {
    const size = options[name];
    // The calls that were never made need no limit of their own to be left out one by one.
    const half = name === "callsMax" ? Math.min(512, size) >> 1 : Math.floor(size / 2);
    for (const smaller of [half, Math.floor(size * 0.9)]) {
      if (smaller >= least && smaller < size) changes.push({ [name]: smaller });
    }
  }
  return changes;
}
