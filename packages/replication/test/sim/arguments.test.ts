import { describe, expect, test } from "vitest";
import { type Arguments, readArguments, replay } from "../../sim/arguments.ts";
import { run } from "../../sim/run.ts";

const read = (...args: string[]) => readArguments(args) as Arguments;

describe("the command line of the simulator", () => {
  test("runs a hundred default worlds unless it is told otherwise", () => {
    expect(read()).toMatchObject({ command: "run", seeds: 100, start: 1, profile: "default" });
    expect(read("mutants")).toMatchObject({ command: "mutants", seeds: 2000 });
  });

  test("says what was expected and what was given", () => {
    expect(read("--seeds", "x")).toBe('--seeds: expected a number >= 0, got "x"');
    expect(read("--profile", "x")).toContain("--profile: expected one of default, calm");
    expect(read("--mutant", "x")).toContain("--mutant: expected one of ack-before-sync");
    expect(read("--shrink")).toBe("--shrink: expected a --seed to shrink");
    expect(read("mutant")).toBe('expected no command, or "mutants", got "mutant"');
    expect(read("--with", '{"lost":1}')).toBe("--with: there is no option lost");
    expect(read("--with", '{"seed":1}')).toBe("--with: there is no option seed");
    expect(read("--with", '{"loss":"1"}')).toBe("--with: expected a number for loss, got 1");
    expect(read("--with", '{"config":{"x":1}}')).toBe("--with: there is no option config.x");
  });

  test("has a line that runs a world again, with all that made it what it was", () => {
    const args = read("--profile", "network", "--with", '{"loss":0,"config":{"queueMax":4}}');
    const line = replay(7, args, args.overrides);
    expect(line).toBe(
      "npm run sim -- --seed 7 --profile network --with '" + `{"loss":0,"config":{"queueMax":4}}'`,
    );
    const words = line.replaceAll("'", "").split(" ").slice(4);
    const again = read(...words);
    expect(run(again.seed ?? 0, again)).toEqual(run(7, args));
    expect(replay(7, read(), {})).toBe("npm run sim -- --seed 7");
  });
});
