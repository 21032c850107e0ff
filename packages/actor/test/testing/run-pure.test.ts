import { describe, expect, expectTypeOf, it } from "vitest";
import { defineActor, type ReplyTo } from "../../src/index.ts";
import { type PureResult, runPure, stubRef } from "../../src/testing.ts";

interface Desk {
  count: number;
  waiting: ReplyTo<string>[];
  tags: Set<string>;
}

const desk = (count = 0): Desk => ({ count, waiting: [], tags: new Set() });

const Mailer = defineActor("mailer", {
  init: () => ({}),
  casts: { mail: (_s, _text: string) => {} },
});

const Clerk = defineActor("clerk", {
  init: (_: undefined): Desk => desk(),
  queries: { count: (s) => s.count },
  calls: {
    add: (s, n: number) => (s.count += n),
    take: (s, n: number, ctx) => {
      s.tags.add("asked");
      if (s.count < n) return ctx.fail("insufficient", { have: s.count });
      return (s.count -= n);
    },
    crash: (s, _: undefined, ctx): number => {
      s.count = -1;
      ctx.stop();
      throw new TypeError("boom");
    },
    wait: (s, _: undefined, ctx) => ctx.defer<string>((to) => s.waiting.push(to)),
    slow: async (s, ms: number, ctx) => {
      ctx.sendAfter(ms, "tick");
      await undefined;
      ctx.sendAfter(ms, "tick", "again");
      return `${s.count}`;
    },
    slowly: async (_s, _: undefined, ctx): Promise<number> => {
      await undefined;
      return ctx.fail("never");
    },
    either: (s, later: boolean): number | Promise<number> =>
      later ? Promise.resolve(s.count) : s.count,
    draw: (_s, _: undefined, ctx) => [ctx.now(), ctx.random(), ctx.id().length],
    cancel: (_s, timer: string, ctx) => [ctx.cancel(timer), ctx.cancel(timer)],
    rearm: (_s, _: undefined, ctx) => ctx.cancel(ctx.sendAfter(5, "tick")),
    badTimer: (_s, _: undefined, ctx) => ctx.sendAfter(5, "nope"),
  },
  casts: {
    open: (s, word: string, ctx) => {
      for (const to of s.waiting.splice(0)) ctx.reply(to, word);
    },
    hireAll: async (_s, _: undefined, ctx) => {
      const ref = await ctx.start(Mailer);
      ctx.cast(ref, "mail", "hello");
    },
    hireAndFail: async (_s, _: undefined, ctx) => {
      await ctx.startLink(Mailer);
      ctx.fail("no");
    },
    deferring: (_s, _: undefined, ctx) => void ctx.defer<string>(() => {}),
    everything: (s, to: ReplyTo<string>, ctx) => {
      ctx.send(ctx.self, "tick");
      ctx.refuse(to, "closed", { count: s.count });
      ctx.continue("next", 1);
      ctx.idleTimeout(50);
      ctx.monitor("mailer");
      ctx.demonitor(ctx.monitor(ctx.self));
      ctx.link(ctx.self);
      ctx.unlink(ctx.self);
      ctx.exit(ctx.self, "kill");
      ctx.stop({ shutdown: "done" });
    },
  },
  info: {
    tick: (s, _word?: string) => void (s.count += 1),
    down: () => {},
    timeout: () => {},
  },
  continue: { next: (s, n: number) => void (s.count += n) },
});

describe("runPure gives for a call", () => {
  it("the reply, the state afterwards and no effects", () => {
    expect(runPure(Clerk, desk(1), "call", "add", 5)).toEqual({
      reply: 6,
      state: desk(6),
      effects: [],
    });
    expect(runPure(Clerk, desk(1), "query", "count")).toMatchObject({ reply: 1 });
  });

  it("its refusal, with what it had changed before", () => {
    expect(runPure(Clerk, desk(1), "call", "take", 5)).toEqual({
      refused: { code: "insufficient", data: { have: 1 } },
      state: { ...desk(1), tags: new Set(["asked"]) },
      effects: [],
    });
  });

  it("what it threw, and none of the effects that it had asked for", () => {
    const result = runPure(Clerk, desk(1), "call", "crash");
    expect(result.thrown).toBeInstanceOf(TypeError);
    expect(result.effects).toEqual([]);
    expect(result).not.toHaveProperty("reply");
  });

  it("where it left the reply for later, and the reply of the handler that gives it", () => {
    const first = runPure(Clerk, desk(), "call", "wait");
    expect(first).toEqual({
      deferred: { replyTo: 1, system: "pure" },
      state: { ...desk(), waiting: [{ replyTo: 1, system: "pure" }] },
      effects: [],
    });
    const second = runPure(Clerk, first.state, "call", "wait", undefined, { firstId: 2 });
    expect(runPure(Clerk, second.state, "cast", "open", "now").effects).toEqual([
      { type: "reply", to: { replyTo: 1, system: "pure" }, reply: "now" },
      { type: "reply", to: { replyTo: 2, system: "pure" }, reply: "now" },
    ]);
  });

  it("a promise of all this when the handler is async, with what it asked for later", async () => {
    expect(await runPure(Clerk, desk(3), "call", "slow", 10)).toEqual({
      reply: "3",
      state: desk(3),
      effects: [
        { type: "sendAfter", timer: "t1", ms: 10, message: "tick" },
        { type: "sendAfter", timer: "t2", ms: 10, message: "tick", arg: "again" },
      ],
    });
    expect(await runPure(Clerk, desk(), "call", "slowly")).toMatchObject({
      refused: { code: "never" },
    });
  });
});

describe("runPure notes", () => {
  it("every effect as a value, in order", () => {
    const self = stubRef(Clerk, 7);
    const { effects } = runPure(
      Clerk,
      desk(2),
      "cast",
      "everything",
      { replyTo: 4, system: "pure" },
      { self },
    );
    expect(effects).toEqual([
      { type: "send", to: self, message: "tick" },
      { type: "refuse", to: { replyTo: 4, system: "pure" }, code: "closed", data: { count: 2 } },
      { type: "continue", operation: "next", arg: 1 },
      { type: "idleTimeout", ms: 50 },
      { type: "monitor", monitor: "m1", target: "mailer" },
      { type: "monitor", monitor: "m2", target: self },
      { type: "demonitor", monitor: "m2" },
      { type: "link", target: self },
      { type: "unlink", target: self },
      { type: "exit", target: self, reason: "kill" },
      { type: "stop", reason: { shutdown: "done" } },
    ]);
  });

  it("what a handler started, also of one that refused: that is no effect", async () => {
    const ref = stubRef(Mailer, 3);
    const options = { start: () => ref };
    const hired = await runPure(Clerk, desk(), "cast", "hireAll", undefined, options);
    expect(hired.effects).toEqual([
      { type: "start", definition: Mailer, rest: [], ref },
      { type: "cast", to: ref, operation: "mail", arg: "hello" },
    ]);
    const refused = await runPure(Clerk, desk(), "cast", "hireAndFail");
    expect(refused.refused?.code).toBe("no");
    expect(refused.effects).toMatchObject([{ type: "startLink", definition: Mailer }]);
  });

  it("a timer that is taken back", () => {
    const cancel = (options: object) => runPure(Clerk, desk(), "call", "cancel", "t9", options);
    expect(cancel({})).toMatchObject({
      reply: [true, false],
      effects: [{ type: "cancel", timer: "t9" }],
    });
    expect(cancel({ timers: ["t9"] })).toMatchObject({ reply: [true, false] });
    expect(cancel({ timers: ["t8"] })).toMatchObject({ reply: [false, false], effects: [] });
    expect(runPure(Clerk, desk(), "call", "rearm", undefined, { timers: [] }).reply).toBe(true);
  });

  it("infos and continuations, which answer nobody", () => {
    const ticked = runPure(Clerk, desk(), "info", "tick", "x");
    expect(ticked).toStrictEqual({ state: desk(1), effects: [] });
    expect(runPure(Clerk, desk(), "continue", "next", 4)).toEqual({ state: desk(4), effects: [] });
  });
});

describe("runPure", () => {
  it("leaves the state that it is given as it is, deep down", () => {
    const state = desk(1);
    const result = runPure(Clerk, state, "call", "take", 5);
    expect(state).toEqual(desk(1));
    expect(result.state.tags).not.toBe(state.tags);
  });

  it("refuses to copy what is no plain data, unless it need not", () => {
    const Holder = defineActor("holder", {
      init: () => ({ socket: new URL("ws://a"), n: 0 }),
      calls: { bump: (s) => (s.n += 1) },
    });
    const state = { socket: new URL("ws://a"), n: 0 };
    expect(() => runPure(Holder, state, "call", "bump")).toThrow(
      "state.socket: an instance of URL",
    );
    const result = runPure(Holder, state, "call", "bump", undefined, { copyState: false });
    expect(result).toMatchObject({ reply: 1 });
    expect(result.state).toBe(state);
  });

  it("keeps the refs in a state", () => {
    const mailer = stubRef(Mailer);
    const Shop = defineActor("shop", {
      init: () => ({ mailer }),
      calls: { order: (s, item: string, ctx) => ctx.cast(s.mailer, "mail", item) },
    });
    const { effects } = runPure(Shop, { mailer }, "call", "order", "tea");
    expect(effects).toEqual([{ type: "cast", to: mailer, operation: "mail", arg: "tea" }]);
  });

  it("draws time and chance from its options, the same in every run", () => {
    const drawn = () => runPure(Clerk, desk(), "call", "draw");
    expect(drawn()).toEqual(drawn());
    expect(drawn().reply?.[0]).toBe(Date.UTC(2026, 0, 1));
    const options = { now: 5, random: () => 0.25 };
    expect(runPure(Clerk, desk(), "call", "draw", undefined, options).reply).toEqual([5, 0.25, 32]);
  });

  it("throws as a process would refuse the message", () => {
    const run = runPure as unknown as (...args: unknown[]) => unknown;
    const unknown = () => run(Clerk, desk(), "call", "nope");
    expect(unknown).toThrow(expect.objectContaining({ code: "ERR_UNKNOWN_OPERATION" }));
    expect(() => run(Clerk, desk(), "tell", "add", 1)).toThrow(
      expect.objectContaining({ option: "kind" }),
    );
    const surplus = () => run(Clerk, desk(), "query", "count", 1);
    expect(surplus).toThrow(expect.objectContaining({ code: "ERR_PAYLOAD" }));
    const bad = () => run(Clerk, desk(), "query", "count", undefined, { firstId: 0 });
    expect(bad).toThrow(expect.objectContaining({ option: "firstId" }));
  });

  it("lets a handler throw what a real ctx would throw", () => {
    expect(runPure(Clerk, desk(), "call", "badTimer").thrown).toMatchObject({
      code: "ERR_UNKNOWN_OPERATION",
    });
    expect(runPure(Clerk, desk(), "cast", "deferring").thrown).toMatchObject({
      code: "ERR_NO_CALLER",
    });
  });

  it("lets nothing be asked for when the handler is over", () => {
    let late: (() => void) | undefined;
    const Leaky = defineActor("leaky", {
      init: () => ({}),
      calls: {
        go: (_s, _: undefined, ctx) => {
          late = () => ctx.stop();
        },
      },
    });
    const { effects } = runPure(Leaky, {}, "call", "go");
    expect(() => late?.()).toThrow(expect.objectContaining({ code: "ERR_OUTSIDE_HANDLER" }));
    expect(effects).toEqual([]);
  });

  it("is typed by the definition: operations, arguments, reply, and whether it is a promise", () => {
    expectTypeOf(runPure(Clerk, desk(), "call", "add", 1)).toEqualTypeOf<
      PureResult<Desk, number>
    >();
    expectTypeOf(runPure(Clerk, desk(), "call", "wait").reply).toEqualTypeOf<string | undefined>();
    expectTypeOf(runPure(Clerk, desk(), "call", "slow", 1)).toEqualTypeOf<
      Promise<PureResult<Desk, string>>
    >();
    expectTypeOf(runPure(Clerk, desk(), "call", "either", true)).toEqualTypeOf<
      PureResult<Desk, number> | Promise<PureResult<Desk, number>>
    >();
    expectTypeOf(runPure(Clerk, desk(), "info", "tick").state).toEqualTypeOf<Desk>();
    () => {
      // @ts-expect-error: no such call
      runPure(Clerk, desk(), "call", "open", "x");
      // @ts-expect-error: the argument is a number
      runPure(Clerk, desk(), "call", "add", "x");
      // @ts-expect-error: an argument is missing
      runPure(Clerk, desk(), "call", "add");
      // @ts-expect-error: not the state of a clerk
      runPure(Clerk, { count: 1 }, "call", "add", 1);
    };
  });
});

describe("stubRef", () => {
  it("reaches nobody, and says so to a caller", async () => {
    const mailer = stubRef(Mailer, 4);
    mailer.cast("mail", "x");
    await expect(stubRef("bank").call("charge")).rejects.toMatchObject({
      code: "ERR_NO_PROCESS",
      outcome: "not_run",
    });
    expect(String(mailer)).toBe("mailer <4>");
    expect(mailer).toEqual(stubRef(Mailer, 4));
    expect(mailer).not.toEqual(stubRef(Mailer, 5));
  });
});
