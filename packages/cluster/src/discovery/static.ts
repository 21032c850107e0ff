/** A fixed list of addresses. It never changes and never fails. */
import { OptionError } from "@troupe/actor";
import type { Discovery } from "./discovery.ts";

/**
 * Names the nodes to connect to. A node's own address may be in the list: it recognises itself,
 * so that every node of a cluster can be given the same list.
 *
 * Throws OptionError for an entry that is not a URL.
 *
 * @example
 * ```ts
 * discovery: [staticSeeds(["ws://10.0.0.2:7400", "ws://10.0.0.3:7400"])];
 * ```
 */
export function staticSeeds(urls: readonly string[]): Discovery {
  if (!Array.isArray(urls)) throw new OptionError("urls", "a list of URLs", urls);
  for (const [index, url] of urls.entries()) {
    if (typeof url !== "string" || !URL.canParse(url)) {
      throw new OptionError(`urls[${index}]`, 'a URL such as "ws://10.0.0.2:7400"', url);
    }
  }
  const snapshot = Object.freeze([...urls]);
  return {
    name: "static",
    async *watch({ signal }) {
      if (!signal.aborted) yield snapshot;
    },
  };
}
