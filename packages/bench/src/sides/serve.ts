/**
 * The program of one side: it runs the rows that it is asked for, one at a time.
 *
 * A line `row operations` on stdin is answered with a line of JSON on stdout, `{"value":…}` or
 * `{"error":…}`; the first line is `{"ready":true}`. It ends when stdin does, so it outlives
 * nobody. `peers/genserver.exs` speaks the same.
 */
import { createInterface } from "node:readline";
import type { Load } from "./loads.ts";

/** The rows of a suite by name: each makes its load for a side. */
export type Rows<S> = Readonly<Record<string, (side: S) => Promise<Load> | Load>>;

/** Serves until nobody asks any more, and then gives back what is to be given back. */
export async function serve<S>(
  side: S,
  rows: Rows<S>,
  ended: () => Promise<void> = async () => {},
): Promise<void> {
  const loads = new Map<string, Load>();
  answer({ ready: true });
  for await (const line of createInterface({ input: process.stdin })) {
    const [row = "", operations = ""] = line.split(" ");
    try {
      const load = loads.get(row) ?? (await rows[row]?.(side));
      if (load === undefined) throw new Error(`unknown row "${row}"`);
      loads.set(row, load);
      answer({ value: await load(Number(operations)) });
    } catch (error) {
      answer({ error: String(error) });
    }
  }
  await ended();
  // A library may still have timers of its own, which are nobody's any more.
  process.exit();
}

function answer(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}
