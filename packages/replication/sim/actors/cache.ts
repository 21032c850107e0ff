/** Values that are forgotten after a while, by replicated timers. */
import { defineActor, type TimerId } from "@troupe/actor";
import type { Play } from "./play.ts";

interface Kept {
  value: string;
  timer: TimerId;
  until: number;
}

const Cache = defineActor("cache", {
  init: () => ({ kept: new Map<string, Kept>(), hits: 0, misses: 0, expired: 0, early: 0 }),
  queries: { all: (state) => state },
  calls: {
    set: (state, arg: { call: string; key: string; ms: number }, ctx) => {
      const { call: value, key, ms } = arg;
      const before = state.kept.get(key);
      const wasOpen = before !== undefined && ctx.cancel(before.timer);
      const timer = ctx.sendAfter(ms, "expire", { key });
      state.kept.set(key, { value, timer, until: ctx.now() + ms });
      if (ms % 10 === 3) throw new Error("not kept");
      return wasOpen;
    },
    get: (state, { key }: { call: string; key: string }, ctx) => {
      const found = state.kept.get(key);
      if (found === undefined) {
        state.misses++;
        return undefined;
      }
      state.hits++;
      return [found.value, found.until - ctx.now()];
    },
    drop: (state, { key }: { call: string; key: string }, ctx) => {
      const found = state.kept.get(key) ?? ctx.fail("nothing there", { key });
      state.kept.delete(key);
      return ctx.cancel(found.timer);
    },
  },
  info: {
    expire: (state, { key }: { key: string }, ctx) => {
      const found = state.kept.get(key);
      if (found === undefined || found.until > ctx.now()) state.early++;
      else state.kept.delete(key);
      state.expired++;
    },
  },
});

const keys = ["k", "l", "m"] as const;

export const cache: Play = {
  definition: Cache,
  ask: (chance, call) => {
    const key = chance.pick(keys);
    const what = chance.pick(["set", "set", "get", "drop"]);
    if (what !== "set") return ["call", what, { call, key }];
    return ["call", "set", { call, key, ms: chance.pick([0, 13, 100, 700, 3000]) }];
  },
  broken: (state) => {
    const { early, kept } = state as {
      readonly early: number;
      readonly kept: ReadonlyMap<string, Kept>;
    };
    if (early > 0) return `${early} timers came that nobody waited for any more`;
    return kept.size <= keys.length ? undefined : `it keeps ${kept.size} keys`;
  },
};
