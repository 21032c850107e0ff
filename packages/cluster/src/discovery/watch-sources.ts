/**
 * Watches the sources of a node, and keeps watching whatever they do.
 *
 * A source that throws is reported and started again, ever more slowly; one that floods is read
 * slowly; what one that ended or failed has named stands. A source cannot do more to a node than
 * propose addresses.
 */
import { backoffMs } from "../link/backoff.ts";
import { RefusalLog } from "../link/refusal-log.ts";
import type { Discovery, DiscoveryContext } from "./discovery.ts";
import { errorText } from "./error-text.ts";
import { Pause } from "./pause.ts";

export interface WatchSourcesOptions {
  readonly sources: readonly Discovery[];
  readonly context: DiscoveryContext;
  /** A source names these addresses now, and no others. */
  readonly found: (source: Discovery, urls: readonly string[]) => void;
}

/** The waits before a source that threw is started again, before jitter. */
export const restartBackoff = { minMs: 1000, maxMs: 60_000 } as const;

/** A source that worked for this long is started again as if it had never failed. */
const RESET_AFTER_MS = 60_000;

/** Snapshots that follow each other faster are taken at this pace. */
const MIN_SNAPSHOT_MS = 100;

/** Resolves when every source has ended, or when the signal is aborted. Never rejects. */
export async function watchSources(options: WatchSourcesOptions): Promise<void> {
  const { context, sources } = options;
  const log = new RefusalLog(context.clock, (...report) => context.warn(...report));
  const limited: DiscoveryContext = { ...context, warn: (...report) => log.say(...report) };
  const over = new Promise<void>((resolve) => {
    if (context.signal.aborted) resolve();
    else context.signal.addEventListener("abort", () => resolve(), { once: true });
  });
  const all = sources.map((source) => new Watch(source, limited, options.found).run());
  await Promise.race([over, Promise.all(all)]);
}

/** One source. */
class Watch {
  readonly #source: Discovery;
  readonly #context: DiscoveryContext;
  readonly #found: (source: Discovery, urls: readonly string[]) => void;
  readonly #pause: Pause;

  constructor(
    source: Discovery,
    context: DiscoveryContext,
    found: (source: Discovery, urls: readonly string[]) => void,
  ) {
    this.#source = source;
    this.#context = context;
    this.#found = found;
    this.#pause = new Pause(context);
  }

  async run(): Promise<void> {
    const { signal, clock, random } = this.#context;
    for (let failures = 0; !signal.aborted; failures += 1) {
      const startedAt = clock.monotonic();
      try {
        return await this.#watch();
      } catch (error) {
        if (signal.aborted) return;
        this.#warn(`has failed and is started again: ${errorText(error)}`, error);
      }
      if (clock.monotonic() - startedAt >= RESET_AFTER_MS) failures = 0;
      await this.#pause.wait(backoffMs(failures, restartBackoff, random));
    }
  }

  async #watch(): Promise<void> {
    const { signal, clock } = this.#context;
    let foundAt: number | undefined;
    for await (const urls of this.#source.watch(this.#context)) {
      if (signal.aborted) return;
      if (Array.isArray(urls)) this.#found(this.#source, urls);
      else this.#warn("gave what is no list of addresses");
      const now = clock.monotonic();
      // One that never waits would otherwise keep everybody else from running.
      if (foundAt !== undefined && now - foundAt < MIN_SNAPSHOT_MS) {
        await this.#pause.wait(MIN_SNAPSHOT_MS);
      }
      foundAt = clock.monotonic();
    }
    if (foundAt === undefined && !signal.aborted) this.#warn("has ended without an address");
  }

  #warn(what: string, error?: unknown): void {
    this.#context.warn(`discovery "${this.#source.name}" ${what}`, error);
  }
}
