/** The simulator as a test: few worlds, but the same ones every time. `npm run sim` runs many. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { hunt } from "../sim/mutant-table.ts";
import { mutants } from "../sim/mutants.ts";
import { type Overrides, optionsOf } from "../sim/options.ts";
import { type ProfileName, profiles } from "../sim/profiles.ts";
import { run } from "../sim/run.ts";
import { shrink } from "../sim/shrink.ts";

/** Worlds 1 to 40: CI runs two hundred through the command. */
const seeds = [
  [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
  [11, 12, 13, 14, 15, 16, 17, 18, 19, 20],
  [21, 22, 23, 24, 25, 26, 27, 28, 29, 30],
  [31, 32, 33, 34, 35, 36, 37, 38, 39, 40],
];

/**
 * Planted bugs that take more worlds than a test has time for, or one world that goes on for half a
 * minute before it counts as stuck; the command hunts them too.
 */
const rare: readonly string[] = [
  "answers-while-leaving",
  "candidate-keeps-its-log",
  "denials-count-twice",
  "down-told-once",
  "late-ok-confirms",
  "longest-log-wins",
  "one-response-is-enough",
  "repair-by-number",
  "vote-of-a-lost-disk",
  "vote-of-an-ended-life",
  "votes-not-cleared",
  "votes-twice",
];

describe("the simulator", () => {
  test.each(seeds)(
    "finds that every property holds: seeds %i, …, %i",
    { timeout: 60_000 },
    (...some) => {
      for (const seed of some) {
        const { violation, simulatedMs } = run(seed);
        expect(violation, `seed ${seed}`).toBeUndefined();
        expect(simulatedMs).toBeGreaterThan(5_000);
      }
    },
  );

  test.each(Object.keys(profiles) as ProfileName[])(
    "finds that every property holds in worlds of the kind %s",
    { timeout: 60_000 },
    (profile) => {
      let acks = 0;
      for (let seed = 1; seed <= 8; seed++) {
        const result = run(seed, { profile });
        expect(result.violation, `seed ${seed}`).toBeUndefined();
        acks += result.acks;
      }
      expect(acks).toBeGreaterThan(50);
    },
  );

  test("repeats a world exactly, and no two are the same", { timeout: 30_000 }, () => {
    const [first, again, other] = [run(10), run(10), run(11)];
    expect(again).toEqual(first);
    expect(first.trace).toMatch(/^[0-9a-f]{16}$/);
    expect(other.trace).not.toBe(first.trace);
    // Another loss, another world: the hash is of what happened, not of the seed.
    expect(run(10, { overrides: { loss: 0.01 } }).trace).not.toBe(first.trace);
  });

  test("shows every event of a world to whoever wants to read it", () => {
    const lines: string[] = [];
    const watched = run(10, { profile: "crashes", onTrace: (line) => lines.push(line) });
    expect(watched).toEqual(run(10, { profile: "crashes" }));
    expect(lines).toContain("everything heals");
    expect(lines.some((line) => /^r\d crashes$/.test(line))).toBe(true);
    expect(lines.some((line) => line.includes("-> r0 prepare_ok view="))).toBe(true);
  });

  test("makes a failing world smaller, in which the same property fails", {
    timeout: 60_000,
  }, () => {
    const plant = mutants["commit-without-quorum"];
    const runWith = (overrides: Overrides) => run(1, { profile: "network", plant, overrides });
    const whole = runWith({});
    const shrunk = shrink(1, "network", {}, runWith);
    expect(shrunk?.result.checker).toBe(whole.checker);
    expect(shrunk?.overrides).toMatchObject({ loss: 0, partitionEveryMs: 0, hunted: 0 });
    expect(optionsOf(1, "network", shrunk?.overrides).clients).toBe(1);
    expect(runWith(shrunk?.overrides ?? {})).toEqual(shrunk?.result);
  });

  test("has nothing to make smaller where every property holds", () => {
    expect(shrink(1, "calm", {})).toBeUndefined();
  });
});

/** What docs/simulator.md says of each planted bug. */
const rows = readFileSync(new URL("../../../docs/simulator.md", import.meta.url), "utf8")
  .split("\n")
  .flatMap((line) => {
    const row = /^\| `([a-z-]+)` \| .* \| [a-z]+ \| ([A-Za-z]+) \| (\d+) \|$/.exec(line);
    return row === null ? [] : [{ name: row[1], checker: row[2], after: Number(row[3]) }];
  });

describe("a planted bug", () => {
  test("has its row in docs/simulator.md, in which it was found", () => {
    expect(rows.map(({ name }) => name)).toEqual(Object.keys(mutants));
    for (const { checker, after } of rows) {
      expect(checker).not.toBe("nothing");
      expect(after).toBeLessThanOrEqual(2000);
    }
  });

  test("that is rare is one of those that the command hunts", () => {
    expect(Object.keys(mutants)).toEqual(expect.arrayContaining([...rare]));
  });

  // The world of its row first; what that world is changes with the protocol and the faults.
  test.each(Object.keys(mutants).filter((name) => !rare.includes(name)))(
    "is found: %s",
    { timeout: 120_000 },
    (name) => {
      const named = hunt(name, 1, rows.find((row) => row.name === name)?.after);
      const { checker, seed } = named.seed === undefined ? hunt(name, 150) : named;
      expect(checker, mutants[name]?.mistake).toBeDefined();
      expect(seed).toBeGreaterThan(0);
    },
  );
});
