import { ManualClock, settle } from "@troupe/actor/testing";
import { expect, onTestFinished, test } from "vitest";
import type { Discovery, DiscoveryContext } from "../../src/discovery/discovery.ts";
import { staticSeeds } from "../../src/discovery/static.ts";
import { watchSources } from "../../src/discovery/watch-sources.ts";

/** A node's side of it. Every wait is the longest that its jitter allows. */
function bench(sources: readonly Discovery[]) {
  const clock = new ManualClock();
  const abort = new AbortController();
  const found: [string, readonly string[]][] = [];
  const warnings: string[] = [];
  const context: DiscoveryContext = {
    signal: abort.signal,
    clock,
    random: () => 0.999999,
    self: { name: "me", cluster: "shop", url: undefined },
    warn: (message) => warnings.push(message),
  };
  let isOver = false;
  const over = watchSources({
    sources,
    context,
    found: (source, urls) => found.push([source.name, urls]),
  }).then(() => {
    isOver = true;
  });
  onTestFinished(() => abort.abort());
  return { clock, abort, found, warnings, over, isOver: () => isOver };
}

function throwing(error: unknown, before: readonly string[][] = []) {
  const starts: number[] = [];
  const source: Discovery = {
    name: "broken",
    async *watch({ clock }) {
      starts.push(clock.monotonic());
      yield* before;
      throw error;
    },
  };
  return { source, starts };
}

test("what each source names is passed on under its name", async () => {
  const { found, over, warnings } = bench([staticSeeds(["ws://a:1"]), staticSeeds([])]);
  await over;
  expect([found, warnings]).toEqual([
    [
      ["static", ["ws://a:1"]],
      ["static", []],
    ],
    [],
  ]);
});

test("a source that throws is reported, and started again ever more slowly", async () => {
  const { source, starts } = throwing(new Error("no such file"));
  const { clock, warnings } = bench([source]);
  await clock.advanceAsync(59_000);
  expect(starts).toEqual([0, 1000, 3000, 7000, 15_000, 31_000]);
  const message = 'discovery "broken" has failed and is started again: no such file';
  expect(warnings).toEqual([message]);
  await clock.advanceAsync(300_000);
  // It is said once a minute at most, and the wait is a minute by then.
  expect(starts.slice(-3).map((at, index, all) => at - (all[index - 1] ?? at))).toEqual([
    0, 60_000, 60_000,
  ]);
  expect(warnings.length).toBeLessThanOrEqual(6);
});

test("a source that throws costs nothing that it or another has named", async () => {
  const { source } = throwing(new Error("boom"), [["ws://b:1"]]);
  const { clock, found } = bench([source, staticSeeds(["ws://a:1"])]);
  await clock.advanceAsync(500);
  expect(found.toSorted()).toEqual([
    ["broken", ["ws://b:1"]],
    ["static", ["ws://a:1"]],
  ]);
});

test("a source that worked for a minute is started again as if it had never failed", async () => {
  const starts: number[] = [];
  const source: Discovery = {
    name: "hourly",
    async *watch({ clock }) {
      starts.push(clock.monotonic());
      yield [];
      await new Promise<void>((resolve) => clock.setTimer(3_600_000, resolve));
      throw new Error("the session has expired");
    },
  };
  const { clock } = bench([source]);
  await clock.advanceAsync(4 * 3_600_000);
  expect(starts).toEqual([0, 3_601_000, 7_202_000, 10_803_000]);
});

test("a source that ends without a word is reported, one that ends after its words is not", async () => {
  const mute: Discovery = { name: "mute", async *watch() {} };
  const { over, warnings } = bench([mute, staticSeeds([])]);
  await over;
  expect(warnings).toEqual(['discovery "mute" has ended without an address']);
});

test("a source that never waits is read ten times a second, and nobody starves", async () => {
  let count = 0;
  const flood: Discovery = {
    name: "flood",
    async *watch() {
      while (true) yield [`ws://n${(count += 1)}:1`];
    },
  };
  const { clock, found, abort, over } = bench([flood, staticSeeds(["ws://a:1"])]);
  await clock.advanceAsync(10_000);
  expect(found.map(([name]) => name)).toContain("static");
  expect(count).toBeGreaterThan(90);
  expect(count).toBeLessThan(110);
  abort.abort();
  await over;
  expect(clock.pending).toBe(0);
});

test("what is no list of addresses is reported, and not passed on", async () => {
  const odd: Discovery = {
    name: "odd",
    async *watch() {
      yield "ws://a:1" as never;
      yield ["ws://b:1"];
    },
  };
  const { clock, over, found, warnings } = bench([odd]);
  await clock.advanceAsync(200);
  await over;
  expect(found).toEqual([["odd", ["ws://b:1"]]]);
  expect(warnings).toEqual(['discovery "odd" gave what is no list of addresses']);
});

test("the same warning of a source is passed on once a minute", async () => {
  const nagging: Discovery = {
    name: "nagging",
    async *watch({ clock, warn }) {
      yield [];
      for (let n = 0; n < 120; n += 1) {
        warn("it rains");
        await new Promise<void>((resolve) => clock.setTimer(1000, resolve));
      }
    },
  };
  const { clock, warnings } = bench([nagging]);
  await clock.advanceAsync(119_000);
  expect(warnings).toEqual(["it rains", "it rains"]);
});

test("it is over when it is aborted, even if a source does not care", async () => {
  const deaf: Discovery = {
    name: "deaf",
    async *watch() {
      yield ["ws://a:1"];
      await new Promise(() => {});
    },
  };
  const { abort, over, clock, isOver } = bench([deaf]);
  await settle();
  expect(isOver()).toBe(false);
  abort.abort();
  await over;
  expect(clock.pending).toBe(0);
});

test("a source that fails because it is over is not reported", async () => {
  const rude: Discovery = {
    name: "rude",
    async *watch({ signal }) {
      yield [];
      await new Promise<void>((_, reject) => {
        signal.addEventListener("abort", () => reject(new Error("aborted")));
      });
    },
  };
  const { abort, over, warnings } = bench([rude]);
  await settle();
  abort.abort();
  await over;
  await settle();
  expect(warnings).toEqual([]);
});
