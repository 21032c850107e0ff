import { describe, expectTypeOf, it } from "vitest";
import {
  ActorSystem,
  type AnyActorDefinition,
  type AnyRef,
  type CallOptions,
  type ChildSpec,
  type Ctx,
  child,
  createSystem,
  defineActor,
  type ExitReason,
  type Ref,
  type RefOf,
  type SupervisorRef,
  type SystemEvents,
  supervisor,
} from "../src/index.ts";

const Counter = defineActor("counter", {
  version: 1,
  init: (a: { start: number }) => ({ count: a.start }),
  queries: {
    get: (s) => {
      expectTypeOf(s).toEqualTypeOf<{ count: number }>();
      return s.count;
    },
    between: (s, range: { low: number; high: number }) => s.count > range.low,
  },
  calls: {
    add: (s, n: number) => {
      s.count += n;
      return s.count;
    },
    take: (s, n: number, ctx) => {
      expectTypeOf(ctx).toEqualTypeOf<Ctx<{ count: number }>>();
      return s.count < n ? ctx.fail("insufficient", { have: s.count }) : s.count - n;
    },
    load: async (s, id: string) => ({ id, count: s.count }),
    label: (s, prefix?: string) => `${prefix ?? ""}${s.count}`,
    none: () => undefined,
  },
  casts: {
    reset: (s, _: void, ctx) => {
      s.count = 0;
      ctx.sendAfter(1000, "tick");
    },
    set: (s, n: number) => {
      s.count = n;
    },
  },
  info: {
    tick: (s) => {
      s.count++;
    },
  },
  terminate: (s, reason) => {
    expectTypeOf(s).toEqualTypeOf<{ count: number }>();
    expectTypeOf(reason).toEqualTypeOf<ExitReason>();
  },
});

declare const counter: RefOf<typeof Counter>;
declare const system: ActorSystem;
/** Checked by the compiler only: what stands inside is never run. */
const check = (_: () => unknown) => {};

describe("the types of a definition", () => {
  it("take the state from init, also from an async one", () => {
    expectTypeOf(Counter.name).toEqualTypeOf<"counter">();
    const Late = defineActor("late", {
      init: async (n: number) => ({ list: [n] }),
      calls: { first: (s) => s.list[0] },
    });
    check(async () => {
      const ref = await system.start(Late, 1);
      expectTypeOf(await ref.call("first")).toEqualTypeOf<number | undefined>();
    });
  });

  it("are those of any definition", () => {
    expectTypeOf(Counter).toExtend<AnyActorDefinition>();
  });

  it("refuse a handler that reads what the state does not have", () => {
    defineActor("typo", {
      init: () => ({ count: 0 }),
      // @ts-expect-error there is no such field
      calls: { add: (s, n: number) => s.cuont + n },
    });
  });
});

describe("the types of a ref", () => {
  it("take argument and reply from the handler", () => {
    check(() => {
      expectTypeOf(counter.call("add", 5)).toEqualTypeOf<Promise<number>>();
      expectTypeOf(counter.call("take", 2)).toEqualTypeOf<Promise<number>>();
      expectTypeOf(counter.query("get")).toEqualTypeOf<Promise<number>>();
      expectTypeOf(counter.call("none")).toEqualTypeOf<Promise<undefined>>();
      expectTypeOf(counter.cast("set", 1)).toEqualTypeOf<void>();
    });
  });

  it("await the reply of an async handler", () => {
    check(() => {
      const loaded = counter.call("load", "x");
      expectTypeOf(loaded).toEqualTypeOf<Promise<{ id: string; count: number }>>();
    });
  });

  it("let an optional or void argument be left out, and options follow it", () => {
    check(() => {
      counter.call("label");
      counter.call("label", "n: ");
      counter.call("label", undefined, { timeout: 10 });
      counter.query("get", undefined, { timeout: 5, signal: AbortSignal.timeout(5) });
      counter.query("between", { low: 1, high: 2 }, { timeout: 5 });
      counter.cast("reset");
      counter.cast("reset", undefined);
    });
  });

  it("refuse a wrong operation", () => {
    check(() => {
      // @ts-expect-error a query is not a call
      counter.call("get");
      // @ts-expect-error there is no such call
      counter.call("ad", 5);
      // @ts-expect-error a call is not a cast
      counter.cast("add", 5);
      // @ts-expect-error an info is not for callers
      counter.cast("tick");
      // @ts-expect-error a cast is not a query
      counter.query("reset");
    });
  });

  it("refuse a wrong, missing or superfluous argument", () => {
    check(() => {
      // @ts-expect-error a number is needed
      counter.call("add", "5");
      // @ts-expect-error the argument is missing
      counter.call("add");
      // @ts-expect-error there is no argument
      counter.query("get", 5);
      // @ts-expect-error the argument is missing a field
      counter.query("between", { low: 1 });
      // @ts-expect-error options come third
      counter.query("get", { timeout: 5 });
      // @ts-expect-error a cast has no options
      counter.cast("set", 1, { timeout: 5 });
      // @ts-expect-error there is no such option
      counter.call("add", 5, { timout: 10 });
    });
  });

  it("are told apart by definition, and all are refs", () => {
    const Other = defineActor("other", { init: () => ({}), calls: { go: () => 1 } });
    expectTypeOf<RefOf<typeof Counter>>().toExtend<AnyRef>();
    expectTypeOf<RefOf<typeof Other>>().toExtend<AnyRef>();
    expectTypeOf<RefOf<typeof Other>>().not.toExtend<RefOf<typeof Counter>>();
    check((): Ref<object, object, object> => counter);
  });
});

describe("the types of a start", () => {
  it("give the ref of the definition and ask for its argument", () => {
    check(async () => {
      expectTypeOf(await system.start(Counter, { start: 0 })).toEqualTypeOf(counter);
      await system.start(Counter, { start: 0 }, { name: "c1", startTimeout: 10 });
      // @ts-expect-error the argument is missing
      await system.start(Counter);
      // @ts-expect-error the argument is wrong
      await system.start(Counter, { start: "0" });
      // @ts-expect-error there is no such option
      await system.start(Counter, { start: 0 }, { nmae: "c1" });
    });
  });

  it("let an absent argument be left out", () => {
    const Empty = defineActor("empty", { init: () => ({ n: 0 }), queries: { n: (s) => s.n } });
    const Void = defineActor("void", {
      init: (_: void) => ({ n: 0 }),
      queries: { n: (s) => s.n },
    });
    check(async () => {
      expectTypeOf(await (await system.start(Empty)).query("n")).toEqualTypeOf<number>();
      await system.start(Empty, undefined, { name: "e" });
      expectTypeOf(await (await system.start(Void)).query("n")).toEqualTypeOf<number>();
    });
  });

  it("give a supervisor's ref for a supervisor", () => {
    const App = supervisor({ strategy: "one_for_one", children: [] });
    check(async () => {
      expectTypeOf(await system.start(App)).toEqualTypeOf<SupervisorRef>();
      await system.start(App, { name: "app" });
      await system.stop(await system.start(App));
    });
  });

  it("type what a name finds by the definition that is given", () => {
    check(() => {
      expectTypeOf(system.whereis("c1")).toEqualTypeOf<AnyRef | undefined>();
      expectTypeOf(system.whereis("c1", Counter)).toEqualTypeOf<typeof counter | undefined>();
    });
  });
});

describe("the types of a child", () => {
  it("ask for the argument of the definition", () => {
    check(() => {
      expectTypeOf(child(Counter, { start: 0 })).toEqualTypeOf<ChildSpec<typeof counter>>();
      child(Counter, { start: 0 }, { id: "c1", restart: "transient", shutdown: "brutal_kill" });
      child(supervisor({ strategy: "one_for_one", children: [] }), { id: "sub" });
      // @ts-expect-error the argument is missing
      child(Counter);
      // @ts-expect-error there is no such restart
      child(Counter, { start: 0 }, { restart: "sometimes" });
      // @ts-expect-error there is no such strategy
      supervisor({ strategy: "one_for_two", children: [] });
    });
  });
});

describe("the types of a system", () => {
  it("let a subclass add events, and it is still a system", () => {
    interface NodeEvents extends SystemEvents {
      nodeup: { readonly name: string };
    }
    class Node extends ActorSystem<NodeEvents> {
      up(name: string): void {
        this.emit("nodeup", { name });
        // @ts-expect-error the payload is wrong
        this.emit("nodeup", { nmae: name });
      }
    }
    check((): ActorSystem => new Node());
    check(() => {
      new Node().events.on("nodeup", (e) => expectTypeOf(e.name).toEqualTypeOf<string>());
      new Node().events.on("exit", (e) => expectTypeOf(e.ref).toEqualTypeOf<AnyRef>());
      // @ts-expect-error there is no such event
      new Node().events.on("nodeupp", () => {});
    });
  });

  it("know the options", () => {
    expectTypeOf<CallOptions>().toEqualTypeOf<{
      readonly timeout?: number;
      readonly signal?: AbortSignal;
    }>();
    check(() => createSystem({ mailboxCapacity: 10, logger: false }));
    // @ts-expect-error there is no such option
    check(() => createSystem({ mailboxCapcity: 10 }));
  });
});
