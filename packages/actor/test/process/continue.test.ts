import { describe, expect, it } from "vitest";
import { type Ctx, defineActor } from "../../src/index.ts";
import {
  crash,
  failure,
  gate,
  Puppet,
  reasonOf,
  settle,
  testSystem,
} from "../statements/support.ts";

async function setUp() {
  const all = testSystem();
  const log: string[] = [];
  return { ...all, log, puppet: await all.system.start(Puppet, log) };
}

describe("ctx.continue", () => {
  it("of a handler that throws or refuses has not happened", async () => {
    const { log, puppet } = await setUp();
    await failure(
      puppet.call("run", (ctx) => {
        ctx.continue("note", "never");
        ctx.fail("no");
      }),
    );
    expect(await puppet.call("run", () => "alive")).toBe("alive");
    await failure(
      puppet.call("run", (ctx) => {
        ctx.continue("note", "never");
        throw new Error("boom");
      }),
    );
    expect(log).toEqual(["terminate error:boom"]);
  });

  it("of a handler that stops never runs", async () => {
    const { log, puppet } = await setUp();
    await puppet.call("run", (ctx) => {
      ctx.continue("note", "never");
      ctx.stop();
    });
    expect(log).toEqual(["terminate normal"]);
  });

  it("runs before what was queued while an async handler held the mailbox", async () => {
    const { log, puppet } = await setUp();
    const held = gate();
    const reply = puppet.call("run", async (ctx) => {
      await held.promise;
      ctx.continue("run", async (next: Ctx) => {
        await settle();
        log.push("continued");
        next.continue("note", "chained");
      });
    });
    puppet.cast("note", "queued");
    await settle();
    held.open();
    await reply;
    await settle();
    await settle();
    expect(log).toEqual(["continued", "chained", "queued"]);
  });

  it("that crashes ends the process, and the crash names it", async () => {
    const { log, reports, puppet } = await setUp();
    const replied = puppet.call("run", (ctx) => ctx.continue("run", crash));
    const queued = failure(puppet.call("run", () => log.push("never")));
    expect(await replied).toBeUndefined();
    expect(reasonOf(await queued)).toBe("error:boom");
    expect(reports).toEqual(["crash puppet in run", "exit puppet error:boom"]);
  });

  it("that refuses is a dead letter, and the process goes on", async () => {
    const { reports, puppet } = await setUp();
    await puppet.call("run", (ctx) => ctx.continue("run", (next: Ctx) => next.fail("no")));
    expect(await puppet.call("run", () => "alive")).toBe("alive");
    expect(reports).toEqual(["dead continue run refused"]);
  });

  it("from init runs when the start has succeeded, and may crash the process", async () => {
    const { system, reports } = testSystem();
    const Eager = defineActor("eager", {
      init: (_: void, ctx) => {
        ctx.continue("load");
        return {};
      },
      continue: { load: () => crash(undefined as never) },
    });
    const ref = await system.start(Eager);
    await settle();
    expect(system.localRef(ref.address.id)).toBeUndefined();
    expect(reports).toEqual(["crash eager in load", "exit eager error:boom"]);
  });

  it("of an init that fails never runs", async () => {
    const { system } = testSystem();
    const log: string[] = [];
    const Eager = defineActor("eager", {
      init: (fails: boolean, ctx) => {
        ctx.continue("load");
        if (fails) throw new Error("no");
        ctx.stop("shutdown");
      },
      continue: { load: () => log.push("load") },
    });
    for (const fails of [true, false]) await failure(system.start(Eager, fails));
    await settle();
    expect(log).toEqual([]);
  });

  it("without end does not keep others from their turns, nor a kill", async () => {
    const { system, puppet } = await setUp();
    let rounds = 0;
    const again = (ctx: Ctx) => {
      rounds += 1;
      ctx.continue("run", again);
    };
    const other = await system.start(Puppet, []);
    puppet.cast("run", again);
    expect(await other.call("run", () => "served")).toBe("served");
    await settle();
    expect(rounds).toBeGreaterThan(0);
    system.exit(puppet, "kill");
    await settle();
    const seen = rounds;
    await settle();
    expect(rounds).toBe(seen);
  });

  it("is bounded by the capacity of the mailbox, and then the error of the handler", async () => {
    const { system, reports } = testSystem({ mailboxCapacity: 2 });
    const log: string[] = [];
    const [puppet, other] = [await system.start(Puppet, log), await system.start(Puppet, log)];
    const times = (count: number) => (ctx: Ctx) => {
      for (let n = 0; n < count; n += 1) ctx.continue("note", `continued ${n}`);
    };
    const many = failure(puppet.call("run", times(3)));
    expect(reasonOf(await many)).toContain("continuations of puppet <1> is full (2 messages)");
    expect(reports).toEqual(["crash puppet in run", expect.stringContaining("exit puppet error:")]);
    expect(log).toEqual([expect.stringContaining("terminate error:")]);
    log.length = 0;
    for (let n = 0; n < 3; n += 1) await other.call("run", times(2));
    await settle();
    expect(log).toHaveLength(6);
  });

  it("is not counted among the messages, and comes before those of a full mailbox", async () => {
    const { system } = testSystem({ mailboxCapacity: 1 });
    const log: string[] = [];
    const [puppet, held] = [await system.start(Puppet, log), gate()];
    const reply = puppet.call("run", async (ctx) => {
      await held.promise;
      ctx.continue("note", "continued");
    });
    await settle();
    puppet.cast("note", "queued");
    held.open();
    await reply;
    await settle();
    expect([log, system.inspect(puppet).handled]).toEqual([["continued", "queued"], 2]);
  });
});
