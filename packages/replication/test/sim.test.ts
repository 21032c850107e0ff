/** The simulator as a test: few worlds, but the same ones every time. `npm run sim` runs many. */
import { describe, expect, test } from "vitest";
import { mutants, type Plant } from "../sim/mutants.ts";
import { run } from "../sim/run.ts";

/** Worlds 1 to 40: CI runs two hundred more through the command. */
const seeds = [
  [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
  [11, 12, 13, 14, 15, 16, 17, 18, 19, 20],
  [21, 22, 23, 24, 25, 26, 27, 28, 29, 30],
  [31, 32, 33, 34, 35, 36, 37, 38, 39, 40],
];

/**
 * Worlds in which each mutant does harm. A change of the protocol changes what happens in a world:
 * if none of them shows the mutant any more, `npm run sim -- --mutant NAME --seeds 3000` finds
 * others.
 */
const worlds: Readonly<Record<string, readonly number[]>> = {
  "ack-before-sync": [40, 55, 139],
  "send-before-write": [252, 256, 347],
  "commit-without-quorum": [3, 8, 9],
  "longest-log-wins": [183, 284, 328, 351],
  "votes-twice": [3, 8, 9],
  "read-without-round": [81, 91, 92],
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
