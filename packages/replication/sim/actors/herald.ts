/** Tells those who listen, at once and after a while, and has some of it printed elsewhere. */
import {
  type AnyRef,
  type Ctx,
  defineActor,
  type EffectResult,
  type MonitorId,
  type TimerId,
} from "@troupe/actor";
import type { Play } from "./play.ts";

interface Listener {
  readonly ref: AnyRef;
  readonly monitor: MonitorId;
}

const listenersMax = 6;
/** One more that fails is printed no more, and nobody is told. */
const triesMax = 3;

/** What is to be printed; the sink of the world answers, and fails, as its chance has it. */
export interface Sheet {
  readonly text: string;
  readonly tries: number;
}

interface Telling {
  readonly call: string;
  readonly torn: boolean;
  readonly prints: boolean;
}

interface State {
  listeners: Listener[];
  said: number;
  rung: number;
  downs: number;
  strangers: number;
  last: TimerId | undefined;
  /** By id, what is being printed. */
  printing: Map<string, Sheet>;
  printed: number;
  spoilt: number;
  lastReceipt: unknown;
}

function print(state: State, sheet: Sheet, ctx: Ctx): void {
  state.printing.set(ctx.effect("print", sheet, { info: "printed" }), sheet);
}

const Herald = defineActor("herald", {
  init: (): State => ({
    listeners: [],
    said: 0,
    rung: 0,
    downs: 0,
    strangers: 0,
    last: undefined,
    printing: new Map(),
    printed: 0,
    spoilt: 0,
    lastReceipt: undefined,
  }),
  queries: { all: (state) => state },
  calls: {
    join: (state, { ref }: { call: string; ref: AnyRef }, ctx) => {
      if (state.listeners.length >= listenersMax) ctx.fail("full");
      state.listeners.push({ ref, monitor: ctx.monitor(ref) });
      return state.listeners.length;
    },
    leave: (state, _: { call: string }, ctx) => {
      const [first] = state.listeners.splice(0, 1);
      if (first !== undefined) ctx.demonitor(first.monitor);
      return first !== undefined;
    },
    tell: (state, { call: text, torn, prints }: Telling, ctx) => {
      if (prints) print(state, { text, tries: 1 }, ctx);
      for (const { ref } of state.listeners) ctx.cast(ref, "said", ++state.said);
      state.last = ctx.sendAfter(1, "ring", 0);
      if (torn) throw new Error("torn");
      return [state.said, ...state.printing.keys()];
    },
    ringIn: (state, { ms, times }: { call: string; ms: number; times: number }, ctx) => {
      state.last = ctx.sendAfter(ms, "ring", times);
      return ctx.now();
    },
    hush: (state, _: { call: string }, ctx) => state.last !== undefined && ctx.cancel(state.last),
  },
  info: {
    ring: (state, times: number, ctx) => {
      state.rung++;
      for (const { ref } of state.listeners) ctx.send(ref, "rung", ++state.said);
      if (times > 0) ctx.sendAfter(50 * times, "ring", times - 1);
      // Of one nobody is told, and whoever is told of the other does nothing.
      ctx.effect("print", { text: `rung ${state.rung}`, tries: 1 });
      ctx.effect("print", { text: `bell ${state.rung}`, tries: 1 }, { info: "spoils" });
      if (state.rung % 7 === 0) throw new Error("cracked");
    },
    printed: (state, result: EffectResult, ctx) => {
      const sheet = state.printing.get(result.id);
      state.printing.delete(result.id);
      if (sheet === undefined) state.strangers++;
      else if ("value" in result) {
        state.printed++;
        state.lastReceipt = result.value;
      } else {
        state.spoilt++;
        const { text, tries } = sheet;
        if (tries < triesMax) print(state, { text, tries: tries + 1 }, ctx);
      }
    },
    spoils: (state) => {
      state.spoilt++;
      throw new Error("spoilt");
    },
    down: (state, { monitor, reason }: { monitor: MonitorId; reason: unknown }) => {
      const before = state.listeners.length;
      state.listeners = state.listeners.filter((listener) => listener.monitor !== monitor);
      if (state.listeners.length === before) state.strangers++;
      if (reason !== undefined) state.downs++;
    },
  },
  effects: { print: () => undefined },
});

export const herald: Play = {
  definition: Herald,
  ask: (chance, call, listener) => {
    const what = chance.pick(["join", "tell", "tell", "tell", "ringIn", "ringIn", "hush", "leave"]);
    if (what === "join") return ["call", "join", { call, ref: listener() }];
    if (what === "tell") {
      return ["call", "tell", { call, torn: chance.hits(0.2), prints: chance.hits(0.5) }];
    }
    if (what !== "ringIn") return ["call", what, { call }];
    const [ms, times] = [chance.between(0, 2000), chance.between(0, 3)];
    return ["call", "ringIn", { call, ms, times }];
  },
  broken: (state) => {
    const { strangers, listeners } = state as Record<"strangers", number> & {
      listeners: unknown[];
    };
    if (strangers > 0)
      return `it was told ${strangers} times of whom it does not watch, or what it does not print`;
    return listeners.length <= listenersMax ? undefined : `${listeners.length} listen`;
  },
};
