/**
 * Shows the run: repainted in place on a terminal, plain lines anywhere else. It writes only what
 * it is given and asks nobody anything.
 */
import type { ReplicaStatus } from "@troupe/replication";
import { workingView } from "./group-view.ts";

/** The run at one moment. */
export interface Snapshot {
  readonly rows: number;
  readonly answered: number;
  readonly refused: number;
  /** Sent again because no answer came. */
  readonly retries: number;
  readonly statuses: readonly ReplicaStatus[];
}

/** Where it is shown; `process.stdout` and `process.stderr` are such places. */
export interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const plainEveryMs = 2_000;
const plainEveryShare = 0.05;
const rateWindowMs = 2_000;
const barWidth = 30;

/** Writes notes and progress, and keeps the two apart. */
export class Display {
  readonly #screen: Screen;
  readonly #now: () => number;
  #painted: readonly string[] = [];
  #lastPlain = { at: Number.NEGATIVE_INFINITY, answered: 0 };
  #samples: { at: number; answered: number }[] = [];

  constructor(screen: Screen, now: () => number = () => performance.now()) {
    this.#screen = screen;
    this.#now = now;
  }

  /** Writes a line that stays. */
  note(line: string): void {
    this.#screen.write(`${this.#erasure()}${line}\n${this.#painted.map(endLine).join("")}`);
  }

  /** Shows the run as it is now. */
  progress(snapshot: Snapshot): void {
    const rate = this.#rate(snapshot.answered);
    if (this.#screen.isTTY) this.#repaint(screenLines(snapshot, rate));
    else this.#writePlain(snapshot, rate);
  }

  /** Leaves the last state where it is; what follows is written below it. */
  end(): void {
    this.#painted = [];
  }

  #repaint(lines: readonly string[]): void {
    const width = this.#screen.columns ?? 80;
    // A line that wraps would take two rows, and the next erasure would miss one of them.
    const painted = lines.map((line) => line.slice(0, width - 1));
    this.#screen.write(`${this.#erasure()}${painted.map(endLine).join("")}`);
    this.#painted = painted;
  }

  #erasure(): string {
    return this.#painted.length === 0 ? "" : `\u001b[${this.#painted.length}A\u001b[J`;
  }

  #writePlain(snapshot: Snapshot, rate: number): void {
    const { at, answered } = this.#lastPlain;
    const isDue = this.#now() - at >= plainEveryMs;
    const hasMoved = snapshot.answered - answered >= snapshot.rows * plainEveryShare;
    if (!isDue && !hasMoved) return;
    this.#lastPlain = { at: this.#now(), answered: snapshot.answered };
    this.#screen.write(endLine(plainLine(snapshot, rate)));
  }

  /** Answers per second over the last two seconds. */
  #rate(answered: number): number {
    const at = this.#now();
    this.#samples.push({ at, answered });
    this.#samples = this.#samples.filter((sample) => at - sample.at <= rateWindowMs);
    const [first] = this.#samples;
    if (!first || first.at === at) return 0;
    return Math.round(((answered - first.answered) / (at - first.at)) * 1000);
  }
}

/** A whole number with thousands separated, the same wherever it runs. */
export function grouped(number: number): string {
  return number.toLocaleString("en-US");
}

function plainLine(snapshot: Snapshot, rate: number): string {
  const replicas = snapshot.statuses.map(replicaText).join(" | ");
  const count = `${grouped(snapshot.answered)}/${grouped(snapshot.rows)}`;
  const share = `${percent(snapshot)} %`.padStart(5);
  return `${share}  ${count}  ${grouped(rate)} ops/s  ${viewText(snapshot)} | ${replicas}`;
}

function screenLines(snapshot: Snapshot, rate: number): string[] {
  const filled = Math.round((percent(snapshot) / 100) * barWidth);
  const bar = `${"█".repeat(filled)}${"░".repeat(barWidth - filled)}`;
  const count = `${grouped(snapshot.answered)} of ${grouped(snapshot.rows)}`;
  return [
    "",
    `  ${bar} ${percent(snapshot)} %   ${count}`,
    `  ${grouped(rate)} ops/s, ${grouped(snapshot.refused)} refused, ` +
      `${grouped(snapshot.retries)} sent again`,
    `  ${viewText(snapshot)}`,
    ...snapshot.statuses.map((status) => `    ${replicaText(status)}`),
  ];
}

function viewText({ statuses }: Snapshot): string {
  const current = workingView(statuses);
  return current ? `view ${current.view}, primary ${current.primary}` : "no primary";
}

function replicaText(one: ReplicaStatus): string {
  if (!one.reachable) return `${one.replica} down`;
  const { replica, status, op, commit } = one;
  const state = status === "normal" ? "" : ` ${status}`;
  return `${replica}${state} op ${op} commit ${commit}`;
}

function percent({ answered, rows }: Snapshot): number {
  return rows === 0 ? 100 : Math.floor((answered / rows) * 100);
}

function endLine(line: string): string {
  return `${line}\n`;
}
