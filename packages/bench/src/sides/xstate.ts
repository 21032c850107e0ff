/**
 * xstate's side, as close as it comes. It handles an event on the sender's stack, so its figures
 * have no turn of a mailbox in them, and it has no reply: a call is an event that carries a
 * function to be called with the answer. There are no call timeouts.
 */
import { type Actor, createActor, fromTransition } from "xstate";
import { type Counter, rows, type Side } from "./loads.ts";
import { serve } from "./serve.ts";

interface Add {
  readonly type: "add";
  readonly n: number;
  readonly reply: ((sum: number) => void) | undefined;
}

let started = 0;

const counterLogic = fromTransition(
  (state: { sum: number }, event: Add) => {
    const sum = state.sum + event.n;
    event.reply?.(sum);
    return { sum };
  },
  () => {
    started += 1;
    return { sum: 0 };
  },
);

interface Ball {
  readonly type: "ball";
  readonly left: number;
}

/** The logic of a player; the other one is known only when both are there. */
const playerLogic = (other: () => { send(ball: Ball): void }, finished: () => void) =>
  fromTransition(
    ({ handled }: { handled: number }, { left }: Ball) => {
      if (left > 0) other().send({ type: "ball", left: left - 1 });
      else finished();
      return { handled: handled + 1 };
    },
    { handled: 0 },
  );

const xstate: Side = {
  counter() {
    return counterOf(createActor(counterLogic).start());
  },

  /** Events that are sent before `start` wait: the only mailbox that can become deep. */
  deepCounter() {
    return counterOf(createActor(counterLogic));
  },

  players() {
    let finished = () => {};
    const left: Player = createActor(
      playerLogic(
        () => right,
        () => finished(),
      ),
    ).start();
    const right: Player = createActor(
      playerLogic(
        () => left,
        () => finished(),
      ),
    ).start();
    const handled = () => left.getSnapshot().context.handled + right.getSnapshot().context.handled;
    return {
      async play(messages) {
        const before = handled();
        const over = new Promise<void>((resolve) => {
          finished = resolve;
        });
        left.send({ type: "ball", left: messages - 1 });
        await over;
        return handled() - before;
      },
    };
  },

  async startStop(actors) {
    const before = started;
    for (let i = 0; i < actors; i += 1) createActor(counterLogic).start().stop();
    return started - before;
  },

  idlers(actors) {
    const counters = new Array<Actor<typeof counterLogic>>(actors);
    for (let i = 0; i < actors; i += 1) counters[i] = createActor(counterLogic).start();
    return {
      count: () => counters.filter((one) => one.getSnapshot().status === "active").length,
      close: () => {
        for (const counter of counters) counter.stop();
      },
    };
  },
};

type Player = Actor<ReturnType<typeof playerLogic>>;

function counterOf(counter: Actor<typeof counterLogic>): Counter {
  return {
    call: () => new Promise((reply) => counter.send({ type: "add", n: 1, reply })),
    cast: () => counter.send({ type: "add", n: 1, reply: undefined }),
    async sum() {
      counter.start();
      return counter.getSnapshot().context.sum;
    },
    close: () => {
      counter.stop();
    },
  };
}

await serve(xstate, rows);
