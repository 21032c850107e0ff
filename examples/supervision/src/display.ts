/**
 * Prints the tree as it changes: a row per change, in which each worker has a column. On a terminal
 * the tree itself stands below the rows and is repainted in place. It asks nobody anything.
 */
import type { ExitReason, ProcessNode } from "@troupe/actor";

/** Where it is shown; `process.stdout` is such a place. */
export interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** The tree at one moment. */
export interface Snapshot {
  /** Milliseconds since the start. */
  readonly at: number;
  readonly nodes: readonly ProcessNode[];
  /** The same as text. */
  readonly text: string;
}

/** A supervisor and its workers, as they stand in the rows. */
interface Group {
  readonly name: string;
  readonly workers: readonly string[];
}

/** Something to be said below the next row; about a worker, only if that is over by then. */
interface Remark {
  readonly text: string;
  readonly worker?: string;
}

const legend = "X crashed    o stopped and restarted along with it    . went on    - is over";
const cellWidth = 4;
const indent = " ".repeat(9);

/** Writes rows and notes, and keeps them apart from the painted tree. */
export class Display {
  readonly #screen: Screen;
  /** Of the workers that run, which process each is. */
  #running = new Map<string, string>();
  #groups: readonly Group[] = [];
  #painted: readonly string[] = [];
  // What has happened since the last row.
  readonly #crashed = new Set<string>();
  readonly #remarks: Remark[] = [];

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  /** A worker has terminated. */
  terminated(name: string, reason: ExitReason): void {
    if (isCrash(reason)) this.#crashed.add(name);
    else this.#remarks.push({ text: `${name} terminated: ${String(reason)}`, worker: name });
  }

  /** Says something below the next row. */
  note(text: string): void {
    this.#remarks.push({ text });
  }

  /** Writes a line that stays. */
  print(line = ""): void {
    this.#screen.write(`${this.#erasure()}${line}\n${this.#painted.map(endLine).join("")}`);
  }

  /** Shows the tree as it is now, and what has happened since the last time. */
  show({ at, nodes, text }: Snapshot): void {
    const before = this.#running;
    this.#running = workersOf(nodes);
    if (this.#groups.length === 0) this.#begin(nodes, text);
    else if (this.#crashed.size > 0) this.print(this.#row(at, before));
    for (const { text, worker } of this.#remarks) {
      if (worker === undefined || !this.#running.has(worker)) this.print(`${indent}${text}`);
    }
    this.#crashed.clear();
    this.#remarks.length = 0;
    if (this.#screen.isTTY) this.#repaint(text);
  }

  #begin(nodes: readonly ProcessNode[], text: string): void {
    const supervisors = nodes.flatMap(({ children }) => children);
    this.#groups = supervisors.map(({ name = "", children }) => ({
      name,
      workers: children.map((worker) => worker.name ?? ""),
    }));
    if (!this.#screen.isTTY) this.print(`${text}\n`);
    this.print(legend);
    this.print();
    this.print(this.#columns(({ name }) => name));
    this.print(this.#columns(({ workers }) => cells(workers)));
  }

  #row(at: number, before: ReadonlyMap<string, string>): string {
    const mark = (name: string) => {
      if (this.#crashed.has(name)) return "X";
      const now = this.#running.get(name);
      if (now === undefined) return "-";
      return now === before.get(name) ? "." : "o";
    };
    const time = `${(at / 1000).toFixed(2)} s`.padStart(7);
    return this.#columns(({ workers }) => cells(workers.map(mark)), time);
  }

  #columns(textOf: (group: Group) => string, time = ""): string {
    const columns = this.#groups.map((group) => {
      const width = Math.max(group.name.length, group.workers.length * cellWidth);
      return textOf(group).padEnd(width);
    });
    return `${time.padEnd(indent.length)}${columns.join("  ")}`.trimEnd();
  }

  #repaint(text: string): void {
    const width = this.#screen.columns ?? 80;
    // A line that wraps would take two rows, and the next erasure would miss one of them.
    const lines = text === "" ? [] : ["", ...text.split("\n")];
    const painted = lines.map((line) => line.slice(0, width - 1));
    this.#screen.write(`${this.#erasure()}${painted.map(endLine).join("")}`);
    this.#painted = painted;
  }

  #erasure(): string {
    return this.#painted.length === 0 ? "" : `\u001b[${this.#painted.length}A\u001b[J`;
  }
}

/** The processes at the leaves of the tree, by name. */
function workersOf(nodes: readonly ProcessNode[]): Map<string, string> {
  const workers = nodes.flatMap(({ ref, name = "", actor, children }): [string, string][] =>
    actor === "worker" ? [[name, String(ref)]] : [...workersOf(children)],
  );
  return new Map(workers);
}

function isCrash(reason: ExitReason): boolean {
  return typeof reason === "object" && "error" in reason;
}

function cells(texts: readonly string[]): string {
  return texts.map((text) => text.padEnd(cellWidth)).join("");
}

function endLine(line: string): string {
  return `${line}\n`;
}
