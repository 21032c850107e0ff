/** What a handler's end means, and timeouts of a process that has nothing to do. */
import { describe, expect, it } from "vitest";
import { defineActor } from "../../src/index.ts";
import { crash, failure, Gate, gate, Puppet, reasonOf, settle, testSystem } from "./support.ts";

/** A system with one puppet. */
async function setUp() {
  const all = testSystem();
  const log: string[] = [];
  return { ...all, log, puppet: await all.system.start(Puppet, log) };
}

describe("a handler", () => {
  it("19. A bad return value of a handler ends the process, and the pending caller gets it (here: a handler's return value is always the reply)", async () => {
    const { reports, puppet } = await setUp();
    const values = [
      undefined,
      null,
      { stop: "normal" },
      ["noreply", {}],
      crash,
      new Error("a value"),
    ];
    for (const value of values) expect(await puppet.call("run", () => value)).toBe(value);
    puppet.cast("run", () => "ignored");
    puppet.send("run", () => "ignored");
    expect(await puppet.call("run", () => "alive")).toBe("alive");
    expect(reports).toEqual([]);
  });

  it("20. A stop with a reply: terminate runs first, then the reply is sent, also when terminate throws", async () => {
    const { system, reports } = testSystem();
    const order: string[] = [];
    const Ending = defineActor("ending", {
      init: (end: () => unknown) => end,
      calls: {
        stop: (_s, _: void, ctx) => {
          ctx.stop();
          return "bye";
        },
      },
      terminate: (end) => {
        order.push("terminate");
        return end();
      },
    });
    const held = gate();
    const ends: (() => unknown)[] = [() => {}, () => held.promise, () => crash(undefined as never)];
    for (const [at, end] of ends.entries()) {
      const ref = await system.start(Ending, end);
      const reply = ref.call("stop").then((text) => order.push(text));
      await settle();
      order.push("settled");
      if (at > 0) held.open();
      await reply;
    }
    expect(order).toEqual([
      ...["terminate", "bye", "settled"],
      ...["terminate", "settled", "bye"],
      ...["terminate", "bye", "settled"],
    ]);
    expect(reports).toEqual([
      "exit ending normal",
      "exit ending normal",
      "crash ending in terminate",
      "exit ending error:boom",
    ]);
  });

  it("21. A stop in a call without a reply: the caller fails with the reason", async () => {
    const { system } = testSystem();
    const ref = await system.start(Gate);
    const waiting = failure(ref.call("pass"));
    const stopped = failure(
      (await system.start(Puppet, [])).call("run", (ctx) => {
        ctx.stop({ shutdown: "now" });
        return ctx.defer(() => {});
      }),
    );
    ref.cast("stop");
    expect([reasonOf(await waiting), (await waiting).outcome]).toEqual(["shutdown", "unknown"]);
    expect([reasonOf(await stopped), (await stopped).outcome]).toEqual(["{shutdown}", "unknown"]);
  });

  it("22. A message without an info handler is warned of and the process goes on; a missing call, cast or continue handler crashes it, and so does an undefined function inside a handler (here: a missing call is the caller's error, a missing cast a dead letter, a missing continuation throws in the handler)", async () => {
    const lines: string[] = [];
    const logger = { warn: (line: string) => lines.push(line), error() {} };
    const { system, reports } = testSystem({ logger });
    const puppet = await system.start(Puppet, []);
    puppet.send("never" as "note", "lost");
    puppet.cast("never" as "note", "lost");
    const error = await failure(puppet.call("never" as "run", crash));
    expect([error.code, error.outcome, error.message]).toEqual([
      "ERR_UNKNOWN_OPERATION",
      "not_run",
      'puppet <1> has no call "never"; it has run',
    ]);
    expect(lines).toEqual(['puppet <1> does not handle the message "never"']);
    const unknown = await puppet.call("run", (ctx) => {
      try {
        return ctx.continue("never");
      } catch (thrown) {
        return (thrown as Error).message;
      }
    });
    expect(unknown).toBe('puppet <1> has no continue "never"; it has run, note');
    expect(reports).toEqual([
      "dead info never unknown_operation",
      "dead cast never unknown_operation",
    ]);
    const missing: { f?: () => void } = {};
    const crashed = await failure(
      puppet.call("run", () => missing.f?.call(null) ?? (missing as { f: () => void }).f()),
    );
    expect(reasonOf(crashed)).toContain("is not a function");
  });
});

describe("an idle timeout", () => {
  const Idle = defineActor("idle", {
    init: ({ log, ms }: { log: string[]; ms?: number }, ctx) => {
      if (ms !== undefined) ctx.idleTimeout(ms);
      return { log };
    },
    calls: { idle: (_s, ms: number, ctx) => ctx.idleTimeout(ms) },
    casts: { note: (s, text: string) => s.log.push(text) },
    info: { timeout: (s) => s.log.push("timeout"), note: (s, text: string) => s.log.push(text) },
  });

  it("23. An idle timeout: any message cancels it, a look at the state does not, and Infinity never fires", async () => {
    const { system, clock } = testSystem();
    const log: string[] = [];
    const ref = await system.start(Idle, { log, ms: 100 });
    await clock.advanceAsync(99);
    expect(log).toEqual([]);
    await clock.advanceAsync(1);
    await clock.advanceAsync(1000);
    expect(log).toEqual(["timeout"]);

    const messages = [() => ref.cast("note", "cast"), () => ref.send("note", "info")];
    for (const send of messages) {
      log.length = 0;
      await ref.call("idle", 100);
      await clock.advanceAsync(99);
      send();
      await clock.advanceAsync(1000);
      expect(log).toHaveLength(1);
      expect(log).not.toContain("timeout");
    }

    log.length = 0;
    await ref.call("idle", 100);
    await clock.advanceAsync(60);
    await system.getState(ref);
    await system.suspend(ref);
    await system.resume(ref);
    await clock.advanceAsync(40);
    expect(log).toEqual(["timeout"]);
    await ref.call("idle", Number.POSITIVE_INFINITY);
    await clock.advanceAsync(1e9);
    expect([log, clock.pending]).toEqual([["timeout"], 0]);
  });

  it("24. A timeout of 0 yields to a message that is queued already; a continuation runs before the queue", async () => {
    const { system, clock, log, puppet } = await setUp();
    const idle: string[] = [];
    const ref = await system.start(Idle, { log: idle });
    const asked = ref.call("idle", 0);
    ref.cast("note", "queued");
    await asked;
    await settle();
    expect(idle).toEqual(["queued"]);
    await ref.call("idle", 0);
    await settle();
    expect(idle).toEqual(["queued", "timeout"]);

    const both = puppet.call("run", (ctx) => {
      ctx.idleTimeout(0);
      ctx.continue("note", "continued");
    });
    puppet.cast("note", "queued");
    await both;
    await settle();
    expect([log, clock.pending]).toEqual([["continued", "queued"], 0]);
  });

  it("25. Hibernation keeps the state, any message ends it, suspend and resume leave it, and hibernate_after begins anew after each message (here: an idle process holds nothing but its state; idleTimeout begins anew after each message)", async () => {
    const { system, clock } = testSystem();
    const Resting = defineActor("resting", {
      init: () => ({ spells: 0, kept: ["state"] }),
      calls: { look: (s) => s },
      info: {
        timeout: (s) => {
          s.spells += 1;
        },
      },
      idleTimeout: 100,
    });
    const ref = await system.start(Resting);
    await clock.advanceAsync(100);
    await clock.advanceAsync(1000);
    const state = await ref.call("look");
    expect(state).toEqual({ spells: 1, kept: ["state"] });
    await clock.advanceAsync(99);
    await ref.call("look");
    await clock.advanceAsync(99);
    expect(state.spells).toBe(1);
    await system.suspend(ref);
    await clock.advanceAsync(1);
    await system.resume(ref);
    await settle();
    expect(state.spells).toBe(2);
    expect(await ref.call("look")).toBe(state);
  });
});
