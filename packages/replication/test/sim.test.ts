/** The simulator as a test: few worlds, but the same ones every time. `npm run sim` runs many. */
import { describe, expect, test } from "vitest";
import { mutants, type Plant } from "../sim/mutants.ts";
import { run } from "../sim/run.ts";

/** Worlds 1 to 60 without the third of them that takes longest. */
const seeds = [
  [1, 2, 3, 4, 5, 7, 10, 11, 13, 15],
  [16, 18, 19, 20, 22, 23, 27, 28, 29, 31],
  [32, 34, 36, 38, 39, 40, 41, 42, 43, 46],
  [47, 48, 49, 50, 51, 52, 53, 55, 58, 59],
];

/**
 * Worlds in which each mutant does harm. A change of the protocol changes what happens in a world:
 * if none of them shows the mutant any more, `npm run sim -- --mutant NAME --seeds 3000` finds
 * others.
 */
const worlds: Readonly<Record<string, readonly number[]>> = {
  "ack-before-sync": [7, 21, 22, 40],
  "send-before-write": [75, 315, 1104, 2713],
  "commit-without-quorum": [10, 12, 16, 1],
  "longest-log-wins": [1396, 2315],
  "votes-twice": [1, 10, 12, 16],
  "read-without-round": [57, 111, 163, 259, 472],
};

describe("the simulator", () => {
  test.each(seeds)(
    "finds that every property holds: seeds %i, …, %i",
    {
      timeout: 30_000,
    },
    (...some) => {
      for (const seed of some) {
        const { violation, acks } = run(seed);
        expect(violation, `seed ${seed}`).toBeUndefined();
        expect(acks).toBeGreaterThan(0);
      }
    },
  );

  test("repeats a world exactly, and no two are the same", { timeout: 30_000 }, () => {
    const [first, again, other] = [run(10), run(10), run(11)];
    expect(again).toEqual(first);
    expect(first.trace).toMatch(/^[0-9a-f]{16}$/);
    expect(other.trace).not.toBe(first.trace);
  });

  test("shows every event of a world to whoever wants to read it", () => {
    const lines: string[] = [];
    run(10, { onTrace: (line) => lines.push(line) });
    expect(lines).toContain("everything heals");
    expect(lines.some((line) => /^r\d crashes$/.test(line))).toBe(true);
    expect(lines.some((line) => line.includes("-> r0 prepare_ok view="))).toBe(true);
  });
});

describe("a planted bug", () => {
  test("is hunted in worlds of its own, all of them", () => {
    expect(Object.keys(worlds)).toEqual(Object.keys(mutants));
  });

  test.each(Object.entries(mutants))("is found: %s", { timeout: 30_000 }, (name, plant: Plant) => {
    const found = worlds[name]?.find((seed) => run(seed, { plant }).violation !== undefined);
    expect(found, plant.mistake).toBeDefined();
    // It is the bug that was found, and not another one.
    expect(run(found ?? 0).violation).toBeUndefined();
  });
});
