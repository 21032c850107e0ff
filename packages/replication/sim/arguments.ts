/** The command line of the simulator, and what is wrong with it. */
import { parseArgs } from "node:util";
import { mutants, type Plant } from "./mutants.ts";
import { type Overrides, optionsOf } from "./options.ts";
import { type ProfileName, profileOf, profiles } from "./profiles.ts";

export interface Arguments {
  readonly command: "run" | "mutants";
  readonly seeds: number;
  readonly start: number;
  readonly seed: number | undefined;
  readonly profile: ProfileName;
  readonly overrides: Overrides;
  readonly mutant: string | undefined;
  readonly plant: Plant | undefined;
  readonly trace: boolean;
  readonly shrink: boolean;
  readonly json: boolean;
}

export const usage = [
  "npm run sim -- [--seeds N] [--start S] [--profile NAME] [--with JSON] [--json]",
  "npm run sim -- --seed S [--trace] [--shrink] [--profile NAME] [--with JSON] [--json]",
  "npm run sim -- mutants [--seeds N] [--json]",
  `profiles: ${Object.keys(profiles).join(", ")}; --mutant NAME plants a bug in any run`,
].join("\n");

/** The arguments, or what is wrong with them. */
export function readArguments(args: readonly string[]): Arguments | string {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        seeds: { type: "string" },
        start: { type: "string", default: "1" },
        seed: { type: "string" },
        profile: { type: "string", default: "default" },
        with: { type: "string", default: "{}" },
        trace: { type: "boolean", default: false },
        shrink: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
        mutant: { type: "string" },
      },
    });
    const command = commandOf(positionals);
    const usualSeeds = command === "mutants" ? "2000" : "100";
    const { seed, mutant, trace, shrink, json } = values;
    if (shrink && seed === undefined) return "--shrink: expected a --seed to shrink";
    return {
      command,
      seeds: natural("--seeds", values.seeds ?? usualSeeds),
      start: natural("--start", values.start),
      seed: seed === undefined ? undefined : natural("--seed", seed),
      profile: profileOf(values.profile),
      overrides: overridesOf(values.with),
      mutant,
      plant: mutant === undefined ? undefined : mutantOf(mutant),
      trace,
      shrink,
      json,
    };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** The command that runs one world again. */
export function replay(seed: number, args: Arguments, overrides: Overrides): string {
  const { profile, mutant } = args;
  const words = [`npm run sim -- --seed ${seed}`];
  if (profile !== "default") words.push(`--profile ${profile}`);
  if (mutant !== undefined) words.push(`--mutant ${mutant}`);
  if (Object.keys(overrides).length > 0) words.push(`--with '${JSON.stringify(overrides)}'`);
  return words.join(" ");
}

function commandOf(positionals: readonly string[]): Arguments["command"] {
  const [command] = positionals;
  if (command === undefined) return "run";
  if (command === "mutants" && positionals.length === 1) return command;
  throw new RangeError(`expected no command, or "mutants", got "${positionals.join(" ")}"`);
}

function natural(option: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new RangeError(`${option}: expected a number >= 0, got "${text}"`);
}

/** The options that `--with` names, each of the type that it has. */
function overridesOf(text: string): Overrides {
  const overrides = JSON.parse(text) as Record<string, unknown>;
  checkLike(overrides, optionsOf(1, "default") as unknown as Record<string, unknown>, "");
  return overrides as Overrides;
}

function checkLike(
  given: Readonly<Record<string, unknown>>,
  known: Readonly<Record<string, unknown>>,
  path: string,
): void {
  for (const [name, value] of Object.entries(given)) {
    const like = known[name];
    if (like === undefined || name === "seed") {
      throw new RangeError(`--with: there is no option ${path}${name}`);
    }
    if (typeof value !== typeof like) {
      throw new RangeError(`--with: expected a ${typeof like} for ${path}${name}, got ${value}`);
    }
    if (typeof like === "object") {
      checkLike(value as typeof given, like as typeof known, `${path}${name}.`);
    }
  }
}

function mutantOf(name: string): Plant {
  const plant = Object.hasOwn(mutants, name) ? mutants[name] : undefined;
  if (plant !== undefined) return plant;
  throw new RangeError(
    `--mutant: expected one of ${Object.keys(mutants).join(", ")}, got "${name}"`,
  );
}
