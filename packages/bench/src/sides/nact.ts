/**
 * nact's side. It demands a timeout for each query, so it has Troupe's here.
 *
 * Its actors need a name to be many: the names that it draws are 31 bits and must not meet.
 */
import { dispatch, query, type Ref, spawn, start, stop } from "nact";
import { rows, type Side } from "./loads.ts";
import { serve } from "./serve.ts";

/** `from` is where the answer goes, when one is wanted. */
interface Add {
  readonly add: number;
  readonly from?: Ref<number>;
}

/** A ball, or the question how many there were. */
interface Ball {
  readonly left?: number;
  readonly from?: Ref<number>;
}

const callTimeoutMs = 5000;

function add(sum: number | undefined, message: Add): number {
  const next = (sum ?? 0) + message.add;
  if (message.from !== undefined) dispatch(message.from, next);
  return next;
}

/** Where actors come and go. */
const busy = start();

const nact: Side = {
  counter() {
    const system = start();
    const counter = spawn(system, add, "counter");
    return {
      call: () => query(counter, (from: Ref<number>) => ({ add: 1, from }), callTimeoutMs),
      cast: () => dispatch(counter, { add: 1 }),
      sum: () => query(counter, (from: Ref<number>) => ({ add: 0, from }), 60_000),
      close: () => stop(system),
    };
  },

  players() {
    const system = start();
    let finished = () => {};
    const player = (name: string, other: () => Ref<Ball>) =>
      spawn(
        system,
        (handled: number | undefined, { left, from }: Ball) => {
          if (from !== undefined) dispatch(from, handled ?? 0);
          if (left === undefined) return handled;
          if (left > 0) dispatch(other(), { left: left - 1 });
          else finished();
          return (handled ?? 0) + 1;
        },
        name,
      );
    const left: Ref<Ball> = player("left", () => right);
    const right: Ref<Ball> = player("right", () => left);
    const handledBy = (ref: Ref<Ball>) =>
      query(ref, (from: Ref<number>) => ({ from }), callTimeoutMs);
    const handled = async () => (await handledBy(left)) + (await handledBy(right));
    return {
      async play(messages) {
        const before = await handled();
        const over = new Promise<void>((resolve) => {
          finished = resolve;
        });
        dispatch(left, { left: messages - 1 });
        await over;
        return (await handled()) - before;
      },
    };
  },

  /** `stop` does not say when it is done; all that were stopped are waited for at the end. */
  async startStop(actors) {
    let stopped = 0;
    const over = new Promise<void>((resolve) => {
      const afterStop = () => {
        stopped += 1;
        if (stopped === actors) resolve();
      };
      for (let i = 0; i < actors; i += 1) stop(spawn(busy, add, `c${i}`, { afterStop }));
    });
    await over;
    return stopped;
  },

  idlers(actors) {
    const system = start();
    const refs = new Array<Ref<Add>>(actors);
    for (let i = 0; i < actors; i += 1) {
      refs[i] = spawn(system, add, `c${i}`, { initialState: 0 });
    }
    return { count: () => refs.length, close: () => stop(system) };
  },
};

await serve(nact, rows);
