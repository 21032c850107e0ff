/**
 * The loads of the rows of `replicated`: a store behind three replicas in programs of their own,
 * and a client in this one. A load throws when the count is wrong.
 */
import { type Load, timed } from "../sides/loads.ts";
import type { Rows } from "../sides/serve.ts";

/** Puts under way at a time in the pipelined rows. */
export const inFlight = 2500;

/** Queries under way at a time. */
export const readers = 256;

/** Bytes of the value of one put. */
export const payloadBytes = 64;

/** There are so many keys. */
export const keys = 1000;

/** Whether a group keeps journals, or nothing; `large` keeps journals of a state that is large. */
export type Kind = "disk" | "memory" | "large";

/** What an answer may be made from: all that was acknowledged, or what one replica has. */
export type Reading = "linearizable" | "local";

/** A store behind three replicas. */
export interface Group {
  /** Puts so many values, with so many under way; resolves with how many the store has counted. */
  put(operations: number, depth: number): Promise<number>;
  /**
   * Puts so many values, one after the other, from within the primary's program; resolves with how
   * many a second that were.
   */
  putInside?(operations: number): Promise<number>;
  /** Asks so many queries of that kind, with so many under way; resolves with the answers. */
  ask?(operations: number, depth: number, reading: Reading): Promise<number>;
  /** Ends the primary's program by force; milliseconds until the next put is acknowledged. */
  failover?(): Promise<number>;
  /** Fills the state up to so many small objects. */
  fill?(objects: number): Promise<void>;
  /**
   * Puts until every replica has made another checkpoint; the longest time in milliseconds that
   * an event loop was held up meanwhile.
   */
  stall?(): Promise<number>;
  /** How often the replicas have synced their files, all together. */
  syncs?(): Promise<number>;
}

/** One way to make three programs agree, behind one shape. */
export interface ReplicatedSide {
  /** The group of that kind; the same one when it is asked for again. */
  group(kind: Kind): Promise<Group>;
}

export const replicatedRows: Rows<ReplicatedSide> = {
  "call-durable": (side) => putting(side, "disk", 1),
  "call-durable-inside": async (side) => {
    const group = await side.group("disk");
    return (operations) => measured(group.putInside).call(group, operations);
  },
  "call-memory": (side) => putting(side, "memory", 1),
  "pipelined-durable": (side) => putting(side, "disk", inFlight),
  "pipelined-memory": (side) => putting(side, "memory", inFlight),

  "query-linearizable": (side) => asking(side, "linearizable"),
  "query-local": (side) => asking(side, "local"),

  "failover-ms": async (side) => {
    const group = await side.group("disk");
    await group.put(100, 10);
    return async (times) => {
      const each: number[] = [];
      for (let i = 0; i < times; i += 1) each.push(await measured(group.failover).call(group));
      return each.reduce((sum, ms) => sum + ms, 0) / times;
    };
  },

  "checkpoint-stall-ms": async (side) => {
    const group = await side.group("large");
    return async (objects) => {
      await measured(group.fill).call(group, objects);
      return await measured(group.stall).call(group);
    };
  },

  "fsyncs-per-1000": async (side) => {
    const group = await side.group("disk");
    const syncs = () => measured(group.syncs).call(group);
    return async (operations) => {
      const before = await syncs();
      await group.put(operations, readers);
      return (((await syncs()) - before) * 1000) / operations;
    };
  },
};

async function putting(side: ReplicatedSide, kind: Kind, depth: number): Promise<Load> {
  const group = await side.group(kind);
  return (operations) => timed(operations, () => group.put(operations, depth));
}

async function asking(side: ReplicatedSide, reading: Reading): Promise<Load> {
  const group = await side.group("disk");
  await group.put(1, 1);
  return (operations) =>
    timed(operations, () => measured(group.ask).call(group, operations, readers, reading));
}

function measured<T>(of: T | undefined): T {
  if (of === undefined) throw new Error("unknown row for this side");
  return of;
}
