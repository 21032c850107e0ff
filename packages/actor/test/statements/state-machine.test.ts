/** OTP's gen_statem, statement by statement. */
import { describe, expect, it } from "vitest";
import { defineStateMachine, type ReplyTo } from "../../src/index.ts";
import { settle, testSystem } from "../support/harness.ts";

describe("a state machine", () => {
  it("92. Internal events come before queued external events; postponed events are replayed in order after a state change only", async () => {
    const Machine = defineStateMachine("machine", {
      init: (log: string[]) => ({ state: "closed", data: { log } }),
      states: {
        closed: {
          calls: { item: (_data, _n: number, ctx) => ctx.postpone() },
          casts: {
            item: (_data, _n: number, ctx) => ctx.postpone(),
            keep: (data) => data.log.push("keep"),
            repeat: (data, _: void, ctx) => {
              data.log.push("repeat");
              ctx.repeat();
            },
            same: (data, _: void, ctx) => {
              data.log.push("same");
              ctx.next("closed");
            },
            open: (data, _: void, ctx) => {
              data.log.push("open");
              ctx.next("open");
              ctx.nextEvent("first", 1);
              ctx.nextEvent("second");
            },
          },
        },
        open: {
          calls: { item: (data, n: number) => data.log.push(`item ${n}`) },
          casts: {
            item: (data, n: number) => data.log.push(`item ${n}`),
            last: (data) => data.log.push("last"),
          },
          internal: {
            first: (data, n: number, ctx) => {
              data.log.push(`first ${n}`);
              ctx.nextEvent("nested");
            },
            second: (data) => data.log.push("second"),
            nested: (data) => data.log.push("nested"),
          },
        },
      },
    });
    const { system } = testSystem();
    const log: string[] = [];
    const ref = await system.start(Machine, log);
    ref.cast("item", 1);
    const answered = ref.call("item", 2);
    for (const one of ["keep", "repeat", "same"] as const) ref.cast(one);
    ref.cast("item", 3);
    await settle();
    expect(log).toEqual(["keep", "repeat", "same"]);

    ref.cast("open");
    ref.cast("last");
    await answered;
    await settle();
    const inside = ["first 1", "nested", "second", "item 1", "item 2", "item 3"];
    expect(log).toEqual(["keep", "repeat", "same", "open", ...inside, "last"]);
  });

  it("93. The state timeout dies on a state change, the event timeout on any event, named timeouts survive; timeouts of zero keep their order", async () => {
    const Machine = defineStateMachine("machine", {
      init: (log: string[]) => ({ state: "on", data: { log } }),
      states: {
        on: {
          casts: {
            go: (_data, _: void, ctx) => ctx.next("off"),
            zeros: (_data, _: void, ctx) => {
              ctx.timeout("named", 0, "zero");
              ctx.stateTimeout(0, "zero");
              ctx.eventTimeout(0, "zero");
              ctx.timeout("other", 0, "zero");
              ctx.nextEvent("internal");
            },
          },
        },
        off: {},
      },
      any: {
        casts: {
          arm: (_data, _: void, ctx) => {
            ctx.stateTimeout(10, "armed");
            ctx.eventTimeout(10, "armed");
            ctx.timeout("named", 10, "armed");
          },
          event: (data) => data.log.push("event"),
        },
        internal: { internal: (data) => data.log.push("internal") },
        stateTimeout: (data, arg: string) => data.log.push(`state ${arg}`),
        eventTimeout: (data, arg: string) => data.log.push(`event ${arg}`),
        timeouts: {
          named: (data, arg: string, ctx) => data.log.push(`named ${arg} in ${ctx.state}`),
          other: (data, arg: string) => data.log.push(`other ${arg}`),
        },
      },
    });
    const { system, clock } = testSystem();
    const log: string[] = [];
    const ref = await system.start(Machine, log);
    const seen = () => log.splice(0);

    // Each is an event, so the one that fires first cancels the event timeout.
    ref.cast("arm");
    await clock.advanceAsync(10);
    expect(seen()).toEqual(["state armed", "named armed in on"]);

    ref.cast("arm");
    ref.cast("event");
    await clock.advanceAsync(10);
    expect(seen()).toEqual(["event", "state armed", "named armed in on"]);

    // An internal event cancels the event timeout, one of zero as well. What is queued comes last.
    ref.cast("zeros");
    ref.cast("event");
    await settle();
    expect(seen()).toEqual(["internal", "named zero in on", "state zero", "other zero", "event"]);

    ref.cast("arm");
    ref.cast("go");
    await clock.advanceAsync(10);
    expect(seen()).toEqual(["named armed in off"]);
  });

  it("94. The enter handler runs on start, on a change and on a repeat, not when the state is kept", async () => {
    const Machine = defineStateMachine("machine", {
      init: (log: string[]) => ({ state: "one", data: { log } }),
      states: { one: {}, two: {} },
      any: {
        enter: (data, previous, ctx) => data.log.push(`${previous} -> ${ctx.state}`),
        calls: {
          next: (_data, state: "one" | "two", ctx) => ctx.next(state),
          repeat: (_data, _: void, ctx) => ctx.repeat(),
          keep: () => {},
        },
      },
    });
    const { system } = testSystem();
    const log: string[] = [];
    const ref = await system.start(Machine, log);
    expect(log.splice(0)).toEqual(["one -> one"]);
    await ref.call("keep");
    await ref.call("next", "one");
    expect(log.splice(0)).toEqual([]);
    await ref.call("next", "two");
    expect(log.splice(0)).toEqual(["one -> two"]);
    await ref.call("repeat");
    expect(log.splice(0)).toEqual(["two -> two"]);
  });

  it("95. stop and reply: the replies are delivered before the exit is seen", async () => {
    const Machine = defineStateMachine("machine", {
      init: () => ({ state: "up", data: { waiting: [] as ReplyTo<string>[] } }),
      states: {
        up: {
          calls: {
            wait: (data, _: void, ctx) => ctx.defer<string>((to) => data.waiting.push(to)),
            later: (_data, _: void, ctx) => ctx.postpone(),
            stop: (data, _: void, ctx) => {
              for (const to of data.waiting) ctx.reply(to, "stopped");
              ctx.stop({ shutdown: "done" });
              return "stopping";
            },
          },
          casts: { down: (_data, _: void, ctx) => ctx.next("down") },
        },
        down: {
          calls: {
            later: (data, _: void, ctx) => {
              for (const to of data.waiting) ctx.reply(to, "stopped");
              ctx.stop("shutdown");
              return "stopping later";
            },
          },
        },
      },
    });
    for (const way of ["stop", "later"] as const) {
      const { system } = testSystem();
      const order: unknown[] = [];
      const ref = await system.start(Machine);
      // A reply is seen in a microtask; so is the exit, for a fair comparison.
      system.monitor(ref, ({ reason }) => queueMicrotask(() => order.push({ exit: reason })));
      ref.call("wait").then((reply) => order.push(reply));
      ref.call(way).then((reply) => order.push(reply));
      ref.cast("down");
      await settle();
      expect(order).toEqual(
        way === "stop"
          ? ["stopped", "stopping", { exit: { shutdown: "done" } }]
          : ["stopped", "stopping later", { exit: "shutdown" }],
      );
    }
  });
});
