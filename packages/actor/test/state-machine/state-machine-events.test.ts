import { describe, expect, it } from "vitest";
import { defineStateMachine, type ReplyTo, UnhandledEventError } from "../../src/index.ts";
import { failure, gate, settle, testSystem, watch } from "../support/harness.ts";

interface Data {
  readonly log: string[];
  waiting: ReplyTo<string>[];
}

const dataOf = (log: string[]): Data => ({ log, waiting: [] });

describe("an event without a handler in the state", () => {
  it("is refused to its caller with a typed error, and has not run", async () => {
    const Switch = defineStateMachine("switch", {
      init: () => ({ state: "off", data: {} }),
      states: { off: { calls: { turn: (_data, _: void, ctx) => ctx.next("on") } }, on: {} },
    });
    const { system } = testSystem();
    const ref = await system.start(Switch);
    await ref.call("turn");
    const error = await failure(ref.call("turn"));
    expect(error).toBeInstanceOf(UnhandledEventError);
    expect(error).toMatchObject({
      code: "ERR_UNHANDLED_EVENT",
      outcome: "not_run",
      message: 'switch has no call "turn" in state "on"',
      state: "on",
    });
    expect(await system.getState(ref)).toMatchObject({ state: "on" });
  });

  it("is a dead letter when nobody waits for it, also when it was postponed or inserted", async () => {
    const Machine = defineStateMachine("machine", {
      init: (log: string[]) => ({ state: "one", data: dataOf(log) }),
      states: {
        one: {
          casts: {
            only: (_data, _n: number, ctx) => ctx.postpone(),
            go: (_data, _: void, ctx) => {
              ctx.next("two");
              ctx.nextEvent("only");
            },
          },
          info: { only: (_data, _n: number, ctx) => ctx.postpone() },
          calls: { only: (_data, _n: number, ctx) => ctx.postpone() },
          internal: { only: () => {} },
        },
        two: { casts: { after: (data) => data.log.push("after") } },
      },
    });
    const { system, reports } = testSystem();
    const letters: unknown[] = [];
    system.events.on("deadLetter", ({ kind, operation, arg }) =>
      letters.push({ kind, operation, arg }),
    );
    const log: string[] = [];
    const ref = await system.start(Machine, log);
    ref.cast("only", 1);
    ref.send("only", 2);
    const called = failure(ref.call("only", 3));
    ref.cast("go");
    ref.cast("go");
    ref.cast("after");
    await settle();
    expect(letters).toEqual([
      { kind: "info", operation: "only", arg: undefined },
      { kind: "cast", operation: "only", arg: 1 },
      { kind: "info", operation: "only", arg: 2 },
      { kind: "cast", operation: "go", arg: undefined },
    ]);
    expect(await called).toMatchObject({ code: "ERR_UNHANDLED_EVENT", outcome: "not_run" });
    expect(log).toEqual(["after"]);
    expect(reports.every((line) => line.startsWith("dead"))).toBe(true);
  });

  it("is refused like that when it is a query or a timeout", async () => {
    const Machine = defineStateMachine("machine", {
      init: () => ({ state: "one", data: {} }),
      states: {
        one: {
          enter: (_data, _previous, ctx) => {
            ctx.stateTimeout(5);
            ctx.eventTimeout(5);
            ctx.timeout("late", 5);
            ctx.timeout("zero", 0);
          },
        },
        two: {
          queries: { only: () => 1 },
          timeouts: { late: () => {}, zero: () => {} },
          stateTimeout: () => {},
          eventTimeout: () => {},
        },
      },
    });
    const { system, clock, reports } = testSystem();
    const ref = await system.start(Machine);
    expect(await failure(ref.query("only"))).toMatchObject({ code: "ERR_UNHANDLED_EVENT" });
    await clock.advanceAsync(5);
    expect(reports).toEqual([
      "dead info zero refused",
      "dead info stateTimeout refused",
      "dead info eventTimeout refused",
      "dead info late refused",
    ]);
  });
});

describe("ctx.postpone", () => {
  const Gate = defineStateMachine("gate", {
    init: (log: string[]) => ({ state: "shut", data: dataOf(log) }),
    states: {
      shut: {
        calls: { pass: (_data, _id: number, ctx) => ctx.postpone() },
        casts: {
          pass: (_data, _id: number, ctx) => ctx.postpone(),
          open: (_data, _: void, ctx) => ctx.next("open"),
        },
      },
      open: {
        calls: {
          pass: (data, id: number) => {
            data.log.push(`pass ${id}`);
            return id;
          },
        },
        casts: {
          pass: (data, id: number) => data.log.push(`pass ${id}`),
          shut: (_data, _: void, ctx) => ctx.next("shut"),
        },
      },
    },
    maxPostponed: 2,
  });

  async function gateSystem() {
    const log: string[] = [];
    const all = testSystem();
    return { ...all, log, ref: await all.system.start(Gate, log) };
  }

  it("keeps the caller waiting until the event is handled", async () => {
    const { ref } = await gateSystem();
    const pass = watch(ref.call("pass", 1));
    await settle();
    expect(pass.state).toBe("pending");
    ref.cast("open");
    await settle();
    expect(pass.value).toBe(1);
  });

  it("outlives a caller that gave up: the event is handled and its reply is dropped", async () => {
    const { ref, clock, log, reports } = await gateSystem();
    const pass = watch(ref.call("pass", 1, { timeout: 100 }));
    await clock.advanceAsync(100);
    expect(pass.error?.code).toBe("ERR_CALL_TIMEOUT");
    ref.cast("open");
    await settle();
    expect(log).toEqual(["pass 1"]);
    expect(reports).toEqual([]);
  });

  it("is bounded: one event more is refused and has not run", async () => {
    const { ref, reports, log } = await gateSystem();
    const first = watch(ref.call("pass", 1));
    ref.cast("pass", 2);
    const error = await failure(ref.call("pass", 3));
    expect(error).toMatchObject({
      code: "ERR_TOO_MANY_EVENTS",
      outcome: "not_run",
      message: "gate keeps 2 postponed events already",
    });
    ref.cast("pass", 4);
    await settle();
    expect(reports).toEqual(["dead cast pass refused"]);
    ref.cast("open");
    await settle();
    expect(log).toEqual(["pass 1", "pass 2"]);
    expect(first.value).toBe(1);
  });

  it("may be asked for again when the event is tried again, and keeps its place", async () => {
    const { ref, log } = await gateSystem();
    ref.cast("pass", 1);
    ref.cast("pass", 2);
    ref.cast("open");
    await settle();
    ref.cast("shut");
    const third = watch(ref.call("pass", 3));
    ref.cast("pass", 4);
    ref.cast("open");
    await settle();
    expect(log).toEqual(["pass 1", "pass 2", "pass 3", "pass 4"]);
    expect(third.value).toBe(3);
  });

  it("leaves a caller to be told when the machine ends first", async () => {
    const { system, ref } = await gateSystem();
    const pass = failure(ref.call("pass", 1));
    await system.stop(ref);
    expect(await pass).toMatchObject({ code: "ERR_PROCESS_EXITED", outcome: "unknown" });
  });
});

describe("a step", () => {
  const Steps = defineStateMachine("steps", {
    init: (log: string[]) => ({ state: "one", data: dataOf(log) }),
    states: {
      one: {
        calls: {
          work: (_data, _: void, ctx) => ctx.postpone(),
          chain: (_data, names: string[], ctx) => {
            for (const name of names) ctx.nextEvent(name);
            return "reply";
          },
        },
        casts: {
          work: (_data, _: void, ctx) => ctx.postpone(),
          go: (_data, _: void, ctx) => ctx.next("two"),
          idle: (_data, _: void, ctx) => ctx.eventTimeout(10),
          refuse: (_data, _: void, ctx) => ctx.fail("no"),
        },
      },
      two: {
        calls: {
          work: (data, _: void, ctx) => {
            data.log.push("call");
            everything(ctx);
            return ctx.fail("no", { why: "not now" });
          },
        },
        casts: {
          work: (data, _: void, ctx) => {
            data.log.push("cast");
            everything(ctx);
            ctx.fail("no");
          },
          after: (data) => data.log.push("after"),
        },
      },
    },
    any: {
      queries: { state: (_data, _: void, ctx) => ctx.state },
      info: { effect: (data) => data.log.push("effect") },
      internal: {
        boom: () => {
          throw new Error("boom");
        },
        fine: (data) => data.log.push("fine"),
        refused: (_data, _, ctx) => {
          everything(ctx);
          ctx.fail("no");
        },
      },
      stateTimeout: (data) => data.log.push("effect"),
      eventTimeout: (data) => data.log.push("idle"),
    },
  });

  /** Every kind of effect; none of them may be seen. */
  function everything(ctx: {
    next(state: "one"): void;
    nextEvent(name: string): void;
    stateTimeout(ms: number): void;
    sendAfter(ms: number, message: string): unknown;
    send(target: never, message: string): void;
    readonly self: unknown;
    stop(): void;
  }): void {
    ctx.next("one");
    ctx.nextEvent("fine");
    ctx.stateTimeout(0);
    ctx.sendAfter(1, "effect");
    ctx.send(ctx.self as never, "effect");
    ctx.stop();
  }

  async function stepSystem() {
    const log: string[] = [];
    const all = testSystem();
    return { ...all, log, ref: await all.system.start(Steps, log) };
  }

  it("that is refused has had no effects, and what waits behind it goes on", async () => {
    const { ref, clock, log, reports } = await stepSystem();
    const call = failure(ref.call("work"));
    ref.cast("work");
    ref.cast("go");
    ref.cast("after");
    expect(await call).toMatchObject({ code: "no", data: { why: "not now" }, outcome: "ran" });
    await clock.advanceAsync(5);
    expect(log).toEqual(["call", "cast", "after"]);
    expect(await ref.query("state")).toBe("two");
    expect(await failure(ref.call("work"))).toMatchObject({ code: "no" });
    await clock.advanceAsync(5);
    expect(log).toEqual(["call", "cast", "after", "call"]);
    expect(reports).toEqual(["dead cast work refused"]);
  });

  it("that is refused is no event to the event timeout", async () => {
    const { ref, clock, log } = await stepSystem();
    ref.cast("idle");
    await clock.advanceAsync(5);
    ref.cast("refuse");
    await clock.advanceAsync(5);
    expect(log).toEqual(["idle"]);
  });

  it("is a message of its own: its reply is out before the next step can crash", async () => {
    const { ref, log, reports } = await stepSystem();
    expect(await ref.call("chain", ["fine", "refused", "fine", "boom", "fine"])).toBe("reply");
    await settle();
    expect(log).toEqual(["fine", "fine"]);
    expect(reports).toEqual([
      "dead info refused refused",
      "crash steps in boom",
      "exit steps error:boom",
    ]);
  });

  it("that throws ends the process, whose caller may have been served", async () => {
    const { system } = testSystem();
    const Thrower = defineStateMachine("thrower", {
      init: () => ({ state: "one", data: {} }),
      states: {
        one: { calls: { go: (_data, to: "two" | "three", ctx) => ctx.next(to) } },
        two: {
          enter: () => {
            throw new Error("no entry");
          },
        },
        three: {
          enter: async () => {
            throw new Error("no entry");
          },
        },
      },
    });
    for (const to of ["two", "three"] as const) {
      const error = await failure((await system.start(Thrower)).call("go", to));
      expect(error).toMatchObject({ code: "ERR_PROCESS_EXITED", outcome: "unknown" });
      expect(error.data).toMatchObject({ reason: { error: { message: "no entry" } } });
    }
  });

  it("names the operation in the report of a crash, also of a postponed one", async () => {
    const Crasher = defineStateMachine("crasher", {
      init: () => ({ state: "one", data: {} }),
      states: {
        one: {
          calls: { work: (_data, _n: number, ctx) => ctx.postpone() },
          casts: { go: (_data, _: void, ctx) => ctx.next("two") },
        },
        two: {
          calls: {
            work: async (): Promise<number> => {
              throw new Error("boom");
            },
          },
        },
      },
    });
    const { system } = testSystem();
    const crashes: unknown[] = [];
    system.events.on("crash", ({ operation, arg }) => crashes.push({ operation, arg }));
    const ref = await system.start(Crasher);
    const work = failure(ref.call("work", 7));
    ref.cast("go");
    expect(await work).toMatchObject({ code: "ERR_PROCESS_EXITED", outcome: "unknown" });
    expect(crashes).toEqual([{ operation: "work", arg: 7 }]);
  });

  it("may be async, and holds the mailbox and what waits inside until it is done", async () => {
    const Slow = defineStateMachine("slow", {
      init: async (log: string[]) => ({ state: "one", data: dataOf(log) }),
      states: {
        one: {
          calls: { ask: (_data, _: void, ctx) => ctx.postpone() },
          casts: {
            go: async (data, until: Promise<void>, ctx) => {
              ctx.nextEvent("inside");
              await until;
              ctx.next("two");
              data.log.push("left");
            },
          },
        },
        two: {
          enter: async (data) => {
            await Promise.resolve();
            data.log.push("entered");
          },
          calls: {
            ask: async (data) => {
              await Promise.resolve();
              data.log.push("asked");
              return "answer";
            },
          },
          casts: { after: (data) => data.log.push("after") },
          internal: { inside: (data) => data.log.push("inside") },
        },
      },
    });
    const { system } = testSystem();
    const log: string[] = [];
    const held = gate();
    const ref = await system.start(Slow, log);
    const answer = ref.call("ask");
    ref.cast("go", held.promise);
    ref.cast("after");
    await settle();
    expect(log).toEqual([]);
    held.open();
    expect(await answer).toBe("answer");
    await settle();
    expect(log).toEqual(["left", "entered", "inside", "asked", "after"]);
  });

  it("that was killed while it waited changes nothing any more", async () => {
    const { system, reports } = testSystem();
    const held = gate();
    const log: string[] = [];
    const Killed = defineStateMachine("killed", {
      init: () => ({ state: "one", data: {} }),
      states: {
        one: {
          calls: {
            go: async (_data, until: Promise<void>, ctx) => {
              await until;
              ctx.next("two");
              ctx.send(ctx.self, "effect");
            },
          },
        },
        two: { enter: () => log.push("entered"), info: { effect: () => log.push("effect") } },
      },
    });
    const ref = await system.start(Killed);
    const going = failure(ref.call("go", held.promise));
    await settle();
    system.exit(ref, "kill");
    held.open();
    expect((await going).code).toBe("ERR_PROCESS_EXITED");
    await settle();
    expect(reports).toEqual(["exit killed killed"]);
    expect(log).toEqual([]);
  });

  it("may defer its reply, also when it was postponed before", async () => {
    const Deferring = defineStateMachine("deferring", {
      init: () => ({ state: "one", data: dataOf([]) }),
      states: {
        one: {
          calls: { ask: (_data, _: void, ctx) => ctx.postpone() },
          casts: { go: (_data, _: void, ctx) => ctx.next("two") },
        },
        two: {
          calls: {
            ask: (data, _: void, ctx) => ctx.defer<string>((to) => data.waiting.push(to)),
          },
          casts: {
            answer: (data, reply: string, ctx) => {
              for (const to of data.waiting.splice(0)) ctx.reply(to, reply);
            },
            defer: (_data, _: void, ctx) => void ctx.defer(() => {}),
          },
        },
      },
    });
    const { system, reports } = testSystem();
    const ref = await system.start(Deferring);
    const postponed = watch(ref.call("ask"));
    ref.cast("go");
    const direct = watch(ref.call("ask"));
    await settle();
    expect([postponed.state, direct.state]).toEqual(["pending", "pending"]);
    ref.cast("answer", "yes");
    await settle();
    expect([postponed.value, direct.value]).toEqual(["yes", "yes"]);
    ref.cast("defer");
    await settle();
    expect(reports[0]).toBe("crash deferring in defer");
  });
});

describe("ctx.stop", () => {
  const Stopping = defineStateMachine("stopping", {
    init: (log: string[]) => ({ state: "one", data: dataOf(log) }),
    states: {
      one: {
        calls: {
          stop: (_data, _: void, ctx) => {
            ctx.next("two");
            ctx.nextEvent("never");
            ctx.stop("shutdown");
            return "bye";
          },
          enter: (_data, _: void, ctx) => ctx.next("three"),
        },
        internal: { never: (data) => data.log.push("never") },
      },
      two: { enter: (data) => data.log.push("never") },
      three: { enter: (_data, _previous, ctx) => ctx.stop({ shutdown: "no entry" }) },
    },
    terminate: (data, reason, state) => data.log.push(`${JSON.stringify(reason)} in ${state}`),
  });

  it("goes nowhere, replies, and terminates in the state in which it was", async () => {
    const { system } = testSystem();
    const log: string[] = [];
    const ref = await system.start(Stopping, log);
    expect(await ref.call("stop")).toBe("bye");
    await settle();
    expect(log).toEqual(['"shutdown" in one']);
  });

  it("in an enter handler terminates in the state that was entered", async () => {
    const { system } = testSystem();
    const log: string[] = [];
    const ref = await system.start(Stopping, log);
    await ref.call("enter");
    await settle();
    expect(log).toEqual(['{"shutdown":"no entry"} in three']);
  });
});
