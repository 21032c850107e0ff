/** The simulator as a test: few worlds, but the same ones every time. `npm run sim` runs many. */
import { describe, expect, test } from "vitest";
import { mutants, type Plant } from "../sim/mutants.ts";
import { swarm } from "../sim/options.ts";
import { run } from "../sim/run.ts";

/** Worlds 1 to 24: CI runs two hundred through the command. */
const seeds = [
  [1, 2, 3, 4, 5, 6, 7, 8],
  [9, 10, 11, 12, 13, 14, 15, 16],
  [17, 18, 19, 20, 21, 22, 23, 24],
];

/** Each mutant does harm in one of so many worlds; most do in one of the first ten. */
const worlds = 100;

describe("the simulator", () => {
  test.each(seeds)(
    "finds that every property holds: seeds %i, …, %i",
    {
      timeout: 300_000,
    },
    async (...some) => {
      for (const seed of some) {
        const { violation, answers } = await run(seed);
        expect(violation, `seed ${seed}`).toBeUndefined();
        expect(answers).toBeGreaterThan(0);
      }
    },
  );

  test("repeats a world exactly, and no two are the same", { timeout: 300_000 }, async () => {
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
  test.each(Object.entries(mutants))(
    "is found: %s",
    { timeout: 300_000 },
    async (_name, plant: Plant) => {
      let found: number | undefined;
      for (let seed = 1; seed <= worlds && found === undefined; seed++) {
        // Crowds take long, and show nothing here that a few nodes do not.
        if (swarm(seed).nodes > 8) continue;
        if ((await run(seed, { plant })).violation !== undefined) found = seed;
      }
      expect(found, plant.mistake).toBeDefined();
      // It is the bug that was found, and not another one; and it is gone again.
      expect((await run(found ?? 0)).violation).toBeUndefined();
    },
  );
});
