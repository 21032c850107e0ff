/**
 * `npm run sim -- --seeds 200 [--start S] [--json]` runs many worlds; `--seed N [--trace]` replays
 * one; `--mutant NAME` plants a bug first. Ends with 1 if a property did not hold.
 */
import { parseArgs } from "node:util";
import { mutants, type Plant } from "./mutants.ts";
import { type RunResult, run } from "./run.ts";

interface Arguments {
  readonly seeds: number;
  readonly start: number;
  readonly seed: number | undefined;
  readonly trace: boolean;
  readonly json: boolean;
  readonly plant: Plant | undefined;
}

const usage =
  "npm run sim -- [--seeds N] [--start S] [--json] | --seed N [--trace]   [--mutant NAME]";

/** Totals over the runs, for the last line. */
interface Totals {
  seeds: number;
  ops: number;
  acks: number;
  reads: number;
  crashes: number;
  simulatedMs: number;
  failed: RunResult[];
}

function main(): void {
  const args = readArguments();
  if (typeof args === "string") {
    process.stderr.write(`${args}\n${usage}\n`);
    process.exitCode = 2;
    return;
  }
  const failed = args.seed === undefined ? runMany(args) : runOne(args.seed, args);
  process.exitCode = failed ? 1 : 0;
}

function runOne(seed: number, { plant, trace, json }: Arguments): boolean {
  const print = (line: string) => process.stdout.write(`${line}\n`);
  const result = run(seed, trace ? { plant, onTrace: print } : { plant });
  print(json ? JSON.stringify(result) : describe(result));
  return result.violation !== undefined;
}

function runMany({ seeds, start, plant, json }: Arguments): boolean {
  const began = process.hrtime.bigint();
  const totals: Totals = {
    seeds: 0,
    ops: 0,
    acks: 0,
    reads: 0,
    crashes: 0,
    simulatedMs: 0,
    failed: [],
  };
  const progress = new Progress(seeds);
  for (let seed = start; seed < start + seeds; seed++) {
    const result = run(seed, { plant });
    add(totals, result);
    if (result.violation !== undefined) progress.say(`${describe(result)}\n  ${replay(seed)}`);
    progress.update(totals.seeds, `${totals.ops} ops, ${totals.failed.length} failed`);
  }
  progress.end();
  const wallMs = Number(process.hrtime.bigint() - began) / 1e6;
  process.stdout.write(`${json ? asJson(totals, wallMs) : asText(totals, wallMs)}\n`);
  return totals.failed.length > 0;
}

function add(totals: Totals, result: RunResult): void {
  totals.seeds++;
  totals.ops += result.ops;
  totals.acks += result.acks;
  totals.reads += result.reads;
  totals.crashes += result.crashes;
  totals.simulatedMs += result.simulatedMs;
  if (result.violation !== undefined) totals.failed.push(result);
}

function asText(totals: Totals, wallMs: number): string {
  const { seeds, ops, acks, reads, crashes, simulatedMs, failed } = totals;
  return [
    `${seeds} seeds, ${failed.length} failed`,
    `${ops} ops run, ${acks} calls and ${reads} queries answered, ${crashes} crashes`,
    `${Math.round(simulatedMs / 1000)} s simulated in ${(wallMs / 1000).toFixed(1)} s, ` +
      `${Math.round(simulatedMs / wallMs)} times real time`,
  ].join("\n");
}

function asJson(totals: Totals, wallMs: number): string {
  const failed = totals.failed.map(({ seed, violation }) => ({ seed, violation }));
  return JSON.stringify({ ...totals, failed, wallMs: Math.round(wallMs) });
}

function describe(result: RunResult): string {
  const { seed, violation, ops, acks, reads, crashes, views, simulatedMs, trace } = result;
  const outcome = violation ?? "every property held";
  return (
    `seed ${seed}: ${outcome} (${ops} ops, ${acks} answers, ${reads} reads, ${crashes} crashes, ` +
    `view ${views}, ${simulatedMs} ms simulated, trace ${trace})`
  );
}

function replay(seed: number): string {
  return `replay it with: npm run sim -- --seed ${seed} --trace`;
}

/** Repaints one line on a terminal; elsewhere prints a plain line for every tenth of the way. */
class Progress {
  readonly #total: number;
  readonly #terminal = process.stderr.isTTY;
  #tenths = 0;

  constructor(total: number) {
    this.#total = total;
  }

  update(done: number, details: string): void {
    const line = `${done} of ${this.#total} seeds: ${details}`;
    if (this.#terminal) {
      process.stderr.write(`\r\u001b[K${line}`);
      return;
    }
    const tenths = Math.floor((done * 10) / this.#total);
    if (tenths === this.#tenths) return;
    this.#tenths = tenths;
    process.stderr.write(`${line}\n`);
  }

  say(line: string): void {
    process.stderr.write(`${this.#terminal ? "\r\u001b[K" : ""}${line}\n`);
  }

  end(): void {
    if (this.#terminal) process.stderr.write("\r\u001b[K");
  }
}

/** The arguments, or what is wrong with them. */
function readArguments(): Arguments | string {
  try {
    const { values } = parseArgs({
      options: {
        seeds: { type: "string", default: "100" },
        start: { type: "string", default: "1" },
        seed: { type: "string" },
        trace: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
        mutant: { type: "string" },
      },
    });
    return {
      seeds: natural("--seeds", values.seeds),
      start: natural("--start", values.start),
      seed: values.seed === undefined ? undefined : natural("--seed", values.seed),
      trace: values.trace,
      json: values.json,
      plant: values.mutant === undefined ? undefined : mutantOf(values.mutant),
    };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function natural(option: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new RangeError(`${option}: expected a number >= 0, got "${text}"`);
}

function mutantOf(name: string): Plant {
  const plant = Object.hasOwn(mutants, name) ? mutants[name] : undefined;
  if (plant !== undefined) return plant;
  throw new RangeError(
    `--mutant: expected one of ${Object.keys(mutants).join(", ")}, got "${name}"`,
  );
}

main();
