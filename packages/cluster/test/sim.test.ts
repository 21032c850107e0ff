/** The simulator as a test: few worlds, but the same ones every time. `npm run sim` runs many. */
import { describe, expect, test } from "vitest";
import { mutants, type Plant } from "../sim/mutants.ts";
import { run } from "../sim/run.ts";

/** Worlds 1 to 24: CI runs two hundred through the command. */
const seeds = [
  [1, 2, 3, 4, 5, 6, 7, 8],
  [9, 10, 11, 12, 13, 14, 15, 16],
  [17, 18, 19, 20, 21, 22, 24, 25],
];

/**
 * Worlds in which each mutant does harm. A change of the code changes what happens in a world: if
 * none of them shows the mutant any more, `npm run sim -- cluster --mutant NAME --seeds 300` finds
 * others.
 */
const worlds: Readonly<Record<string, readonly number[]>> = {
  "both-dials-win": [1, 29],
  "newcomer-wins": [1, 13],
  "silent-replacement": [109, 40],
  "late-round-counts": [81, 70],
  "outbox-reorders": [5, 1],
  "outbox-drops": [99, 95],
  "calls-outlive-links": [2, 3],
  "lost-calls-never-ran": [12, 2],
  "resend-on-reconnect": [38, 39],
};

describe("the simulator", () => {
  test.each(seeds)(
    "finds that every property holds: seeds %i, …, %i",
    {
      timeout: 60_000,
    },
    async (...some) => {
      for (const seed of some) {
        const { violation, answers } = await run(seed);
        expect(violation, `seed ${seed}`).toBeUndefined();
        expect(answers).toBeGreaterThan(0);
      }
    },
  );

  test("repeats a world exactly, and no two are the same", { timeout: 60_000 }, async () => {
    const [first, again, other] = [await run(6), await run(6), await run(7)];
    expect(again).toEqual(first);
    expect(first.trace).toMatch(/^[0-9a-f]{16}$/);
    expect(other.trace).not.toBe(first.trace);
  });

  test("shows every event of a world to whoever wants to read it", async () => {
    const lines: string[] = [];
    const watched = await run(5, { onTrace: (line) => lines.push(line) });
    expect(watched.trace).toBe((await run(5)).trace);
    expect(lines.some((line) => /^\d+\.\d+ everything heals$/.test(line))).toBe(true);
    expect(lines.some((line) => /n0@h0\.1 is life \d+$/.test(line))).toBe(true);
    expect(lines.some((line) => /n1@h1\.1 w\d+[<>] n0@h0\.1 \d+ hello$/.test(line))).toBe(true);
    expect(lines.some((line) => /everybody is connected$/.test(line))).toBe(true);
  });
});

describe("a planted bug", () => {
  test("is hunted in worlds of its own, all of them", () => {
    expect(Object.keys(worlds)).toEqual(Object.keys(mutants));
  });

  test.each(Object.entries(mutants))(
    "is found: %s",
    { timeout: 60_000 },
    async (name, plant: Plant) => {
      let found: number | undefined;
      for (const seed of worlds[name] ?? []) {
        if ((await run(seed, { plant })).violation !== undefined) found ??= seed;
      }
      expect(found, plant.mistake).toBeDefined();
      // It is the bug that was found, and not another one; and it is gone again.
      expect((await run(found ?? 0)).violation).toBeUndefined();
    },
  );
});
