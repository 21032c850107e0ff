/**
 * `npm run bench -- [local] [--quick] [--json] [--rows a,b]`: what Troupe costs beside its peers,
 * in the same run. The ratio is what counts; absolute figures are this machine's at this moment.
 */
import { parseArgs } from "node:util";
import { localRows, localSides } from "./local.ts";
import { Progress } from "./progress.ts";
import { asJson, asText, type JsonRow } from "./report.ts";
import type { Row } from "./rounds.ts";
import { runSuite } from "./suite.ts";

interface Arguments {
  readonly rows: readonly Row[];
  readonly quick: boolean;
  readonly json: boolean;
}

const usage = "npm run bench -- [local] [--quick] [--json] [--rows NAME,NAME]";

async function main(): Promise<void> {
  const args = readArguments();
  if (typeof args === "string") {
    process.stderr.write(`${args}\n${usage}\n`);
    process.exitCode = 2;
    return;
  }
  const { rows, quick, json } = args;
  const progress = new Progress();
  const print = (text: string) => {
    progress.clear();
    process.stdout.write(`${text}\n`);
  };
  const results: JsonRow[] = [];
  await runSuite(
    rows,
    localSides,
    quick ? { rounds: 5, roundMs: 200 } : { rounds: 7, roundMs: 400 },
    {
      onFigure: (row, side, done, all) =>
        progress.update((results.length + done / all) / rows.length, `${row.name}: ${side}`),
      onSkipped: (side, why) => print(`${side} is left out (${why})`),
      onOutcome: (outcome) => {
        results.push(asJson(outcome));
        print(asText(outcome));
      },
    },
  );
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
    const [suite = "local", ...surplus] = positionals;
    if (suite !== "local") return `expected the suite "local", got "${suite}"`;
    if (surplus.length > 0) return `expected one suite, got "${positionals.join(" ")}"`;
    const rows = chosen(localRows(values.quick), values.rows);
    return typeof rows === "string" ? rows : { rows, quick: values.quick, json: values.json };
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
