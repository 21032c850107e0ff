/** Tells those who listen, at once and after a while, for as long as they are there. */
import { type AnyRef, defineActor, type MonitorId, type TimerId } from "@troupe/actor";
import type { Play } from "./play.ts";

interface Listener {
  readonly ref: AnyRef;
  readonly monitor: MonitorId;
}

const listenersMax = 6;

const Herald = defineActor("herald", {
  init: () => ({
    listeners: [] as Listener[],
    said: 0,
    rung: 0,
    downs: 0,
    strangers: 0,
    last: undefined as TimerId | undefined,
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
    tell: (state, { torn }: { call: string; torn: boolean }, ctx) => {
      for (const { ref } of state.listeners) ctx.cast(ref, "said", ++state.said);
      state.last = ctx.sendAfter(1, "ring", 0);
      if (torn) throw new Error("torn");
      return state.said;
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
      if (state.rung % 7 === 0) throw new Error("cracked");
    },
    down: (state, { monitor, reason }: { monitor: MonitorId; reason: unknown }) => {
      const before = state.listeners.length;
      state.listeners = state.listeners.filter((listener) => listener.monitor !== monitor);
      if (state.listeners.length === before) state.strangers++;
      if (reason !== undefined) state.downs++;
    },
  },
});

export const herald: Play = {
  definition: Herald,
  ask: (chance, call, listener) => {
    const what = chance.pick(["join", "tell", "tell", "tell", "ringIn", "ringIn", "hush", "leave"]);
    if (what === "join") return ["call", "join", { call, ref: listener() }];
    if (what === "tell") return ["call", "tell", { call, torn: chance.hits(0.2) }];
    if (what !== "ringIn") return ["call", what, { call }];
    const [ms, times] = [chance.between(0, 2000), chance.between(0, 3)];
    return ["call", "ringIn", { call, ms, times }];
  },
  broken: (state) => {
    const { strangers, listeners } = state as Record<"strangers", number> & {
      listeners: unknown[];
    };
    if (strangers > 0) return `${strangers} whom it does not watch are said to be over`;
    return listeners.length <= listenersMax ? undefined : `${listeners.length} listen`;
  },
};
