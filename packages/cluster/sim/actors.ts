/**
 * What runs on the simulated nodes: a process that takes numbered messages and tells the ledger of
 * each that it has handled, in every way in which a handler can end.
 */
import { type AnyRef, defineActor, type ExitSignal } from "@troupe/actor";
import type { Ledger } from "./ledger.ts";
import type { SimProcess } from "./sim-process.ts";

/** What is sent from actor to actor. */
export interface Numbered {
  /** Which sender and receiver. */
  readonly stream: string;
  /** How many links the sender had to this node before this one. */
  readonly epoch: number;
  readonly number: number;
  /** Of a call: its number in the whole world; 0 for what nobody answers. */
  readonly call: number;
  readonly padding?: Uint8Array;
}

/** The name under which each node registers its process. */
export const sinkName = "sink";

/** The process of one life of a node. */
export function sinkOf(process: SimProcess, ledger: Ledger) {
  const take = (message: Numbered) => {
    ledger.handled(process, message);
    return message.call;
  };
  return defineActor("sink", {
    init: () => ({}),
    queries: { look: (_s, message: Numbered) => take(message) },
    calls: {
      op: (_s, message: Numbered) => take(message),
      exam: (_s, message: Numbered) => take(message),
      refuse: (_s, message: Numbered, ctx) => {
        take(message);
        return ctx.fail("refused", message.call);
      },
      slow: async (_s, message: Numbered) => {
        take(message);
        await new Promise<void>((resolve) => void process.clock.setTimer(40, resolve));
        return message.call;
      },
      large: (_s, message: Numbered) => {
        take(message);
        return message.padding;
      },
      crash: (_s, message: Numbered) => {
        take(message);
        throw new RangeError("as it was told");
      },
    },
    casts: { put: (_s, message: Numbered) => void take(message) },
    info: { tell: (_s, message: Numbered) => void take(message) },
  });
}

/** The name of the process that others link themselves to. */
export const binderName = "binder";

/** Links itself to others like it, and tells whoever asks of each signal that it gets. */
export function binderOf(tied: (ref: AnyRef) => void, signalled: (signal: ExitSignal) => void) {
  return defineActor("binder", {
    trapExit: true,
    init: () => ({}),
    casts: {
      tie: (_s, ref: AnyRef, ctx) => {
        ctx.link(ref);
        tied(ref);
      },
    },
    info: { exit: (_s, signal: ExitSignal) => signalled(signal) },
  });
}

export type Binder = ReturnType<typeof binderOf>;
export type Sink = ReturnType<typeof sinkOf>;
