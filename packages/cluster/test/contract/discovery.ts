/**
 * What every source of addresses promises, as one suite. A source's own test file calls it with a
 * way to make one, and says whether that one may fail.
 */
import { settle } from "@troupe/actor/testing";
import { describe, expect, test } from "vitest";
import type { Discovery } from "../../src/discovery/discovery.ts";
import { Watch, type WatchOptions } from "../discovery/support.ts";

export interface DiscoveryBench {
  readonly source: Discovery;
  readonly options?: WatchOptions;
  /** What it names, sooner or later. */
  readonly names: readonly string[];
  /** Makes it look once more, whatever that takes, moving its clock. */
  look(watch: Watch): Promise<void>;
  /** What it holds open besides timers. */
  open(): number;
  /** Ends what the bench itself has opened. */
  end(): Promise<void> | void;
}

/** One of a source that may fail. */
export interface FailingBench extends DiscoveryBench {
  /** From now on it finds nothing. */
  fail(): Promise<void> | void;
  /** It can find again; returns what it names then. */
  recover(): Promise<readonly string[]> | readonly string[];
}

export function discoveryContract(
  name: string,
  makeBench: () => Promise<DiscoveryBench> | DiscoveryBench,
  makeFailing?: () => Promise<FailingBench> | FailingBench,
): void {
  describe(`${name}, as a discovery:`, () => {
    async function using(run: (bench: DiscoveryBench, watch: Watch) => Promise<void>) {
      const bench = await makeBench();
      const watch = new Watch(bench.source, bench.options);
      try {
        await run(bench, watch);
      } finally {
        watch.abort();
        await bench.end();
      }
    }

    const sorted = (urls: readonly string[] | undefined) => [...(urls ?? [])].sort();

    /** Looks until it names these. */
    async function found(bench: DiscoveryBench, watch: Watch, names: readonly string[]) {
      for (let looks = 0; looks < 20; looks += 1) {
        if (sorted(watch.last).join() === sorted(names).join()) break;
        await bench.look(watch);
      }
      expect(sorted(watch.last)).toEqual(sorted(names));
    }

    test("it has a name, for messages", () =>
      using(async ({ source }) => {
        expect(source.name).toMatch(/^\S/);
      }));

    test("the first snapshot comes without waiting", () =>
      using(async (_bench, watch) => {
        await watch.until(() => watch.snapshots.length > 0);
        expect(watch.clock.monotonic()).toBe(0);
      }));

    test("it names what there is, and nothing is said twice", () =>
      using(async (bench, watch) => {
        await found(bench, watch, bench.names);
        await bench.look(watch);
        await bench.look(watch);
        const texts = watch.snapshots.map((urls) => urls.join());
        expect(texts.filter((text, index) => text === texts[index - 1])).toEqual([]);
        expect(watch.warnings).toEqual([]);
      }));

    test("it ends when it is aborted, and leaves nothing open", () =>
      using(async (bench, watch) => {
        await found(bench, watch, bench.names);
        watch.abort();
        await watch.ended;
        await settle();
        expect([watch.clock.pending, bench.open()]).toEqual([0, 0]);
        const { length } = watch.snapshots;
        await watch.clock.advanceAsync(60_000);
        expect(watch.snapshots).toHaveLength(length);
      }));

    test("it ends when it is aborted at once, and leaves nothing open", () =>
      using(async (bench, watch) => {
        watch.abort();
        await watch.ended;
        await settle();
        expect([watch.clock.pending, bench.open()]).toEqual([0, 0]);
      }));

    test("aborted before it begins, it says nothing", async () => {
      const bench = await makeBench();
      const signal = AbortSignal.abort();
      const watch = new Watch({ name: "late", watch: (c) => bench.source.watch({ ...c, signal }) });
      await watch.ended;
      await settle();
      expect([watch.snapshots, watch.clock.pending, bench.open()]).toEqual([[], 0, 0]);
      await bench.end();
    });

    test("two nodes of one process may watch it", () =>
      using(async (bench, watch) => {
        const clock = watch.clock;
        const other = new Watch(bench.source, { ...bench.options, clock, seed: 2 });
        await found(bench, watch, bench.names);
        await found(bench, other, bench.names);
        watch.abort();
        await watch.ended;
        other.abort();
        await other.ended;
        expect(clock.pending).toBe(0);
      }));

    if (makeFailing === undefined) return;

    test("an outage costs nothing: it is reported once, and what it named stands", async () => {
      const bench = await makeFailing();
      const watch = new Watch(bench.source, bench.options);
      await found(bench, watch, bench.names);
      const { length } = watch.snapshots;
      await bench.fail();
      while (watch.warnings.length === 0) await bench.look(watch);
      await bench.look(watch);
      await bench.look(watch);
      expect(new Set(watch.warnings).size).toBe(1);
      expect(watch.snapshots).toHaveLength(length);
      await found(bench, watch, await bench.recover());
      watch.abort();
      await watch.ended;
      await bench.end();
    });

    test("an outage from the beginning costs nothing either", async () => {
      const bench = await makeFailing();
      await bench.fail();
      const watch = new Watch(bench.source, bench.options);
      while (watch.warnings.length === 0) await bench.look(watch);
      expect(watch.snapshots.flat()).toEqual([]);
      await found(bench, watch, await bench.recover());
      watch.abort();
      await watch.ended;
      await bench.end();
    });
  });
}
