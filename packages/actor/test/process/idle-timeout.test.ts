import { describe, expect, it } from "vitest";
import { type Ctx, defineActor } from "../../src/index.ts";
import { crash, failure, gate, type Step, settle, testSystem } from "../statements/support.ts";

/** An actor with an idle timeout of 100 ms that writes down when it was idle. */
const Idle = defineActor("idle", {
  init: ({ log }: { log: string[]; step?: Step }) => ({ log }),
  calls: { run: (_s, step: Step, ctx) => step(ctx) },
  casts: { run: (_s, step: Step, ctx) => step(ctx) },
  info: {
    timeout: (s, _: void, ctx) => s.log.push(`timeout at ${ctx.now() - 1_000_000}`),
    tick: (s) => s.log.push("tick"),
  },
  continue: { run: (_s, step: Step, ctx) => step(ctx) },
  idleTimeout: 100,
});

async function setUp() {
  const all = testSystem();
  const log: string[] = [];
  return { ...all, log, ref: await all.system.start(Idle, { log }) };
}

describe("idleTimeout of a definition", () => {
  it("comes once per spell of idleness, and the next message begins a new one", async () => {
    const { clock, log, ref } = await setUp();
    await clock.advanceAsync(1000);
    expect(log).toEqual(["timeout at 100"]);
    ref.cast("run", () => {});
    await clock.advanceAsync(1000);
    expect(log).toEqual(["timeout at 100", "timeout at 1100"]);
  });

  it("counts from the end of an async handler", async () => {
    const { clock, log, ref } = await setUp();
    const held = gate();
    ref.cast("run", () => held.promise);
    await clock.advanceAsync(500);
    held.open();
    await clock.advanceAsync(99);
    expect(log).toEqual([]);
    await clock.advanceAsync(1);
    expect(log).toEqual(["timeout at 600"]);
  });

  it("counts from the start, and from a handler that refused", async () => {
    const { clock, log, ref } = await setUp();
    await clock.advanceAsync(60);
    await failure(ref.call("run", (ctx) => ctx.fail("no")));
    await clock.advanceAsync(99);
    expect(log).toEqual([]);
    await clock.advanceAsync(1);
    expect(log).toEqual(["timeout at 160"]);
  });

  it("is put off by a timer and by a continuation", async () => {
    const { clock, log, ref } = await setUp();
    await ref.call("run", (ctx) => ctx.sendAfter(60, "tick"));
    await clock.advanceAsync(159);
    expect(log).toEqual(["tick"]);
    await clock.advanceAsync(1);
    expect(log).toEqual(["tick", "timeout at 160"]);
    const held = gate();
    await ref.call("run", (ctx) => ctx.continue("run", () => held.promise));
    await clock.advanceAsync(200);
    held.open();
    await clock.advanceAsync(99);
    expect(log).toHaveLength(2);
    await clock.advanceAsync(1);
    expect(log).toEqual(["tick", "timeout at 160", "timeout at 460"]);
  });

  it("is not put off by a message that is refused unhandled", async () => {
    const { clock, log, ref } = await setUp();
    await clock.advanceAsync(60);
    ref.cast("never" as "run", crash);
    ref.send("never" as "tick");
    await failure(ref.call("never" as "run", crash));
    await clock.advanceAsync(40);
    expect(log).toEqual(["timeout at 100"]);
  });

  it("leaves no timer behind when the process ends", async () => {
    const { system, clock, ref } = await setUp();
    expect(clock.pending).toBe(1);
    system.exit(ref, "kill");
    await settle();
    expect(clock.pending).toBe(0);
  });

  it("needs a handler, and a duration", () => {
    const make = (idleTimeout: number, info = {}) =>
      defineActor("idle", { init: () => ({}), info, idleTimeout });
    expect(() => make(100)).toThrow("invalid option info.timeout: expected a handler");
    for (const ms of [-1, Number.NaN, "5" as unknown as number]) {
      expect(() => make(ms, { timeout: () => {} })).toThrow("invalid option idleTimeout");
    }
  });
});

describe("ctx.idleTimeout", () => {
  it("takes the place of the definition's, this time only", async () => {
    const { clock, log, ref } = await setUp();
    await ref.call("run", (ctx) => ctx.idleTimeout(300));
    await clock.advanceAsync(299);
    expect(log).toEqual([]);
    await clock.advanceAsync(1);
    ref.cast("run", () => {});
    await clock.advanceAsync(1000);
    expect(log).toEqual(["timeout at 300", "timeout at 400"]);
  });

  it("of Infinity is no timeout, this time only", async () => {
    const { clock, log, ref } = await setUp();
    await ref.call("run", (ctx) => ctx.idleTimeout(Number.POSITIVE_INFINITY));
    await clock.advanceAsync(10_000);
    expect([log, clock.pending]).toEqual([[], 0]);
    ref.cast("run", () => {});
    await clock.advanceAsync(100);
    expect(log).toEqual(["timeout at 10100"]);
  });

  it("of the same handler: the last one counts", async () => {
    const { clock, log, ref } = await setUp();
    await ref.call("run", (ctx) => {
      ctx.idleTimeout(10);
      ctx.idleTimeout(20);
    });
    await clock.advanceAsync(50);
    expect(log).toEqual(["timeout at 20"]);
  });

  it("in the handler of the timeout makes it come again and again", async () => {
    const { system, clock } = testSystem();
    let beats = 0;
    const Beating = defineActor("beating", {
      init: (_: void, ctx) => {
        ctx.idleTimeout(10);
        return {};
      },
      info: {
        timeout: (_s, _: void, ctx) => {
          beats += 1;
          ctx.idleTimeout(10);
        },
      },
    });
    await system.start(Beating);
    await clock.advanceAsync(100);
    expect(beats).toBe(10);
  });

  it("of a handler that refuses has not happened", async () => {
    const { clock, log, ref } = await setUp();
    const refused = (ctx: Ctx) => {
      ctx.idleTimeout(10);
      ctx.fail("no");
    };
    await failure(ref.call("run", refused));
    await clock.advanceAsync(99);
    expect(log).toEqual([]);
  });

  it("of 0 lets what is queued go first, and others have their turns", async () => {
    const { log, ref } = await setUp();
    ref.cast("run", (ctx) => ctx.idleTimeout(0));
    ref.cast("run", () => log.push("queued"));
    await settle();
    expect(log).toEqual(["queued"]);
    await ref.call("run", (ctx) => ctx.idleTimeout(0));
    await settle();
    expect(log).toEqual(["queued", "timeout at 0"]);
  });

  it("that has fired while the process was suspended is handled when it goes on", async () => {
    const { system, clock, log, ref } = await setUp();
    await system.suspend(ref);
    await clock.advanceAsync(200);
    expect(log).toEqual([]);
    await system.resume(ref);
    await settle();
    expect(log).toEqual(["timeout at 200"]);
  });

  it("refuses a bad duration, and an actor without a handler for timeout", async () => {
    const { system, ref } = await setUp();
    const tried = (step: Step) => (ctx: Ctx) => {
      try {
        return step(ctx);
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(
      await ref.call(
        "run",
        tried((ctx) => ctx.idleTimeout(-1)),
      ),
    ).toContain("option ms");
    const Deaf = defineActor("deaf", {
      init: () => ({}),
      calls: { run: (_s, step: Step, ctx) => step(ctx) },
    });
    const deaf = await system.start(Deaf);
    expect(
      await deaf.call(
        "run",
        tried((ctx) => ctx.idleTimeout(1)),
      ),
    ).toBe('deaf <2> has no info "timeout"; it has none');
  });
});
