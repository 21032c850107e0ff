/**
 * The loads of the local rows, the same for every library that runs on Node.js.
 *
 * A load times its work, and nothing else, on the side's own clock. It ends when everything has
 * been handled, and throws when the count is wrong: a figure for work that was not done is worse
 * than none. It knows no library; a side gives it actors.
 */

/** A counter behind some actor library. */
export interface Counter {
  /** Adds one and waits for the sum. */
  call(): Promise<number>;
  /** Adds one and waits for nothing. */
  cast(): void;
  /** The sum, when everything that was cast before has been handled. */
  sum(): Promise<number>;
  close(): Promise<void> | void;
}

/** Two actors that cast a ball to each other. */
export interface Players {
  /** Resolves with how many messages the two have handled, when the last one has been. */
  play(messages: number): Promise<number>;
}

/** Actors that have been started and have nothing to do. */
export interface Idlers {
  /** How many there are. Kept so that nothing of them can be collected before it is asked. */
  count(): number;
  close(): Promise<void> | void;
}

/** One library, behind one shape. */
export interface Side {
  counter(): Promise<Counter> | Counter;
  /** A counter that handles nothing before `sum` is asked for, if another one would. */
  deepCounter?(): Counter;
  players(): Promise<Players> | Players;
  /** Starts and stops actors, one after another; resolves with how many have come and gone. */
  startStop(actors: number): Promise<number>;
  idlers(actors: number): Promise<Idlers> | Idlers;
}

/**
 * Runs one row with that many operations; the answer is in the row's unit. A load that is asked
 * again goes on with the actors it has, as a long-lived program would: the compiler throws away
 * what it has made for actors that are gone.
 */
export type Load = (operations: number) => Promise<number>;

const callers = 100;

/** Casts between two waits for the sum. */
const burst = 10_000;

/** The rows by name: each makes its load. */
export const rows: Readonly<Record<string, (side: Side) => Promise<Load> | Load>> = {
  call: (side) =>
    counting(side, async (counter, operations) => {
      for (let i = 0; i < operations; i += 1) await counter.call();
    }),

  "call-100": (side) =>
    counting(side, async (counter, operations) => {
      const caller = async () => {
        for (let i = 0; i < operations / callers; i += 1) await counter.call();
      };
      await Promise.all(Array.from({ length: callers }, caller));
    }),

  cast: (side) =>
    counting(side, async (counter, operations) => {
      let expected = await counter.sum();
      for (let done = 0; done < operations; done += burst) {
        for (let i = 0; i < burst; i += 1) counter.cast();
        expected += burst;
        expectCount(await counter.sum(), expected);
      }
    }),

  "ping-pong": async (side) => {
    const players = await side.players();
    return (operations) => timed(operations, () => players.play(operations));
  },

  "start-stop": (side) => (operations) => timed(operations, () => side.startStop(operations)),

  "idle-bytes": (side) => async (actors) => {
    const before = await usedBytes();
    const idlers = await side.idlers(actors);
    const after = await usedBytes();
    expectCount(idlers.count(), actors);
    await idlers.close();
    return (after - before) / actors;
  },

  // A new counter each time, because a mailbox that was deep may have kept its room.
  "deep-mailbox": (side) => async (operations) => {
    const counter = side.deepCounter?.() ?? (await side.counter());
    const rate = await timed(operations, () => {
      for (let i = 0; i < operations; i += 1) counter.cast();
      return counter.sum();
    });
    await counter.close();
    return rate;
  },
};

async function counting(
  side: Side,
  work: (counter: Counter, operations: number) => Promise<void>,
): Promise<Load> {
  const counter = await side.counter();
  return async (operations) => {
    const before = await counter.sum();
    return timed(operations, async () => {
      await work(counter, operations);
      return (await counter.sum()) - before;
    });
  };
}

/**
 * Operations per second of work that resolves with how many were done. No collection is forced
 * before: it takes what the compiler has made with it, and the work would begin cold.
 */
export async function timed(operations: number, work: () => Promise<number>): Promise<number> {
  const began = performance.now();
  const done = await work();
  const ms = performance.now() - began;
  expectCount(done, operations);
  return (operations * 1000) / ms;
}

export function expectCount(actual: number, expected: number): void {
  if (actual !== expected) throw new Error(`expected a count of ${expected}, got ${actual}`);
}

/** What the program holds, once what it does not is collected. */
export async function usedBytes(): Promise<number> {
  // What was started may still have a callback to run, which holds what it will not need later.
  await new Promise((resolve) => setImmediate(resolve));
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Twice, because the first collection may leave what only weak references held. */
function collect(): void {
  if (globalThis.gc === undefined) throw new Error("expected node --expose-gc");
  globalThis.gc();
  globalThis.gc();
}
