import { describe, expect, test } from "vitest";
import { customSeeds } from "../../src/discovery/custom.ts";
import type { DiscoveryContext } from "../../src/discovery/discovery.ts";
import { discoveryContract, type FailingBench } from "../contract/discovery.ts";
import { pass, Watch } from "./support.ts";

function bench(): FailingBench {
  let answer: readonly string[] | Error = ["ws://a:1", "b:2"];
  return {
    source: customSeeds("inventory", async () => {
      if (answer instanceof Error) throw answer;
      return answer;
    }),
    names: ["ws://a:1", "ws://b:2"],
    look: (watch) => pass(watch, 6000),
    fail: () => {
      answer = new Error("503");
    },
    recover: () => {
      answer = ["c:3"];
      return ["ws://c:3"];
    },
    open: () => 0,
    end: () => {},
  };
}

discoveryContract("a function", bench, bench);

test("it is asked at its interval, give or take a tenth, and never before it has answered", async () => {
  const asked: number[] = [];
  const watch = new Watch(
    customSeeds(
      "slow",
      ({ clock }) => {
        asked.push(clock.monotonic());
        return new Promise((resolve) => clock.setTimer(500, () => resolve([])));
      },
      { intervalMs: 1000 },
    ),
  );
  await pass(watch, 60_000);
  const gaps = asked.slice(1).map((at, index) => at - (asked[index] ?? 0));
  expect(gaps.length).toBeGreaterThan(35);
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(1400);
  expect(Math.max(...gaps)).toBeLessThanOrEqual(1600);
  expect(new Set(gaps).size).toBeGreaterThan(10);
});

test("its context is that of the node, with a signal that ends the question", async () => {
  let given: DiscoveryContext | undefined;
  const source = customSeeds("slow", (context) => {
    given = context;
    return new Promise((_, reject) => {
      context.signal.addEventListener("abort", () => reject(new Error("gave up")));
    });
  });
  const watch = new Watch(source);
  await pass(watch, 9999);
  expect(given?.self).toEqual({ name: "me", cluster: "shop", url: "ws://10.0.0.9:7400" });
  expect(given?.signal.aborted).toBe(false);
  await pass(watch, 1);
  expect(given?.signal.aborted).toBe(true);
  expect(watch.warnings).toEqual([
    'discovery "slow": no answer for 10000 ms',
    'discovery "slow": gave up',
  ]);
  await pass(watch, 6000);
  expect(given?.signal.aborted).toBe(false);
  watch.abort();
  expect(given?.signal.aborted).toBe(true);
  await watch.ended;
});

describe("an answer that is none counts as an outage:", () => {
  const answers: [string, unknown, RegExp][] = [
    ["no list", "ws://a:1", /answer: expected a list of addresses/],
    ["nothing", undefined, /answer: expected a list of addresses/],
    ["a list of something else", ["a:1", 5], /answer\[1\]: expected a URL such as/],
    ["a throw before any promise", new Error("no"), /": no$/],
  ];
  test.each(answers)("%s", async (_title, answer, message) => {
    const source = customSeeds("odd", () => {
      if (answer instanceof Error) throw answer;
      return answer as string[];
    });
    const watch = new Watch(source);
    await watch.until(() => watch.warnings.length > 0);
    expect([watch.snapshots.flat(), watch.warnings]).toEqual([
      [],
      [expect.stringMatching(message)],
    ]);
    expect(source.counters).toEqual({ looks: 1, stale: 1 });
  });

  test.each([null, undefined, Symbol("x"), Object.create(null), 7])(
    "a throw of what is no error: %s",
    async (thrown) => {
      const source = customSeeds("odd", async () => {
        throw thrown;
      });
      const watch = new Watch(source);
      await watch.until(() => watch.warnings.length > 0);
      expect(watch.warnings[0]).toMatch(/it threw what is no error/);
    },
  );
});

test("a bad option is refused by name", () => {
  const find = async () => [];
  expect(() => customSeeds("", find)).toThrow(/invalid option name/);
  expect(() => customSeeds("x", 5 as never)).toThrow(/invalid option find/);
  expect(() => customSeeds("x", find, { intervalMs: 0 })).toThrow(/invalid option intervalMs/);
  expect(() => customSeeds("x", find, { timeoutMs: -1 })).toThrow(/invalid option timeoutMs/);
  expect(() => customSeeds("x", find, { every: 1 } as never)).toThrow(/invalid option every/);
});
