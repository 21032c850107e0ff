import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { parseOptions, UsageError } from "../src/options.ts";

// A real process: this needs the build of the whole repository.
const entry = fileURLToPath(new URL("../dist/main.js", import.meta.url));
const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

interface Ended {
  readonly code: unknown;
  readonly stdout: string;
  readonly stderr: string;
}

function run(...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [entry, ...args], { timeout: 20_000 }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : error.code, stdout, stderr }),
    );
  });
}

const played = new Map<number, Promise<Ended>>();

/** The run of a seed without its waits, made once. */
function play(seed: number): Promise<Ended> {
  const ended = played.get(seed) ?? run("--fast", "--seed", String(seed));
  played.set(seed, ended);
  return ended;
}

const strategies = ["one_for_one", "one_for_all", "rest_for_one", "flaky"] as const;

/** What one change did to the workers of each supervisor, as in `{ one_for_one: ".X." }`. */
type Row = Record<(typeof strategies)[number], string>;

function rowsOf(stdout: string): Row[] {
  return [...stdout.matchAll(/^ *\d+\.\d\d s(?<marks>.*)$/gm)].map(({ groups }) => {
    const marks = (groups?.marks ?? "").replaceAll(" ", "");
    const [one_for_one, one_for_all, rest_for_one] = [0, 3, 6].map((at) => marks.slice(at, at + 3));
    return { one_for_one, one_for_all, rest_for_one, flaky: marks.slice(9) } as Row;
  });
}

function linesOf(stdout: string, pattern: RegExp): string[] {
  return [...stdout.matchAll(pattern)].map(([, text = ""]) => text);
}

/** The workers, in the order in which the tree started them. */
const startOrder = (stdout: string) => linesOf(stdout, /worker <\d+> "(\w+)"/g);

const seeds = [4, 1, 2, 3, 5];

test("the default seed prints what the README says, and ends with exit code 0", async () => {
  const expected = /^```text\n(?<text>[\s\S]*?)^```$/m.exec(readme)?.groups?.text;
  expect(await run("--fast")).toEqual({ code: 0, stdout: expected, stderr: "" });
});

test("at the speed of the wall clock the same seed prints the same", {
  timeout: 30_000,
}, async () => {
  const [fast, slow] = await Promise.all([play(4), run()]);
  expect(slow).toEqual(fast);
});

test("another seed is another run", async () => {
  const [one, other] = await Promise.all([play(4), play(5)]);
  expect(other.stdout).not.toBe(one.stdout);
});

test.each(seeds)(
  "seed %i: each strategy restarts whom it should, and nobody else",
  {
    timeout: 20_000,
  },
  async (seed) => {
    const { code, stdout } = await play(seed);
    expect(code).toBe(0);
    const changes = rowsOf(stdout).slice(0, -1);
    const crashes = (strategy: keyof Row) =>
      changes.map((row) => row[strategy]).filter((marks) => marks.includes("X"));
    const whole: Record<keyof Row, RegExp> = {
      one_for_one: /^[.X]{3}$/,
      one_for_all: /^[oX]{3}$/,
      rest_for_one: /^\.*X[oX]*$/,
      flaky: /^[.oX]{2}$/,
    };
    for (const strategy of strategies) {
      expect(crashes(strategy).length).toBeGreaterThan(0);
      for (const marks of crashes(strategy)) expect(marks).toMatch(whole[strategy]);
      // A supervisor whose workers went on was not concerned.
      for (const row of changes)
        if (!row[strategy].includes("X")) expect(row[strategy]).toMatch(/^\.+$/);
    }
  },
);

test.each(seeds)(
  "seed %i: flaky gives up, app restarts it, and in the end gives up too",
  {
    timeout: 20_000,
  },
  async (seed) => {
    const { stdout } = await play(seed);
    expect(linesOf(stdout, /^ {9}(\w+ (?:gives up|restarts|has ended)\b)/gm)).toEqual([
      ...["flaky gives up", "app restarts", "flaky gives up", "app restarts"],
      ...["flaky gives up", "app gives up", "app has ended"],
    ]);
    expect(stdout).toMatch(/app has ended: shutdown\n$/);
    // With its supervisor each worker of it comes back, the one that did not crash as well.
    const restarted = rowsOf(stdout)
      .map(({ flaky }) => flaky)
      .filter((marks) => /o/.test(marks));
    expect(restarted).toHaveLength(2);
  },
);

test.each(seeds)(
  "seed %i: the workers terminate in the reverse of the order of their starts",
  {
    timeout: 20_000,
  },
  async (seed) => {
    const { stdout } = await play(seed);
    const started = startOrder(stdout);
    expect(started).toHaveLength(11);
    const last = rowsOf(stdout).at(-1);
    expect(last).toMatchObject({ one_for_one: "---", one_for_all: "---", rest_for_one: "---" });
    // One has crashed; it was over already.
    const crashed = last?.flaky === "X-" ? "d1" : "d2";
    const expected = started.filter((name) => name !== crashed).reverse();
    expect(linesOf(stdout, /^ {9}(\w+) terminated: shutdown$/gm)).toEqual(expected);
  },
);

test("a bad option ends in one clear line", async () => {
  const line = 'unknown option "--json": expected --seed N or --fast';
  const stderr = `supervision example: ${line}\n`;
  expect(await run("--json")).toEqual({ code: 2, stdout: "", stderr });
});

test("options are read, and have defaults", () => {
  expect(parseOptions([])).toEqual({ seed: 4, fast: false });
  expect(parseOptions(["--seed", "0", "--fast"])).toEqual({ seed: 0, fast: true });
});

test.each([
  [["--seed", "x"], 'invalid option --seed: expected an integer of 1 to 9 digits, got "x"'],
  [["--seed"], "invalid option --seed: expected an integer of 1 to 9 digits, got nothing"],
  [["--fast=no"], 'invalid option --fast: expected no value, got "no"'],
  [["now"], 'unknown option "now": expected --seed N or --fast'],
])("%j is refused by name", (args, message) => {
  expect(() => parseOptions(args)).toThrow(new UsageError(message));
});
