/**
 * Interleaved rounds: within a round every side measures once, so that whatever the machine does
 * meanwhile it does to all of them. The median of the rounds is the figure.
 */
/** What is measured: a side that can be asked for the figure of a row. */
export interface Measured {
  readonly name: string;
  ask(row: string, operations: number): Promise<number>;
}

/** One row of a suite. */
export interface Row {
  readonly name: string;
  readonly unit: string;
  readonly better: "higher" | "lower";
  /** How many operations one figure takes; without it, as many as fit the time of a round. */
  readonly operations?: number;
  /** Operations come in multiples of this: of the callers, and of a burst of casts. */
  readonly unitOfWork?: number;
  /** How many operations a side has done at least before it is measured. @default 0 */
  readonly warmUp?: number;
  /** How many times as long as usual a round lasts. @default 1 */
  readonly roundLength?: number;
  /** How many rounds, where one figure takes long and hardly differs from the next. */
  readonly rounds?: number;
}

/** How long and how often. */
export interface Pace {
  readonly rounds: number;
  /** Milliseconds of work of one side in one round, where the row does not fix its operations. */
  readonly roundMs: number;
  /** Called before each figure, with how many of all figures of the row are done. */
  readonly onFigure: (side: string, done: number, all: number) => void;
}

/** The figures of one side in one row. */
export interface Figures {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** What {@link Row.unitOfWork} is when a row does not say. */
const usualUnit = 10_000;

/** How many rounds' time a side runs before it is measured. */
const warmUpRounds = 5;

/** Measures a row on all sides. */
export async function measure(
  row: Row,
  sides: readonly Measured[],
  pace: Pace,
): Promise<Map<string, Figures>> {
  const { unitOfWork = usualUnit, rounds = pace.rounds, roundLength = 1 } = row;
  const all = sides.length * (rounds + 1);
  let done = 0;
  const operations = new Map<Measured, number>();
  for (const side of sides) {
    pace.onFigure(side.name, done++, all);
    operations.set(side, await warmUp(row, side, pace.roundMs * roundLength));
  }
  const figures = new Map<Measured, number[]>(sides.map((side) => [side, []]));
  for (let round = 0; round < rounds; round += 1) {
    // Another side begins each round, so that none always follows the same one.
    for (const side of rotated(sides, round)) {
      pace.onFigure(side.name, done++, all);
      const figure = await side.ask(row.name, operations.get(side) ?? unitOfWork);
      figures.get(side)?.push(figure);
    }
  }
  return new Map([...figures].map(([side, each]) => [side.name, summary(each)]));
}

/** Runs the row until it is warm; returns how many operations a round of it has. */
async function warmUp(row: Row, side: Measured, roundMs: number): Promise<number> {
  if (row.operations !== undefined) {
    // One that is measured once has nothing to warm up: it takes its time by itself.
    if (row.rounds !== 1) await side.ask(row.name, row.operations);
    return row.operations;
  }
  const { unitOfWork = usualUnit, warmUp: least = 0 } = row;
  let operations = unitOfWork;
  let spentMs = 0;
  let ran = 0;
  for (;;) {
    const perSecond = await side.ask(row.name, operations);
    spentMs += (operations * 1000) / perSecond;
    ran += operations;
    const fitting = (perSecond * roundMs) / 1000;
    // The first figures are those of cold code, which takes thousands of operations to be
    // compiled: go on for some rounds' time, until a figure fills half of a round. Code is
    // compiled by how often it ran, so where an operation waits for a disk the time says little.
    const isWarm = spentMs >= warmUpRounds * roundMs && ran >= least;
    if (isWarm && operations >= fitting / 2) return wholeUnits(fitting, unitOfWork);
    operations = Math.min(Math.max(operations, wholeUnits(fitting, unitOfWork)), operations * 8);
  }
}

function wholeUnits(operations: number, unitOfWork: number): number {
  return Math.max(1, Math.round(operations / unitOfWork)) * unitOfWork;
}

function rotated<T>(items: readonly T[], by: number): T[] {
  const at = by % items.length;
  return [...items.slice(at), ...items.slice(0, at)];
}

function summary(figures: readonly number[]): Figures {
  const sorted = [...figures].sort((a, b) => a - b);
  const at = (index: number) => sorted[Math.floor(index)] ?? Number.NaN;
  const last = sorted.length - 1;
  // The two in the middle, which of an odd number are one and the same.
  const median = (at(last / 2) + at(sorted.length / 2)) / 2;
  return { median, min: at(0), max: at(last) };
}
