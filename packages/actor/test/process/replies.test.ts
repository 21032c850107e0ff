import { describe, expect, it } from "vitest";
import { type Ctx, createSystem, defineActor, type ReplyTo } from "../../src/index.ts";
import type { Context } from "../../src/process/context.ts";
import { Replies } from "../../src/process/replies.ts";
import {
  crash,
  failure,
  Gate,
  gate,
  Puppet,
  type PuppetRef,
  reasonOf,
  settle,
  testSystem,
  watch,
} from "../statements/support.ts";

/** A system with a puppet, and the addresses of the replies that it has deferred. */
async function setUp() {
  const all = testSystem();
  const log: string[] = [];
  const kept: ReplyTo<unknown>[] = [];
  const puppet = await all.system.start(Puppet, log);
  const keep = (ctx: Ctx) => ctx.defer<unknown>((to) => kept.push(to));
  /** The address that was kept last. */
  const to = () => kept.at(-1) as ReplyTo<unknown>;
  const deferred = (ref: PuppetRef = puppet) => all.system.inspect(ref).deferred;
  return { ...all, log, kept, puppet, keep, to, deferred };
}

describe("ctx.defer", () => {
  it("gives an address that is plain data", async () => {
    const { puppet, keep, to } = await setUp();
    const reply = puppet.call("run", keep);
    await settle();
    const copy = JSON.parse(JSON.stringify(to())) as ReplyTo<unknown>;
    await puppet.call("run", (ctx) => ctx.reply(copy, { any: ["value"] }));
    expect(await reply).toEqual({ any: ["value"] });
  });

  it("takes nothing else of the process: it handles the next message", async () => {
    const { puppet, keep, to, deferred } = await setUp();
    const first = watch(puppet.call("run", keep));
    expect(await puppet.call("run", () => "next")).toBe("next");
    expect([first.state, deferred()]).toEqual(["pending", 1]);
    puppet.cast("run", (ctx) => ctx.reply(to(), undefined));
    await settle();
    expect([first.state, first.value, deferred()]).toEqual(["resolved", undefined, 0]);
  });

  it("works in an async handler, also after it has waited", async () => {
    const { puppet, keep, to } = await setUp();
    const held = gate();
    const reply = puppet.call("run", async (ctx) => {
      await held.promise;
      return keep(ctx);
    });
    held.open();
    await settle();
    await puppet.call("run", (ctx) => ctx.reply(to(), "late"));
    expect(await reply).toBe("late");
  });

  it("works in a query", async () => {
    const { system } = testSystem();
    const kept: ReplyTo<number>[] = [];
    const Asked = defineActor("asked", {
      init: () => ({}),
      queries: { ask: (_s, _: void, ctx) => ctx.defer<number>((to) => kept.push(to)) },
      casts: { answer: (_s, n: number, ctx) => ctx.reply(kept[0] as ReplyTo<number>, n) },
    });
    const ref = await system.start(Asked);
    const answer = ref.query("ask");
    ref.cast("answer", 42);
    expect(await answer).toBe(42);
  });

  it("twice in one handler is the same address", async () => {
    const { puppet, keep, kept, deferred } = await setUp();
    const reply = puppet.call("run", (ctx) => {
      keep(ctx);
      return keep(ctx);
    });
    await settle();
    expect([kept[0], kept.length, deferred()]).toEqual([kept[1], 2, 1]);
    await puppet.call("run", (ctx) => ctx.reply(kept[0] as ReplyTo<string>, "one"));
    expect(await reply).toBe("one");
  });

  it("and then a throw: the caller is told of the crash, and the address is void", async () => {
    const { system, puppet, keep, to } = await setUp();
    const reply = failure(
      puppet.call("run", (ctx) => {
        keep(ctx);
        throw new Error("boom");
      }),
    );
    expect([reasonOf(await reply), (await reply).outcome]).toEqual(["error:boom", "unknown"]);
    const other = await system.start(Puppet, []);
    await other.call("run", (ctx) => ctx.reply(to(), "lost"));
  });

  it("and then a refusal: the caller is refused, and the address is void", async () => {
    const { puppet, keep, to, deferred } = await setUp();
    const reply = failure(
      puppet.call("run", (ctx) => {
        keep(ctx);
        ctx.fail("no");
      }),
    );
    expect([(await reply).code, deferred()]).toEqual(["no", 0]);
    const next = watch(puppet.call("run", keep));
    await puppet.call("run", (ctx) => ctx.reply(to(), "its own"));
    await settle();
    expect(next.value).toBe("its own");
  });

  it("whose function throws is a throw of the handler", async () => {
    const { system, puppet, reports } = await setUp();
    const reply = failure(puppet.call("run", (ctx) => ctx.defer(() => crash(ctx))));
    expect(reasonOf(await reply)).toBe("error:boom");
    expect([system.inspectTree(), reports[0]]).toEqual([[], "crash puppet in run"]);
  });

  it("outside of a call throws NoCallerError, and the handler may go on", async () => {
    const { system, log, puppet, keep } = await setUp();
    const tried = (ctx: Ctx) => {
      try {
        keep(ctx);
      } catch (error) {
        log.push((error as Error).message);
      }
      return {};
    };
    puppet.cast("run", tried);
    puppet.send("run", tried);
    await puppet.call("run", (ctx) => ctx.continue("run", tried));
    const Eager = defineActor("eager", { init: (_: void, ctx) => tried(ctx) });
    await system.start(Eager);
    const nobody = "nobody waits for a reply to";
    expect(log).toEqual([...new Array(3).fill(`${nobody} "run"`), `${nobody} "init"`]);
  });

  it("is forgotten when the caller gives up, by its timeout and by its signal", async () => {
    const { clock, puppet, keep, to, deferred } = await setUp();
    const abort = new AbortController();
    const timed = failure(puppet.call("run", keep, { timeout: 10 }));
    const aborted = failure(puppet.call("run", keep, { signal: abort.signal }));
    await settle();
    expect(deferred()).toBe(2);
    abort.abort();
    expect((await aborted).code).toBe("ERR_CALL_ABORTED");
    expect(deferred()).toBe(1);
    await clock.advanceAsync(10);
    expect((await timed).code).toBe("ERR_CALL_TIMEOUT");
    expect(deferred()).toBe(0);
    await puppet.call("run", (ctx) => ctx.reply(to(), "late"));
    expect(await puppet.call("run", () => "alive")).toBe("alive");
  });

  it("keeps nothing of a call whose caller gave up before it was handled", async () => {
    const { clock, puppet, keep, deferred } = await setUp();
    const held = gate();
    puppet.cast("run", () => held.promise);
    const queued = failure(puppet.call("run", keep, { timeout: 10 }));
    await clock.advanceAsync(10);
    expect((await queued).code).toBe("ERR_CALL_TIMEOUT");
    held.open();
    await settle();
    expect(deferred()).toBe(0);
    const during = failure(
      puppet.call(
        "run",
        async (ctx) => {
          await clock.advanceAsync(10);
          return keep(ctx);
        },
        { timeout: 10 },
      ),
    );
    expect((await during).code).toBe("ERR_CALL_TIMEOUT");
    await settle();
    expect(deferred()).toBe(0);
  });

  it("fails with the reason of the process when that ends first, however it ends", async () => {
    const { system, keep, to } = await setUp();
    const endings: readonly [(ref: PuppetRef) => unknown, string][] = [
      [(ref) => system.stop(ref), "normal"],
      [(ref) => system.exit(ref, "kill"), "killed"],
      [(ref) => system.exit(ref, "shutdown"), "shutdown"],
      [(ref) => ref.cast("run", crash), "error:boom"],
    ];
    const other = await system.start(Puppet, []);
    for (const [end, reason] of endings) {
      const ref = await system.start(Puppet, []);
      const [first, second] = [failure(ref.call("run", keep)), failure(ref.call("run", keep))];
      await settle();
      expect(system.inspect(ref)).toMatchObject({ deferred: 2, openCalls: 2 });
      await end(ref);
      for (const error of [await first, await second]) {
        expect([reasonOf(error), error.outcome]).toEqual([reason, "unknown"]);
      }
      await other.call("run", (ctx) => ctx.reply(to(), "too late"));
    }
  });

  it("when the process is killed in the middle of the handler is answered once", async () => {
    const { system, puppet, keep } = await setUp();
    const held = gate();
    const reply = failure(
      puppet.call("run", async (ctx) => {
        keep(ctx);
        await held.promise;
      }),
    );
    await settle();
    system.exit(puppet, "kill");
    expect(reasonOf(await reply)).toBe("killed");
    held.open();
    await settle();
  });
});

describe("the numbers of deferred replies", () => {
  const port = { resolve() {}, reject() {} };

  it("are counted, or drawn, and never those of an open reply", () => {
    const own = new Set<number>();
    const counted = new Replies(9);
    expect([counted.open(port, own), counted.open(port, own)]).toEqual([1, 2]);
    const drawn = [70, 30, 30, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER];
    const replies = new Replies(9, () => drawn.shift() as number);
    const max = Number.MAX_SAFE_INTEGER;
    expect(Array.from({ length: 5 }, () => replies.open(port, own))).toEqual([70, 30, 31, max, 1]);
    expect([replies.has(31), replies.take(31), replies.has(31)]).toEqual([true, port, false]);
  });

  it("of another system are nothing that is awaited here", async () => {
    const { puppet, keep, to } = await setUp();
    const reply = puppet.call("run", keep);
    await settle();
    const awaits = (at: ReplyTo<unknown>) =>
      puppet.call("run", (ctx) => (ctx as unknown as Context).isAwaited(at));
    expect(await awaits(to())).toBe(true);
    expect(await awaits({ ...to(), system: "another" })).toBe(false);
    await puppet.call("run", (ctx) => ctx.reply(to(), "done"));
    expect(await reply).toBe("done");
    expect(await awaits(to())).toBe(false);
  });
});

describe("ctx.reply and ctx.refuse", () => {
  it("are effects: a handler that throws or refuses has answered nobody", async () => {
    const { system, puppet, keep, to, deferred } = await setUp();
    const reply = watch(puppet.call("run", keep));
    await settle();
    const other = await system.start(Puppet, []);
    for (const fail of [crash, (ctx: Ctx) => ctx.fail("no")]) {
      const ref = fail === crash ? await system.start(Puppet, []) : other;
      await failure(
        ref.call("run", (ctx) => {
          ctx.reply(to(), "never");
          ctx.refuse(to(), "never");
          fail(ctx);
        }),
      );
    }
    await settle();
    expect([reply.state, deferred()]).toEqual(["pending", 1]);
  });

  it("refuse with a code and data, or with an error of Troupe", async () => {
    const { puppet, keep, to } = await setUp();
    const first = failure(puppet.call("run", keep));
    await puppet.call("run", (ctx) => ctx.refuse(to(), "empty", { have: 0 }));
    expect(await first).toMatchObject({
      name: "ReplyError",
      code: "empty",
      outcome: "ran",
      data: { have: 0 },
    });
    const given = await failure(puppet.call("never" as "run", crash));
    const second = failure(puppet.call("run", keep));
    await puppet.call("run", (ctx) => ctx.refuse(to(), given));
    // Whatever it says of another call, this one has run.
    expect(await second).toMatchObject({ name: given.name, code: given.code, outcome: "ran" });
  });

  it("of another process outlive neither the call nor the one that deferred it", async () => {
    const { system, log } = await setUp();
    const ref = await system.start(Gate);
    const Clerk = defineActor("clerk", {
      init: () => ({}),
      info: { answer: (_s, to: ReplyTo<string>, ctx) => ctx.reply(to, "from the clerk") },
    });
    const clerk = await system.start(Clerk);
    const reply = ref.call("pass");
    const [to] = await ref.call("keys");
    await system.stop(await system.start(Puppet, log));
    clerk.send("answer", to as ReplyTo<string>);
    expect(await reply).toBe("from the clerk");
  });

  it("and a stop in one handler: the reply comes first, and terminate cannot take it back", async () => {
    const { puppet, keep, to, log } = await setUp();
    const reply = puppet.call("run", keep).then((text) => log.push(`reply ${text}`));
    const stopped = puppet.call("run", (ctx) => {
      ctx.reply(to(), "bye");
      ctx.stop();
      return "stopped";
    });
    expect(await stopped).toBe("stopped");
    await reply;
    expect(log).toEqual(["terminate normal", "reply bye"]);
  });

  it("refuse what is no address by name", async () => {
    const { puppet } = await setUp();
    for (const to of [undefined, null, 7, {}, { replyTo: "7" }]) {
      const message = await puppet.call("run", (ctx) => {
        try {
          return ctx.reply(to as never, "astray");
        } catch (error) {
          return (error as Error).message;
        }
      });
      expect(message).toContain("invalid option to: expected what ctx.defer gave");
    }
  });

  it("answer nobody in another system", async () => {
    const { system, puppet, keep, to } = await setUp();
    const other = createSystem({ logger: false, clock: system.clock });
    const [here, there] = [await system.start(Gate), await other.start(Gate)];
    const [mine, theirs] = [watch(here.call("pass")), watch(there.call("pass"))];
    await settle();
    const [stranger] = await here.call("keys");
    const remote = await other.start(Puppet, []);
    const answered = watch(
      remote.call("run", (ctx) => ctx.reply(stranger as ReplyTo<string>, "astray")),
    );
    await settle();
    expect(answered.state).not.toBe("pending");
    expect([mine.state, theirs.state]).toEqual(["pending", "pending"]);
    const reply = watch(puppet.call("run", keep));
    await settle();
    await puppet.call("run", (ctx) => ctx.reply(to(), "home"));
    await settle();
    expect(reply.value).toBe("home");
  });
});
