import { describe, expect, it } from "vitest";
import type { EventLoop } from "../../src/index.ts";
import { type Runnable, Scheduler } from "../../src/system/scheduler.ts";
import { SeededQueue } from "../../src/testing/seeded-queue.ts";
import { ManualClock, seededRandom } from "../../src/testing.ts";

const named = (name: string): Runnable => ({ run: () => 0, describe: () => name });

/** The order in which a seed takes three that are pushed again as soon as they are taken. */
function order(seed: number, turns: number): string[] {
  const queue = new SeededQueue(seededRandom(seed));
  for (const name of ["a", "b", "c"]) queue.push(named(name));
  for (let turn = 0; turn < turns; turn += 1) {
    const next = queue.shift();
    if (next !== undefined) queue.push(next);
  }
  return [...queue.names];
}

/** The longest run in which somebody does not come. */
function longestWait(names: readonly string[], who: string): number {
  let longest = 0;
  let waited = 0;
  for (const name of names) {
    waited = name === who ? 0 : waited + 1;
    longest = Math.max(longest, waited);
  }
  return longest;
}

describe("SeededQueue", () => {
  it("gives out each that was pushed, once, and nothing when nobody is ready", () => {
    const queue = new SeededQueue(seededRandom(3));
    const all = ["a", "b", "c"].map(named);
    for (const runnable of all) queue.push(runnable);
    expect(queue.waiting).toEqual(["a", "b", "c"]);
    const taken = [queue.shift(), queue.shift(), queue.shift()];
    expect(new Set(taken)).toEqual(new Set(all));
    expect(queue.shift()).toBe(undefined);
    expect([queue.turns, queue.waiting]).toEqual([3, []]);
  });

  it("takes them in an order of the seed, with all three in every place", () => {
    expect(order(5, 50)).toEqual(order(5, 50));
    const firsts = new Set(Array.from({ length: 30 }, (_, seed) => order(seed, 1)[0]));
    expect(firsts).toEqual(new Set(["a", "b", "c"]));
  });

  it("serves some seeds evenly and lets others keep somebody waiting, but never for ever", () => {
    const waits = Array.from({ length: 40 }, (_, seed) => longestWait(order(seed, 3000), "a"));
    expect(waits.filter((wait) => wait < 30).length).toBeGreaterThan(8);
    expect(waits.filter((wait) => wait > 50).length).toBeGreaterThan(8);
    expect(Math.max(...waits)).toBeLessThan(2000);
  });

  it("remembers who had the last ten thousand turns", () => {
    const queue = new SeededQueue(seededRandom(1));
    for (let turn = 0; turn < 25_000; turn += 1) {
      queue.push(named(`${turn}`));
      queue.shift();
    }
    expect(queue.names).toHaveLength(10_000);
    expect([queue.names[0], queue.latest, queue.turns]).toEqual(["15000", "24999", 25_000]);
  });
});

describe("a scheduler with another schedule", () => {
  it("lets the queue decide who is next, for so many messages, and steps aside as told", () => {
    const later: (() => void)[] = [];
    const loop: EventLoop = {
      soon: (task) => later.push(task),
      later: (task) => later.push(task),
    };
    const stack: Runnable[] = [];
    const ready = {
      push: (runnable: Runnable) => void stack.push(runnable),
      shift: () => stack.pop(),
    };
    const schedule = { ready, messagesPerTurn: 3, messagesPerSlice: 4 };
    const scheduler = new Scheduler(new ManualClock(), loop, schedule);
    const turns: string[] = [];
    for (const name of ["first", "last"]) {
      scheduler.ready({
        run: (limit) => {
          turns.push(`${name} ${limit}`);
          return limit;
        },
      });
    }
    later.shift()?.();
    expect(turns).toEqual(["last 3"]);
    later.shift()?.();
    expect(turns).toEqual(["last 3", "first 3"]);
  });
});
