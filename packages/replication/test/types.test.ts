import { type ChildSpec, defineActor, type EffectResult } from "@troupe/actor";
import type { Node } from "@troupe/cluster";
import { describe, expectTypeOf, test } from "vitest";
import {
  type GroupOptions,
  type GroupRef,
  type ReplicaStatus,
  replicate,
  replicated,
} from "../src/index.ts";

const Counter = defineActor("counter", {
  init: (arg: { start: number }) => ({ count: arg.start }),
  queries: { get: (s) => s.count },
  calls: {
    add: (s, n: number) => s.count + n,
    refuse: (_s, _: undefined, ctx) => ctx.fail("no"),
    label: (s, prefix?: string) => `${prefix ?? ""}${s.count}`,
  },
  casts: {
    set: (s, n: number) => {
      s.count = n;
    },
  },
});

declare const node: Node;
declare const options: GroupOptions;
/** Checked by the compiler only: what stands inside is never run. */
const check = (_: () => unknown) => {};

describe("the types of a replicated actor", () => {
  test("come from its definition", () => {
    check(async () => {
      const ref = await replicate(node, Counter, { start: 0 }, options);
      expectTypeOf(ref.call("add", 5)).toEqualTypeOf<Promise<number>>();
      expectTypeOf(ref.call("refuse")).toEqualTypeOf<Promise<never>>();
      expectTypeOf(ref.call("label")).toEqualTypeOf<Promise<string>>();
      expectTypeOf(ref.query("get")).toEqualTypeOf<Promise<number>>();
      expectTypeOf(ref.cast("set", 1)).toEqualTypeOf<void>();
      expectTypeOf(ref.close()).toEqualTypeOf<Promise<void>>();
      expectTypeOf(ref.group).toEqualTypeOf<string>();
      expectTypeOf(ref).toExtend<
        GroupRef<typeof Counter.queries, typeof Counter.calls, typeof Counter.casts>
      >();
    });
  });

  test("refuse wrong operations and arguments", () => {
    check(async () => {
      const ref = await replicate(node, Counter, { start: 0 }, options);
      // @ts-expect-error there is no such call
      ref.call("ad", 5);
      // @ts-expect-error a query is not a call
      ref.call("get");
      // @ts-expect-error it takes a number
      ref.call("add", "5");
      // @ts-expect-error it takes an argument
      ref.call("add");
      // @ts-expect-error init takes { start }
      replicate(node, Counter, { begin: 0 }, options);
      // @ts-expect-error a group has a name
      replicate(node, Counter, { start: 0 }, { replicas: ["a"] });
    });
  });

  test("refuse an asynchronous handler, and name it", () => {
    const Late = defineActor("late", {
      init: () => ({ count: 0 }),
      queries: { get: (s) => s.count },
      calls: { load: async (s) => s.count },
    });
    const LateQuery = defineActor("late", { init: () => ({}), queries: { get: async () => 1 } });
    const LateCast = defineActor("late", { init: () => ({}), casts: { set: async () => {} } });
    const LateInfo = defineActor("late", { init: () => ({}), info: { tick: async () => {} } });
    const LateStep = defineActor("late", { init: () => ({}), continue: { next: async () => {} } });
    const Perhaps = defineActor("perhaps", {
      init: () => ({ count: 0 }),
      calls: { load: (s) => (s.count > 0 ? s.count : Promise.resolve(1)) },
    });
    check(() => {
      // @ts-expect-error "load" is asynchronous
      replicate(node, Late, undefined, options);
      // @ts-expect-error "get" is asynchronous
      replicate(node, LateQuery, undefined, options);
      // @ts-expect-error "set" is asynchronous
      replicate(node, LateCast, undefined, options);
      // @ts-expect-error "tick" is asynchronous
      replicate(node, LateInfo, undefined, options);
      // @ts-expect-error "next" is asynchronous
      replicate(node, LateStep, undefined, options);
      // @ts-expect-error "next" is asynchronous
      replicated(LateStep, undefined, options);
      // @ts-expect-error "load" is asynchronous now and then
      replicate(node, Perhaps, undefined, options);
      // @ts-expect-error "load" is asynchronous
      replicated(Late, undefined, options);
    });
  });

  test("take an asynchronous effect, whose run is typed", () => {
    const Till = defineActor("till", {
      init: () => ({ paid: 0 }),
      calls: { charge: (_s, sum: number, ctx) => ctx.effect("charge", sum, { info: "charged" }) },
      info: {
        charged: (s, result: EffectResult<number>) => {
          if ("value" in result) s.paid += result.value;
          else expectTypeOf(result.error.message).toEqualTypeOf<string>();
        },
      },
      effects: {
        charge: async (sum: number, run) => {
          expectTypeOf(run.id).toEqualTypeOf<string>();
          expectTypeOf(run.signal).toEqualTypeOf<AbortSignal>();
          return sum;
        },
      },
    });
    check(async () => {
      const till = await replicate(node, Till, undefined, options);
      expectTypeOf(till.call("charge", 1)).toEqualTypeOf<Promise<string>>();
    });
  });

  test("take an actor without tables, and a handler that answers anything", () => {
    const Bare = defineActor("bare", { init: () => 0 });
    const Loose = defineActor("loose", {
      init: () => ({}),
      calls: { echo: (_s, arg: unknown) => arg, none: () => undefined },
    });
    const Ticking = defineActor("ticking", {
      init: () => ({ n: 0 }),
      calls: { begin: (_s, _: void, ctx) => ctx.continue("next") },
      info: { tick: (s, by: number) => (s.n += by) },
      continue: { next: (s) => s.n++ },
    });
    check(async () => {
      replicate(node, Bare, undefined, options);
      const ticking = await replicate(node, Ticking, undefined, options);
      ticking.send("tick", 1);
      // @ts-expect-error it takes a number
      ticking.send("tick", "1");
      // @ts-expect-error there is no such message
      ticking.send("tock");
      const ref = await replicate(node, Loose, undefined, options);
      expectTypeOf(ref.call("echo", 1)).toEqualTypeOf<Promise<unknown>>();
    });
  });

  test("make a child spec like any other", () => {
    check(() => {
      const spec = replicated(Counter, { start: 0 }, { ...options, restart: "transient" });
      expectTypeOf(spec).toEqualTypeOf<ChildSpec>();
      // @ts-expect-error there is no such restart
      replicated(Counter, { start: 0 }, { ...options, restart: "always" });
    });
  });

  test("tell a replica that answered from one that did not", () => {
    check(() => {
      const status = {} as ReplicaStatus;
      if (status.reachable) expectTypeOf(status.commit).toEqualTypeOf<number>();
      // @ts-expect-error only one that answered has said it
      else status.commit;
    });
  });
});
