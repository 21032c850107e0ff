/** How a process starts, and what `init` may do. */
import { describe, expect, it } from "vitest";
import { type CrashEvent, type Ctx, defineActor, type ExitReason } from "../../src/index.ts";
import {
  Counter,
  crash,
  failure,
  gate,
  Puppet,
  reasonOf,
  type Step,
  settle,
  Trapper,
  testSystem,
  watch,
} from "./support.ts";

/** An actor whose `init` is given by the test; its `terminate` must never run after a failure. */
const terminated: unknown[] = [];
const Started = defineActor("started", {
  init: (init: (ctx: Ctx) => unknown, ctx) => init(ctx),
  calls: { ping: () => "pong" },
  terminate: (_s, reason) => terminated.push(reason),
});

/** An `init` that ends with a reason of its own. */
const stopping = (reason: ExitReason) => (ctx: Ctx) => ctx.stop(reason);

describe("start", () => {
  it("1. start returns only after init has finished; when init ends with reason R, start rejects with StartError and R, and a linked starter also gets the exit signal R", async () => {
    const { system } = testSystem();
    const held = gate<object>();
    const starting = watch(system.start(Started, () => held.promise));
    await settle();
    expect(starting.state).toBe("pending");
    held.open({});
    await settle();
    expect(starting.state).toBe("resolved");

    const error = await failure(system.start(Started, stopping({ shutdown: "no" })));
    expect([error.code, error.outcome, error.data]).toEqual([
      "ERR_START",
      "unknown",
      { target: "started <2>", reason: { shutdown: "no" } },
    ]);

    const log: string[] = [];
    const trapper = await system.start(Trapper, log);
    const startLink = async (ctx: Ctx) =>
      reasonOf(await failure(ctx.startLink(Started, stopping({ shutdown: "no" }))));
    expect(await trapper.call("run", startLink)).toBe("{shutdown}");
    await settle();
    expect(log).toEqual(["exit started <4> {shutdown}"]);
    const puppet = await system.start(Puppet, log);
    expect(reasonOf(await failure(puppet.call("run", startLink)))).toBe("{shutdown}");
  });

  it("2. init that returns an error R: start rejects with R, the process exits normally, and there is no crash report (here: init refuses with ctx.fail)", async () => {
    const { system, reports } = testSystem();
    const log: string[] = [];
    const puppet = await system.start(Puppet, log);
    const refusals: readonly Step[] = [
      (ctx) => ctx.fail("no_disk", { free: 0 }),
      async (ctx) => ctx.fail("no_disk", { free: 0 }),
    ];
    for (const init of refusals) {
      const startLink = (ctx: Ctx) => failure(ctx.startLink(Started, init, { name: "one" }));
      const error = (await puppet.call("run", startLink)) as Awaited<ReturnType<typeof failure>>;
      expect([error.code, reasonOf(error)]).toEqual(["ERR_START", "error:refused: no_disk"]);
      expect(error.cause).toMatchObject({ code: "no_disk", data: { free: 0 } });
      expect(system.whereis("one")).toBeUndefined();
    }
    expect(reports).toEqual(["exit started normal", "exit started normal"]);
    expect([log, await puppet.call("run", () => "alive")]).toEqual([[], "alive"]);
  });

  it("3. init that ignores: start returns ignore and the process exits normally (here: there is no ignore; a normal ctx.stop in init rejects with StartError and the reason normal)", async () => {
    const { system, reports } = testSystem();
    const log: string[] = [];
    const puppet = await system.start(Puppet, log);
    const told = await puppet.call("run", async (ctx: Ctx) =>
      reasonOf(await failure(ctx.startLink(Started, stopping("normal"), { name: "one" }))),
    );
    expect(told).toBe("normal");
    expect(reports).toEqual(["exit started normal"]);
    expect([system.whereis("one"), log]).toEqual([undefined, []]);
  });

  it("4. A bad return value of init fails the start with it, an error thrown in init with the error and its stack, and an exit in init with its reason (here: the only bad return value is none at all)", async () => {
    const { system, reports } = testSystem();
    for (const init of [crash, async () => crash(undefined as never)]) {
      const error = await failure(system.start(Started, init));
      const { reason } = error.data as { reason: { error: { stack: string } } };
      expect(reason.error).toMatchObject({ name: "Error", message: "boom" });
      expect(reason.error.stack).toContain("support.ts");
      expect(error.cause).toEqual(new Error("boom"));
    }
    const exits: Step = (ctx) => system.exit(ctx.self, { shutdown: "own" });
    expect(reasonOf(await failure(system.start(Started, exits)))).toBe("{shutdown}");
    expect(reports).toEqual([
      "crash started in init",
      "exit started error:boom",
      "crash started in init",
      "exit started error:boom",
      "exit started {shutdown}",
    ]);
    for (const init of [() => {}, async () => {}]) {
      const error = await failure(system.start(Started, init));
      expect(reasonOf(error)).toMatch(/returned nothing, expected the state$/);
      expect(error.cause).toMatchObject({ code: "ERR_NO_STATE" });
    }
    for (const state of [null, 0, false, "", Symbol.for("state")]) {
      const ref = await system.start(Started, () => state);
      expect(await system.getState(ref)).toBe(state);
    }
  });

  it("5. An init that takes longer than the start timeout: the process is killed, start rejects, and nothing leaks", async () => {
    const { system, clock, reports } = testSystem();
    const held = gate<object>();
    const seen: { ctx?: Ctx } = {};
    const init = (ctx: Ctx) => {
      seen.ctx = ctx;
      return held.promise;
    };
    const starting = watch(system.start(Started, init, { name: "slow", startTimeout: 100 }));
    await settle();
    const waiting = failure(system.whereis("slow")?.call("ping") ?? Promise.reject());
    await clock.advanceAsync(99);
    expect(starting.state).toBe("pending");
    await clock.advanceAsync(1);
    expect(reasonOf(starting.error)).toBe("error:init did not finish within 100 ms");
    expect((await waiting).outcome).toBe("not_run");
    expect(seen.ctx?.signal.aborted).toBe(true);
    held.open({});
    await settle();
    expect(reports).toEqual(["exit started killed"]);
    expect([system.whereis("slow"), system.inspectTree(), clock.pending]).toEqual([
      undefined,
      [],
      0,
    ]);
  });

  it("6. A name is registered before init runs; on any failure of init it is free before the starter is told, so an immediate retry never sees AlreadyStartedError", async () => {
    const { system, clock } = testSystem();
    const seen: unknown[] = [];
    const options = { name: "one", startTimeout: 100 };
    const looking = (ctx: Ctx) => seen.push(system.whereis("one") === ctx.self);
    const never = () => new Promise(() => {});
    const failing: readonly Step[] = [
      crash,
      stopping("normal"),
      async () => crash(undefined as never),
      never,
    ];
    for (const init of failing) {
      const both = (ctx: Ctx) => {
        looking(ctx);
        return init(ctx);
      };
      const retry = system
        .start(Started, both, options)
        .catch(() => system.start(Counter, { start: 0 }, { name: "one" }));
      const killed = system.events;
      killed.once("exit", () => seen.push(system.whereis("one") === undefined));
      await clock.advanceAsync(100);
      const again = await retry;
      expect(system.whereis("one")).toBe(again);
      await system.stop(again);
    }
    expect(seen).toEqual(failing.flatMap(() => [true, true]));
  });

  it("7. A name that is taken: start rejects with AlreadyStartedError and the ref of its owner, and the second init never runs", async () => {
    const { system } = testSystem();
    const first = await system.start(Counter, { start: 0 }, { name: "one" });
    let runs = 0;
    const init = () => {
      runs += 1;
    };
    const error = await failure(system.start(Started, init, { name: "one" }));
    expect([error.code, error.outcome, error.data]).toEqual([
      "ERR_ALREADY_STARTED",
      "not_run",
      { name: "one", ref: first },
    ]);
    const held = gate<object>();
    const starting = system.start(Started, () => held.promise, { name: "two" });
    expect((await failure(system.start(Started, init, { name: "two" }))).data).toEqual({
      name: "two",
      ref: system.whereis("two"),
    });
    held.open({});
    expect(await (await starting).call("ping")).toBe("pong");
    expect(runs).toBe(0);
  });

  it("8. terminate never runs when init has failed", async () => {
    const { system, clock } = testSystem();
    terminated.length = 0;
    const crashes: CrashEvent[] = [];
    system.events.on("crash", (event) => crashes.push(event));
    await failure(system.start(Started, crash));
    await failure(system.start(Started, stopping("shutdown")));
    const slow = failure(system.start(Started, () => new Promise(() => {}), { startTimeout: 10 }));
    await clock.advanceAsync(10);
    await slow;
    expect([terminated, crashes.length]).toEqual([[], 1]);
    const ref = await system.start(Started, () => ({}));
    await system.stop(ref);
    expect(terminated).toEqual(["normal"]);
  });
});
