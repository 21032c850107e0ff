/** Addresses from a function of the application, which is asked again and again. */
import { OptionError } from "@troupe/actor";
import {
  functionOption,
  integerOption,
  knownOptions,
  nameOption,
  objectOption,
  withDefaults,
} from "@troupe/actor/runtime";
import type { Discovery, DiscoveryContext } from "./discovery.ts";
import { pollCounters, pollSeeds } from "./poll.ts";
import { seedUrl, seedUrlForm } from "./seed-url.ts";

/** What `customSeeds` takes besides the name and the function. */
export interface CustomSeedsOptions {
  /** Milliseconds between an answer and the next question. @default 5000 */
  readonly intervalMs?: number;
  /** Milliseconds after which the signal of a question is aborted. @default 10000 */
  readonly timeoutMs?: number;
}

export const customSeedsDefaults = {
  intervalMs: 5000,
  timeoutMs: 10_000,
} as const satisfies CustomSeedsOptions;

/**
 * Asks a function for the nodes to connect to: the list of a cloud's API, say. It answers with all
 * addresses of now, as URLs or as `host:port`; what it answered last stands when it rejects, and
 * that is reported. It is not called again before it has settled, so it should heed its signal.
 *
 * Throws OptionError for a bad option.
 *
 * @example
 * ```ts
 * discovery: [
 *   customSeeds("inventory", async ({ signal }) => {
 *     const answer = await fetch("http://inventory.internal/nodes", { signal });
 *     return (await answer.json()) as string[];
 *   }),
 * ];
 * ```
 */
export function customSeeds(
  name: string,
  find: (context: DiscoveryContext) => Promise<readonly string[]> | readonly string[],
  options: CustomSeedsOptions = {},
): Discovery {
  nameOption("name", name);
  functionOption("find", find);
  knownOptions(objectOption("options", options), ["intervalMs", "timeoutMs"]);
  const given = withDefaults(customSeedsDefaults, options);
  const intervalMs = integerOption("intervalMs", given.intervalMs, 1);
  const timeoutMs = integerOption("timeoutMs", given.timeoutMs, 1);
  const counters = pollCounters();
  return {
    name,
    counters,
    watch: (context) =>
      pollSeeds(context, {
        name,
        intervalMs,
        timeoutMs,
        counters,
        look: async (signal) => checked(await find({ ...context, signal })),
      }),
  };
}

function checked(found: readonly string[]): readonly string[] {
  if (!Array.isArray(found)) throw new OptionError("answer", "a list of addresses", found);
  return found.map((entry, index) => {
    const url = seedUrl(entry);
    if (url === undefined) throw new OptionError(`answer[${index}]`, seedUrlForm, entry);
    return url;
  });
}
