/**
 * Runs the rows of a suite one after another, each with sides that are started for it alone: a
 * row's figures do not depend on which rows came before. It prints nothing.
 */
import { type Figures, measure, type Pace, type Row } from "./rounds.ts";
import { SideLostError, SideProcess, type SideProgram } from "./side-process.ts";

/** What a row came to, ours first. */
export interface Outcome {
  readonly row: Row;
  readonly figures: ReadonlyMap<string, Figures>;
}

/** What happens while a suite runs. */
export interface Listener {
  onFigure(row: Row, side: string, done: number, all: number): void;
  onSkipped(side: string, why: string): void;
  onOutcome(outcome: Outcome): void;
}

/** Runs a suite. An optional side that is not there, or is lost, is left out from then on. */
export async function runSuite(
  rows: readonly Row[],
  programs: readonly SideProgram[],
  pace: Omit<Pace, "onFigure">,
  listener: Listener,
): Promise<void> {
  let present = programs;
  for (const row of rows) {
    const onFigure: Pace["onFigure"] = (side, done, all) => listener.onFigure(row, side, done, all);
    for (;;) {
      const sides: SideProcess[] = [];
      try {
        for (const program of present) {
          if (hasRow(program, row)) sides.push(await SideProcess.start(program));
        }
        listener.onOutcome({ row, figures: await measure(row, sides, { ...pace, onFigure }) });
        break;
      } catch (error) {
        const lost = error instanceof SideLostError ? error.side : undefined;
        if (present.find(({ name }) => name === lost)?.optional !== true) throw error;
        present = present.filter(({ name }) => name !== lost);
        listener.onSkipped(lost as string, (error as Error).message);
      } finally {
        await Promise.all(sides.map((side) => side.close()));
      }
    }
  }
}

function hasRow({ rows }: SideProgram, { name }: Row): boolean {
  return rows === undefined || rows.includes(name);
}
