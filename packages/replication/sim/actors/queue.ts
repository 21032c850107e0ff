/** Items for whoever asks: who finds none waits for an answer that is given later. */
import { defineActor, type ReplyTo } from "@troupe/actor";
import type { Play } from "./play.ts";

interface Asked {
  readonly call: string;
}

interface Item {
  readonly name: string;
  /** Its place among all that were put, from 1. */
  readonly place: number;
}

interface State {
  items: Item[];
  waiting: ReplyTo<string>[];
  put: number;
  given: number;
  outOfOrder: number;
}

/** Counts an item as given, and whether it was its turn. */
function give(state: State, { name, place }: Item): string {
  if (place !== ++state.given) state.outOfOrder++;
  return name;
}

const Queue = defineActor("queue", {
  init: (): State => ({ items: [], waiting: [], put: 0, given: 0, outOfOrder: 0 }),
  queries: { all: (state) => state },
  calls: {
    put: (state, { call: name }: Asked, ctx) => {
      const item = { name, place: ++state.put };
      const to = state.waiting.shift();
      if (to === undefined) state.items.push(item);
      else ctx.reply(to, give(state, item));
      return state.waiting.length;
    },
    take: (state, _: Asked, ctx) => {
      const item = state.items.shift();
      if (item === undefined) return ctx.defer<string>((to) => state.waiting.push(to));
      return give(state, item);
    },
    /** Gives an item away and fails: then nobody has got it. */
    spill: (state, { call: name }: Asked, ctx): number => {
      const to = state.waiting.shift() ?? ctx.fail("nobody waits");
      ctx.reply(to, give(state, { name, place: ++state.put }));
      throw new Error("spilt");
    },
    turnAway: (state, _: Asked, ctx) => {
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
    const { items, waiting, put, given, outOfOrder } = state as State;
    if (outOfOrder > 0) return `${outOfOrder} items were given before their turn, or again`;
    if (given + items.length !== put) return `${put} items were put, and ${given} given`;
    const both = items.length > 0 && waiting.length > 0;
    return both ? `${waiting.length} wait while ${items.length} items are there` : undefined;
  },
};
