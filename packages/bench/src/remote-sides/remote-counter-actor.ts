/** The actor that Troupe's remote side calls, known to both of its programs. */
import { defineActor } from "@troupe/actor";

/** Handshakes are authenticated, as they are for every user. */
export const benchKeys = ["the key of the benchmark"];

export const RemoteCounterActor = defineActor("remote-counter", {
  init: () => ({ sum: 0 }),
  queries: { get: (state) => state.sum },
  calls: {
    add: (state, n: number) => (state.sum += n),
    echo: (_state, payload: string) => payload,
  },
  casts: {
    add: (state, n: number) => {
      state.sum += n;
    },
  },
});
