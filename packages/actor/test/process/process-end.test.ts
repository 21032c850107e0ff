import { describe, expect, it } from "vitest";
import { defineActor, type ExitReason, type ProcessExitedError } from "../../src/index.ts";
import { Counter, failure, gate, settle, testSystem, watch, word } from "../support/harness.ts";

/** The exit reason that a failed call carries. */
const reasonOf = (error: unknown) => word((error as ProcessExitedError).reason);

describe("terminate", () => {
  const make = (terminate: (reason: ExitReason) => unknown) =>
    defineActor("ending", {
      init: () => ({}),
      calls: {
        stop: (_s, reason: ExitReason | undefined, ctx) => {
          ctx.stop(reason);
          return "bye";
        },
        crash: () => {
          throw new Error("boom");
        },
      },
      terminate: (_s, reason) => terminate(reason),
    });

  it("20. runs before the reply of a call that stops the process is sent", async () => {
    const { system } = testSystem();
    const order: string[] = [];
    const ref = await system.start(make((reason) => order.push(`terminate ${word(reason)}`)));
    await ref.call("stop").then((reply) => order.push(reply));
    expect(order).toEqual(["terminate normal", "bye"]);
  });

  it("20. that throws does not keep the reply back", async () => {
    const { system, reports } = testSystem();
    const ref = await system.start(
      make(() => {
        throw new Error("cannot end");
      }),
    );
    expect(await ref.call("stop")).toBe("bye");
    expect(reports).toEqual(["crash ending in terminate", "exit ending error:cannot end"]);
  });

  it("40. that throws replaces the exit reason", async () => {
    const { system } = testSystem();
    const ref = await system.start(
      make(() => {
        throw new Error("worse");
      }),
    );
    expect(reasonOf(await failure(ref.call("crash")))).toBe("error:worse");
  });

  it("is awaited when it is async", async () => {
    const { system, reports } = testSystem();
    const held = gate();
    const ref = await system.start(make(() => held.promise));
    const reply = watch(ref.call("stop"));
    await settle();
    expect([reply.state, reports]).toEqual(["pending", []]);
    held.open();
    await settle();
    expect([reply.state, reports]).toEqual(["resolved", ["exit ending normal"]]);
  });

  it("that never settles is killed after the shutdown time, and the reply is sent", async () => {
    const { system, clock, reports } = testSystem();
    const ref = await system.start(make(() => new Promise(() => {})));
    const reply = watch(ref.call("stop", undefined, { timeout: 10_000 }));
    await clock.advanceAsync(4999);
    expect(reply.state).toBe("pending");
    await clock.advanceAsync(1);
    expect(reply).toEqual({ state: "resolved", value: "bye" });
    expect(reports).toEqual(["exit ending killed"]);
  });

  it("runs once, whatever else asks for an end meanwhile", async () => {
    const { system } = testSystem();
    const held = gate();
    let runs = 0;
    const ref = await system.start(
      make(() => {
        runs += 1;
        return held.promise;
      }),
    );
    const reply = ref.call("stop");
    await settle();
    const again = watch(system.stop(ref));
    await settle();
    held.open();
    await reply;
    await settle();
    expect([runs, again.state]).toEqual([1, "resolved"]);
  });

  it("38. does not run when the process is killed", async () => {
    const { system } = testSystem();
    let runs = 0;
    const ref = await system.start(
      make(() => {
        runs += 1;
      }),
    );
    await system.stop(ref, { reason: "killed" });
    expect(runs).toBe(0);
  });

  it("leaves messages that come meanwhile unhandled, and says so", async () => {
    const { system } = testSystem();
    const held = gate();
    const ref = await system.start(make(() => held.promise));
    const reply = ref.call("stop", { shutdown: "upgrade" });
    await settle();
    const late = failure(ref.call("crash"));
    held.open();
    await reply;
    expect([(await late).outcome, reasonOf(await late)]).toEqual(["not_run", "{shutdown}"]);
  });
});

describe("a kill", () => {
  it("ends a busy process at once and ignores what its handler still does", async () => {
    const { system, clock, reports } = testSystem();
    const held = gate();
    const effects: unknown[] = [];
    const Busy = defineActor("busy", {
      init: () => ({}),
      calls: {
        work: async (_s, _: undefined, ctx) => {
          await held.promise;
          effects.push(ctx.sendAfter(1, "tick"), ctx.cancel("t1"));
          ctx.stop("shutdown");
          return "done";
        },
      },
      info: { tick: () => effects.push("ticked") },
    });
    const ref = await system.start(Busy);
    const call = failure(ref.call("work"));
    await settle();
    await system.stop(ref, { reason: "killed" });
    expect([(await call).outcome, reasonOf(await call)]).toEqual(["unknown", "killed"]);
    held.open();
    await clock.advanceAsync(10);
    expect(effects).toEqual(["", false]);
    expect(reports).toEqual(["exit busy killed"]);
  });

  it("from within its own handler answers the caller with the kill", async () => {
    const { system } = testSystem();
    const Selfish = defineActor("selfish", {
      init: () => ({}),
      calls: {
        die: (_s, _: undefined, ctx) => {
          void system.stop(ctx.self, { reason: "killed" });
          return "never seen";
        },
      },
    });
    const ref = await system.start(Selfish);
    expect(reasonOf(await failure(ref.call("die")))).toBe("killed");
  });

  it("from within a handler that also asked to stop is the only end", async () => {
    const { system, clock, reports } = testSystem();
    let ends = 0;
    const Torn = defineActor("torn", {
      init: () => ({}),
      casts: {
        end: (_s, _: undefined, ctx) => {
          ctx.sendAfter(1, "tick");
          ctx.stop();
          void system.stop(ctx.self, { reason: "killed" });
        },
      },
      info: { tick: () => {} },
      terminate: () => {
        ends += 1;
      },
    });
    const ref = await system.start(Torn);
    ref.cast("end");
    await settle();
    expect([ends, reports, clock.pending]).toEqual([0, ["exit torn killed"], 0]);
  });

  it("33. while terminate runs ends it", async () => {
    const { system, reports } = testSystem();
    const Stuck = defineActor("stuck", {
      init: () => ({}),
      terminate: () => new Promise(() => {}),
    });
    const ref = await system.start(Stuck);
    const stopping = failure(system.stop(ref));
    await settle();
    await system.stop(ref, { reason: "killed" });
    expect(reasonOf(await stopping)).toBe("killed");
    expect(reports).toEqual(["exit stuck killed"]);
  });

  it("is not disturbed by a handler that rejects afterwards", async () => {
    const { system, reports } = testSystem();
    const held = gate();
    const ref = await system.start(Counter, { start: 0 });
    const call = failure(ref.call("wait", held.promise));
    await settle();
    await system.stop(ref, { reason: "killed" });
    held.fail(new Error("too late to matter"));
    await call;
    await settle();
    expect(reports).toEqual(["exit counter killed"]);
  });
});
