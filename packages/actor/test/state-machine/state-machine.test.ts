import { describe, expect, it } from "vitest";
import {
  type AnyRef,
  child,
  type Down,
  defineStateMachine,
  type ExitSignal,
  type MachineInitCtx,
  type MachineState,
  supervisor,
} from "../../src/index.ts";
import { clonePlainData } from "../../src/plain-data.ts";
import { failure, settle, testSystem, watch } from "../support/harness.ts";
import { named } from "../support/worker.ts";

const Door = defineStateMachine("door", {
  init: (arg: { code: string }) => ({ state: "locked", data: { code: arg.code, opened: 0 } }),
  states: {
    locked: {
      calls: {
        unlock: (data, code: string, ctx) => {
          if (code !== data.code) return ctx.fail("wrong_code", { code });
          ctx.next("open");
          return "welcome";
        },
        walk: (_data, _name: string, ctx) => ctx.postpone(),
      },
    },
    open: {
      enter: (data, _previous, ctx) => {
        data.opened += 1;
        ctx.stateTimeout(1000);
      },
      calls: { walk: (_data, name: string) => `${name} walks` },
      stateTimeout: (_data, _, ctx) => ctx.next("locked"),
    },
  },
  any: {
    queries: { state: (_data, _: void, ctx) => ctx.state, opened: (data) => data.opened },
  },
});

async function doorSystem() {
  const all = testSystem();
  return { ...all, door: await all.system.start(Door, { code: "1234" }, { name: "door" }) };
}

describe("a state machine as an actor", () => {
  it("is started, called and stopped like one", async () => {
    const { system, clock, door, reports } = await doorSystem();
    expect(await door.query("state")).toBe("locked");
    expect(await door.call("unlock", "1234")).toBe("welcome");
    expect(await system.whereis("door", Door)?.query("state")).toBe("open");
    await clock.advanceAsync(1000);
    expect(await door.query("state")).toBe("locked");
    await system.stop(door);
    expect(reports).toEqual(["exit door normal"]);
  });

  it("is a child of a supervisor, which starts it anew", async () => {
    const { system } = testSystem();
    const doors = child(Door, { code: "1" }, { name: "door" });
    await system.start(supervisor({ strategy: "one_for_one", children: [doors] }));
    await named(system, "door").call("unlock", "1");
    system.exit(named(system, "door"), "kill");
    await settle();
    expect(await named(system, "door").query("state")).toBe("locked");
  });

  it("holds plain data, also what waits inside of it", async () => {
    const { system, door } = await doorSystem();
    const walk = watch(door.call("walk", "Ada"));
    const before = await system.getState(door);
    expect(clonePlainData(before, "state")).toEqual({
      state: "locked",
      data: { code: "1234", opened: 0 },
      postponed: [{ kind: "call", name: "walk", arg: "Ada", to: expect.any(Object) }],
      queue: [],
      timers: new Map(),
      due: [],
    });
    await door.call("unlock", "1234");
    await settle();
    expect(walk).toMatchObject({ state: "resolved", value: "Ada walks" });
    const after = clonePlainData(await system.getState(door), "state");
    expect(after).toMatchObject({ state: "open", postponed: [], queue: [] });
  });

  it("can be given another state, and its timers of before are forgotten", async () => {
    const { system, clock, door } = await doorSystem();
    const saved = structuredClone(await system.getState(door)) as object;
    await door.call("unlock", "1234");
    await system.replaceState(door, () => saved);
    expect(await door.query("state")).toBe("locked");
    await clock.advanceAsync(500);
    await door.call("unlock", "1234");
    await clock.advanceAsync(999);
    expect(await door.query("state")).toBe("open");
    await clock.advanceAsync(1);
    expect(await door.query("state")).toBe("locked");
  });

  it("goes on with what waits inside of a state that it is given, after the next event", async () => {
    const { system, door } = await doorSystem();
    const ada = watch(door.call("walk", "Ada"));
    await system.replaceState(door, (given) => {
      const s = given as MachineState<"locked" | "open", unknown>;
      return { ...s, state: "open", queue: s.postponed, postponed: [] };
    });
    expect(await door.call("walk", "Bob")).toBe("Bob walks");
    await settle();
    expect(ada.value).toBe("Ada walks");
  });

  it("takes only the operations of its states, with the payloads that they take", async () => {
    const { door } = await doorSystem();
    const unknown = await failure(door.call("ring" as "walk", ""));
    expect(unknown).toMatchObject({ code: "ERR_UNKNOWN_OPERATION", outcome: "not_run" });
    const surplus = await failure(door.query("opened", 5 as never));
    expect(surplus).toMatchObject({ code: "ERR_PAYLOAD", outcome: "not_run" });
  });
});

describe("what comes from other processes", () => {
  it("is an event: down and exit, timers of ctx.sendAfter", async () => {
    const Watching = defineStateMachine("watching", {
      init: (arg: { log: string[]; target: AnyRef }, ctx) => {
        ctx.monitor(arg.target);
        ctx.link(arg.target);
        return { state: "up", data: { ...arg, timer: ctx.sendAfter(5, "tick", 1) } };
      },
      states: {
        up: {
          info: {
            down: (data, down: Down, ctx) => {
              data.log.push(`down ${down.reason}`);
              ctx.next("alone");
              ctx.cancel(data.timer);
            },
            exit: (_data, _signal: ExitSignal, ctx) => ctx.postpone(),
            tick: (data, n: number) => data.log.push(`tick ${n}`),
          },
        },
        alone: {
          info: { exit: (data, { reason }: ExitSignal) => data.log.push(`exit ${reason}`) },
        },
      },
      trapExit: true,
    });
    const { system, clock, door } = await doorSystem();
    const log: string[] = [];
    await system.start(Watching, { log, target: door });
    system.exit(door, "kill");
    await clock.advanceAsync(5);
    expect(log).toEqual(["down killed", "exit killed"]);
  });
});

describe("defineStateMachine", () => {
  const define = (spec: object) => () => defineStateMachine("bad", spec as never);
  const init = () => ({ state: "one", data: {} });

  it("refuses by name what is not a machine", () => {
    const bad: readonly (readonly [spec: object, option: string])[] = [
      [{ init, states: {} }, "states"],
      [{ init }, "states"],
      [{ states: { one: {} } }, "init"],
      [{ init, states: { one: 5 } }, "states.one"],
      [{ init, states: { one: { calls: { go: 5 } } } }, "states.one.calls.go"],
      [{ init, states: { one: { enter: 5 } } }, "states.one.enter"],
      [{ init, states: { one: { stateTimeout: {} } } }, "states.one.stateTimeout"],
      [{ init, states: { one: { call: {} } } }, "states.one.call"],
      [{ init, states: { one: {} }, any: { timeout: {} } }, "any.timeout"],
      [{ init, states: { one: {} }, any: { timeouts: { t: 1 } } }, "any.timeouts.t"],
      [{ init, states: { one: {} }, maxPostponed: -1 }, "maxPostponed"],
      [{ init, states: { one: {} }, maxInternal: 0 }, "maxInternal"],
      [{ init, states: { one: {} }, terminate: 5 }, "terminate"],
      [{ init, states: { one: { info: { $timeout: init } } } }, "info"],
      [{ init, states: { one: { calls: { x: init } }, two: { queries: { x: init } } } }, "calls.x"],
    ];
    for (const [spec, option] of bad) {
      expect(define(spec)).toThrow(expect.objectContaining({ code: "ERR_INVALID_OPTION", option }));
    }
  });

  it("bounds the internal events that wait; one more is a crash", async () => {
    const Inserting = defineStateMachine("inserting", {
      init: () => ({ state: "one", data: {} }),
      states: {
        one: {
          calls: {
            insert: (_data, count: number, ctx) => {
              for (let i = 0; i < count; i += 1) ctx.nextEvent("insert", 0);
            },
            twice: (_data, _: void, ctx) => {
              ctx.nextEvent("insert", 9);
              ctx.nextEvent("insert", 0);
            },
          },
          internal: {
            insert: (_data, count: number, ctx) => {
              for (let i = 0; i < count; i += 1) ctx.nextEvent("insert", 0);
            },
          },
        },
      },
      maxInternal: 10,
    });
    const { system } = testSystem();
    const crashes: unknown[] = [];
    system.events.on("crash", ({ error }) => crashes.push(error));
    const ref = await system.start(Inserting);
    await ref.call("insert", 10);
    await ref.call("twice");
    await settle();
    expect(crashes).toEqual([]);
    await failure(ref.call("insert", 11));
    expect(crashes).toEqual([
      expect.objectContaining({
        code: "ERR_TOO_MANY_EVENTS",
        message: "inserting keeps 10 internal events already",
      }),
    ]);
  });

  it("asks a state before any state", async () => {
    const say = (who: string) => (data: string[]) => void data.push(who);
    const all = (who: string) => ({
      enter: say(`${who} enter`),
      queries: { ask: () => who },
      casts: { tell: say(`${who} cast`) },
      stateTimeout: say(`${who} timeout`),
    });
    const Two = defineStateMachine("two", {
      init: (log: string[], ctx: MachineInitCtx) => {
        ctx.stateTimeout(0);
        return { state: "own", data: log };
      },
      states: { own: all("own"), none: {} },
      any: all("any"),
    });
    const { system } = testSystem();
    const log: string[] = [];
    const ref = await system.start(Two, log);
    expect(await ref.query("ask")).toBe("own");
    ref.cast("tell");
    await settle();
    expect(log).toEqual(["own enter", "own timeout", "own cast"]);
  });

  it("replays as many postponed events as there may be", async () => {
    const Many = defineStateMachine("many", {
      init: () => ({ state: "one", data: { handled: 0 } }),
      states: {
        one: {
          casts: {
            item: (_data, _: void, ctx) => ctx.postpone(),
            go: (_data, _: void, ctx) => ctx.next("two"),
          },
        },
        two: {
          casts: { item: (data) => data.handled++ },
          queries: { handled: (data) => data.handled },
        },
      },
      maxPostponed: 5000,
    });
    const { system } = testSystem();
    const ref = await system.start(Many);
    for (let i = 0; i < 5000; i += 1) ref.cast("item");
    ref.cast("go");
    expect(await ref.query("handled")).toBe(5000);
  });

  it("names its states, and takes the options of an actor", async () => {
    expect(Door.states).toEqual(["locked", "open"]);
    const Small = defineStateMachine("small", {
      version: 3,
      init: () => ({ state: "one", data: {} }),
      states: { one: { calls: { take: (_data, n: number) => n } } },
      mailbox: { capacity: 1 },
      payloads: { take: (arg) => typeof arg === "number" || "a number" },
    });
    expect(Small.version).toBe(3);
    const { system } = testSystem();
    const ref = await system.start(Small);
    const error = await failure(ref.call("take", "5" as never));
    expect(error).toMatchObject({ code: "ERR_PAYLOAD", outcome: "not_run" });
    const [first, second] = [ref.call("take", 1), failure(ref.call("take", 2))];
    expect((await second).code).toBe("ERR_MAILBOX_FULL");
    expect(await first).toBe(1);
  });
});
