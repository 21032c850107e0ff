/**
 * The loads of the remote rows, the same for every side that runs on Node.js: the caller is this
 * program, what it calls is in another one. A load throws when the count is wrong.
 */
import { expectCount, type Load, timed } from "../sides/loads.ts";
import type { Rows } from "../sides/serve.ts";

/** A counter in another program. */
export interface RemoteCounter {
  /** Adds one and waits for the sum. */
  call(): Promise<number>;
  /** Adds one and waits for nothing. */
  cast(): void;
  /** The sum, when everything that was cast before has been handled. */
  sum(): Promise<number>;
  /** Sends that many bytes there and back; resolves with how many came back. */
  echo(bytes: number): Promise<number>;
}

/** One way to reach another program, behind one shape. */
export interface RemoteSide {
  counter(): Promise<RemoteCounter>;
  /** Opens that many links to one program and resolves with the bytes that each costs there. */
  idleBytes?(links: number): Promise<number>;
  /** Leaves a link alone for that many seconds; its bytes per second, both ways. */
  idleTraffic?(seconds: number): Promise<number>;
}

/** Callers at a time in `remote-call-256`. */
export const callers = 256;

/** Casts between two waits for the sum. */
export const burst = 10_000;

export const remoteRows: Rows<RemoteSide> = {
  "remote-call": (side) =>
    counting(side, async (counter, operations) => {
      for (let i = 0; i < operations; i += 1) await counter.call();
    }),

  "remote-call-256": (side) =>
    counting(side, async (counter, operations) => {
      const caller = async () => {
        for (let i = 0; i < operations / callers; i += 1) await counter.call();
      };
      await Promise.all(Array.from({ length: callers }, caller));
    }),

  "remote-cast": (side) =>
    counting(side, async (counter, operations) => {
      let expected = await counter.sum();
      for (let done = 0; done < operations; done += burst) {
        for (let i = 0; i < burst; i += 1) counter.cast();
        expected += burst;
        expectCount(await counter.sum(), expected);
      }
    }),

  "remote-call-1kb": (side) => echoing(side, 1000),

  "remote-call-1mb": (side) => echoing(side, 1_000_000),

  "idle-link-bytes": (side) => (links) => present(side.idleBytes)(links),

  "idle-link-traffic": (side) => (seconds) => present(side.idleTraffic)(seconds),
};

async function counting(
  side: RemoteSide,
  work: (counter: RemoteCounter, operations: number) => Promise<void>,
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

async function echoing(side: RemoteSide, bytes: number): Promise<Load> {
  const counter = await side.counter();
  return (operations) =>
    timed(operations, async () => {
      let echoed = 0;
      for (; echoed < operations; echoed += 1) expectCount(await counter.echo(bytes), bytes);
      return echoed;
    });
}

function present<T>(measured: T | undefined): T {
  if (measured === undefined) throw new Error("unknown row for this side");
  return measured;
}
