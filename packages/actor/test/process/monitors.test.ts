import { describe, expect, it } from "vitest";
import { type Ctx, type Down, defineActor, type MonitorId } from "../../src/index.ts";
import { crash, failure, gate, Puppet, settle, testSystem } from "../statements/support.ts";

async function setUp() {
  const all = testSystem();
  const log: string[] = [];
  return {
    ...all,
    log,
    watcher: await all.system.start(Puppet, log),
    start: (name?: string) => all.system.start(Puppet, [], name === undefined ? {} : { name }),
  };
}

describe("ctx.monitor", () => {
  it("names the monitor that is down", async () => {
    const { system } = testSystem();
    const ref = await system.start(Puppet, []);
    const downs: Down[] = [];
    const Watcher = defineActor("watcher", {
      init: (_: void, ctx) => ({ id: ctx.monitor(ref) }),
      queries: { id: (s) => s.id },
      info: { down: (_s, down: Down) => downs.push(down) },
    });
    const id = await (await system.start(Watcher)).query("id");
    system.exit(ref, "kill");
    await settle();
    expect(downs).toEqual([{ monitor: id, ref, name: undefined, reason: "killed" }]);
  });

  it("has no effect when the handler throws or refuses", async () => {
    const { system, log, watcher, start } = await setUp();
    const ref = await start();
    const refusal = failure(
      watcher.call("run", (ctx) => {
        ctx.monitor(ref);
        ctx.fail("no");
      }),
    );
    expect((await refusal).code).toBe("no");
    expect(system.inspect(watcher).monitors).toBe(0);
    const throwing = await start();
    await failure(
      throwing.call("run", (ctx) => {
        ctx.monitor(ref);
        throw new Error("boom");
      }),
    );
    await system.stop(ref);
    await settle();
    expect(log).toEqual([]);
  });

  it("of a process that dies before the async handler ends is down with its reason", async () => {
    const { system, log, watcher, start } = await setUp();
    const [ref, held] = [await start(), gate()];
    const monitoring = watcher.call("run", async (ctx) => {
      ctx.monitor(ref);
      await held.promise;
    });
    await settle();
    system.exit(ref, "kill");
    held.open();
    await monitoring;
    await settle();
    expect(log).toEqual([`down ${ref} killed`]);
  });

  it("comes after what the process had sent before", async () => {
    const { log, watcher, start } = await setUp();
    const ref = await start();
    await watcher.call("run", (ctx) => ctx.monitor(ref));
    ref.cast("run", (ctx) => {
      ctx.send(watcher, "note", "last words");
      ctx.stop();
    });
    await settle();
    expect(log).toEqual(["last words", `down ${ref} normal`]);
  });

  it("of itself never comes", async () => {
    const { log, watcher } = await setUp();
    await watcher.call("run", (ctx) => ctx.monitor(ctx.self));
    watcher.cast("run", (ctx) => ctx.stop());
    await settle();
    expect(log).toEqual(["terminate normal"]);
  });

  it("of a process that is starting is down when its init fails", async () => {
    const { system, log, watcher } = await setUp();
    const held = gate();
    const Slow = defineActor("slow", { init: () => held.promise });
    const starting = failure(system.start(Slow, undefined, { name: "slow" }));
    await watcher.call("run", (ctx) => ctx.monitor("slow"));
    held.fail(new Error("boom"));
    await starting;
    await settle();
    expect(log).toEqual(['down "slow" slow <2> error:boom']);
  });

  it("ends with the process that set it, and nothing is left", async () => {
    const { system, watcher, start } = await setUp();
    const ref = await start();
    for (let n = 0; n < 3; n += 1) {
      const short = await start();
      await short.call("run", (ctx) => ctx.monitor(ref));
      system.exit(short, "kill");
    }
    await watcher.call("run", (ctx) => ctx.monitor(ref));
    expect(system.inspect(watcher).monitors).toBe(1);
    await system.stop(ref);
  });

  it("needs a handler for down", async () => {
    const { system, watcher } = await setUp();
    const Deaf = defineActor("deaf", {
      init: () => ({}),
      calls: { watch: (_s, step: (ctx: Ctx) => unknown, ctx) => step(ctx) },
      info: { other: () => {} },
    });
    const deaf = await system.start(Deaf);
    const message = deaf.call("watch", (ctx) => {
      try {
        return ctx.monitor(watcher);
      } catch (error) {
        return (error as Error).message;
      }
    });
    expect(await message).toBe('deaf <2> has no info "down"; it has other');
  });

  it("refuses what is neither a ref nor a name", async () => {
    const { system, watcher } = await setUp();
    const refused = (target: unknown) =>
      watcher.call("run", (ctx) => {
        try {
          return ctx.monitor(target as string);
        } catch (error) {
          return (error as { code: string }).code;
        }
      });
    for (const target of ["", 7, null, undefined, {}]) {
      expect(await refused(target)).toBe("ERR_INVALID_OPTION");
    }
    expect(() => system.monitor(watcher, "listener" as never)).toThrow("option listener");
    expect(system.inspect(watcher).monitors).toBe(0);
  });

  it("is bounded by the capacity of the mailbox", async () => {
    const { system } = testSystem({ mailboxCapacity: 2 });
    const [watcher, ref] = [await system.start(Puppet, []), await system.start(Puppet, [])];
    const three = (ctx: Ctx) => [1, 2, 3].map(() => ctx.monitor(ref));
    const error = await failure(watcher.call("run", three));
    expect(error.message).toContain("the mailbox of monitors of puppet <1> is full (2 messages)");
    const two = (ctx: Ctx) => [1, 2].map(() => ctx.monitor(ref));
    const other = await system.start(Puppet, []);
    for (let n = 0; n < 3; n += 1) {
      const ids = (await other.call("run", two)) as MonitorId[];
      await other.call("run", (ctx) => ids.map((id) => ctx.demonitor(id)));
    }
    expect(system.inspect(other).monitors).toBe(0);
  });
});

describe("ctx.demonitor", () => {
  it("has no effect when the handler refuses", async () => {
    const { system, log, watcher, start } = await setUp();
    const ref = await start();
    const id = (await watcher.call("run", (ctx) => ctx.monitor(ref))) as MonitorId;
    await failure(
      watcher.call("run", (ctx) => {
        ctx.demonitor(id);
        ctx.fail("no");
      }),
    );
    await system.stop(ref);
    await settle();
    expect(log).toEqual([`down ${ref} normal`]);
  });

  it("takes back a monitor of the same handler, and of a dead process", async () => {
    const { system, log, watcher, start } = await setUp();
    const [ref, dead] = [await start(), await start()];
    await system.stop(dead);
    await watcher.call("run", (ctx) => {
      ctx.demonitor(ctx.monitor(ref));
      ctx.demonitor(ctx.monitor(dead));
    });
    await system.stop(ref);
    await settle();
    expect([log, system.inspect(watcher).monitors]).toEqual([[], 0]);
  });
});

describe("system.monitor", () => {
  it("calls its listener once, unless it is taken back", async () => {
    const { system, start } = await setUp();
    const ref = await start("one");
    const told: unknown[] = [];
    const listener = (down: unknown) => told.push(down);
    const remove = system.monitor(ref, listener);
    system.monitor(ref, listener);
    system.monitor("one", listener);
    remove();
    remove();
    await failure(ref.call("run", crash));
    const reason = { error: expect.objectContaining({ message: "boom" }) };
    expect(told).toEqual([
      { ref, name: undefined, reason },
      { ref, name: "one", reason },
    ]);
  });

  it("of a dead process calls it on the next turn, unless it is taken back before", async () => {
    const { system, start } = await setUp();
    const ref = await start();
    await system.stop(ref);
    const told: string[] = [];
    system.monitor(ref, ({ reason }) => told.push(String(reason)));
    const remove = system.monitor(ref, () => told.push("never"));
    remove();
    expect(told).toEqual([]);
    await settle();
    expect(told).toEqual(["noproc"]);
  });

  it("is not disturbed by a listener that throws", async () => {
    const lines: string[] = [];
    const logger = { warn() {}, error: (line: string) => lines.push(line) };
    const { system } = testSystem({ logger });
    const [ref, other] = [await system.start(Puppet, []), await system.start(Puppet, [])];
    const told: unknown[] = [];
    await other.call("run", (ctx) => ctx.link(ref));
    for (const target of [ref, "nobody", ref]) {
      system.monitor(target, ({ name }) => {
        told.push(name);
        throw new Error("bad listener");
      });
    }
    system.exit(ref, "shutdown");
    await settle();
    expect(told).toEqual([undefined, undefined, "nobody"]);
    expect(lines).toEqual(["a monitor threw", "a monitor threw", "a monitor threw"]);
    expect(system.inspectTree()).toEqual([]);
  });
});
