import { describe, expect, it } from "vitest";
import { type AnyRef, type Ctx, createSystem, defineActor, type ReplyTo } from "../../src/index.ts";
import {
  Counter,
  crash,
  failure,
  Gate,
  gate,
  Puppet,
  type PuppetRef,
  reasonOf,
  settle,
  Trapper,
  testSystem,
  watch,
} from "../statements/support.ts";

describe("the counts of a system", () => {
  it("are of its processes, and of what waits in all their mailboxes", async () => {
    const { system } = testSystem();
    expect([system.processCount, system.queuedCount]).toEqual([0, 0]);
    const one = await system.start(Puppet, []);
    const other = await system.start(Puppet, []);
    for (const ref of [one, other]) await system.suspend(ref);
    one.send("note", "1");
    one.send("note", "2");
    other.send("note", "3");
    expect([system.processCount, system.queuedCount]).toEqual([2, 3]);
    system.exit(other, "kill");
    await settle();
    expect([system.processCount, system.queuedCount]).toEqual([1, 2]);
  });
});

describe("inspect", () => {
  it("tells the figures of a process, also of one that is busy", async () => {
    const { system } = testSystem();
    const log: string[] = [];
    const ref = await system.start(Puppet, log, { name: "one" });
    const idle = {
      ref,
      actor: "puppet",
      name: "one",
      status: "waiting",
      parent: undefined,
      mailbox: 0,
      openCalls: 0,
      operation: undefined,
      handled: 0,
      timers: 0,
      monitors: 0,
      effects: 0,
      links: [],
      deferred: 0,
      state: { log },
    };
    expect(system.inspect(ref)).toEqual(idle);

    const peer = await system.start(Puppet, []);
    const kept: ReplyTo<unknown>[] = [];
    const deferred = failure(ref.call("run", (ctx) => ctx.defer((to) => kept.push(to))));
    await ref.call("run", (ctx) => {
      ctx.sendAfter(1000, "note", "tick");
      ctx.monitor(peer);
      ctx.link(peer);
    });
    const held = gate();
    const busy = failure(ref.call("run", () => held.promise));
    await settle();
    const queued = failure(ref.call("run", crash));
    ref.cast("note", "queued");
    expect(system.inspect(ref)).toEqual({
      ...idle,
      status: "busy",
      mailbox: 2,
      openCalls: 3,
      operation: "run",
      handled: 3,
      timers: 1,
      monitors: 1,
      links: [peer],
      deferred: 1,
    });
    system.exit(ref, "kill");
    await Promise.all([deferred, busy, queued]);
  });

  it("tells what a process is doing", async () => {
    const { system } = testSystem();
    const [starting, ending] = [gate<object>(), gate()];
    const Slow = defineActor("slow", {
      init: () => starting.promise,
      calls: { ping: () => "pong" },
      terminate: () => ending.promise,
    });
    const start = system.start(Slow, undefined, { name: "slow" });
    const status = () => system.inspect(system.ref("slow")).status;
    expect(status()).toBe("starting");
    await settle();
    expect(status()).toBe("starting");
    starting.open({});
    const ref = await start;
    expect(status()).toBe("waiting");
    const pong = ref.call("ping");
    expect(status()).toBe("ready");
    await pong;
    await system.suspend(ref);
    expect(status()).toBe("suspended");
    await system.resume(ref);
    const stopping = system.stop(ref);
    await settle();
    expect(status()).toBe("terminating");
    ending.open();
    await stopping;
    expect(() => system.inspect(ref)).toThrow("slow <1> is not running");
  });

  it("refuses what is no process of the system", async () => {
    const { system } = testSystem();
    const other = createSystem({ logger: false });
    const foreign = await other.start(Puppet, []);
    for (const ref of [foreign, system.ref("nobody"), "one" as never, undefined as never]) {
      expect(() => system.inspect(ref)).toThrow("is not running");
      expect(() => system.trace(ref, () => {})).toThrow("is not running");
      for (const asked of [system.getState(ref), system.suspend(ref), system.resume(ref)]) {
        expect((await failure(asked)).code).toBe("ERR_NO_PROCESS");
      }
    }
    await other.shutdown();
  });
});

describe("the tree", () => {
  it("shows each process below the one that started and linked it", async () => {
    const { system } = testSystem();
    const parent = await system.start(Puppet, [], { name: "top" });
    const child = (await parent.call("run", (ctx) => ctx.startLink(Trapper, []))) as PuppetRef;
    await parent.call("run", (ctx) => ctx.startLink(Counter, { start: 0 }));
    await child.call("run", (ctx) => ctx.startLink(Puppet, [], { name: "deep" }));
    await parent.call("run", (ctx) => ctx.start(Puppet, []));
    await system.suspend(child);
    child.cast("note", "queued");
    await settle();
    expect(system.tree()).toBe(
      [
        'puppet <1> "top" waiting, 0 queued, 3 handled',
        "├─ trapper <2> suspended, 1 queued, 1 handled",
        '│  └─ puppet <4> "deep" waiting, 0 queued, 0 handled',
        "└─ counter <3> waiting, 0 queued, 0 handled",
        "puppet <5> waiting, 0 queued, 0 handled",
      ].join("\n"),
    );
    const [top] = system.inspectTree();
    expect(top?.children.map(({ parent: above }) => above)).toEqual([parent, parent]);
    await parent.call("run", (ctx) => ctx.stop());
    expect(system.inspectTree().map(({ actor }) => actor)).toContain("counter");
  });

  it("may be of any depth", async () => {
    const { system } = testSystem();
    const Nested = defineActor("nested", {
      init: () => ({}),
      calls: { nest: (_s, _: void, ctx): Promise<AnyRef> => ctx.startLink(Nested as never) },
    });
    let bottom: AnyRef = await system.start(Nested);
    for (let n = 1; n < 10_000; n += 1) bottom = (await bottom.call("nest")) as AnyRef;
    let depth = 0;
    for (let [node] = system.inspectTree(); node !== undefined; [node] = node.children) depth += 1;
    expect(depth).toBe(10_000);
  });

  it("of a system without processes is empty", () => {
    const { system } = testSystem();
    expect([system.tree(), system.inspectTree()]).toEqual(["", []]);
  });
});

describe("getState and replaceState", () => {
  it("take their turn between two messages, in order with the caller's own", async () => {
    const { system } = testSystem();
    const held = gate();
    const ref = await system.start(Counter, { start: 1 });
    const call = ref.call("wait", held.promise);
    ref.cast("bump", 1);
    const counts: number[] = [];
    const seen = watch(
      system.replaceState(ref, (s) => {
        counts.push(s.count);
        return s;
      }),
    );
    const replaced = system.replaceState(ref, (s) => ({ ...s, count: s.count * 10 }));
    ref.cast("bump", 1);
    await settle();
    expect(seen.state).toBe("pending");
    held.open();
    expect(await system.getState(ref)).toBe(await replaced);
    expect([await call, counts, seen.state]).toEqual([1, [2], "resolved"]);
    expect(await ref.query("get")).toBe(21);
  });

  it("wait for a process that is starting, and fail when it does not come up", async () => {
    const { system } = testSystem();
    const held = gate<object>();
    const Slow = defineActor("slow", { init: () => held.promise });
    const starting = failure(system.start(Slow, undefined, { name: "slow" }));
    const state = failure(system.getState(system.ref("slow")));
    await settle();
    held.fail(new Error("boom"));
    await starting;
    expect([reasonOf(await state), (await state).outcome]).toEqual(["error:boom", "not_run"]);
  });

  it("give up after their timeout, and then change nothing", async () => {
    const { system, clock } = testSystem();
    const held = gate();
    const ref = await system.start(Counter, { start: 1 });
    const call = ref.call("wait", held.promise, { timeout: 60_000 });
    await settle();
    const options = { timeout: 10 };
    const asked = [
      failure(system.getState(ref, options)),
      failure(system.replaceState(ref, () => ({ count: 99, log: [] }), options)),
      failure(system.suspend(ref, options)),
      failure(system.getState(ref)),
    ];
    await clock.advanceAsync(5000);
    const codes = (await Promise.all(asked)).map(({ code }) => code);
    expect(codes).toEqual(new Array(4).fill("ERR_CALL_TIMEOUT"));
    held.open();
    expect([await call, await ref.query("get")]).toEqual([1, 1]);
    await settle();
    expect([system.inspect(ref).status, clock.pending]).toEqual(["waiting", 0]);
    const forever = system.getState(ref, { timeout: Number.POSITIVE_INFINITY });
    expect(await forever).toEqual({ count: 1, log: ["waited"] });
    const bad = await failure(system.getState(ref, { timeout: -1 }));
    expect(bad.code).toBe("ERR_INVALID_OPTION");
  });

  it("of a process that asks for itself fail at once instead of waiting for themselves", async () => {
    const { system } = testSystem();
    const ref = await system.start(Puppet, []);
    const code = ref.call("run", async (ctx) => (await failure(system.getState(ctx.self))).code);
    expect(await code).toBe("ERR_CALLING_SELF");
  });
});

describe("suspend and resume", () => {
  it("hold a process between two messages, not in the middle of one", async () => {
    const { system } = testSystem();
    const log: string[] = [];
    const held = gate();
    const ref = await system.start(Puppet, log);
    ref.cast("run", async () => {
      await held.promise;
      log.push("ran to its end");
    });
    const suspended = watch(system.suspend(ref));
    ref.cast("note", "later");
    await settle();
    expect(suspended.state).toBe("pending");
    held.open();
    await settle();
    expect([suspended.state, log]).toEqual(["resolved", ["ran to its end"]]);
    await system.suspend(ref);
    await system.resume(ref);
    await system.resume(ref);
    await settle();
    expect(log).toEqual(["ran to its end", "later"]);
  });

  it("keep what the runtime has to say for later, in order", async () => {
    const { system, clock } = testSystem();
    const log: string[] = [];
    const ref = await system.start(Trapper, log);
    const peer = await system.start(Puppet, []);
    await ref.call("run", (ctx) => {
      ctx.monitor(peer);
      ctx.link(peer);
      ctx.sendAfter(10, "note", "timer");
    });
    await system.suspend(ref);
    ref.cast("note", "cast");
    system.exit(peer, "kill");
    await clock.advanceAsync(10);
    expect(log).toEqual([]);
    await system.resume(ref);
    await settle();
    expect(log).toEqual(["cast", `down ${peer} killed`, `exit ${peer} killed`, "timer"]);
  });

  it("answer deferred calls of a suspended process all the same", async () => {
    const { system } = testSystem();
    const ref = await system.start(Gate);
    const reply = ref.call("pass");
    const [to] = await ref.call("keys");
    await system.suspend(ref);
    const clerk = await system.start(Puppet, []);
    await clerk.call("run", (ctx: Ctx) => ctx.reply(to as ReplyTo<string>, "answered"));
    expect(await reply).toBe("answered");
    await system.shutdown();
    expect(system.inspectTree()).toEqual([]);
  });

  it("leave a process that is asked to stop before it is held to its stop", async () => {
    const { system } = testSystem();
    const log: string[] = [];
    const held = gate();
    const ref = await system.start(Puppet, log);
    ref.cast("run", () => held.promise);
    await settle();
    const suspended = watch(system.suspend(ref));
    ref.cast("note", "never");
    const stopped = watch(system.stop(ref));
    held.open();
    await settle();
    expect([suspended.state, stopped.state, log]).toEqual([
      "resolved",
      "resolved",
      ["terminate normal"],
    ]);
  });
});
