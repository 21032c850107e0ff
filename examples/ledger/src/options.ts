/** The command line: one interface, one set of defaults, one parser. */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { UsageError } from "./errors.ts";

/** What the demo was asked to do. */
export interface DemoOptions {
  /** The CSV file with the transfers. */
  readonly input: string;
  /** How many replica processes the ledger runs on. */
  readonly replicas: number;
  /** How often the primary is killed while the transfers run. */
  readonly kills: number;
  /** Not the primary alone is killed, but every replica at once. */
  readonly killAll: boolean;
  /** How many calls are under way at once. */
  readonly callers: number;
  /** Leaves the replicas' directories behind. */
  readonly keepData: boolean;
  /** Ends the output with one JSON object. */
  readonly json: boolean;
  /** Prints the usage and does nothing else. */
  readonly help: boolean;
}

/** What applies where the command line says nothing. */
export const defaultOptions = {
  input: fileURLToPath(new URL("../transfers.csv", import.meta.url)),
  replicas: 3,
  kills: 3,
  killAll: false,
  callers: 64,
  keepData: false,
  json: false,
  help: false,
} as const satisfies DemoOptions;

const numbers = {
  replicas: { least: 1, most: 7 },
  kills: { least: 0, most: 100 },
  callers: { least: 1, most: 1024 },
} as const;

const flags = {
  "kill-all": "killAll",
  "keep-data": "keepData",
  json: "json",
  help: "help",
} as const;

/** What `--help` prints. */
export const usage = `\
A double-entry ledger on several processes; it survives kill -9 of its primary.

Usage: npm run demo -- [options]

  --input FILE    transfers to run, a CSV with the header id,debit,credit,amount
                  (default: the sample beside the demo, 24,000 rows over 100 accounts)
  --replicas N    replica processes, 1 to 7 (default ${defaultOptions.replicas})
  --kills N       how often the primary is killed, 0 to 100 (default ${defaultOptions.kills})
  --kill-all      kill all replicas at once each time, not the primary alone
  --callers N     concurrent callers, 1 to 1024 (default ${defaultOptions.callers})
  --keep-data     keep the replicas' directories
  --json          print one JSON object as the last line
  --help          print this
`;

/** Reads the command line. Throws `UsageError`, one line that names the option. */
export function parseOptions(args: readonly string[]): DemoOptions {
  // parseArgs only splits here. Its own strict mode would not say which values are expected.
  const { tokens } = parseArgs({
    args: [...args],
    strict: false,
    tokens: true,
    options: {
      input: { type: "string" },
      replicas: { type: "string" },
      kills: { type: "string" },
      callers: { type: "string" },
      "kill-all": { type: "boolean" },
      "keep-data": { type: "boolean" },
      json: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
  });
  const chosen: { -readonly [K in keyof DemoOptions]: DemoOptions[K] } = { ...defaultOptions };
  for (const token of tokens) {
    if (token.kind === "positional") throw unknownOption(token.value);
    if (token.kind !== "option") continue;
    const { name, rawName, value } = token;
    if (isKeyOf(numbers, name)) chosen[name] = numberOf(name, value);
    else if (isKeyOf(flags, name)) chosen[flags[name]] = flagOf(name, value);
    else if (name === "input") chosen.input = pathOf(value);
    else throw unknownOption(rawName);
  }
  return chosen;
}

function numberOf(name: keyof typeof numbers, value: string | undefined): number {
  const { least, most } = numbers[name];
  const number = /^\d{1,9}$/.test(value ?? "") ? Number(value) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw invalid(name, `an integer from ${least} to ${most}`, value);
}

function flagOf(name: string, value: string | undefined): boolean {
  if (value === undefined) return true;
  throw invalid(name, "no value", value);
}

function pathOf(value: string | undefined): string {
  if (value) return value;
  throw invalid("input", "the path of a CSV file", value);
}

function invalid(name: string, expected: string, given: string | undefined): UsageError {
  const got = given === undefined ? "nothing" : JSON.stringify(given);
  return new UsageError(`invalid option --${name}: expected ${expected}, got ${got}`);
}

function unknownOption(given: string): UsageError {
  const known = ["input", ...Object.keys(numbers), ...Object.keys(flags)];
  const names = known.map((name) => `--${name}`).join(", ");
  return new UsageError(`unknown option ${JSON.stringify(given)}: expected one of ${names}`);
}

function isKeyOf<T extends object>(table: T, key: PropertyKey): key is keyof T {
  return Object.hasOwn(table, key);
}
