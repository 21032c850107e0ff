import { describe, expect, it } from "vitest";
import { type AnyRef, type Ctx, defineActor } from "../../src/index.ts";
import {
  crash,
  failure,
  gate,
  Puppet,
  type PuppetRef,
  reasonOf,
  settle,
  Trapper,
  testSystem,
} from "../statements/support.ts";

function setUp() {
  const all = testSystem();
  const log: string[] = [];
  const puppet = () => all.system.start(Puppet, log);
  const trapper = () => all.system.start(Trapper, log);
  const link = (one: PuppetRef, other: AnyRef) => one.call("run", (ctx) => ctx.link(other));
  return { ...all, log, puppet, trapper, link };
}

describe("ctx.link", () => {
  it("in a chain and in a cycle of 10,000 processes, ends them all, however long it is", async () => {
    const { system } = testSystem();
    const Member = defineActor("member", {
      init: () => ({}),
      calls: { link: (_s, other: AnyRef, ctx) => ctx.link(other) },
      casts: { crash: () => crash(undefined as never) },
    });
    const starts = Array.from({ length: 10_000 }, () => system.start(Member));
    const members = await Promise.all(starts);
    const next = (at: number) => members[(at + 1) % members.length] as AnyRef;
    await Promise.all(members.map((member, at) => member.call("link", next(at))));
    let ends = 0;
    system.events.on("exit", () => {
      ends += 1;
    });
    members[5000]?.cast("crash");
    await settle();
    expect([ends, system.inspectTree()]).toEqual([10_000, []]);
  });

  it("has no effect when the handler throws or refuses", async () => {
    const { system, puppet } = setUp();
    const [one, other] = [await puppet(), await puppet()];
    const refusal = failure(
      one.call("run", (ctx) => {
        ctx.link(other);
        ctx.fail("no");
      }),
    );
    expect((await refusal).code).toBe("no");
    expect(system.inspect(other).links).toEqual([]);
    await failure(
      one.call("run", (ctx) => {
        ctx.link(other);
        throw new Error("boom");
      }),
    );
    expect(await other.call("run", () => "alive")).toBe("alive");
  });

  it("works in init, once that has returned", async () => {
    const { system, puppet } = setUp();
    const other = await puppet();
    const Linked = defineActor("linked", {
      init: async (ref: AnyRef, ctx) => {
        ctx.link(ref);
        return system.inspect(ref).links;
      },
    });
    const linked = await system.start(Linked, other);
    expect(await system.getState(linked)).toEqual([]);
    expect(system.inspect(other).links).toEqual([linked]);
  });

  it("to a name that nobody has is the exit signal noproc", async () => {
    const { system, log, puppet, trapper, link } = setUp();
    await link(await trapper(), system.ref("nobody"));
    await settle();
    expect(log).toEqual(["exit undefined noproc"]);
    const dying = failure(link(await puppet(), system.ref("nobody")));
    expect(reasonOf(await dying)).toBe("noproc");
  });

  it("to a process that dies before the async handler ends is the exit signal noproc", async () => {
    const { system, log, puppet, trapper } = setUp();
    const [one, other, held] = [await trapper(), await puppet(), gate()];
    const linking = one.call("run", async (ctx) => {
      ctx.link(other);
      await held.promise;
    });
    await settle();
    system.exit(other, "kill");
    held.open();
    await linking;
    await settle();
    expect(log).toEqual([`exit ${other} noproc`]);
  });

  it("to a process that is ending is told of its end", async () => {
    const { system, log, trapper, link } = setUp();
    const held = gate();
    const Slow = defineActor("slow", { init: () => ({}), terminate: () => held.promise });
    const [one, slow] = [await trapper(), await system.start(Slow)];
    const stopping = system.stop(slow, { reason: "shutdown" });
    await settle();
    await link(one, slow);
    expect(log).toEqual([]);
    held.open();
    await stopping;
    await settle();
    expect(log).toEqual([`exit ${slow} shutdown`]);
  });

  it("is forgotten by the peer when a process ends, in each way", async () => {
    const { system, puppet, trapper, link } = setUp();
    const one = await trapper();
    const endings = [
      (ref: PuppetRef) => system.exit(ref, "kill"),
      (ref: PuppetRef) => system.exit(ref, { shutdown: 1 }),
      (ref: PuppetRef) => system.stop(ref),
      (ref: PuppetRef) => ref.cast("run", crash),
    ];
    for (const end of endings) {
      const other = await puppet();
      await link(other, one);
      expect(system.inspect(one).links).toEqual([other]);
      await end(other);
      await settle();
      expect(system.inspect(one).links).toEqual([]);
    }
  });
});

describe("ctx.unlink", () => {
  it("takes the link back for both, and may be asked for twice, and without a link", async () => {
    const { system, log, puppet, trapper, link } = setUp();
    const [one, other, dead] = [await trapper(), await puppet(), await puppet()];
    await system.stop(dead);
    log.length = 0;
    await link(one, other);
    await other.call("run", (ctx) => {
      ctx.unlink(one);
      ctx.unlink(one);
      ctx.unlink(dead);
      ctx.unlink(ctx.self);
      ctx.unlink(system.ref("nobody"));
    });
    expect([system.inspect(one).links, system.inspect(other).links]).toEqual([[], []]);
    system.exit(other, "kill");
    await settle();
    expect(log).toEqual([]);
  });

  it("takes back a signal that is queued already, and no other", async () => {
    const { system, log, puppet, trapper, link } = setUp();
    const [one, other, third] = [await trapper(), await puppet(), await puppet()];
    await link(one, other);
    await link(one, third);
    const held = gate();
    one.cast("run", async (ctx) => {
      await held.promise;
      ctx.unlink(other);
    });
    await settle();
    // A signal that was sent on purpose is not the link's.
    await other.call("run", (ctx) => ctx.exit(one, { shutdown: "sent" }));
    system.exit(other, "kill");
    system.exit(third, "kill");
    held.open();
    await settle();
    expect(log).toEqual([`exit ${other} {shutdown}`, `exit ${third} killed`]);
  });

  it("and link again in one handler leave a link", async () => {
    const { system, puppet, trapper, link } = setUp();
    const [one, other] = [await trapper(), await puppet()];
    await link(one, other);
    await one.call("run", (ctx) => {
      ctx.unlink(other);
      ctx.link(other);
    });
    expect(system.inspect(other).links).toEqual([one]);
  });
});

describe("ctx.exit", () => {
  it("is a signal from the process that sends it", async () => {
    const { log, puppet, trapper } = setUp();
    const [one, other] = [await puppet(), await trapper()];
    await one.call("run", (ctx) => ctx.exit(other, { shutdown: 1 }));
    await other.call("run", (ctx) => ctx.exit(ctx.self, "normal"));
    await settle();
    expect(log).toEqual([`exit ${one} {shutdown}`, `exit ${other} normal`]);
  });

  it("to a process that traps exits but handles none is a dead letter", async () => {
    const { system, reports } = testSystem();
    const Deaf = defineActor("deaf", {
      init: () => ({}),
      calls: { ping: () => "pong" },
      trapExit: true,
    });
    const deaf = await system.start(Deaf);
    system.exit(deaf, "shutdown");
    expect(await deaf.call("ping")).toBe("pong");
    expect(reports).toEqual(["dead info exit unknown_operation"]);
  });

  it("refuses what is no exit reason, and no ref", async () => {
    const { system, puppet } = setUp();
    const ref = await puppet();
    const bad = (step: (ctx: Ctx) => unknown) =>
      ref.call("run", (ctx) => {
        try {
          return step(ctx);
        } catch (error) {
          return (error as Error).message;
        }
      });
    const reason = 'invalid option reason: expected an exit reason or "kill", got "bored"';
    expect(await bad((ctx) => ctx.exit(ref, "bored" as never))).toBe(reason);
    expect(() => system.exit(ref, "bored" as never)).toThrow(reason);
    const target = "invalid option target: expected a ref, got ";
    expect(await bad((ctx) => ctx.exit("puppet" as never, "kill"))).toBe(`${target}"puppet"`);
    expect(await bad((ctx) => ctx.link({} as never))).toBe(`${target}an object`);
    expect(await bad((ctx) => ctx.unlink(undefined as never))).toBe(`${target}undefined`);
    expect(await ref.call("run", () => "alive")).toBe("alive");
  });

  it("ends a process that is starting, and its start says why", async () => {
    const { system, reports } = testSystem();
    const Slow = defineActor("slow", { init: () => new Promise(() => {}) });
    for (const isFirst of [true, false]) {
      const starting = failure(system.start(Slow, undefined, { name: "slow" }));
      if (!isFirst) await settle();
      system.exit(system.ref("slow"), { shutdown: "early" });
      expect(reasonOf(await starting)).toBe("{shutdown}");
      expect(system.whereis("slow")).toBeUndefined();
    }
    expect(reports).toEqual(["exit slow {shutdown}", "exit slow {shutdown}"]);
  });

  it("ends a process that terminates already, unless it traps exits", async () => {
    const { system, reports } = testSystem();
    const endless = () => new Promise<void>(() => {});
    const Deaf = defineActor("deaf", { init: () => ({}), terminate: endless });
    const deaf = await system.start(Deaf);
    const ended = failure(system.stop(deaf));
    await settle();
    system.exit(deaf, "normal");
    expect(reports).toEqual([]);
    system.exit(deaf, { shutdown: "now" });
    expect(await ended).toMatchObject({ reason: { shutdown: "now" } });
    reports.length = 0;

    const held = gate();
    const Slow = defineActor("slow", {
      init: () => ({}),
      trapExit: true,
      terminate: () => held.promise,
    });
    const slow = await system.start(Slow);
    const stopping = system.stop(slow);
    await settle();
    system.exit(slow, "shutdown");
    await settle();
    expect(reports).toEqual([]);
    held.open();
    await stopping;
    expect(reports).toEqual(["exit slow normal"]);
  });
});
