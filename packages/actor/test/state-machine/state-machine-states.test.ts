import { describe, expect, it } from "vitest";
import { defineStateMachine, type MachineCtx, type ReplyTo } from "../../src/index.ts";
import { failure, settle, testSystem } from "../support/harness.ts";

interface Data {
  readonly log: string[];
  waiting: ReplyTo<string>[];
}

const dataOf = (log: string[]): Data => ({ log, waiting: [] });

describe("an enter handler", () => {
  type Asks = "next" | "postpone" | "nextEvent" | "defer" | "nothing";

  const Entering = defineStateMachine("entering", {
    init: (arg: { asks: Asks; state: "one" | "two" }) => ({ state: arg.state, data: arg }),
    states: {
      one: { calls: { go: (_data, _: void, ctx) => ctx.next("two") } },
      two: {
        enter: (data, _previous, ctx) => {
          const all = ctx as unknown as Record<Asks, ((arg?: unknown) => void) | undefined>;
          all[data.asks]?.("one");
        },
        internal: { one: () => {} },
      },
    },
  });

  for (const asks of ["next", "postpone", "nextEvent", "defer"] as const) {
    it(`may not use ctx.${asks}: it crashes, and on start the start fails`, async () => {
      const { system } = testSystem();
      const error = await failure(
        (await system.start(Entering, { asks, state: "one" })).call("go"),
      );
      expect(error.data).toMatchObject({
        reason: {
          error: {
            code: "ERR_ILLEGAL_ACTION",
            message: `ctx.${asks} is not allowed in an enter handler`,
          },
        },
      });
      const start = await failure(system.start(Entering, { asks, state: "two" }));
      expect(start.cause).toMatchObject({ code: "ERR_ILLEGAL_ACTION" });
    });
  }

  it("may set timeouts, which win over those of the event before it", async () => {
    const Timing = defineStateMachine("timing", {
      init: (log: string[]) => ({ state: "one", data: dataOf(log) }),
      states: {
        one: {
          casts: {
            go: (_data, _: void, ctx) => {
              ctx.stateTimeout(1, "event");
              ctx.next("two");
            },
          },
        },
        two: {
          enter: (_data, _previous, ctx) => ctx.stateTimeout(2, "enter"),
          stateTimeout: (data, by: string) => data.log.push(by),
        },
      },
    });
    const { system, clock } = testSystem();
    const log: string[] = [];
    const ref = await system.start(Timing, log);
    ref.cast("go");
    await clock.advanceAsync(5);
    expect(log).toEqual(["enter"]);
  });

  it("runs again for as long as it asks for that, and refuses the event by ctx.fail", async () => {
    const Picky = defineStateMachine("picky", {
      init: () => ({ state: "out", data: { tries: 0 } }),
      states: {
        out: { calls: { come: (_data, _: void, ctx) => ctx.next("in") } },
        in: {
          enter: (data, previous, ctx) => {
            data.tries += 1;
            if (data.tries < 3) ctx.repeat();
            else if (data.tries === 3) ctx.fail("full", { previous });
          },
        },
      },
      any: { queries: { tries: (data, _: void, ctx) => `${ctx.state} ${data.tries}` } },
    });
    const { system } = testSystem();
    const ref = await system.start(Picky);
    const refused = await failure(ref.call("come"));
    expect(refused).toMatchObject({ code: "full", data: { previous: "out" }, outcome: "ran" });
    expect(await ref.query("tries")).toBe("out 3");
    await ref.call("come");
    expect(await ref.query("tries")).toBe("in 4");
  });
});

describe("init of a state machine", () => {
  const Starting = defineStateMachine("starting", {
    init: async (arg: { log: string[]; state: string }, ctx) => {
      ctx.nextEvent("first");
      ctx.timeout("zero", 0);
      ctx.stateTimeout(10);
      return { state: arg.state as "one", data: arg };
    },
    states: {
      one: {
        enter: (data) => data.log.push("enter"),
        internal: { first: (data) => data.log.push("first") },
        timeouts: { zero: (data) => data.log.push("zero") },
        stateTimeout: (data, _, ctx) => {
          data.log.push("timeout");
          ctx.stop();
        },
      },
    },
    terminate: (data, reason, state) => data.log.push(`terminate ${reason} in ${state}`),
  });

  it("may be async, insert events and set timeouts, which come after entering the state", async () => {
    const { system, clock } = testSystem();
    const log: string[] = [];
    await system.start(Starting, { log, state: "one" });
    await clock.advanceAsync(10);
    expect(log).toEqual(["enter", "first", "zero", "timeout", "terminate normal in one"]);
  });

  it("fails when it names a state that there is none", async () => {
    const { system } = testSystem();
    for (const state of ["two", "constructor"]) {
      const error = await failure(system.start(Starting, { log: [], state }));
      expect(error.code).toBe("ERR_START");
      expect(error.cause).toMatchObject({
        code: "ERR_UNKNOWN_STATE",
        message: `starting has no state "${state}"; it has one`,
      });
    }
    const Empty = defineStateMachine("empty", {
      init: () => undefined as never,
      states: { one: {} },
    });
    expect((await failure(system.start(Empty))).cause).toMatchObject({ code: "ERR_UNKNOWN_STATE" });
  });
});

describe("timeouts", () => {
  type TimedCtx = MachineCtx<Data, "one" | "two">;

  const Timed = defineStateMachine("timed", {
    init: (log: string[]) => ({ state: "one", data: dataOf(log) }),
    states: { one: {}, two: {} },
    any: {
      casts: {
        do: (_data, act: (ctx: TimedCtx) => void, ctx) => act(ctx),
      },
      calls: {
        do: (_data, act: (ctx: TimedCtx) => void, ctx) => act(ctx),
      },
      timeouts: { tick: (data, arg: unknown) => data.log.push(`tick ${arg}`) },
      stateTimeout: (data, arg: unknown) => data.log.push(`state ${arg}`),
      eventTimeout: (data, arg: unknown) => data.log.push(`event ${arg}`),
    },
  });

  async function timedSystem() {
    const log: string[] = [];
    const all = testSystem();
    return { ...all, log, ref: await all.system.start(Timed, log) };
  }

  it("start anew when they are set again, with the last argument of a step", async () => {
    const { ref, clock, log } = await timedSystem();
    ref.cast("do", (ctx) => {
      ctx.timeout("tick", 5, "first");
      ctx.timeout("tick", 10, "second");
    });
    await clock.advanceAsync(8);
    ref.cast("do", (ctx) => ctx.timeout("tick", 5, "third"));
    await clock.advanceAsync(4);
    expect(log).toEqual([]);
    await clock.advanceAsync(1);
    expect(log).toEqual(["tick third"]);
    expect(clock.pending).toBe(0);
  });

  it("of zero come in the order in which they were set last", async () => {
    const { ref, log } = await timedSystem();
    ref.cast("do", (ctx) => {
      ctx.timeout("tick", 0, 1);
      ctx.stateTimeout(0, 2);
      ctx.timeout("tick", 0, 3);
    });
    await settle();
    expect(log).toEqual(["state 2", "tick 3"]);
  });

  it("are taken back by cancel and by Infinity, also those of zero", async () => {
    const { ref, clock, log } = await timedSystem();
    for (const time of ["cancel", Number.POSITIVE_INFINITY] as const) {
      ref.cast("do", (ctx) => {
        ctx.timeout("tick", 5);
        ctx.stateTimeout(5);
        ctx.eventTimeout(5);
      });
      ref.cast("do", (ctx) => {
        ctx.timeout("tick", time);
        ctx.stateTimeout(time);
        ctx.eventTimeout(time);
      });
      ref.cast("do", (ctx) => {
        ctx.timeout("tick", 0);
        ctx.timeout("tick", time);
      });
      await settle();
      expect(clock.pending).toBe(0);
      await clock.advanceAsync(10);
    }
    expect(log).toEqual([]);
  });

  it("are updated without starting anew, and begin at once when they were not running", async () => {
    const { ref, clock, log } = await timedSystem();
    ref.cast("do", (ctx) => ctx.timeout("tick", 10, "first"));
    await clock.advanceAsync(6);
    ref.cast("do", (ctx) => ctx.timeout("tick", "update", "second"));
    await clock.advanceAsync(4);
    expect(log).toEqual(["tick second"]);
    ref.cast("do", (ctx) => ctx.stateTimeout("update", "third"));
    await settle();
    expect(log).toEqual(["tick second", "state third"]);
  });

  it("refuse a time that is none, and a name that no state has", async () => {
    const { system, ref } = await timedSystem();
    const crash = async (act: (ctx: TimedCtx) => void) => {
      const one = await system.start(Timed, []);
      const error = await failure(one.call("do", act));
      return (error.data as { reason: { error: { message: string } } }).reason.error.message;
    };
    expect(await crash((ctx) => ctx.stateTimeout(-1))).toContain("invalid option time");
    expect(await crash((ctx) => ctx.timeout("tick", Number.NaN))).toContain("invalid option time");
    expect(await crash((ctx) => ctx.timeout("tock", 1))).toBe(
      'timed has no timeout "tock"; it has tick',
    );
    expect(await crash((ctx) => ctx.nextEvent("tock"))).toBe(
      'timed has no internal "tock"; it has none',
    );
    expect(await crash((ctx) => ctx.next("three" as "two"))).toBe(
      'timed has no state "three"; it has one, two',
    );
    await system.stop(ref);
  });

  it("end with the process", async () => {
    const { system, ref, clock } = await timedSystem();
    await ref.call("do", (ctx) => ctx.timeout("tick", 5));
    await system.stop(ref);
    await settle();
    expect(clock.pending).toBe(0);
  });

  it("cannot be asked for, nor a state, when the step is over", async () => {
    const { ref } = await timedSystem();
    let kept: TimedCtx | undefined;
    await ref.call("do", (ctx) => {
      kept = ctx;
    });
    expect(() => kept?.stateTimeout(1)).toThrow("ctx.stateTimeout was used after the handler");
    expect(() => kept?.next("two")).toThrow("ctx.next was used after the handler");
  });
});
