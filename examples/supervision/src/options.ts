/** The command line: what the example can be asked. */
import { parseArgs } from "node:util";

/** What the example was asked to do. */
export interface Options {
  /** Decides who crashes when; the same seed gives the same output. */
  readonly seed: number;
  /** Waits for nothing; the output is the same. */
  readonly fast: boolean;
}

/** What applies where the command line says nothing. */
export const defaultOptions: Options = { seed: 4, fast: false };

/** The command line makes no sense. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Reads the command line. Throws `UsageError`, one line that names the option. */
export function parseOptions(args: readonly string[]): Options {
  // parseArgs only splits here. Its own strict mode would not say which values are expected.
  const { tokens } = parseArgs({
    args: [...args],
    strict: false,
    tokens: true,
    options: { seed: { type: "string" }, fast: { type: "boolean" } },
  });
  let { seed, fast } = defaultOptions;
  for (const token of tokens) {
    if (token.kind === "option" && token.name === "seed") seed = seedOf(token.value);
    else if (token.kind === "option" && token.name === "fast") fast = fastOf(token.value);
    else {
      const given = token.kind === "option" ? token.rawName : args[token.index];
      throw new UsageError(`unknown option "${given}": expected --seed N or --fast`);
    }
  }
  return { seed, fast };
}

function seedOf(value: string | undefined): number {
  if (/^\d{1,9}$/.test(value ?? "")) return Number(value);
  const got = value === undefined ? "nothing" : `"${value}"`;
  throw new UsageError(`invalid option --seed: expected an integer of 1 to 9 digits, got ${got}`);
}

function fastOf(value: string | undefined): true {
  if (value === undefined) return true;
  throw new UsageError(`invalid option --fast: expected no value, got "${value}"`);
}
