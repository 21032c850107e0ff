import { settle } from "@troupe/actor/testing";
import { expect, test } from "vitest";
import { type PollOptions, pollCounters, pollSeeds } from "../../src/discovery/poll.ts";
import { pass, Watch } from "./support.ts";

function watch(look: PollOptions["look"], changed: Partial<PollOptions> = {}) {
  const counters = pollCounters();
  const options = { name: "test", intervalMs: 1000, timeoutMs: 5000, counters, look, ...changed };
  const watch = new Watch({ name: "test", watch: (context) => pollSeeds(context, options) });
  return { watch, counters };
}

test("a snapshot is yielded when it differs from the one before", async () => {
  const answers = [["a"], ["a"], ["b", "a"], ["a", "b"], [], ["a"]];
  let index = 0;
  const { watch: seen, counters } = watch(async () => answers[index++] ?? ["a"]);
  await pass(seen, 20_000);
  expect(seen.snapshots).toEqual([["a"], ["b", "a"], ["a", "b"], [], ["a"]]);
  expect(counters.stale).toBe(0);
  expect(counters.looks).toBeGreaterThan(15);
});

test("a first look that fails yields an empty snapshot, and an empty one after it is no news", async () => {
  let failing = true;
  const { watch: seen } = watch(async () => {
    if (failing) throw new Error("no");
    return [];
  });
  await pass(seen, 5000);
  failing = false;
  await pass(seen, 5000);
  expect(seen.snapshots).toEqual([[]]);
});

test("a problem is reported when it is another one, and again after all was well", async () => {
  const answers = ["x", "x", "y", "y", "", "y", "x"];
  let index = 0;
  const { watch: seen } = watch(async () => {
    const problem = answers[index++];
    if (problem) throw new Error(problem);
    return ["a"];
  });
  await pass(seen, 7000);
  expect(seen.warnings.map((warning) => warning.at(-1))).toEqual(["x", "y", "y", "x"]);
});

test("a look that is late is told to stop, and the next waits for its end", async () => {
  const looks: AbortSignal[] = [];
  let finish: (urls: string[]) => void = () => {};
  const { watch: seen } = watch((signal) => {
    looks.push(signal);
    return new Promise((resolve) => {
      finish = resolve;
    });
  });
  await pass(seen, 100_000);
  expect([looks.length, looks[0]?.aborted]).toEqual([1, true]);
  expect(seen.warnings).toEqual(['discovery "test": no answer for 5000 ms']);
  finish(["late"]);
  await settle();
  expect(seen.last).toEqual(["late"]);
  await pass(seen, 1100);
  expect([looks.length, looks[1]?.aborted]).toEqual([2, false]);
});

test("a look that outlives its source changes nothing, however it ends", async () => {
  const ends: ((how: boolean) => void)[] = [];
  const { watch: seen } = watch(
    () =>
      new Promise((resolve, reject) => {
        ends.push((isGood) => (isGood ? resolve(["late"]) : reject(new Error("late"))));
      }),
  );
  await settle();
  seen.abort();
  await seen.ended;
  for (const end of ends) end(ends.length % 2 === 0);
  await settle();
  expect([seen.snapshots, seen.warnings, seen.clock.pending]).toEqual([[], [], 0]);
});
