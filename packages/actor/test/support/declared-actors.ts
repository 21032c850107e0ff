/**
 * What an application exports: compiled with declarations by `declarations.test.ts`, and imported
 * as an application imports it.
 */
import { child, createSystem, defineActor, type RefOf, supervisor } from "@troupe/actor";

export const Counter = defineActor("counter", {
  version: 1,
  init: (a: { start: number }) => ({ count: a.start, seen: new Map<string, Date>() }),
  queries: { get: (s) => s.count },
  calls: {
    add: (s, n: number) => {
      s.count += n;
      return s.count;
    },
    take: (s, n: number, ctx) =>
      s.count < n ? ctx.fail("insufficient", { have: s.count }) : s.count - n,
    later: async (s, text?: string) => ({ text, at: s.seen.get("x") }),
  },
  casts: {
    reset: (s, _: undefined, ctx) => {
      s.count = 0;
      ctx.sendAfter(1000, "tick");
    },
  },
  info: {
    tick: (s) => {
      s.count++;
    },
  },
  terminate: (s, reason) => [s, reason],
});

export const Empty = defineActor("empty", { init: () => null });

export const App = supervisor({
  strategy: "one_for_one",
  maxRestarts: 3,
  maxSeconds: 5,
  children: [child(Counter, { start: 0 }, { id: "c1", restart: "permanent", shutdown: 5000 })],
});

export type CounterRef = RefOf<typeof Counter>;

export const system = createSystem();
export const starting = system.start(Counter, { start: 0 });
export const startingApp = system.start(App);
