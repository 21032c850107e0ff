/** Addresses from an environment variable. It is read once: a variable does not change. */
import { OptionError } from "@troupe/actor";
import { knownOptions, nameOption, objectOption, withDefaults } from "@troupe/actor/runtime";
import type { Discovery } from "./discovery.ts";
import { seedUrl, seedUrlForm, splitSeeds } from "./seed-url.ts";

/** What `envSeeds` takes. */
export interface EnvSeedsOptions {
  /** The variable that holds the addresses. @default "TROUPE_SEEDS" */
  readonly variable?: string;
  /** Where the variable is looked up. @default process.env */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export const envSeedsDefaults = { variable: "TROUPE_SEEDS" } as const satisfies EnvSeedsOptions;

/**
 * Reads the nodes to connect to from an environment variable: URLs, separated by commas or spaces,
 * where `host:port` stands for `ws://host:port`. An absent or empty variable names nobody, which is
 * how the first node of a cluster may be started.
 *
 * Throws OptionError for an entry that is no address, naming the variable.
 *
 * @example
 * ```ts
 * // TROUPE_SEEDS="10.0.0.2:7400, wss://b.example.com:7400"
 * discovery: [envSeeds()];
 * ```
 */
export function envSeeds(options: EnvSeedsOptions = {}): Discovery {
  knownOptions(objectOption("options", options), ["variable", "env"]);
  const given = withDefaults({ ...envSeedsDefaults, env: process.env }, options);
  const variable = nameOption("variable", given.variable);
  const env = objectOption("env", given.env) as Readonly<Record<string, unknown>>;
  const text = env[variable] ?? "";
  if (typeof text !== "string") throw new OptionError(variable, "a string", text);
  const snapshot = splitSeeds(text).map((part, index) => {
    const url = seedUrl(part);
    if (url === undefined) throw new OptionError(`${variable}[${index}]`, seedUrlForm, part);
    return url;
  });
  return {
    name: `env ${variable}`,
    async *watch({ signal }) {
      if (!signal.aborted) yield snapshot;
    },
  };
}
