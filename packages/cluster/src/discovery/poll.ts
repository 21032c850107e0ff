/**
 * Looks again and again for addresses: what the sources that poll have in common.
 *
 * A look that fails costs nothing but its counter: the last snapshot stands, and the problem is
 * reported when it is another one than before. There is one look at a time, however long it takes.
 */

import type { DiscoveryContext } from "./discovery.ts";
import { errorText } from "./error-text.ts";
import { Pause } from "./pause.ts";

/** What polling sources count. */
export interface PollCounters extends Record<string, number> {
  /** Looks that were finished, in whichever way. */
  looks: number;
  /** Looks that failed, so that the snapshot before them was kept. */
  stale: number;
}

export interface PollOptions {
  /** For messages. */
  readonly name: string;
  readonly intervalMs: number;
  /** A look that takes longer is reported, and its signal aborted. */
  readonly timeoutMs: number;
  readonly counters: PollCounters;
  /** Finds the addresses of now, all of them. To reject means that they are not known. */
  readonly look: (signal: AbortSignal) => Promise<readonly string[]>;
  /** What wakes it looks at once. */
  readonly pause?: Pause;
}

export function pollCounters(): PollCounters {
  return { looks: 0, stale: 0 };
}

/**
 * Yields a snapshot when it differs from the one before. The first one comes after the first look,
 * empty if that one failed.
 */
export async function* pollSeeds(
  context: DiscoveryContext,
  options: PollOptions,
): AsyncGenerator<readonly string[]> {
  const { signal, random } = context;
  const { counters, intervalMs, pause = new Pause(context) } = options;
  let last: string | undefined;
  let problem: string | undefined;
  while (!signal.aborted) {
    const found = await look(context, options);
    if (signal.aborted) return;
    counters.looks += 1;
    if (found.urls === undefined) {
      counters.stale += 1;
      if (problem !== found.problem) context.warn(`discovery "${options.name}": ${found.problem}`);
      problem = found.problem;
      if (last === undefined) yield [];
      last ??= "";
    } else {
      problem = undefined;
      const text = found.urls.join("\n");
      if (text !== last) yield found.urls;
      last = text;
    }
    // The nodes of a cluster that started together do not ask in step.
    await pause.wait(intervalMs * (0.9 + 0.2 * random()));
  }
}

type Found =
  | { readonly urls: readonly string[]; readonly problem?: undefined }
  | { readonly urls?: undefined; readonly problem: string };

/** One look. Resolves at the latest when the source is over, even if the look never does. */
function look(context: DiscoveryContext, options: PollOptions): Promise<Found> {
  const { clock, signal } = context;
  const { name, timeoutMs } = options;
  return new Promise((resolve) => {
    const limit = new AbortController();
    const end = (found: Found) => {
      clock.clearTimer(timer);
      signal.removeEventListener("abort", over);
      resolve(found);
    };
    const over = () => {
      limit.abort();
      end({ problem: "it is over" });
    };
    const timer = clock.setTimer(timeoutMs, () => {
      context.warn(`discovery "${name}": no answer for ${timeoutMs} ms`);
      limit.abort();
    });
    signal.addEventListener("abort", over);
    // A look that throws at once is one that rejects.
    new Promise<readonly string[]>((found) => found(options.look(limit.signal))).then(
      (urls) => end({ urls }),
      (error: unknown) => end({ problem: errorText(error) }),
    );
  });
}
