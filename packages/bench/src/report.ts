/**
 * How a row is told: to a person as a block of lines, to a program as an object.
 */
import type { Figures } from "./rounds.ts";
import type { Outcome } from "./suite.ts";

/** A row as `--json` has it. */
export interface JsonRow {
  readonly name: string;
  readonly unit: string;
  readonly troupe: number;
  readonly peers: Readonly<Record<string, number>>;
  /** Above 1 means that Troupe is better. */
  readonly ratios: Readonly<Record<string, number>>;
}

/** The medians of a row, and their ratios. */
export function asJson({ row, figures }: Outcome): JsonRow {
  const medians = [...figures].map(([side, { median }]) => [side, Math.round(median)] as const);
  const peers = medians.filter(([side]) => side !== "troupe");
  const ratios = peers.map(([side]) => [side, round(ratio({ row, figures }, side))]);
  return {
    name: row.name,
    unit: row.unit,
    troupe: Object.fromEntries(medians).troupe ?? Number.NaN,
    peers: Object.fromEntries(peers),
    ratios: Object.fromEntries(ratios),
  };
}

/** A line for each side: its median, from the worst round to the best, and the ratio to ours. */
export function asText(outcome: Outcome): string {
  const { row, figures } = outcome;
  const lines = [...figures].map(([side, { median, min, max }]) => {
    const compared = side === "troupe" ? "" : `  ratio ${round(ratio(outcome, side)).toFixed(2)}`;
    const spread = `(${whole(min)} to ${whole(max)})`.padEnd(28);
    const line = `  ${side.padEnd(10)}${whole(median).padStart(12)}  ${spread}${compared}`;
    return line.trimEnd();
  });
  return [`${row.name}, ${row.unit}`, ...lines].join("\n");
}

function ratio({ row, figures }: Outcome, peer: string): number {
  const own = median(figures.get("troupe"));
  const other = median(figures.get(peer));
  return row.better === "higher" ? own / other : other / own;
}

function median(figures: Figures | undefined): number {
  return figures?.median ?? Number.NaN;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

function whole(value: number): string {
  return Math.round(value).toLocaleString("en");
}
