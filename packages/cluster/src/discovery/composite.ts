/** Several sources as one. */
import { OptionError } from "@troupe/actor";
import { functionOption, objectOption } from "@troupe/actor/runtime";
import type { Discovery } from "./discovery.ts";
import { Pause } from "./pause.ts";
import { watchSources } from "./watch-sources.ts";

/**
 * Names what any of several sources names. Each is watched by itself: one that fails, is slow or
 * names too many hides no other. A node takes a list of sources as well; this is for where one is
 * expected.
 *
 * Throws OptionError for a member that is no source.
 *
 * @example
 * ```ts
 * const seeds = compositeSeeds([envSeeds(), fileSeeds("/etc/shop/nodes.txt")]);
 * ```
 */
export function compositeSeeds(sources: readonly Discovery[]): Discovery {
  if (!Array.isArray(sources)) throw new OptionError("sources", "a list of sources", sources);
  for (const [index, source] of sources.entries()) {
    objectOption(`sources[${index}]`, source);
    functionOption(`sources[${index}].watch`, source.watch);
  }
  const members: readonly Discovery[] = [...sources];
  return {
    name: `composite (${members.map((member) => member.name).join(", ")})`,
    get counters() {
      return sum(members);
    },
    async *watch(context) {
      const over = new AbortController();
      const end = () => over.abort();
      context.signal.addEventListener("abort", end);
      if (context.signal.aborted) end();
      const pause = new Pause({ clock: context.clock, signal: over.signal });
      const latest = new Map<Discovery, readonly string[]>();
      let last: string | undefined;
      let isChanged = false;
      let isRunning = true;
      const watching = watchSources({
        sources: members,
        context: { ...context, signal: over.signal },
        found: (source, urls) => {
          latest.set(source, urls);
          isChanged = true;
          pause.wake();
        },
      }).then(() => {
        isRunning = false;
        pause.wake();
      });
      try {
        while (!over.signal.aborted) {
          if (isChanged) {
            isChanged = false;
            const urls = inTurn([...latest.values()]);
            const text = urls.join("\n");
            if (text !== last) yield urls;
            last = text;
          } else if (isRunning) await pause.wait();
          else return;
        }
      } finally {
        end();
        context.signal.removeEventListener("abort", end);
        await watching;
      }
    },
  };
}

/** One of each list in turn, so that whoever cuts the result cuts the longest list. */
function inTurn(lists: readonly (readonly string[])[]): readonly string[] {
  const longest = Math.max(0, ...lists.map((list) => list.length));
  const urls = new Set<string>();
  for (let index = 0; index < longest; index += 1) {
    for (const list of lists) {
      const url = list[index];
      if (url !== undefined) urls.add(url);
    }
  }
  return [...urls];
}

function sum(members: readonly Discovery[]): Readonly<Record<string, number>> {
  const total: Record<string, number> = {};
  for (const { counters = {} } of members) {
    for (const [kind, count] of Object.entries(counters)) total[kind] = (total[kind] ?? 0) + count;
  }
  return total;
}
