/** Monitors and names. */
import { describe, expect, it } from "vitest";
import { createSystem, type MonitorId } from "../../src/index.ts";
import { Counter, crash, failure, gate, Puppet, settle, Trapper, testSystem } from "./support.ts";

/** A system with a puppet that watches, and what starts others. */
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

describe("a monitor", () => {
  it("43. A monitor of a dead process, or of a name that nobody has, is down with noproc at once", async () => {
    const { system, log, watcher, start } = await setUp();
    const dead = await start();
    await system.stop(dead);
    await watcher.call("run", (ctx) => {
      ctx.monitor(dead);
      ctx.monitor("nobody");
      ctx.monitor(system.ref("nobody"));
    });
    const told: string[] = [];
    system.monitor(dead, ({ reason }) => told.push(String(reason)));
    system.monitor("nobody", ({ name, reason }) => told.push(`${name} ${reason}`));
    await settle();
    expect(log).toEqual([
      `down ${dead} noproc`,
      'down "nobody" undefined noproc',
      'down "nobody" noproc',
    ]);
    expect(told).toEqual(["noproc", "nobody noproc"]);
    expect(system.inspect(watcher).monitors).toBe(0);
  });

  it("44. Each monitor is down exactly once; N monitors of one process are N downs", async () => {
    const { system, log, watcher, start } = await setUp();
    const ref = await start();
    const ids = await watcher.call("run", (ctx) => [1, 2, 3].map(() => ctx.monitor(ref)));
    expect(new Set(ids as string[]).size).toBe(3);
    expect(system.inspect(watcher).monitors).toBe(3);
    await failure(ref.call("run", crash));
    await settle();
    expect(log).toEqual(new Array(3).fill(`down ${ref} error:boom`));
    expect(system.inspect(watcher).monitors).toBe(0);
    await start();
    await settle();
    expect(log).toHaveLength(3);
  });

  it("45. demonitor before the end: there is no down; after it a down that is queued already is removed; a second demonitor does nothing", async () => {
    const { system, log, watcher, start } = await setUp();
    const ref = await start();
    const monitor = () => watcher.call("run", (ctx) => ctx.monitor(ref)) as Promise<MonitorId>;
    const [before, after, kept] = [await monitor(), await monitor(), await monitor()];
    await watcher.call("run", (ctx) => {
      ctx.demonitor(before);
      ctx.demonitor(before);
      ctx.demonitor("m99");
    });
    const held = gate();
    watcher.cast("run", async (ctx) => {
      await held.promise;
      ctx.demonitor(after);
    });
    await settle();
    await system.stop(ref);
    watcher.cast("note", "later");
    expect(system.inspect(watcher).monitors).toBe(2);
    held.open();
    await settle();
    expect(log).toEqual([`down ${ref} normal`, "later"]);
    await watcher.call("run", (ctx) => ctx.demonitor(kept));
    expect(system.inspect(watcher).monitors).toBe(0);
  });

  it("46. A monitor by name reports the name and the node (here: the name and the ref of who had it)", async () => {
    const { system, log, watcher, start } = await setUp();
    const ref = await start("one");
    await watcher.call("run", (ctx) => ctx.monitor("one"));
    const told: unknown[] = [];
    system.monitor("one", (down) => told.push(down));
    await system.stop(ref, { reason: "shutdown" });
    await start("one");
    await settle();
    expect(log).toEqual([`down "one" ${ref} shutdown`]);
    expect(told).toEqual([{ ref, name: "one", reason: "shutdown" }]);
  });

  it("47. The loss of a node is down with noconnection (here: a system has no other nodes; a ref of another system is refused with OptionError by monitor, link, unlink and exit)", async () => {
    const { system, log, watcher } = await setUp();
    const other = createSystem({ logger: false, clock: system.clock });
    const foreign = await other.start(Puppet, []);
    const errors = await watcher.call("run", (ctx) =>
      [
        () => ctx.monitor(foreign),
        () => ctx.link(foreign),
        () => ctx.unlink(foreign),
        () => ctx.exit(foreign, "kill"),
        () => system.monitor(foreign, () => {}),
        () => system.exit(foreign, "kill"),
      ].map((refused) => {
        try {
          return refused();
        } catch (error) {
          return (error as Error).message;
        }
      }),
    );
    const message = 'invalid option target: expected a ref of this system, got "puppet <1>"';
    expect(errors).toEqual(new Array(6).fill(message));
    other.exit(foreign, "kill");
    await settle();
    expect([log, system.inspect(watcher).monitors]).toEqual([[], 0]);
  });
});

describe("a name", () => {
  it("48. A name is free when its process is over; another process can be started with it, and callers by name reach the new one", async () => {
    const { system } = await setUp();
    const byName = system.ref("one", Counter);
    const seen: unknown[] = [];
    const first = await system.start(Counter, { start: 1 }, { name: "one" });
    system.events.on("exit", () => seen.push(system.whereis("one")));
    system.monitor(first, () => seen.push(system.whereis("one")));
    const trapper = await system.start(Trapper, []);
    await trapper.call("run", (ctx) => ctx.link(first));
    expect(await byName.query("get")).toBe(1);
    await failure(first.call("crash").finally(() => seen.push(system.whereis("one"))));
    expect(seen).toEqual([undefined, undefined, undefined]);
    expect((await failure(byName.query("get"))).code).toBe("ERR_NO_PROCESS");

    const second = await system.start(Counter, { start: 2 }, { name: "one" });
    expect(second.address.id).not.toBe(first.address.id);
    expect(await byName.query("get")).toBe(2);
    expect(await system.whereis("one", Counter)?.query("get")).toBe(2);
    expect((await failure(first.query("get"))).code).toBe("ERR_NO_PROCESS");
  });
});
