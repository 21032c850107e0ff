/**
 * Troupe's side. Every call has its timeout of 5000 ms on, as it has for every user.
 */
import { type AnyRef, createSystem, defineActor } from "@troupe/actor";
import { rows, type Side } from "./loads.ts";
import { serve } from "./serve.ts";

let started = 0;

const Counter = defineActor("counter", {
  init: () => {
    started += 1;
    return { sum: 0 };
  },
  queries: { get: (state) => state.sum },
  calls: { add: (state, n: number) => (state.sum += n) },
  casts: {
    add: (state, n: number) => {
      state.sum += n;
    },
  },
});

let finished = () => {};

const Player = defineActor("player", {
  init: (): { handled: number; other: AnyRef | undefined } => ({ handled: 0, other: undefined }),
  queries: { handled: (state) => state.handled },
  calls: {
    face: (state, other: AnyRef) => {
      state.other = other;
    },
  },
  casts: {
    ball: (state, left: number) => {
      state.handled += 1;
      if (left > 0) state.other?.cast("ball", left - 1);
      else finished();
    },
  },
});

/** Where actors come and go. */
const busy = createSystem();

const troupe: Side = {
  async counter() {
    const system = createSystem();
    const counter = await system.start(Counter);
    return {
      call: () => counter.call("add", 1),
      cast: () => counter.cast("add", 1),
      // The row waits for the deep mailbox for as long as it takes, on a slow machine too.
      sum: () => counter.query("get", undefined, { timeout: 60_000 }),
      close: () => system.shutdown(),
    };
  },

  async players() {
    const system = createSystem();
    const [left, right] = [await system.start(Player), await system.start(Player)];
    await left.call("face", right);
    await right.call("face", left);
    const handled = async () => (await left.query("handled")) + (await right.query("handled"));
    return {
      async play(messages) {
        const before = await handled();
        const over = new Promise<void>((resolve) => {
          finished = resolve;
        });
        left.cast("ball", messages - 1);
        await over;
        return (await handled()) - before;
      },
    };
  },

  async startStop(actors) {
    const before = started;
    for (let i = 0; i < actors; i += 1) {
      const counter = await busy.start(Counter);
      // It resolves when the actor has ended as asked, and rejects when it has not.
      await busy.stop(counter);
    }
    return started - before;
  },

  async idlers(actors) {
    const system = createSystem();
    const refs = new Array<AnyRef>(actors);
    const before = started;
    for (let i = 0; i < actors; i += 1) refs[i] = await system.start(Counter);
    return {
      count: () => Math.min(refs.length, started - before),
      close: () => system.shutdown(),
    };
  },
};

await serve(troupe, rows);
