/**
 * The peers that Troupe is measured beside, behind one shape: a counter that can be asked and told.
 */
import { createSystem, defineActor } from "@troupe/actor";
import { dispatch, query, type Ref, spawn, start, stop } from "nact";

/** A counter behind some actor library. */
export interface Peer {
  readonly name: string;
  /** Adds and waits for the sum. */
  call(): Promise<number>;
  /** Adds and waits for nothing. */
  cast(): void;
  /** Resolves when everything that was cast has been done, with the sum. */
  settled(): Promise<number>;
  close(): Promise<void>;
}

const Counter = defineActor("counter", {
  init: () => ({ sum: 0 }),
  queries: { get: (state) => state.sum },
  calls: { add: (state, n: number) => (state.sum += n) },
  casts: {
    add: (state, n: number) => {
      state.sum += n;
    },
  },
});

/** Call timeouts are on, as they are for every user. */
export async function troupe(): Promise<Peer> {
  const system = createSystem();
  const counter = await system.start(Counter);
  return {
    name: "troupe",
    call: () => counter.call("add", 1),
    cast: () => counter.cast("add", 1),
    settled: () => counter.query("get"),
    close: () => system.shutdown(),
  };
}

type NactMessage = { readonly add: number; readonly from?: Ref<number> };

/** nact demands a timeout for each query, so it has one here too. */
export async function nact(): Promise<Peer> {
  const system = start();
  const counter = spawn(system, (sum: number | undefined, message: NactMessage) => {
    const next = (sum ?? 0) + message.add;
    if (message.from !== undefined) dispatch(message.from, next);
    return next;
  });
  const ask = (add: number) => query(counter, (from: Ref<number>) => ({ add, from }), 5000);
  return {
    name: "nact",
    call: () => ask(1),
    cast: () => dispatch(counter, { add: 1 }),
    settled: () => ask(0),
    close: async () => stop(system),
  };
}
