/**
 * `npm run bench -- [SUITE] [--quick] [--json] [--rows a,b]`: what Troupe costs beside its peers,
 * in the same run. The ratio is what counts; absolute figures are those of this machine, now.
 */
import { parseArgs } from "node:util";
import { localRows, localSides } from "./local.ts";
import { Progress } from "./progress.ts";
import { remoteRows, remoteSides } from "./remote.ts";
import { replicatedRows, replicatedSides } from "./replicated.ts";
import { asJson, asText, type JsonRow } from "./report.ts";
import type { Row } from "./rounds.ts";
import type { SideProgram } from "./side-process.ts";
import { runSuite } from "./suite.ts";
import { vsrRows, vsrSides } from "./vsr.ts";

/** A suite by name: its rows, and who is measured. */
interface Suite {
  readonly rows: (quick: boolean) => readonly Row[];
  readonly sides: readonly SideProgram[];
}

const suites: Readonly<Record<string, Suite>> = {
  local: { rows: localRows, sides: localSides },
  remote: { rows: remoteRows, sides: remoteSides },
  vsr: { rows: vsrRows, sides: vsrSides },
  replicated: { rows: replicatedRows, sides: replicatedSides },
};

interface Arguments {
  readonly rows: readonly Row[];
  readonly sides: readonly SideProgram[];
  readonly quick: boolean;
  readonly json: boolean;
}

const usage =
  "npm run bench -- [local | remote | vsr | replicated] [--quick] [--json] [--rows NAME,NAME]";

async function main(): Promise<void> {
  const args = readArguments();
  if (typeof args === "string") {
    process.stderr.write(`${args}\n${usage}\n`);
    process.exitCode = 2;
    return;
  }
  const { rows, sides, quick, json } = args;
  const progress = new Progress();
  const print = (text: string) => {
    progress.clear();
    process.stdout.write(`${text}\n`);
  };
  const results: JsonRow[] = [];
  await runSuite(rows, sides, quick ? { rounds: 5, roundMs: 200 } : { rounds: 7, roundMs: 400 }, {
    onFigure: (row, side, done, all) =>
      progress.update((results.length + done / all) / rows.length, `${row.name}: ${side}`),
    onSkipped: (side, why) => print(`${side} is left out (${why})`),
    onOutcome: (outcome) => {
      results.push(asJson(outcome));
      print(asText(outcome));
    },
  });
  progress.clear();
  if (json) print(JSON.stringify({ rows: results }));
}

/** The arguments, or what is wrong with them. */
function readArguments(): Arguments | string {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        quick: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
        rows: { type: "string" },
      },
    });
    const [name = "local", ...surplus] = positionals;
    const suite = Object.hasOwn(suites, name) ? suites[name] : undefined;
    if (suite === undefined) {
      return `expected one of the suites ${Object.keys(suites).join(", ")}, got "${name}"`;
    }
    if (surplus.length > 0) return `expected one suite, got "${positionals.join(" ")}"`;
    const { quick, json } = values;
    const rows = chosen(suite.rows(quick), values.rows);
    return typeof rows === "string" ? rows : { rows, sides: suite.sides, quick, json };
  } catch (error) {
    return (error as Error).message;
  }
}

function chosen(rows: readonly Row[], names: string | undefined): readonly Row[] | string {
  if (names === undefined) return rows;
  const wanted = names.split(",");
  const unknown = wanted.find((name) => !rows.some((row) => row.name === name));
  if (unknown === undefined) return rows.filter(({ name }) => wanted.includes(name));
  return `--rows: expected some of ${rows.map((row) => row.name).join(", ")}, got "${unknown}"`;
}

await main();
