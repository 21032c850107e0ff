/**
 * `npm run sim -- mutants`: plants each bug and runs worlds until a property fails, then the same
 * world without the bug, in which none may.
 */
import type { Arguments } from "./arguments.ts";
import { mutants } from "./mutants.ts";
import type { ProfileName } from "./profiles.ts";
import { Progress } from "./progress.ts";
import { run } from "./run.ts";

/** How a planted bug was found; without a seed it was not. */
export interface Found {
  readonly mutant: string;
  readonly mistake: string;
  readonly profile: ProfileName;
  readonly seed: number | undefined;
  /** How many worlds it took. */
  readonly seeds: number;
  readonly checker: string | undefined;
}

/** Looks for one bug in up to so many worlds. */
export function hunt(mutant: string, seeds: number, start = 1): Found {
  const plant = mutants[mutant];
  if (plant === undefined) throw new RangeError(`there is no mutant ${mutant}`);
  const { mistake, profile = "default" } = plant;
  const found = { mutant, mistake, profile };
  for (let seed = start; seed < start + seeds; seed++) {
    const { checker } = run(seed, { profile, plant });
    if (checker === undefined) continue;
    // It is the bug that was found, and not another one.
    if (run(seed, { profile }).violation !== undefined) continue;
    return { ...found, seed, seeds: seed - start + 1, checker };
  }
  return { ...found, seed: undefined, seeds, checker: undefined };
}

/** Hunts all of them, prints the table, and tells whether one went unnoticed. */
export function huntAll({ seeds, start, json, mutant }: Arguments): boolean {
  const names = mutant === undefined ? Object.keys(mutants) : [mutant];
  const progress = new Progress(names.length, "planted bugs");
  const table: Found[] = [];
  for (const name of names) {
    table.push(hunt(name, seeds, start));
    progress.update(table.length, table.at(-1)?.seed === undefined ? `${name} unnoticed` : name);
  }
  progress.end();
  const unnoticed = table.filter(({ seed }) => seed === undefined).map((one) => one.mutant);
  const found = table.length - unnoticed.length;
  if (json) process.stdout.write(`${JSON.stringify({ planted: table.length, found, table })}\n`);
  else {
    const rows = table.map(rowOf).join("\n");
    process.stdout.write(`${heading}\n${rows}\n\n${found} of ${table.length} found\n`);
  }
  return unnoticed.length > 0;
}

const heading = [
  "| planted bug | what is wrong | worlds | found by | after |",
  "|---|---|---|---|---|",
].join("\n");

function rowOf({ mutant, mistake, profile, seed, seeds, checker }: Found): string {
  const outcome = seed === undefined ? "nothing" : checker;
  return `| \`${mutant}\` | ${mistake} | ${profile} | ${outcome} | ${seeds} |`;
}
