import { expect, test } from "vitest";
import { UsageError } from "../src/errors.ts";
import { defaultOptions, parseOptions, usage } from "../src/options.ts";

test("without arguments the defaults apply", () => {
  expect(parseOptions([])).toEqual(defaultOptions);
  expect(defaultOptions).toMatchObject({ replicas: 3, kills: 3, callers: 64 });
});

test("every option can be set, as two words or as one", () => {
  const given = ["--input", "x.csv", "--replicas=5", "--kills", "0", "--callers=8"];
  expect(parseOptions([...given, "--kill-all", "--keep-data", "--json", "--help"])).toEqual({
    ...{ input: "x.csv", replicas: 5, kills: 0, callers: 8 },
    ...{ killAll: true, keepData: true, json: true, help: true },
  });
});

test.each([
  [["--replicas", "0"], 'invalid option --replicas: expected an integer from 1 to 7, got "0"'],
  [["--replicas", "8"], 'invalid option --replicas: expected an integer from 1 to 7, got "8"'],
  [["--replicas"], "invalid option --replicas: expected an integer from 1 to 7, got nothing"],
  [["--kills", "-1"], 'invalid option --kills: expected an integer from 0 to 100, got "-1"'],
  [["--kills="], 'invalid option --kills: expected an integer from 0 to 100, got ""'],
  [
    ["--callers", "many"],
    'invalid option --callers: expected an integer from 1 to 1024, got "many"',
  ],
  [["--callers", "1.5"], 'invalid option --callers: expected an integer from 1 to 1024, got "1.5"'],
  [["--input="], 'invalid option --input: expected the path of a CSV file, got ""'],
  [["--json=yes"], 'invalid option --json: expected no value, got "yes"'],
])("%j is refused by name", (args, message) => {
  expect(() => parseOptions(args)).toThrow(new UsageError(message));
});

test.each([[["--replica", "3"]], [["-x"]], [["transfers.csv"]]])(
  "%j is no option, and the answer names those that exist",
  (args) => {
    expect(() => parseOptions(args)).toThrow(
      `unknown option "${args[0]}": expected one of --input, --replicas, --kills, --callers, ` +
        "--kill-all, --keep-data, --json, --help",
    );
  },
);

test("the usage names every option", () => {
  for (const name of ["input", "replicas", "kills", "callers", "keep-data", "json", "help"]) {
    expect(usage).toContain(`--${name}`);
  }
});
