/**
 * All that a replicated actor remembers, as one plain value: what its handlers made of the state,
 * and what they asked for and has not happened. One value, so that a snapshot, a digest and a
 * checkpoint hold the whole of it or nothing.
 */
import type { EffectId, MonitorId, RefAddress, TimerId } from "@troupe/actor";
import type { Op, RequestName } from "./vsr/index.ts";

/** A message to the actor itself, due at a time. */
export interface OpenTimer {
  /** When it is to be handled, by the time of the log, in milliseconds. */
  readonly due: number;
  /** Its place among all timers, as they were set. */
  readonly order: number;
  readonly kind: "info" | "cast";
  readonly name: string;
  /** Encoded: the state must not share what it holds. */
  readonly arg: Uint8Array;
}

/** What is to be done outside and is not known to have been done. */
export type OpenEffect = OpenMessage | OpenPerformance;

interface Opened {
  readonly op: Op;
  /** Its place among the effects of its op; the two are its name for ever. */
  readonly index: number;
  /** The time of its op, in microseconds: what was acknowledged before is told apart by it. */
  readonly at: number;
  readonly name: string;
  readonly arg: Uint8Array;
}

/** A message to another actor that is not known to have reached it. */
export interface OpenMessage extends Opened {
  readonly kind: "info" | "cast";
  readonly to: RefAddress;
}

/** One of the definition's effects, of which no outcome is known. */
export interface OpenPerformance extends Opened {
  readonly kind: "effect";
  readonly id: EffectId;
  /** The info that is told of the outcome; absent if none is. */
  readonly info?: string;
  /** In milliseconds, each time that it is performed. */
  readonly timeout: number;
}

export interface ActorMemory {
  state: unknown;
  readonly timers: Map<TimerId, OpenTimer>;
  /** By name: `op.index`. */
  readonly effects: Map<string, OpenEffect>;
  /** The calls whose replies were left for later, by the number of the reply. */
  readonly deferred: Map<number, RequestName>;
  readonly monitors: Map<MonitorId, RefAddress>;
  /** How many timers were ever set. */
  timersSet: number;
}

/** What one actor may have open at a time. */
export const memoryLimits = {
  timers: 65_536,
  effects: 4096,
  deferred: 16_384,
  monitors: 4096,
} as const;

export function newMemory(state: unknown): ActorMemory {
  return {
    state,
    timers: new Map(),
    effects: new Map(),
    deferred: new Map(),
    monitors: new Map(),
    timersSet: 0,
  };
}

/** How an effect is called in pulses, in messages and in reports. */
export function effectName({ op, index }: Pick<OpenEffect, "op" | "index">): string {
  return `${op}.${index}`;
}
