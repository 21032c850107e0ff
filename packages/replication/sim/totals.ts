/** What many runs came to, for a person and for a machine. */
import type { RunResult } from "./run.ts";

/** Wall and processor time, from its making on. */
export class Stopwatch {
  readonly #began = process.hrtime.bigint();
  readonly #cpu = process.cpuUsage();

  get wallMs(): number {
    return Number(process.hrtime.bigint() - this.#began) / 1e6;
  }

  /** What this process had of a core: on a busy machine less than the wall's. */
  get coreMs(): number {
    const { user, system } = process.cpuUsage(this.#cpu);
    return (user + system) / 1000;
  }
}

export class Totals {
  seeds = 0;
  ops = 0;
  acks = 0;
  reads = 0;
  crashes = 0;
  simulatedMs = 0;
  readonly failed: RunResult[] = [];

  add(result: RunResult): void {
    this.seeds++;
    this.ops += result.ops;
    this.acks += result.acks;
    this.reads += result.reads;
    this.crashes += result.crashes;
    this.simulatedMs += result.simulatedMs;
    if (result.violation !== undefined) this.failed.push(result);
  }

  text({ wallMs, coreMs }: Stopwatch): string {
    const { seeds, ops, acks, reads, crashes, simulatedMs, failed } = this;
    return [
      `${seeds} seeds, ${failed.length} failed`,
      `${ops} ops run, ${acks} calls and ${reads} queries answered, ${crashes} crashes`,
      `${Math.round(simulatedMs / 1000)} s simulated in ${(wallMs / 1000).toFixed(1)} s, ` +
        `${Math.round(simulatedMs / wallMs)} times real time, ` +
        `${Math.round(simulatedMs / coreMs)} times per second of a core; ` +
        `${Math.round((seeds * 60_000) / wallMs)} seeds per minute`,
    ].join("\n");
  }

  json({ wallMs, coreMs }: Stopwatch): string {
    const { seeds, ops, acks, reads, crashes, simulatedMs } = this;
    const failed = this.failed.map(({ seed, violation }) => ({ seed, violation }));
    return JSON.stringify({
      ...{ seeds, ops, acks, reads, crashes, simulatedMs, failed },
      wallMs: Math.round(wallMs),
      coreMs: Math.round(coreMs),
      timesRealTime: Math.round(simulatedMs / wallMs),
      timesPerCore: Math.round(simulatedMs / coreMs),
      seedsPerMinute: Math.round((seeds * 60_000) / wallMs),
    });
  }
}
