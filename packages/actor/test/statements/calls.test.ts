/** Calls, casts and plain messages: order, replies, timeouts, and what comes between. */
import { describe, expect, it } from "vitest";
import {
  type AnyRef,
  type CallOptions,
  type Ctx,
  createSystem,
  defineActor,
  type ReplyTo,
} from "../../src/index.ts";
import {
  Counter,
  crash,
  failure,
  Gate,
  gate,
  Puppet,
  reasonOf,
  type Step,
  settle,
  testSystem,
  watch,
} from "./support.ts";

/** A system with one puppet. */
async function setUp() {
  const all = testSystem();
  const log: string[] = [];
  return { ...all, log, puppet: await all.system.start(Puppet, log) };
}

describe("messages", () => {
  it("9. Messages between one pair of processes are handled in the order in which they were sent; nothing is promised across senders", async () => {
    const { system, log, puppet } = await setUp();
    const sender = await system.start(Puppet, []);
    puppet.cast("note", "cast 1");
    puppet.send("note", "info 2");
    const call = puppet.call("run", () => log.push("call 3"));
    puppet.cast("note", "cast 4");
    await call;
    await sender.call("run", (ctx) => {
      ctx.cast(puppet, "note", "cast 5");
      ctx.send(puppet, "note", "info 6");
      ctx.cast(puppet, "note", "cast 7");
    });
    await settle();
    expect(log).toEqual(["cast 1", "info 2", "call 3", "cast 4", "cast 5", "info 6", "cast 7"]);
  });

  it("10. A continuation runs before any queued message, from init, a call, a cast or an info, and may chain; it may stop the process", async () => {
    const { system, log, puppet } = await setUp();
    const twice: Step = (ctx) => {
      ctx.continue("run", (next: Ctx) => {
        log.push("first");
        next.continue("note", "chained");
      });
      ctx.continue("note", "second");
    };
    const tell = [
      () => puppet.call("run", twice),
      () => puppet.cast("run", twice),
      () => puppet.send("run", twice),
    ];
    for (const send of tell) {
      send();
      puppet.cast("note", "queued");
      await settle();
    }
    const each = ["first", "second", "chained", "queued"];
    expect(log).toEqual([...each, ...each, ...each]);

    log.length = 0;
    const Eager = defineActor("eager", {
      init: (_: void, ctx) => {
        ctx.continue("load", 1);
        return {};
      },
      casts: { note: (_s, text: string) => log.push(text) },
      continue: {
        load: (_s, n: number, ctx) => {
          log.push(`load ${n}`);
          if (n < 3) ctx.continue("load", n + 1);
        },
      },
    });
    const starting = system.start(Eager, undefined, { name: "eager" });
    system.whereis("eager", Eager)?.cast("note", "queued");
    await starting;
    await settle();
    expect(log).toEqual(["load 1", "load 2", "load 3", "queued"]);

    log.length = 0;
    puppet.cast("run", (ctx) => ctx.continue("run", (next: Ctx) => next.stop("shutdown")));
    const queued = failure(puppet.call("run", () => log.push("queued")));
    expect([reasonOf(await queued), log]).toEqual(["shutdown", ["terminate shutdown"]]);
  });

  it("11. A reply with a continuation: the reply is sent before the continuation runs", async () => {
    const { log, puppet } = await setUp();
    const held = gate();
    const reply = puppet.call("run", (ctx) => {
      ctx.continue("run", async () => {
        await held.promise;
        log.push("continued");
      });
      return "reply";
    });
    expect(await reply).toBe("reply");
    expect(log).toEqual([]);
    held.open();
    await settle();
    expect(log).toEqual(["continued"]);
  });

  it("12. A call that was not answered may be answered later, from any later handler or process, once", async () => {
    const { system, puppet } = await setUp();
    const ref = await system.start(Gate);
    const first = watch(ref.call("pass"));
    await settle();
    expect(first.state).toBe("pending");
    ref.cast("open", "from a later handler");
    ref.cast("open", "again");
    await settle();
    expect(first.value).toBe("from a later handler");

    const second = ref.call("pass");
    const [, to] = await ref.call("keys");
    await puppet.call("run", (ctx) => {
      ctx.reply(to as ReplyTo<string>, "from another process");
      ctx.reply(to as ReplyTo<string>, "again");
    });
    ref.cast("open", "too late");
    expect(await second).toBe("from another process");
    expect(system.inspect(ref).deferred).toBe(0);
  });

  it("13. A call times out after 5000 ms unless told otherwise: the caller fails, the server goes on, a late reply is dropped, and nothing is left of the call", async () => {
    const { system, clock, puppet } = await setUp();
    const held = gate<string>();
    const late = puppet.call("run", () => held.promise);
    const seen = watch(late);
    await clock.advanceAsync(4999);
    expect(seen.state).toBe("pending");
    await clock.advanceAsync(1);
    expect([seen.error?.code, seen.error?.outcome]).toEqual(["ERR_CALL_TIMEOUT", "unknown"]);
    expect(seen.error?.message).toBe("puppet <1> did not answer run within 5000 ms");
    held.open("late");
    expect(await puppet.call("run", () => "alive")).toBe("alive");
    expect([seen.state, seen.value]).toEqual(["rejected", undefined]);

    const ref = await system.start(Gate);
    const deferred = watch(ref.call("pass", undefined, { timeout: 10 }));
    await settle();
    expect(system.inspect(ref).deferred).toBe(1);
    await clock.advanceAsync(10);
    expect(deferred.error?.code).toBe("ERR_CALL_TIMEOUT");
    expect([system.inspect(ref).deferred, system.inspect(ref).openCalls]).toEqual([0, 0]);
    ref.cast("open", "late");
    await settle();
    expect([deferred.state, clock.pending]).toEqual(["rejected", 0]);
  });

  it("14. A call to a process that is dead, or to a name that nobody has, fails with NoProcessError without waiting", async () => {
    const { system, clock, puppet } = await setUp();
    await system.stop(puppet);
    await settle();
    const refs: AnyRef[] = [puppet, system.ref("nobody"), system.ref("nobody", Counter)];
    const errors = await Promise.all(refs.map((ref) => failure(ref.call("run", crash))));
    expect(errors.map(({ code, outcome }) => [code, outcome])).toEqual(
      refs.map(() => ["ERR_NO_PROCESS", "not_run"]),
    );
    expect(errors.map(({ message }) => message)).toEqual([
      "puppet <1> is not running",
      '"nobody" is not running',
      'counter "nobody" is not running',
    ]);
    expect([system.whereis("nobody"), clock.pending]).toEqual([undefined, 0]);
  });

  it("15. A call to itself fails with CallingSelfError at once", async () => {
    const { system, puppet } = await setUp();
    const Own = defineActor("own", {
      init: async (_: void, ctx) => (await failure(ctx.self.call("code"))).code,
      queries: { code: (s) => s },
    });
    for (const kind of ["call", "query"] as const) {
      const error = await puppet.call("run", (ctx) => failure(ctx.self[kind]("run", crash)));
      expect(error).toMatchObject({ code: "ERR_CALLING_SELF", outcome: "not_run" });
    }
    expect(await (await system.start(Own)).query("code")).toBe("ERR_CALLING_SELF");
    expect(await puppet.call("run", () => "alive")).toBe("alive");
  });

  it("16. The server dies during the call: the caller fails with its reason, an error as well as shutdown", async () => {
    const { system } = testSystem();
    const endings: readonly [Step, string][] = [
      [crash, "error:boom"],
      [async () => crash(undefined as never), "error:boom"],
      [(ctx) => ctx.exit(ctx.self, "shutdown"), "shutdown"],
      [(ctx) => ctx.exit(ctx.self, { shutdown: 1 }), "{shutdown}"],
      [(ctx) => ctx.exit(ctx.self, "kill"), "killed"],
    ];
    for (const [step, reason] of endings) {
      const ref = await system.start(Puppet, []);
      const [during, queued] = [failure(ref.call("run", step)), failure(ref.call("run", crash))];
      expect([reasonOf(await during), (await during).code, (await during).outcome]).toEqual([
        reason,
        "ERR_PROCESS_EXITED",
        "unknown",
      ]);
      expect([reasonOf(await queued), (await queued).outcome]).toEqual([reason, "not_run"]);
    }
  });

  it("17. The node of the server is lost: the caller fails with nodedown (here: a system has no other nodes; the ref of another system is called like any other, and dies with its process)", async () => {
    const { system, puppet } = await setUp();
    const other = createSystem({ logger: false, clock: system.clock });
    const remote = await other.start(Puppet, []);
    expect(await puppet.call("run", () => remote.call("run", () => "there"))).toBe("there");
    const during = failure(remote.call("run", () => new Promise(() => {})));
    await settle();
    other.exit(remote, "kill");
    expect((await during).outcome).toBe("unknown");
    expect((await failure(remote.call("run", crash))).code).toBe("ERR_NO_PROCESS");
  });

  it("18. cast and send never fail, even to a name or a process that is missing, and return at once", async () => {
    const { system, reports, log, puppet } = await setUp();
    const dead = await system.start(Puppet, []);
    await system.stop(dead);
    reports.length = 0;
    for (const ref of [dead, system.ref("nobody")]) {
      expect(ref.cast("note", "lost")).toBeUndefined();
      expect(ref.send("note", "lost")).toBeUndefined();
    }
    puppet.cast("never" as "note", "lost");
    puppet.cast("note", "handled");
    expect(log).toEqual([]);
    await puppet.call("run", (ctx) => {
      ctx.cast(dead, "note", "lost");
      ctx.send(system.ref("nobody"), "note", "lost");
    });
    expect(log).toEqual(["handled"]);
    expect(reports).toEqual([
      "dead cast note no_process",
      "dead info note no_process",
      "dead cast note no_process",
      "dead info note no_process",
      "dead cast never unknown_operation",
      "dead cast note no_process",
      "dead info note no_process",
    ]);
  });
});

describe("a call", () => {
  it("26. multi_call returns the replies and the bad nodes, and never leaks late replies (here: Promise.allSettled over calls, and late replies are dropped)", async () => {
    const { system, clock, puppet } = await setUp();
    const [slow, dead] = [await system.start(Puppet, []), await system.start(Puppet, [])];
    await system.stop(dead);
    const held = gate<string>();
    const refs = [puppet, slow, dead];
    const outcomes = Promise.allSettled(
      refs.map((ref) =>
        ref.call("run", () => (ref === slow ? held.promise : "reply"), { timeout: 100 }),
      ),
    );
    await clock.advanceAsync(100);
    held.open("late");
    const seen = (await outcomes).map((one) =>
      one.status === "fulfilled" ? one.value : (one.reason as { code: string }).code,
    );
    expect(seen).toEqual(["reply", "ERR_CALL_TIMEOUT", "ERR_NO_PROCESS"]);
    await settle();
    expect([system.inspect(slow).openCalls, clock.pending]).toEqual([0, 0]);
  });

  it("27. The address of a reply accepts exactly one reply", async () => {
    const { system, puppet } = await setUp();
    const kept: ReplyTo<string>[] = [];
    const twice = puppet.call("run", (ctx) => {
      const deferred = ctx.defer<string>((to) => kept.push(to));
      ctx.reply(kept[0] as ReplyTo<string>, "first");
      ctx.reply(kept[0] as ReplyTo<string>, "second");
      ctx.refuse(kept[0] as ReplyTo<never>, "third");
      return deferred;
    });
    expect(await twice).toBe("first");
    const other = puppet.call("run", (ctx) => ctx.defer<string>((to) => kept.push(to)));
    await puppet.call("run", (ctx) => ctx.reply(kept[0] as ReplyTo<string>, "astray"));
    await puppet.call("run", (ctx) => ctx.reply(kept[1] as ReplyTo<string>, "its own"));
    expect(await other).toBe("its own");
    expect(system.inspect(puppet).openCalls).toBe(0);
  });

  it("28. What a call costs does not grow with the queue of the caller (here: no message of the caller is looked at while it waits)", async () => {
    const { system, log, puppet } = await setUp();
    const ref = await system.start(Counter, { start: 1 });
    const [begin, end] = [gate(), gate()];
    const replies: unknown[] = [];
    puppet.cast("run", async () => {
      await begin.promise;
      replies.push(await ref.call("add", 1), await ref.call("add", 1));
      await end.promise;
    });
    let looks = 0;
    const message = { toString: () => `message ${(looks += 1)}` };
    const watched = new Proxy(message, { get: () => (looks += 1), has: () => (looks += 1) > 0 });
    for (let n = 0; n < 3000; n += 1) puppet.cast("note", watched as unknown as string);
    await settle();
    const before = system.inspect(puppet);
    begin.open();
    await settle();
    expect([replies, looks, log]).toEqual([[2, 3], 0, []]);
    expect(system.inspect(puppet)).toEqual(before);
    expect([before.mailbox, before.handled]).toEqual([3000, 1]);
    end.open();
    await settle();
    expect(log).toHaveLength(3000);
  });

  it("29. stop waits for the end: it resolves if the exit reason is the one asked for, else it fails with the real one; a second stop fails with NoProcessError, a bad timeout is an error and the process lives, and stop of itself fails with CallingSelfError", async () => {
    const { system, log, puppet } = await setUp();
    const start = () => system.start(Puppet, log);
    for (const reason of ["normal", "shutdown", { shutdown: 1 }, "killed"] as const) {
      const ref = await start();
      await system.stop(ref, { reason });
      expect((await failure(system.stop(ref, { reason }))).code).toBe("ERR_NO_PROCESS");
    }
    expect(log).toEqual(["terminate normal", "terminate shutdown", "terminate {shutdown}"]);

    const crashing = await start();
    crashing.cast("run", crash);
    const error = await failure(system.stop(crashing));
    expect([error.code, reasonOf(error)]).toEqual(["ERR_PROCESS_EXITED", "error:boom"]);

    for (const options of [{ timeout: -1 }, { timeout: "5" }, { timeout: Number.NaN }, null]) {
      const bad = await failure(system.stop(puppet, options as CallOptions));
      expect([bad.code, bad.outcome]).toEqual(["ERR_INVALID_OPTION", "not_run"]);
    }
    const own = await puppet.call("run", (ctx) => failure(system.stop(ctx.self)));
    expect(own).toMatchObject({ code: "ERR_CALLING_SELF", outcome: "not_run" });
    expect(await puppet.call("run", () => "alive")).toBe("alive");
  });
});
