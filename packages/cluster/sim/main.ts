/**
 * `npm run sim -- cluster --seeds 200 [--start S] [--json]` runs many worlds; `--seed N [--trace]`
 * replays one; `--mutant NAME` plants a bug first. Ends with 1 if a property did not hold.
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
  "npm run sim -- cluster [--seeds N] [--start S] [--json] | --seed N [--trace]   [--mutant NAME]";

/** Totals over the runs, for the last line. */
interface Totals {
  seeds: number;
  nodes: number;
  messages: number;
  answers: number;
  links: number;
  faults: number;
  events: number;
  simulatedMs: number;
  failed: RunResult[];
}

async function main(): Promise<void> {
  const args = readArguments();
  if (typeof args === "string") {
    process.stderr.write(`${args}\n${usage}\n`);
    process.exitCode = 2;
    return;
  }
  const failed = await (args.seed === undefined ? runMany(args) : runOne(args.seed, args));
  process.exitCode = failed ? 1 : 0;
}

async function runOne(seed: number, { plant, trace, json }: Arguments): Promise<boolean> {
  const print = (line: string) => process.stdout.write(`${line}\n`);
  const result = await run(seed, trace ? { plant, onTrace: print } : { plant });
  print(json ? JSON.stringify(result) : describe(result));
  return result.violation !== undefined;
}

async function runMany({ seeds, start, plant, json }: Arguments): Promise<boolean> {
  const began = process.hrtime.bigint();
  const totals: Totals = {
    seeds: 0,
    nodes: 0,
    messages: 0,
    answers: 0,
    links: 0,
    faults: 0,
    events: 0,
    simulatedMs: 0,
    failed: [],
  };
  const progress = new Progress(seeds);
  for (let seed = start; seed < start + seeds; seed++) {
    const result = await run(seed, { plant });
    add(totals, result);
    if (result.violation !== undefined) progress.say(`${describe(result)}\n  ${replay(seed)}`);
    progress.update(totals.seeds, `${totals.messages} messages, ${totals.failed.length} failed`);
  }
  progress.end();
  const wallMs = Number(process.hrtime.bigint() - began) / 1e6;
  process.stdout.write(`${json ? asJson(totals, wallMs) : asText(totals, wallMs)}\n`);
  return totals.failed.length > 0;
}

function add(totals: Totals, result: RunResult): void {
  totals.seeds++;
  totals.nodes += result.nodes;
  totals.messages += result.messages;
  totals.answers += result.answers;
  totals.links += result.links;
  totals.faults += result.faults;
  totals.events += result.events;
  totals.simulatedMs += result.simulatedMs;
  if (result.violation !== undefined) totals.failed.push(result);
}

function asText(totals: Totals, wallMs: number): string {
  const { seeds, nodes, messages, answers, links, faults, events, simulatedMs, failed } = totals;
  return [
    `${seeds} seeds, ${failed.length} failed`,
    `${nodes} nodes, ${messages} messages handled, ${answers} calls answered, ` +
      `${links} ends of links, ${faults} faults, ${events} events`,
    `${Math.round(simulatedMs / 1000)} s simulated in ${(wallMs / 1000).toFixed(1)} s, ` +
      `${Math.round(simulatedMs / wallMs)} times real time`,
  ].join("\n");
}

function asJson(totals: Totals, wallMs: number): string {
  const failed = totals.failed.map(({ seed, violation }) => ({ seed, violation }));
  return JSON.stringify({ ...totals, failed, wallMs: Math.round(wallMs) });
}

function describe(result: RunResult): string {
  const { seed, violation, nodes, messages, answers, faults, events, simulatedMs, trace } = result;
  const outcome = violation ?? "every property held";
  return (
    `seed ${seed}: ${outcome} (${nodes} nodes, ${messages} messages, ${answers} answers, ` +
    `${faults} faults, ${events} events, ${simulatedMs} ms simulated, trace ${trace})`
  );
}

function replay(seed: number): string {
  return `replay it with: npm run sim -- cluster --seed ${seed} --trace`;
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

await main();
