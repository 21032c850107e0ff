import { describe, expect, it } from "vitest";
import { type Ctx, defineActor } from "../../src/index.ts";
import { failure, gate, settle, testSystem } from "../support/harness.ts";

/** An actor whose handlers are given by the test. */
type Step = (ctx: Ctx) => unknown;
const Puppet = defineActor("puppet", {
  init: (log: string[]) => log,
  calls: { run: (_log, step: Step, ctx) => step(ctx) },
  casts: { run: (_log, step: Step, ctx) => step(ctx) },
  info: { tick: (log, arg: unknown) => log.push(`tick ${arg}`) },
  terminate: (log, reason) => log.push(`terminate ${String(reason)}`),
});

async function setUp(mailboxCapacity = 1000) {
  const all = testSystem({ mailboxCapacity });
  const log: string[] = [];
  return { ...all, log, ref: await all.system.start(Puppet, log) };
}

describe("ctx", () => {
  it("takes time, chance and identifiers from what the system was given", async () => {
    const { system, clock } = testSystem({ random: () => 0.5 });
    clock.advance(5);
    const ref = await system.start(Puppet, []);
    const seen = await ref.call("run", (ctx) => [ctx.now(), ctx.random(), ctx.id()]);
    expect(seen).toEqual([1_000_005, 0.5, "80000000800000008000000080000000"]);
  });

  it("knows its own process", async () => {
    const { ref } = await setUp();
    expect(await ref.call("run", (ctx) => ctx.self === ref)).toBe(true);
  });
});

describe("ctx.sendAfter", () => {
  it("sends an info message after its time", async () => {
    const { clock, log, ref } = await setUp();
    await ref.call("run", (ctx) => ctx.sendAfter(100, "tick", "a"));
    await clock.advanceAsync(99);
    expect(log).toEqual([]);
    await clock.advanceAsync(1);
    expect(log).toEqual(["tick a"]);
    await clock.advanceAsync(1000);
    expect(log).toEqual(["tick a"]);
  });

  it("counts from the return of the handler, also of an async one", async () => {
    const { clock, log, ref } = await setUp();
    const held = gate();
    const call = ref.call("run", async (ctx) => {
      ctx.sendAfter(100, "tick", "a");
      await held.promise;
    });
    await clock.advanceAsync(100);
    held.open();
    await call;
    await clock.advanceAsync(99);
    expect(log).toEqual([]);
    await clock.advanceAsync(1);
    expect(log).toEqual(["tick a"]);
  });

  it("has not happened when the handler refuses", async () => {
    const { clock, log, ref } = await setUp();
    await failure(
      ref.call("run", (ctx) => {
        ctx.sendAfter(1, "tick", "a");
        ctx.stop();
        ctx.fail("no");
      }),
    );
    await clock.advanceAsync(10);
    expect(log).toEqual([]);
    expect(await ref.call("run", () => "alive")).toBe("alive");
  });

  it("of an unknown info throws at once, in the handler", async () => {
    const { ref } = await setUp();
    const code = await ref.call("run", (ctx) => {
      try {
        return ctx.sendAfter(1, "tock");
      } catch (error) {
        return (error as { message: string }).message;
      }
    });
    expect(code).toBe('puppet <1> has no info "tock"; it has tick');
  });

  it("refuses a bad delay by name", async () => {
    const { ref } = await setUp();
    const error = await failure(ref.call("run", (ctx) => ctx.sendAfter(-1, "tick")));
    expect(error.message).toContain("invalid option ms");
  });

  it("works in init, and not when init fails", async () => {
    const { system, clock } = testSystem();
    const log: string[] = [];
    const Eager = defineActor("eager", {
      init: (fails: boolean, ctx) => {
        ctx.sendAfter(1, "tick");
        if (fails) throw new Error("no");
        return {};
      },
      info: { tick: () => log.push("tick") },
    });
    await failure(system.start(Eager, true));
    await system.start(Eager, false);
    await clock.advanceAsync(1);
    expect(log).toEqual(["tick"]);
  });

  it("dies with the process", async () => {
    const { system, clock, log, ref } = await setUp();
    await ref.call("run", (ctx) => ctx.sendAfter(10, "tick"));
    await system.stop(ref);
    await settle();
    expect(clock.pending).toBe(0);
    await clock.advanceAsync(10);
    expect(log).toEqual(["terminate normal"]);
  });

  it("is bounded by the capacity of the mailbox", async () => {
    const { ref } = await setUp(2);
    const error = await failure(
      ref.call("run", (ctx) => [1, 2, 3].map((ms) => ctx.sendAfter(ms, "tick"))),
    );
    expect((error.data as { reason: { error: object } }).reason.error).toMatchObject({
      code: "ERR_MAILBOX_FULL",
    });
  });

  it("is not lost in a full mailbox", async () => {
    const { clock, log, ref } = await setUp(1);
    const held = gate();
    await ref.call("run", (ctx) => ctx.sendAfter(5, "tick", "a"));
    ref.cast("run", () => held.promise);
    await settle();
    ref.cast("run", () => log.push("cast"));
    await clock.advanceAsync(5);
    held.open();
    await settle();
    expect(log).toEqual(["cast", "tick a"]);
  });

  it("throws when it is used after the handler has ended", async () => {
    const { ref } = await setUp();
    let kept: Ctx | undefined;
    await ref.call("run", (ctx) => {
      kept = ctx;
    });
    expect(() => kept?.sendAfter(1, "tick")).toThrow("after the handler had ended");
    expect(() => kept?.stop()).toThrow("ctx.stop was used after");
  });
});

describe("ctx.cancel", () => {
  it("takes a timer back, and says so only once", async () => {
    const { clock, log, ref } = await setUp();
    const id = (await ref.call("run", (ctx) => ctx.sendAfter(10, "tick"))) as string;
    const twice = await ref.call("run", (ctx) => [ctx.cancel(id), ctx.cancel(id)]);
    expect(twice).toEqual([true, false]);
    await clock.advanceAsync(10);
    expect(log).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it("takes back a timer of the same handler", async () => {
    const { clock, log, ref } = await setUp();
    await ref.call("run", (ctx) => ctx.cancel(ctx.sendAfter(10, "tick")));
    await settle();
    expect(clock.pending).toBe(0);
    await clock.advanceAsync(10);
    expect(log).toEqual([]);
  });

  it("takes back a timer that has fired and whose message still waits", async () => {
    const { clock, log, ref } = await setUp();
    const held = gate();
    const id = (await ref.call("run", (ctx) => ctx.sendAfter(10, "tick"))) as string;
    const cancelled = ref.call("run", async (ctx) => {
      await held.promise;
      return ctx.cancel(id);
    });
    await clock.advanceAsync(10);
    held.open();
    expect(await cancelled).toBe(true);
    await settle();
    expect(log).toEqual([]);
  });

  it("has not happened when the handler refuses", async () => {
    const { clock, log, ref } = await setUp();
    const id = (await ref.call("run", (ctx) => ctx.sendAfter(10, "tick", "a"))) as string;
    await failure(
      ref.call("run", (ctx) => {
        ctx.cancel(id);
        ctx.fail("no");
      }),
    );
    await clock.advanceAsync(10);
    expect(log).toEqual(["tick a"]);
  });

  it("is false for a timer that has been handled or never was", async () => {
    const { clock, ref } = await setUp();
    const id = (await ref.call("run", (ctx) => ctx.sendAfter(1, "tick"))) as string;
    await clock.advanceAsync(1);
    expect(await ref.call("run", (ctx) => [ctx.cancel(id), ctx.cancel("t99")])).toEqual([
      false,
      false,
    ]);
  });
});

describe("ctx.stop", () => {
  it("ends the process once the handler has returned, before the next message", async () => {
    const { log, reports, ref } = await setUp();
    ref.cast("run", (ctx) => {
      ctx.stop("shutdown");
      log.push("still here");
    });
    const next = await failure(ref.call("run", () => log.push("never")));
    expect(next.outcome).toBe("not_run");
    expect(log).toEqual(["still here", "terminate shutdown"]);
    expect(reports).toEqual(["exit puppet shutdown"]);
  });

  it("refuses what is no exit reason", async () => {
    const { ref } = await setUp();
    const error = await failure(ref.call("run", (ctx) => ctx.stop("bored" as never)));
    expect(error.message).toContain("invalid option reason");
  });
});
