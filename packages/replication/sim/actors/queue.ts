/** Items for whoever asks: who finds none waits for an answer that is given later. */
import { defineActor, type ReplyTo } from "@troupe/actor";
import type { Play } from "./play.ts";

interface Item {
  readonly call: string;
}

const Queue = defineActor("queue", {
  init: () => ({ items: [] as string[], waiting: [] as ReplyTo<string>[], given: 0, lost: 0 }),
  queries: { all: (state) => state },
  calls: {
    put: (state, { call: item }: Item, ctx) => {
      const to = state.waiting.shift();
      if (to === undefined) state.items.push(item);
      else {
        ctx.reply(to, item);
        state.given++;
      }
      return state.waiting.length;
    },
    take: (state, _: Item, ctx) => {
      const item = state.items.shift();
      if (item === undefined) return ctx.defer<string>((to) => state.waiting.push(to));
      state.given++;
      return item;
    },
    /** Gives an item away and fails: then nobody has got it. */
    spill: (state, { call: item }: Item, ctx): number => {
      const to = state.waiting.shift() ?? ctx.fail("nobody waits");
      ctx.reply(to, item);
      state.given++;
      throw new Error("spilt");
    },
    turnAway: (state, _: Item, ctx) => {
      const to = state.waiting.pop();
      if (to === undefined) ctx.fail("nobody waits");
      else ctx.refuse(to, "turned away", { left: state.waiting.length });
      return state.waiting.length;
    },
  },
});

export const queue: Play = {
  definition: Queue,
  ask: (chance, call) => {
    const what = chance.pick(["put", "put", "put", "take", "take", "take", "spill", "turnAway"]);
    return ["call", what, { call }];
  },
  broken: (state) => {
    const { items, waiting } = state as { readonly items: unknown[]; readonly waiting: unknown[] };
    const both = items.length > 0 && waiting.length > 0;
    return both ? `${waiting.length} wait while ${items.length} items are there` : undefined;
  },
};
