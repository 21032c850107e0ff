/** What a handler asks for besides its reply: timers, messages to others, replies for later. */
import { defineActor, HandlerError, NoCallerError, type ReplyTo } from "@troupe/actor";
import { describe, expect, test } from "vitest";
import { elsewhere, failure, TestMachine } from "./support/machine.ts";

const boom = () => {
  throw new RangeError("boom");
};

const Alarm = defineActor("alarm", {
  init: () => ({
    rung: [] as unknown[],
    id: "",
    waiting: [] as ReplyTo<string>[],
    deep: { list: [{ a: 1 }] },
    map: new Map([["k", new Map([["x", 5]])]]),
  }),
  queries: { rung: (s) => s.rung, setsTimer: (_s, _: undefined, ctx) => ctx.sendAfter(1, "ring") },
  calls: {
    set: (s, [ms, what]: [number, string], ctx) => {
      s.id = ctx.sendAfter(ms, "ring", what);
      return s.id;
    },
    cancel: (_s, id: string, ctx) => [ctx.cancel(id), ctx.cancel(id)],
    setAndThrow: (s, ms: number, ctx) => {
      ctx.sendAfter(ms, "ring", "never");
      ctx.send(elsewhere, "hello");
      s.rung.push("torn");
      boom();
    },
    setAndFail: (_s, ms: number, ctx) => {
      ctx.sendAfter(ms, "ring", "never");
      ctx.cast(elsewhere, "hello");
      ctx.fail("no");
    },
    crash: boom,
    tell: (_s, what: string, ctx) => {
      ctx.send(elsewhere, "said", what);
      ctx.cast(elsewhere, "did", { what });
    },
    tellSelf: (_s, what: string, ctx) => {
      ctx.send(ctx.self, "ring", what);
      ctx.cast(ctx.self, "note", what);
    },
    wait: (s, _: undefined, ctx) => ctx.defer<string>((to) => s.waiting.push(to)),
    release: (s, reply: string, ctx) => {
      for (const to of s.waiting.splice(0)) ctx.reply(to, reply);
      return "released";
    },
    refuseAll: (s, _: undefined, ctx) => {
      for (const to of s.waiting.splice(0)) ctx.refuse(to, "closed", 1);
    },
    releaseTwice: (s, _: undefined, ctx) => {
      const [to] = s.waiting.splice(0);
      if (to === undefined) return;
      ctx.reply(to, "first");
      ctx.reply(to, "second");
    },
    watch: (_s, _: undefined, ctx) => ctx.monitor(elsewhere),
    thenNote: (s, n: number, ctx) => {
      s.rung.push("before");
      ctx.continue("again", n);
    },
  },
  casts: {
    note: (s, what: string) => {
      s.rung.push(`note ${what}`);
    },
    waits: (_s, _: undefined, ctx) => ctx.defer(() => undefined),
  },
  info: {
    ring: (s, what: string, ctx) => {
      s.rung.push([what, ctx.now()]);
      if (what === "bad") throw new Error("bad ring");
    },
    down: (s, { monitor, reason }: { monitor: string; reason: unknown }) => {
      s.rung.push([monitor, reason]);
    },
  },
  continue: {
    again: (s, n: number, ctx) => {
      s.rung.push(n);
      if (n > 0) ctx.continue("again", n - 1);
    },
  },
});

const alarm = () => new TestMachine(Alarm, undefined);
const open = ({ machine }: TestMachine) => machine.memory;

describe("a timer of a replicated actor", () => {
  test("is due by the time of the log, fires at the pulse after that, and once", () => {
    const machine = alarm();
    machine.call("set", [500, "a"]);
    expect(machine.machine.nextDue).toBe(1500);
    machine.pulse(1499);
    expect(machine.query("rung")).toEqual([]);
    machine.pulse(1500);
    machine.pulse(9000);
    expect(machine.query("rung")).toEqual([["a", 1500]]);
    expect(machine.machine.nextDue).toBeUndefined();
  });

  test("fires in the order of due times, and of setting where those are equal", () => {
    const machine = alarm();
    for (const [ms, what] of [
      [30, "c"],
      [10, "a"],
      [30, "d"],
      [20, "b"],
    ] as const) {
      machine.call("set", [ms, what]);
    }
    machine.pulse(5000);
    const rung = machine.query("rung") as [string, number][];
    expect(rung.map(([what]) => what)).toEqual(["a", "b", "c", "d"]);
  });

  test("that is cancelled never fires, and cancelling again says so", () => {
    const machine = alarm();
    const id = machine.call("set", [10, "a"]);
    expect(machine.call("cancel", id)).toEqual([true, false]);
    expect(machine.call("cancel", id)).toEqual([false, false]);
    machine.pulse(5000);
    expect(machine.query("rung")).toEqual([]);
  });

  test("whose handler throws is gone, has changed nothing, and keeps no other from firing", () => {
    const machine = alarm();
    machine.call("set", [10, "bad"]);
    machine.call("set", [20, "good"]);
    machine.pulse(5000);
    machine.pulse(6000);
    expect(machine.query("rung")).toEqual([["good", 5000]]);
    expect(open(machine).timers.size).toBe(0);
  });

  test("fires only so many at a time, so that no pulse holds up the rest for long", () => {
    const machine = alarm();
    for (let i = 0; i < 600; i++) machine.call("set", [1, `${i}`]);
    machine.pulse(5000);
    expect(machine.query("rung")).toHaveLength(512);
    machine.pulse(5001);
    expect(machine.query("rung")).toHaveLength(600);
  });

  test("is kept by a rebuild, also one that fires during it was told", () => {
    const machine = alarm();
    machine.call("set", [10, "a"]);
    machine.call("set", [9000, "b"]);
    machine.pulse(5000);
    const before = machine.digest;
    expect(failure(() => machine.call("crash"))).toBeInstanceOf(HandlerError);
    expect(machine.digest).toBe(before);
    machine.pulse(20_000);
    expect(machine.query("rung")).toEqual([
      ["a", 5000],
      ["b", 20_000],
    ]);
  });

  test("cannot be set by a query, or by init", () => {
    const machine = alarm();
    expect(failure(() => machine.query("setsTimer")).message).toContain("ctx.sendAfter in a query");
    const Hasty = defineActor("hasty", {
      init: (_: undefined, ctx) => ({ id: ctx.sendAfter(1, "x") }),
      info: { x: () => undefined },
    });
    expect(() => new TestMachine(Hasty, undefined)).toThrow("ctx.sendAfter in init");
  });
});

describe("a message to another actor", () => {
  test("is open, under the name of its op and place, until a pulse says that it arrived", () => {
    const machine = alarm();
    machine.call("tell", "x");
    expect(machine.applied.effects).toHaveLength(2);
    expect([...open(machine).effects.keys()]).toEqual(["1.0", "1.1"]);
    expect(open(machine).effects.get("1.1")).toMatchObject({ kind: "cast", name: "did" });
    machine.pulse(2000, { done: ["1.0", "7.7"] });
    expect([...open(machine).effects.keys()]).toEqual(["1.1"]);
  });

  test("is not sent by a handler that throws or refuses, and no timer is set by it", () => {
    const machine = alarm();
    failure(() => machine.call("setAndThrow", 10));
    failure(() => machine.call("setAndFail", 10));
    expect(machine.applied.effects).toEqual([]);
    expect([open(machine).effects.size, open(machine).timers.size]).toEqual([0, 0]);
    expect(machine.query("rung")).toEqual([]);
  });

  test("keeps its name, and is not told again, when a later request of its op throws", () => {
    const machine = alarm();
    machine.apply([
      ["call", "tell", "a"],
      ["call", "crash", undefined],
      ["call", "tell", "b"],
    ]);
    expect(machine.applied.effects).toHaveLength(4);
    expect([...open(machine).effects.keys()]).toEqual(["1.0", "1.1", "1.2", "1.3"]);
  });

  test("to itself is handled once, as an op of its own", () => {
    const machine = alarm();
    machine.call("tellSelf", "x");
    expect(machine.applied.effects).toEqual([]);
    machine.pulse(1001);
    machine.pulse(1002);
    expect(machine.query("rung")).toEqual([["x", 1001], "note x"]);
  });

  test("through the ref itself is refused by name", () => {
    for (const method of ["call", "query", "cast", "send"] as const) {
      expect(() => elsewhere[method]()).toThrow(`ref.${method} in a handler`);
    }
  });
});

describe("a reply that is left for later", () => {
  test("comes with the op that gives it, under the number of its call", () => {
    const machine = alarm();
    expect(machine.apply([["call", "wait", undefined]])).toEqual([{ later: true }]);
    expect(machine.apply([["call", "release", "go"]])).toEqual([{ value: "released" }]);
    expect(machine.late).toEqual([[1, { value: "go" }]]);
    expect(open(machine).deferred.size).toBe(0);
  });

  test("may be a refusal; and of two replies the first counts", () => {
    const machine = alarm();
    machine.apply([["call", "wait", undefined]]);
    machine.call("refuseAll");
    expect(machine.late).toMatchObject([[1, { error: { code: "closed", data: 1 } }]]);
    machine.apply([["call", "wait", undefined]]);
    machine.call("releaseTwice");
    expect(machine.late).toEqual([[1, { value: "first" }]]);
  });

  test("survives a rebuild, which gives no reply again", () => {
    const machine = alarm();
    machine.apply([["call", "wait", undefined]]);
    machine.call("release", "go");
    machine.apply([["call", "wait", undefined]]);
    failure(() => machine.call("crash"));
    expect(machine.late).toEqual([]);
    expect(open(machine).deferred.size).toBe(1);
    machine.call("release", "again");
    expect(machine.late).toEqual([[1, { value: "again" }]]);
  });

  test("is waited for no more once its caller has said that it gave up", () => {
    const machine = alarm();
    machine.apply([["call", "wait", undefined]]);
    machine.apply([["abandon", "", [1, 5]]]);
    expect(machine.late).toMatchObject([[1, { error: { code: "ERR_CALL_ABORTED" } }]]);
    machine.call("release", "go");
    expect(machine.late).toEqual([]);
  });

  test("that was given up is not answered again when a throw is undone", () => {
    const machine = alarm();
    machine.apply([["call", "wait", undefined]]);
    Array.from(machine.machine.snapshot());
    machine.apply([["abandon", "", [1]]]);
    failure(() => machine.call("crash"));
    expect(machine.late).toEqual([]);
  });

  test("is for calls: nobody waits for a cast", () => {
    const machine = alarm();
    const [said] = machine.apply([["cast", "waits", undefined]]);
    expect(said).toMatchObject({ error: { message: expect.stringContaining("nobody waits") } });
    expect(new NoCallerError("x").code).toBe("ERR_NO_CALLER");
  });
});

describe("a monitor, and what is continued", () => {
  test("the end of a monitored actor is handled once, as an op", () => {
    const machine = alarm();
    const id = machine.call("watch") as string;
    expect([...open(machine).monitors.keys()]).toEqual([id]);
    machine.pulse(2000, {
      downs: [
        [id, "noproc"],
        ["other", "normal"],
      ],
    });
    machine.pulse(2001, { downs: [[id, "noproc"]] });
    expect(machine.query("rung")).toEqual([[id, "noproc"]]);
    expect(open(machine).monitors.size).toBe(0);
  });

  test("continuations run behind their handler, before the next request of the op", () => {
    const machine = alarm();
    machine.apply([
      ["call", "thenNote", 2],
      ["cast", "note", "next"],
    ]);
    expect(machine.query("rung")).toEqual(["before", 2, 1, 0, "note next"]);
    const before = machine.digest;
    failure(() => machine.call("crash"));
    expect(machine.digest).toBe(before);
  });

  test("one that goes on for ever ends at a limit, and the group goes on", () => {
    const machine = alarm();
    machine.call("thenNote", 1_000_000);
    const rung = machine.query("rung") as unknown[];
    expect(rung.length).toBeGreaterThan(1000);
    expect(rung.length).toBeLessThan(1100);
  });
});

describe("all that an actor remembers", () => {
  test("is in a snapshot, so that another machine goes on from it as this one", () => {
    const [one, two] = [alarm(), alarm()];
    one.call("set", [500, "a"]);
    one.call("tell", "x");
    one.call("watch");
    one.apply([["call", "wait", undefined]]);
    const intake = two.machine.restore({ op: 4, timestamp: 1_000_000 });
    for (const slice of one.machine.snapshot()) intake.take(slice);
    intake.end();
    expect(two.digest).toBe(one.digest);
    expect(two.machine.nextDue).toBe(1500);
    two.skipTo(4);
    for (const machine of [one, two]) {
      machine.pulse(1500, { done: ["2.0"] });
      machine.call("release", "go");
      expect(machine.late).toEqual([[1, { value: "go" }]]);
    }
    expect(two.digest).toBe(one.digest);
    expect(two.query("rung")).toEqual([["a", 1500]]);
  });

  test("can be read at one place; what stands nowhere is undefined", () => {
    const machine = alarm();
    const read = (path: unknown) => machine.ask(["read", "getIn", path]);
    expect(read(["deep", "list", 0, "a"])).toBe(1);
    expect(read(["map", "k", "x"])).toBe(5);
    for (const path of [
      ["nope"],
      ["deep", "list", 9, "a"],
      ["constructor"],
      ["deep", "__proto__"],
    ]) {
      expect(read(path)).toBeUndefined();
    }
    expect(() => read("deep")).toThrow("path");
    expect(() => read([{}])).toThrow("path");
  });
});
