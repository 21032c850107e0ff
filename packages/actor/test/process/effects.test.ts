/** Effects: they take place in order, when the handler has returned, or not at all. */
import { describe, expect, it } from "vitest";
import { type AnyRef, type Ctx, defineActor } from "../../src/index.ts";
import {
  crash,
  failure,
  gate,
  Puppet,
  reasonOf,
  type Step,
  settle,
  Trapper,
  testSystem,
} from "../statements/support.ts";

async function setUp() {
  const all = testSystem();
  const log: string[] = [];
  return {
    ...all,
    log,
    puppet: await all.system.start(Puppet, log),
    other: await all.system.start(Puppet, log),
  };
}

describe("effects", () => {
  it("take place in the order in which they were asked for, once the handler has returned", async () => {
    const { log, puppet, other } = await setUp();
    await puppet.call("run", (ctx) => {
      ctx.send(other, "note", "one");
      ctx.cast(other, "note", "two");
      ctx.send(ctx.self, "note", "to itself");
      ctx.cast(other, "note", "three");
      log.push("returned");
    });
    await settle();
    expect(log).toHaveLength(5);
    expect(log[0]).toBe("returned");
    expect(log.filter((line) => /^(one|two|three)$/.test(line))).toEqual(["one", "two", "three"]);
    expect(log).toContain("to itself");
  });

  it("of an async handler wait until it has settled", async () => {
    const { log, puppet, other } = await setUp();
    const held = gate();
    const reply = puppet.call("run", async (ctx) => {
      ctx.send(other, "note", "before the wait");
      await held.promise;
      ctx.send(other, "note", "after it");
    });
    await settle();
    expect(log).toEqual([]);
    held.open();
    await reply;
    await settle();
    expect(log).toEqual(["before the wait", "after it"]);
  });

  const every: Step = (ctx) => {
    const { self } = ctx;
    ctx.send(self, "note", "send");
    ctx.cast(self, "note", "cast");
    ctx.sendAfter(1, "note", "sendAfter");
    ctx.continue("note", "continue");
    ctx.idleTimeout(1);
    ctx.monitor("nobody");
    ctx.exit(self, "kill");
    ctx.stop("shutdown");
  };

  it("of a handler that refuses have all not happened", async () => {
    const { system, clock, log, puppet } = await setUp();
    const refusing: readonly Step[] = [
      (ctx) => {
        every(ctx);
        ctx.fail("no");
      },
      async (ctx) => {
        every(ctx);
        await settle();
        every(ctx);
        ctx.fail("no");
      },
    ];
    for (const step of refusing) {
      expect((await failure(puppet.call("run", step))).code).toBe("no");
      await clock.advanceAsync(10);
    }
    expect(log).toEqual([]);
    expect(system.inspect(puppet)).toMatchObject({ timers: 0, monitors: 0, status: "waiting" });
  });

  it("of a handler that throws have all not happened, and it ends with what it threw", async () => {
    const { clock, log, reports, puppet } = await setUp();
    const call = puppet.call("run", (ctx) => {
      every(ctx);
      throw new Error("boom");
    });
    expect(reasonOf(await failure(call))).toBe("error:boom");
    await clock.advanceAsync(10);
    expect(log).toEqual(["terminate error:boom"]);
    expect(reports).toEqual(["crash puppet in run", "exit puppet error:boom"]);
  });

  it("end with the process: what was asked for after its own end does not happen", async () => {
    const ends: readonly ((ctx: Ctx, dead: AnyRef) => void)[] = [
      (ctx) => ctx.exit(ctx.self, "shutdown"),
      (ctx) => ctx.exit(ctx.self, "kill"),
      (ctx, dead) => ctx.link(dead),
    ];
    for (const end of ends) {
      const { system, clock, log, reports, puppet, other } = await setUp();
      const dead = await system.start(Puppet, []);
      await system.stop(dead);
      const trapper = await system.start(Trapper, log);
      reports.length = 0;
      const call = failure(
        puppet.call("run", (ctx) => {
          ctx.send(other, "note", "before");
          end(ctx, dead);
          ctx.send(other, "note", "after");
          ctx.link(trapper);
          ctx.exit(other, "kill");
          ctx.continue("note", "after");
          ctx.sendAfter(1, "note", "after");
          ctx.monitor(other);
        }),
      );
      await call;
      await clock.advanceAsync(10);
      expect(log).toEqual(["before"]);
      expect([system.inspect(trapper).links, clock.pending]).toEqual([[], 0]);
      expect(reports).toHaveLength(1);
    }
  });

  it("of a stop come before terminate, and those of a continuation never", async () => {
    const { log, puppet, other } = await setUp();
    await puppet.call("run", (ctx) => {
      ctx.stop("shutdown");
      ctx.cast(other, "note", "sent");
    });
    await settle();
    expect(log.sort()).toEqual(["sent", "terminate shutdown"]);
  });

  it("of init take place when it is done, and not at all when it has failed", async () => {
    const { system, log, other } = await setUp();
    const Eager = defineActor("eager", {
      init: (init: Step, ctx) => {
        ctx.send(other, "note", "from init");
        init(ctx);
        return {};
      },
    });
    await failure(system.start(Eager, crash));
    await failure(system.start(Eager, (ctx) => ctx.stop()));
    await failure(system.start(Eager, (ctx) => ctx.fail("no")));
    await settle();
    expect(log).toEqual([]);
    await system.start(Eager, () => {});
    await settle();
    expect(log).toEqual(["from init"]);
  });

  it("to a ref that throws, against its contract, end the process and disturb nobody else", async () => {
    const { system, reports, puppet, other } = await setUp();
    const broken = {
      address: other.address,
      send: () => crash(undefined as never),
      cast: () => crash(undefined as never),
    } as unknown as AnyRef;
    const call = watchSettled(puppet.call("run", (ctx) => ctx.send(broken, "note")));
    await settle();
    expect(await call).not.toBe("pending");
    expect(await other.call("run", () => "alive")).toBe("alive");
    expect(reports.filter((line) => line.startsWith("crash"))).toHaveLength(
      system.localRef(puppet.address.id) === undefined ? 1 : 0,
    );
  });

  it("to what is no ref are the error of the handler", async () => {
    const { puppet } = await setUp();
    for (const target of [undefined, "puppet", {}]) {
      for (const method of ["send", "cast"] as const) {
        const code = await puppet.call("run", (ctx) => {
          try {
            return ctx[method](target as unknown as AnyRef, "note");
          } catch (error) {
            return (error as { code: string }).code;
          }
        });
        expect(code).toBe("ERR_INVALID_OPTION");
      }
    }
  });
});

/** What became of a promise by the next turn. */
async function watchSettled(promise: Promise<unknown>): Promise<string> {
  const late = settle().then(() => "pending");
  return Promise.race([promise.then(() => "resolved").catch(() => "rejected"), late]);
}

describe("a ctx that is used after its handler", () => {
  it("throws OutsideHandlerError for every effect, and goes on telling time and chance", async () => {
    const { log, puppet, other } = await setUp();
    let kept: Ctx | undefined;
    await puppet.call("run", (ctx) => {
      kept = ctx;
    });
    const ctx = kept as Ctx;
    const effects: readonly [string, () => unknown][] = [
      ["stop", () => ctx.stop()],
      ["sendAfter", () => ctx.sendAfter(1, "note", "late")],
      ["cancel", () => ctx.cancel("t1")],
      ["send", () => ctx.send(other, "note", "late")],
      ["cast", () => ctx.cast(other, "note", "late")],
      ["defer", () => ctx.defer(() => {})],
      ["continue", () => ctx.continue("note", "late")],
      ["idleTimeout", () => ctx.idleTimeout(1)],
      ["monitor", () => ctx.monitor(other)],
      ["demonitor", () => ctx.demonitor("m1")],
      ["link", () => ctx.link(other)],
      ["unlink", () => ctx.unlink(other)],
      ["exit", () => ctx.exit(other, "kill")],
    ];
    for (const [method, effect] of effects) {
      expect(effect).toThrow(`ctx.${method} was used after the handler had ended`);
    }
    expect([ctx.now(), ctx.id().length, ctx.self]).toEqual([1_000_000, 32, puppet]);
    expect(ctx.random()).toBeGreaterThanOrEqual(0);
    await settle();
    expect(log).toEqual([]);
    expect(await other.call("run", () => "alive")).toBe("alive");
  });

  it("does nothing once the process is dead", async () => {
    const { system, clock, log, puppet, other } = await setUp();
    let kept: Ctx | undefined;
    await puppet.call("run", (ctx) => {
      kept = ctx;
    });
    await system.stop(puppet);
    const ctx = kept as Ctx;
    ctx.send(other, "note", "late");
    ctx.link(other);
    expect([ctx.monitor(other), ctx.sendAfter(1, "note", "late")]).toEqual(["", ""]);
    expect(ctx.signal.aborted).toBe(true);
    expect((await failure(ctx.start(Puppet, []))).code).toBe("ERR_NO_PROCESS");
    await clock.advanceAsync(10);
    expect([log, system.inspect(other).links]).toEqual([["terminate normal"], []]);
  });
});
