/** A process that ends within an async handler: what that does later is seen by nobody. */
import { describe, expect, it } from "vitest";
import { type Ctx, defineActor, type ReplyTo } from "../../src/index.ts";
import {
  failure,
  gate,
  Puppet,
  type PuppetRef,
  reasonOf,
  settle,
  testSystem,
  word,
} from "../statements/support.ts";

/** A process in the middle of a handler that goes on when the gate is opened. */
async function setUp(then: (ctx: Ctx) => unknown = () => "late reply") {
  const all = testSystem();
  const log: string[] = [];
  const held = gate();
  const ref = await all.system.start(Puppet, log, { name: "one" });
  const signals: AbortSignal[] = [];
  const call = failure(
    ref.call("run", async (ctx) => {
      signals.push(ctx.signal);
      await held.promise;
      log.push("went on");
      return then(ctx);
    }),
  );
  await settle();
  return { ...all, log, held, ref, call, signal: signals[0] as AbortSignal };
}

type Setting = Awaited<ReturnType<typeof setUp>>;

const endings: readonly (readonly [how: string, end: (all: Setting) => unknown, reason: string])[] =
  [
    ["a kill", ({ system, ref }) => system.exit(ref, "kill"), "killed"],
    ["an exit signal", ({ system, ref }) => system.exit(ref, "shutdown"), "shutdown"],
    [
      "a stop with the reason killed",
      ({ system, ref }) => system.stop(ref, { reason: "killed" }),
      "killed",
    ],
    [
      "the end of a linked process",
      async ({ system, ref }) => {
        const peer: PuppetRef = await system.start(Puppet, []);
        await peer.call("run", (ctx) => ctx.link(ref));
        system.exit(peer, { shutdown: 1 });
      },
      "{shutdown}",
    ],
  ];

describe("a process that ends during an await", () => {
  for (const [how, end, reason] of endings) {
    it(`by ${how}, aborts the signal and tells its caller, at once`, async () => {
      const all = await setUp();
      const { signal, call, log } = all;
      expect(signal.aborted).toBe(false);
      let told: unknown;
      signal.addEventListener("abort", () => {
        told = signal.reason;
      });
      await end(all);
      expect(signal.aborted).toBe(true);
      expect(told).toMatchObject({ code: "ERR_PROCESS_EXITED", reason: signal.reason.reason });
      expect(word(signal.reason.reason)).toBe(reason);
      expect([reasonOf(await call), (await call).outcome]).toEqual([reason, "unknown"]);
      expect(log).toEqual([]);
    });
  }

  it("has no effects any more, and answers nobody", async () => {
    const kept: ReplyTo<unknown>[] = [];
    const all = await setUp((ctx) => {
      ctx.send(ctx.self, "note", "never");
      ctx.sendAfter(1, "note", "never");
      ctx.continue("note", "never");
      ctx.idleTimeout(1);
      ctx.monitor("nobody");
      ctx.stop("normal");
      return ctx.defer((to) => kept.push(to));
    });
    const { system, clock, log, held, ref, call, reports } = all;
    const other = await system.start(Puppet, log);
    system.exit(ref, "kill");
    await call;
    held.open();
    await clock.advanceAsync(10);
    expect([log, kept, clock.pending]).toEqual([["went on"], [], 0]);
    expect(reports).toEqual(["exit puppet killed"]);
    expect(system.inspect(other).mailbox).toBe(0);
  });

  it("does not disturb the process that has its name now, nor the state that it shares", async () => {
    const { system, log, held, ref } = await setUp((ctx) => {
      ctx.send(ctx.self, "note", "never");
      throw new Error("never");
    });
    system.exit(ref, "kill");
    const next = await system.start(Puppet, log, { name: "one" });
    held.open();
    await settle();
    expect(system.whereis("one")).toBe(next);
    expect(await next.call("run", () => "alive")).toBe("alive");
    expect(log).toEqual(["went on"]);
  });

  it("is not changed by what its state becomes, and cannot be looked at", async () => {
    const { system } = testSystem();
    const held = gate();
    const Counting = defineActor("counting", {
      init: () => ({ count: 0 }),
      casts: {
        late: async (s) => {
          await held.promise;
          s.count += 1;
        },
      },
    });
    const ref = await system.start(Counting);
    const state = await system.getState(ref);
    ref.cast("late");
    await settle();
    const looking = failure(system.getState(ref));
    system.exit(ref, "kill");
    expect([(await looking).code, (await looking).outcome]).toEqual([
      "ERR_PROCESS_EXITED",
      "not_run",
    ]);
    expect(() => system.inspect(ref)).toThrow("is not running");
    held.open();
    await settle();
    expect(state).toEqual({ count: 1 });
    expect((await failure(system.getState(ref))).code).toBe("ERR_NO_PROCESS");
  });

  it("in its init, is over: what init then returns or does is seen by nobody", async () => {
    const { system, clock, reports } = testSystem();
    const held = gate<object>();
    const log: string[] = [];
    const other = await system.start(Puppet, log);
    const Slow = defineActor("slow", {
      init: async (_: void, ctx) => {
        ctx.send(other, "note", "never");
        const state = await held.promise;
        ctx.sendAfter(1, "tick");
        log.push(`aborted: ${ctx.signal.aborted}`);
        return state;
      },
      info: { tick: () => log.push("never") },
    });
    const starting = failure(system.start(Slow, undefined, { name: "slow" }));
    await settle();
    system.exit(system.ref("slow"), "kill");
    expect(reasonOf(await starting)).toBe("killed");
    const next = await system.start(Puppet, log, { name: "slow" });
    held.open({});
    await clock.advanceAsync(10);
    expect(log).toEqual(["aborted: true"]);
    expect(system.whereis("slow")).toBe(next);
    expect(reports).toEqual(["exit slow killed"]);
  });

  it("in its terminate, is over: what terminate then throws is seen by nobody", async () => {
    const { system, reports } = testSystem();
    const held = gate();
    const Stuck = defineActor("stuck", { init: () => ({}), terminate: () => held.promise });
    const ref = await system.start(Stuck);
    const stopping = failure(system.stop(ref));
    await settle();
    system.exit(ref, "kill");
    expect(reasonOf(await stopping)).toBe("killed");
    held.fail(new Error("never"));
    await settle();
    expect(reports).toEqual(["exit stuck killed"]);
  });

  it("in an orderly way, finishes its handler first; its signal is aborted at the end", async () => {
    const { system, log, held, ref, call, signal } = await setUp((ctx) => ctx.fail("refused"));
    const stopping = system.stop(ref);
    await settle();
    expect(signal.aborted).toBe(false);
    held.open();
    expect((await call).code).toBe("refused");
    await stopping;
    expect([log, signal.aborted]).toEqual([["went on", "terminate normal"], true]);
  });

  it("by its own hand in a sync handler, goes on to the end of it and is seen no more", async () => {
    const { system, reports } = testSystem();
    const log: string[] = [];
    const ref = await system.start(Puppet, log);
    const call = failure(
      ref.call("run", (ctx) => {
        system.exit(ctx.self, "kill");
        ctx.send(ctx.self, "note", "never");
        log.push(`aborted: ${ctx.signal.aborted}`);
        throw new Error("never");
      }),
    );
    expect(reasonOf(await call)).toBe("killed");
    await settle();
    expect([log, reports]).toEqual([["aborted: true"], ["exit puppet killed"]]);
  });
});
