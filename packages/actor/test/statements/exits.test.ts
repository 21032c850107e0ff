/** Exit signals, links, and when `terminate` runs. */
import { describe, expect, it } from "vitest";
import { type AnyRef, type CrashEvent, type Ctx, defineActor } from "../../src/index.ts";
import {
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
  word,
} from "./support.ts";

/** A system, and what starts processes in it that share a log. */
function setUp() {
  const all = testSystem();
  const log: string[] = [];
  const puppet = () => all.system.start(Puppet, log);
  const trapper = () => all.system.start(Trapper, log);
  const link = (one: PuppetRef, other: AnyRef) => one.call("run", (ctx) => ctx.link(other));
  /** Ends a process from within, with a reason. */
  const end = async (ref: PuppetRef, step: Step) => {
    ref.cast("run", step);
    await settle();
  };
  return { ...all, log, puppet, trapper, link, end };
}

/** Every reason for which a process can end, as what it does, and the word for it. */
const endings: readonly (readonly [step: Step, reason: string])[] = [
  [(ctx) => ctx.stop(), "normal"],
  [(ctx) => ctx.stop("shutdown"), "shutdown"],
  [(ctx) => ctx.stop({ shutdown: 1 }), "{shutdown}"],
  [(ctx) => ctx.stop("noproc"), "noproc"],
  [(ctx) => ctx.exit(ctx.self, "kill"), "killed"],
  [crash, "error:boom"],
];

describe("a link", () => {
  it("30. The end of a linked process with reason normal does not end a peer that does not trap exits; any other reason ends it with the same reason, and so on along the links", async () => {
    for (const [step, reason] of endings) {
      const { system, reports, puppet, link, end } = setUp();
      const [a, b, c, apart] = [await puppet(), await puppet(), await puppet(), await puppet()];
      await link(a, b);
      await link(c, b);
      const seen: string[] = [];
      system.events.on("exit", (event) => seen.push(`${event.ref} ${word(event.reason)}`));
      await end(a, step);
      const ended = reason === "normal" ? [a] : [a, b, c];
      expect(seen).toEqual(ended.map((ref) => `${ref} ${reason}`));
      expect(await apart.call("run", () => "alive")).toBe("alive");
      if (reason === "normal") expect(await b.call("run", () => "alive")).toBe("alive");
      expect(reports.filter((line) => line.startsWith("crash"))).toHaveLength(
        reason === "error:boom" || reason === "noproc" ? 1 : 0,
      );
    }
  });

  it("31. A process that traps exits is told of the end of a linked one, for every reason, normal included", async () => {
    const { log, puppet, trapper, link, end } = setUp();
    const trapping = await trapper();
    for (const [step, reason] of endings) {
      const ref = await puppet();
      await link(trapping, ref);
      log.length = 0;
      await end(ref, step);
      expect(log.filter((line) => line.startsWith("exit"))).toEqual([`exit ${ref} ${reason}`]);
    }
    expect(await trapping.call("run", () => "alive")).toBe("alive");
  });

  it("42. Links are one per pair, a link to itself is none, and a link to a dead process is the exit signal noproc", async () => {
    const { system, log, puppet, trapper, link, end } = setUp();
    const [one, other] = [await trapper(), await puppet()];
    await link(one, other);
    await link(one, other);
    await link(other, one);
    await link(one, one);
    expect(system.inspect(one).links).toEqual([other]);
    expect(system.inspect(other).links).toEqual([one]);
    await end(other, crash);
    expect(log).toEqual(["terminate error:boom", `exit ${other} error:boom`]);
    expect(system.inspect(one).links).toEqual([]);

    log.length = 0;
    await link(one, other);
    await settle();
    expect(log).toEqual([`exit ${other} noproc`]);
    const last = await puppet();
    const dying = failure(link(last, other));
    expect(reasonOf(await dying)).toBe("noproc");
  });
});

describe("an exit signal", () => {
  it("32. exit with the reason normal to another process is ignored; to itself it ends the process", async () => {
    const { system, log, puppet, trapper } = setUp();
    const [one, other, trapping] = [await puppet(), await puppet(), await trapper()];
    await one.call("run", (ctx) => {
      ctx.exit(other, "normal");
      ctx.exit(trapping, "normal");
    });
    system.exit(other, "normal");
    expect(await other.call("run", () => "alive")).toBe("alive");
    expect(log).toEqual([`exit ${one} normal`]);
    expect(reasonOf(await failure(one.call("run", (ctx) => ctx.exit(ctx.self, "normal"))))).toBe(
      "normal",
    );
  });

  it("33. kill cannot be trapped; the reason that others see is killed", async () => {
    const { system, reports, log, puppet, trapper, link } = setUp();
    const [one, other, killer] = [await trapper(), await trapper(), await puppet()];
    const watcher = await trapper();
    await watcher.call("run", (ctx) => ctx.monitor(one));
    await link(watcher, other);
    await killer.call("run", (ctx) => ctx.exit(one, "kill"));
    system.exit(other, "kill");
    await settle();
    expect(log).toEqual([`down ${one} killed`, `exit ${other} killed`]);
    expect(reports).toEqual(["exit trapper killed", "exit trapper killed"]);
  });

  it("34. An own exit with the reason kill that comes through a link is an ordinary reason, which can be trapped, and a peer dies with it (here: the reason killed; kill is no exit reason)", async () => {
    const { reports, log, puppet, trapper, link, end } = setUp();
    const [one, peer, trapping] = [await puppet(), await puppet(), await trapper()];
    await link(one, peer);
    await link(trapping, one);
    const bad = await one.call("run", (ctx) => {
      try {
        return ctx.stop("kill" as "killed");
      } catch (error) {
        return (error as Error).message;
      }
    });
    expect(bad).toBe('invalid option reason: expected an exit reason, got "kill"');
    await end(one, (ctx) => ctx.stop("killed"));
    expect(log).toEqual(["terminate killed", `exit ${one} killed`]);
    expect(reports.filter((line) => line.startsWith("exit"))).toEqual([
      "exit puppet killed",
      "exit puppet killed",
    ]);
    expect(await trapping.call("run", () => "alive")).toBe("alive");
  });

  it("35. The first exit signal wins, and its target cannot catch it", async () => {
    const { system, reports, puppet } = setUp();
    const [one, other] = [await puppet(), await puppet()];
    const held = gate();
    const caught: unknown[] = [];
    const busy = failure(
      one.call("run", async () => {
        try {
          await held.promise;
        } catch (error) {
          caught.push(error);
        } finally {
          caught.push("went on");
        }
      }),
    );
    await settle();
    await other.call("run", (ctx) => {
      ctx.exit(one, "shutdown");
      ctx.exit(one, { shutdown: "second" });
      ctx.exit(one, "kill");
    });
    system.exit(one, "noproc");
    expect(reasonOf(await busy)).toBe("shutdown");
    held.fail(new Error("too late"));
    await settle();
    expect(reports).toEqual(["exit puppet shutdown"]);
    expect(caught).toEqual([new Error("too late"), "went on"]);
  });

  it("36. A process that traps exits and gets an exit signal of its parent terminates with that reason, whatever it is, and no handler sees the signal", async () => {
    for (const [step, reason] of endings) {
      const { system, log, reports } = setUp();
      const parent = await system.start(Puppet, []);
      const startLink = (ctx: Ctx) => ctx.startLink(Trapper, log, { name: "child" });
      const child = await parent.call("run", startLink);
      const told: string[] = [];
      system.monitor(child as AnyRef, (down) => told.push(word(down.reason)));
      parent.cast("run", step);
      await settle();
      expect(log).toEqual([`terminate ${reason}`]);
      expect([told, system.whereis("child")]).toEqual([[reason], undefined]);
      expect(reports.at(-1)).toBe(`exit trapper ${reason}`);
    }
    for (const reason of ["normal", "killed", { shutdown: 1 }] as const) {
      const { log, puppet } = setUp();
      const parent = await puppet();
      await parent.call("run", async (ctx) => {
        ctx.exit(await ctx.startLink(Trapper, log), reason);
      });
      await settle();
      expect(log).toEqual([`terminate ${word(reason)}`]);
    }
  });

  it("37. An exit signal through the link to a process that is not the parent is an info message to a process that traps exits", async () => {
    const { log, puppet, trapper, link, end } = setUp();
    const [parent, peer, child] = [await trapper(), await puppet(), await puppet()];
    const trapping = (await parent.call("run", (ctx) => ctx.startLink(Trapper, log))) as PuppetRef;
    await link(trapping, peer);
    await link(trapping, child);
    await end(peer, crash);
    await end(child, (ctx) => ctx.stop("shutdown"));
    expect(log).toEqual([
      "terminate error:boom",
      `exit ${peer} error:boom`,
      "terminate shutdown",
      `exit ${child} shutdown`,
    ]);
    expect(await trapping.call("run", () => "alive")).toBe("alive");
    log.length = 0;
    await end(trapping, (ctx) => ctx.stop("shutdown"));
    expect(log).toEqual(["terminate shutdown", `exit ${trapping} shutdown`]);
  });
});

describe("terminate", () => {
  it("38. terminate runs after a stop, a throw, and an exit signal of the parent to a process that traps exits; never after a kill, an untrapped signal, or a failure of init (here: it also runs when a supervisor or system.stop asks for the end, whether the process traps exits or not)", async () => {
    const ran = async (how: (all: ReturnType<typeof setUp>) => Promise<unknown>) => {
      const all = setUp();
      await how(all);
      await settle();
      return all.log.filter((line) => line.startsWith("terminate"));
    };
    const within = (step: Step) => ran(async ({ puppet }) => (await puppet()).cast("run", step));
    expect(await within((ctx) => ctx.stop("shutdown"))).toEqual(["terminate shutdown"]);
    expect(await within(crash)).toEqual(["terminate error:boom"]);
    expect(await within(async () => crash(undefined as never))).toEqual(["terminate error:boom"]);
    expect(await within((ctx) => ctx.exit(ctx.self, "kill"))).toEqual([]);
    expect(await within((ctx) => ctx.exit(ctx.self, "shutdown"))).toEqual([]);
    expect(await ran(async (all) => all.system.exit(await all.puppet(), "shutdown"))).toEqual([]);
    expect(await ran(async (all) => all.system.exit(await all.trapper(), "kill"))).toEqual([]);

    const asChild = (definition: typeof Puppet) =>
      ran(async ({ system, log, puppet }) => {
        const parent = await puppet();
        await parent.call("run", (ctx) => ctx.startLink(definition, log));
        system.exit(parent, "shutdown");
      });
    expect(await asChild(Trapper)).toEqual(["terminate shutdown"]);
    expect(await asChild(Puppet)).toEqual([]);

    const asked = ["terminate shutdown"];
    const stop = { reason: "shutdown" } as const;
    expect(await ran(async (all) => all.system.stop(await all.puppet(), stop))).toEqual(asked);
    expect(await ran(async (all) => all.system.stop(await all.trapper(), stop))).toEqual(asked);
    const shutDown = async (all: ReturnType<typeof setUp>) => {
      await all.puppet();
      await all.system.shutdown();
    };
    expect(await ran(shutDown)).toEqual(asked);
  });

  it("39. Messages that were queued before the exit signal of the parent are handled before terminate, later ones never", async () => {
    const { system, log, puppet } = setUp();
    const parent = await puppet();
    const child = (await parent.call("run", (ctx) => ctx.startLink(Trapper, log))) as PuppetRef;
    const held = gate();
    child.cast("run", () => held.promise);
    child.cast("note", "before");
    const before = child.call("run", () => "answered");
    await settle();
    system.exit(parent, "shutdown");
    await settle();
    child.cast("note", "after");
    const after = failure(child.call("run", () => "never"));
    held.open();
    expect(await before).toBe("answered");
    expect([reasonOf(await after), (await after).outcome]).toEqual(["shutdown", "not_run"]);
    expect(log).toEqual(["before", "terminate shutdown"]);
  });

  it("40. A terminate that throws replaces the exit reason", async () => {
    const { system, reports, log, trapper } = setUp();
    const Worse = defineActor("worse", {
      init: () => ({}),
      calls: { run: (_s, step: Step, ctx) => step(ctx) },
      terminate: () => {
        throw new TypeError("worse");
      },
    });
    const [watcher, ref] = [await trapper(), await system.start(Worse)];
    await watcher.call("run", (ctx) => ctx.link(ref));
    expect(reasonOf(await failure(ref.call("run", crash)))).toBe("error:worse");
    expect(log).toEqual([`exit ${ref} error:worse`]);
    const stopping = failure(system.stop(await system.start(Worse)));
    expect(reasonOf(await stopping)).toBe("error:worse");
    const each = ["crash worse in terminate", "exit worse error:worse"];
    expect(reports).toEqual([...each, ...each]);
  });

  it("41. There is a crash report only for a reason other than normal, shutdown and {shutdown}; it carries the last message, the state and the caller (here: the operation, its argument and what was thrown; a death by signal is the crash of whoever sent it)", async () => {
    const lines: string[] = [];
    const logger = { warn() {}, error: (line: string) => lines.push(line) };
    const { system } = testSystem({ logger });
    const crashes: CrashEvent[] = [];
    system.events.on("crash", (event) => crashes.push(event));
    const quiet: readonly Step[] = [
      (ctx) => ctx.stop("normal"),
      (ctx) => ctx.stop("shutdown"),
      (ctx) => ctx.stop({ shutdown: new Error("on purpose") }),
      (ctx) => ctx.exit(ctx.self, "kill"),
      (ctx) => ctx.exit(ctx.self, { shutdown: 1 }),
    ];
    for (const step of quiet) (await system.start(Puppet, [])).cast("run", step);
    await settle();
    expect([crashes, lines]).toEqual([[], []]);

    const ref = await system.start(Puppet, []);
    const [linked, call] = [await system.start(Puppet, []), failure(ref.call("run", crash))];
    system.exit(linked, "kill");
    await call;
    expect(crashes).toEqual([
      {
        ref,
        operation: "run",
        arg: crash,
        error: new Error("boom"),
        reason: { error: expect.objectContaining({ name: "Error", message: "boom" }) },
      },
    ]);
    expect(lines).toEqual([`${ref} crashed in run: Error: boom`]);

    const abnormal = await system.start(Puppet, []);
    abnormal.cast("run", (ctx) => ctx.stop({ error: { name: "Lost", message: "the disk" } }));
    await settle();
    expect(crashes).toHaveLength(2);
    expect(crashes[1]).toMatchObject({ ref: abnormal, operation: "run", error: undefined });
    expect(lines[1]).toBe(`${abnormal} crashed in run: Lost: the disk`);
  });
});
