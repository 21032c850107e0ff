import { describe, expect, it } from "vitest";
import { type AnyRef, type Ctx, child, defineActor, supervisor } from "../../src/index.ts";
import {
  Counter,
  crash,
  failure,
  gate,
  Puppet,
  type PuppetRef,
  reasonOf,
  type Step,
  settle,
  Trapper,
  testSystem,
  watch,
} from "../statements/support.ts";

async function setUp() {
  const all = testSystem();
  const log: string[] = [];
  const parent = await all.system.start(Puppet, log, { name: "parent" });
  return { ...all, log, parent };
}

/** An actor whose start takes until the gate is opened. */
const slow = (held: Promise<unknown>, trapExit = false) =>
  defineActor("slow", {
    init: async (log: string[], ctx) => {
      await held;
      log.push(`init ended, aborted: ${ctx.signal.aborted}`);
      return { log };
    },
    calls: { ping: () => "pong" },
    terminate: (s) => s.log.push("slow terminates"),
    trapExit,
  });

describe("ctx.start and ctx.startLink", () => {
  it("begin at once, and are no effects: a handler that refuses has started all the same", async () => {
    const { system, parent } = await setUp();
    const refs: Promise<AnyRef>[] = [];
    const call = parent.call("run", (ctx) => {
      refs.push(ctx.start(Counter, { start: 1 }), ctx.startLink(Counter, { start: 2 }));
      ctx.fail("no");
    });
    expect((await failure(call)).code).toBe("no");
    const [apart, child] = await Promise.all(refs);
    expect(await apart?.query("get")).toBe(1);
    expect(system.inspect(parent).links).toEqual([child]);
    expect(system.inspect(apart as AnyRef)).toMatchObject({ parent: undefined, links: [] });
    expect(system.inspect(child as AnyRef)).toMatchObject({ parent, links: [parent] });
  });

  it("take options and reject as system.start does", async () => {
    const { system, parent } = await setUp();
    const codes = parent.call("run", async (ctx) => {
      const named = await ctx.startLink(Counter, { start: 1 }, { name: "one" });
      const errors = await Promise.all([
        failure(ctx.startLink(Counter, { start: 2 }, { name: "one" })),
        failure(ctx.start(Counter, { start: 2 }, { startTimeout: -1 })),
        failure(ctx.start(undefined as never)),
        failure(ctx.startLink("counter" as never)),
      ]);
      return [system.whereis("one") === named, ...errors.map(({ code }) => code)];
    });
    expect(await codes).toEqual([
      true,
      "ERR_ALREADY_STARTED",
      ...new Array(3).fill("ERR_INVALID_OPTION"),
    ]);
    expect(system.inspect(parent).links).toHaveLength(1);
    expect(system.inspectTree()).toHaveLength(1);
  });

  it("may be awaited in init, by a chain of children", async () => {
    const { system } = testSystem();
    const Nested = defineActor("nested", {
      init: async (depth: number, ctx): Promise<object> => {
        if (depth > 0) await ctx.startLink(Nested, depth - 1);
        return {};
      },
    });
    await system.start(Nested as never, 3 as never);
    expect(system.tree().split("\n")).toHaveLength(4);
  });

  it("do not start anything in a system that shuts down", async () => {
    const { system, parent } = await setUp();
    const held = gate();
    const call = parent.call("run", async (ctx) => {
      await held.promise;
      return (await failure(ctx.startLink(Counter, { start: 0 }))).code;
    });
    await settle();
    const down = system.shutdown();
    held.open();
    expect(await call).toBe("ERR_SYSTEM_STOPPED");
    await down;
  });
});

describe("a child", () => {
  it("dies with its parent, and the parent with it, unless they end normally", async () => {
    const { system, log, parent } = await setUp();
    const startLink: Step = (ctx) => ctx.startLink(Puppet, log);
    const first = (await parent.call("run", startLink)) as PuppetRef;
    const second = (await parent.call("run", startLink)) as PuppetRef;
    first.cast("run", (ctx) => ctx.stop());
    await settle();
    expect(await second.call("run", () => "alive")).toBe("alive");
    second.cast("run", (ctx) => ctx.stop("shutdown"));
    await settle();
    expect([system.inspectTree(), log]).toEqual([[], ["terminate normal", "terminate shutdown"]]);
  });

  it("whose init crashes ends the parent too, unless that traps exits", async () => {
    const Failing = defineActor("failing", { init: () => crash(undefined as never) });
    const { system, log, parent } = await setUp();
    const call = failure(parent.call("run", (ctx) => ctx.startLink(Failing)));
    expect(reasonOf(await call)).toBe("error:boom");
    const trapper = await system.start(Trapper, log);
    const code = trapper.call("run", async (ctx) => (await failure(ctx.startLink(Failing))).code);
    expect(await code).toBe("ERR_START");
    await settle();
    expect(log).toEqual(["exit failing <4> error:boom"]);
  });

  it("that is starting dies with its parent, and what its init then does is seen by nobody", async () => {
    const { system, log, reports, parent } = await setUp();
    const held = gate();
    const told = watch(
      parent.call("run", (ctx) => ctx.startLink(slow(held.promise), log, { name: "child" })),
    );
    await settle();
    system.exit(parent, { shutdown: 1 });
    await settle();
    expect([told.state, system.whereis("child"), system.inspectTree()]).toEqual([
      "rejected",
      undefined,
      [],
    ]);
    held.open();
    await settle();
    expect(log).toEqual(["init ended, aborted: true"]);
    expect(reports).toEqual(["exit puppet {shutdown}", "exit slow {shutdown}"]);
  });

  it("that is starting and traps exits comes up first, and then terminates", async () => {
    const { system, log, reports, parent } = await setUp();
    const held = gate();
    const call = failure(parent.call("run", (ctx) => ctx.startLink(slow(held.promise, true), log)));
    await settle();
    system.exit(parent, { shutdown: 1 });
    await call;
    expect(reports).toEqual(["exit puppet {shutdown}"]);
    held.open();
    await settle();
    expect(log).toEqual(["init ended, aborted: false", "slow terminates"]);
    expect(reports).toEqual(["exit puppet {shutdown}", "exit slow {shutdown}"]);
  });

  it("of a parent that ends normally lives on, also when it was starting", async () => {
    const { system, log, parent } = await setUp();
    const held = gate();
    parent.cast("run", (ctx) => {
      void ctx.startLink(slow(held.promise), log, { name: "child" });
      ctx.stop();
    });
    await settle();
    held.open();
    await settle();
    expect(await system.ref("child").call("ping")).toBe("pong");
    expect(system.inspect(system.ref("child")).links).toEqual([]);
  });

  it("whose name cannot be had leaves no trace at its parent", async () => {
    const { system, reports, parent } = await setUp();
    const claim = () => {
      throw new TypeError("no such name");
    };
    const name = { claim, toString: () => "nowhere" };
    const call = parent.call("run", (ctx) =>
      ctx.startLink(Counter, { start: 0 }, { name }).catch((error: Error) => error.message),
    );
    expect(await call).toBe("no such name");
    expect(system.inspect(parent).links).toEqual([]);
    await system.stop(parent, { reason: "shutdown" });
    expect([reports, system.inspectTree()]).toEqual([["exit puppet shutdown"], []]);
    await system.shutdown();
  });

  it("of a chain of 10,000 ends with it, and is shut down with it", async () => {
    const { system } = testSystem();
    const Nested = defineActor("nested", {
      init: () => ({}),
      calls: { nest: (_s, _: void, ctx): Promise<AnyRef> => ctx.startLink(Nested as never) },
    });
    const chain = async (length: number) => {
      const top: AnyRef = await system.start(Nested);
      let bottom = top;
      for (let n = 1; n < length; n += 1) bottom = (await bottom.call("nest")) as AnyRef;
      return { top, bottom };
    };
    let ends = 0;
    system.events.on("exit", () => {
      ends += 1;
    });
    const { bottom } = await chain(10_000);
    system.exit(bottom, "kill");
    expect([ends, system.inspectTree()]).toEqual([10_000, []]);
    await chain(1000);
    await system.shutdown();
    expect(ends).toBe(11_000);
  });
});

describe("an init that starts children", () => {
  it("and then fails takes them with it; one that refuses ends normally, and leaves them", async () => {
    const { system } = testSystem();
    const Parent = defineActor("parent", {
      init: async (end: Step, ctx) => {
        await ctx.startLink(Counter, { start: 0 });
        return end(ctx) ?? {};
      },
    });
    await failure(system.start(Parent, crash));
    await failure(system.start(Parent, (ctx) => ctx.stop("shutdown")));
    expect(system.inspectTree()).toEqual([]);
    await failure(system.start(Parent, (ctx) => ctx.fail("no")));
    expect(system.inspectTree()).toMatchObject([{ actor: "counter", links: [] }]);
    await system.shutdown();
  });
});

describe("a supervisor that is started by ctx.startLink", () => {
  const tree = (log: string[]) =>
    supervisor({
      strategy: "one_for_one",
      children: [child(Counter, { start: 0, log }, { name: "child" })],
    });

  it("is a child of the process, and stops its own children when that ends", async () => {
    const { system, reports, parent } = await setUp();
    const log: string[] = [];
    await parent.call("run", (ctx) => ctx.startLink(tree(log), { name: "tree" }));
    expect(system.inspect(system.ref("tree"))).toMatchObject({ parent, links: [parent] });
    const first = system.whereis("child");
    await failure(system.ref("child").call("crash"));
    await settle();
    expect(system.whereis("child")).not.toBe(first);
    reports.length = 0;
    log.length = 0;
    system.exit(parent, { shutdown: 1 });
    await settle();
    expect([log, system.inspectTree()]).toEqual([["terminate shutdown"], []]);
    expect(reports).toEqual([
      "exit puppet {shutdown}",
      "exit counter shutdown",
      "exit supervisor {shutdown}",
    ]);
  });

  it("is stopped after the process when the system shuts down", async () => {
    const { system, log, parent } = await setUp();
    await parent.call("run", (ctx) => ctx.startLink(tree(log)));
    await system.shutdown();
    expect(log).toEqual(["terminate shutdown", "terminate shutdown"]);
    expect(system.inspectTree()).toEqual([]);
  });
});

describe("a shutdown", () => {
  it("stops a parent first, in an orderly way; its children end by its exit signal", async () => {
    const { system, log, reports, parent } = await setUp();
    await parent.call("run", (ctx) => ctx.startLink(Trapper, log));
    await parent.call("run", (ctx) => ctx.startLink(Puppet, ["never terminates"]));
    await system.shutdown();
    expect(log).toEqual(["terminate shutdown", "terminate shutdown"]);
    expect(reports.sort()).toEqual([
      "exit puppet shutdown",
      "exit puppet shutdown",
      "exit trapper shutdown",
    ]);
  });

  it("waits for the children that terminate slowly, within their shutdown time", async () => {
    const { system, clock, reports, parent } = await setUp();
    const Stuck = defineActor("stuck", {
      init: () => ({}),
      terminate: () => new Promise(() => {}),
      trapExit: true,
    });
    await parent.call("run", (ctx: Ctx) => ctx.startLink(Stuck, undefined, { shutdown: 100 }));
    const down = watch(system.shutdown());
    await clock.advanceAsync(99);
    expect([down.state, reports]).toEqual(["pending", ["exit puppet shutdown"]]);
    await clock.advanceAsync(1);
    expect([down.state, reports]).toEqual([
      "resolved",
      ["exit puppet shutdown", "exit stuck killed"],
    ]);
  });

  it("stops children whose parent has ended normally as it stops any other", async () => {
    const { system, log, parent } = await setUp();
    await parent.call("run", async (ctx) => {
      await ctx.startLink(Puppet, log);
      ctx.stop();
    });
    log.length = 0;
    await system.shutdown();
    expect(log).toEqual(["terminate shutdown"]);
  });
});
