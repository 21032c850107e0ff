/**
 * Bugs to plant: what a simulator is worth is how many of them it finds. They live here and in
 * `mutants/`, as changes to a replica, a disk or a client of the simulation; the published package
 * has no switch for any of them.
 */
import { actorMutants } from "./mutants/actors.ts";
import { clientMutants } from "./mutants/clients.ts";
import { damageMutants } from "./mutants/damage.ts";
import { diskMutants } from "./mutants/disk.ts";
import { effectMutants } from "./mutants/effects.ts";
import { memoryMutants } from "./mutants/memory.ts";
import { normalMutants } from "./mutants/normal.ts";
import type { Plant } from "./mutants/plant.ts";
import { readMutants } from "./mutants/reads.ts";
import { rejoinMutants } from "./mutants/rejoin.ts";
import { stateMutants } from "./mutants/states.ts";
import { viewMutants } from "./mutants/views.ts";

export type { Plant } from "./mutants/plant.ts";

export const mutants: Readonly<Record<string, Plant>> = {
  ...diskMutants,
  ...damageMutants,
  ...normalMutants,
  ...viewMutants,
  ...readMutants,
  ...clientMutants,
  ...memoryMutants,
  ...effectMutants,
  ...stateMutants,
  ...rejoinMutants,
  ...actorMutants,
};
