/**
 * The loads of the rows of `vsr`: operations on three replicas, by one client that has as many
 * under way as the row says. A load throws when the count is wrong.
 */
import { type Load, timed } from "../sides/loads.ts";
import type { Rows } from "../sides/serve.ts";

/** Operations under way at a time in `vsr-pipelined`. */
export const inFlight = 2500;

/** Bytes of one operation. */
export const payloadBytes = 64;

/** Three replicas and a client. */
export interface Trio {
  /** Runs so many operations, with so many under way; resolves with how many the replicas ran. */
  run(operations: number, depth: number): Promise<number>;
}

/** One way to make three replicas agree, behind one shape. */
export interface VsrSide {
  trio(): Promise<Trio> | Trio;
}

export const vsrRows: Rows<VsrSide> = {
  "vsr-sequential": (side) => running(side, 1),
  "vsr-pipelined": (side) => running(side, inFlight),
};

async function running(side: VsrSide, depth: number): Promise<Load> {
  const trio = await side.trio();
  return (operations) => timed(operations, () => trio.run(operations, depth));
}
