/**
 * `npm run sim`: many worlds, or one again, or a smaller one that fails alike, or all planted bugs;
 * `arguments.ts` has the usage. Ends with 1 if a property did not hold, or a planted bug went
 * unnoticed.
 */
import { type Arguments, readArguments, replay, usage } from "./arguments.ts";
import { huntAll } from "./mutant-table.ts";
import { Progress } from "./progress.ts";
import { type RunResult, run } from "./run.ts";
import { shrink } from "./shrink.ts";
import { Stopwatch, Totals } from "./totals.ts";

const print = (line: string) => process.stdout.write(`${line}\n`);

function main(): void {
  const args = readArguments(process.argv.slice(2));
  if (typeof args === "string") {
    process.stderr.write(`${args}\n${usage}\n`);
    process.exitCode = 2;
    return;
  }
  process.exitCode = failed(args) ? 1 : 0;
}

function failed(args: Arguments): boolean {
  if (args.command === "mutants") return huntAll(args);
  if (args.seed === undefined) return runMany(args);
  return args.shrink ? shrinkOne(args.seed, args) : runOne(args.seed, args);
}

function runOne(seed: number, args: Arguments): boolean {
  const { trace, json } = args;
  const result = run(seed, trace ? { ...args, onTrace: print } : args);
  print(json ? JSON.stringify(result) : describe(result));
  return result.violation !== undefined;
}

function shrinkOne(seed: number, args: Arguments): boolean {
  const { profile, plant, overrides: given, json } = args;
  const runWith = (overrides: typeof given) => run(seed, { profile, plant, overrides });
  const shrunk = shrink(seed, profile, given, runWith);
  if (shrunk === undefined) {
    const result = runWith(given);
    print(json ? JSON.stringify(result) : `${describe(result)}\nthere is nothing to shrink`);
    return false;
  }
  const { overrides, result, runs } = shrunk;
  const line = replay(seed, args, overrides);
  if (json) print(JSON.stringify({ result, overrides, runs, replay: line }));
  else print(`${describe(result)}\nafter ${runs} runs; replay it with: ${line}`);
  return true;
}

function runMany(args: Arguments): boolean {
  const { seeds, start, json, overrides } = args;
  const stopwatch = new Stopwatch();
  const totals = new Totals();
  const progress = new Progress(seeds, "seeds");
  for (let seed = start; seed < start + seeds; seed++) {
    const result = run(seed, args);
    totals.add(result);
    if (result.violation !== undefined) {
      const line = replay(seed, args, overrides);
      progress.say(`${describe(result)}\n  replay it with: ${line} [--trace | --shrink]`);
    }
    progress.update(totals.seeds, `${totals.ops} ops, ${totals.failed.length} failed`);
  }
  progress.end();
  print(json ? totals.json(stopwatch) : totals.text(stopwatch));
  return totals.failed.length > 0;
}

function describe(result: RunResult): string {
  const { seed, violation, ops, acks, reads, crashes, views, simulatedMs, trace } = result;
  const outcome = violation ?? "every property held";
  return (
    `seed ${seed}: ${outcome} (${ops} ops, ${acks} answers, ${reads} reads, ${crashes} crashes, ` +
    `view ${views}, ${simulatedMs} ms simulated, trace ${trace})`
  );
}

main();
