import { describe, expect, it } from "vitest";
import { defineActor, type ProcessExitedError } from "../../src/index.ts";
import { Counter, failure, gate, settle, testSystem, watch, word } from "../support/harness.ts";

describe("stop", () => {
  it("29. resolves when the process has ended for the reason asked for", async () => {
    const { system, reports } = testSystem();
    await system.stop(await system.start(Counter, { start: 0 }));
    await system.stop(await system.start(Counter, { start: 0 }), { reason: "shutdown" });
    await system.stop(await system.start(Counter, { start: 0 }), { reason: { shutdown: 1 } });
    expect(reports).toEqual([
      "exit counter normal",
      "exit counter shutdown",
      "exit counter {shutdown}",
    ]);
  });

  it("29. rejects with the real reason when the process ends otherwise", async () => {
    const { system } = testSystem();
    const ref = await system.start(Counter, { start: 0 });
    ref.cast("crash");
    const error = await failure(system.stop(ref));
    expect(word((error as ProcessExitedError).reason)).toBe("error:boom");
  });

  it("29. rejects with NoProcessError the second time", async () => {
    const { system } = testSystem();
    const ref = await system.start(Counter, { start: 0 });
    await system.stop(ref);
    expect((await failure(system.stop(ref))).code).toBe("ERR_NO_PROCESS");
  });

  it("asked for twice at once is one stop", async () => {
    const { system, reports } = testSystem();
    const log: string[] = [];
    const ref = await system.start(Counter, { start: 0, log });
    const both = [watch(system.stop(ref)), watch(system.stop(ref))];
    await settle();
    expect(both.map(({ state }) => state)).toEqual(["resolved", "resolved"]);
    expect([log, reports]).toEqual([["terminate normal"], ["exit counter normal"]]);
  });

  it("35. with the first reason winning", async () => {
    const { system, reports } = testSystem();
    const ref = await system.start(Counter, { start: 0 });
    const first = system.stop(ref, { reason: "shutdown" });
    const second = failure(system.stop(ref, { reason: "normal" }));
    await first;
    expect(word(((await second) as ProcessExitedError).reason)).toBe("shutdown");
    expect(reports).toEqual(["exit counter shutdown"]);
  });

  it("29. with a bad option leaves the process alone", async () => {
    const { system } = testSystem();
    const ref = await system.start(Counter, { start: 3 });
    const bad = [{ timeout: -1 }, { timeout: "5" }, { reason: "bored" }] as object[];
    for (const options of bad) {
      expect((await failure(system.stop(ref, options))).code).toBe("ERR_INVALID_OPTION");
    }
    expect(await ref.query("get")).toBe(3);
  });

  it("29. by the process itself rejects with CallingSelfError", async () => {
    const { system } = testSystem();
    const Own = defineActor("own", {
      init: () => ({}),
      calls: { end: async (_s, _: undefined, ctx) => (await failure(system.stop(ctx.self))).code },
    });
    expect(await (await system.start(Own)).call("end")).toBe("ERR_CALLING_SELF");
  });

  it("39. lets messages that came before be handled, and those that come later never", async () => {
    const { system } = testSystem();
    const log: string[] = [];
    const ref = await system.start(Counter, { start: 0, log });
    const before = ref.call("add", 1);
    const stopping = system.stop(ref);
    const after = failure(ref.call("add", 2));
    expect(await before).toBe(1);
    await stopping;
    expect([(await after).code, (await after).outcome]).toEqual(["ERR_PROCESS_EXITED", "not_run"]);
    expect(log).toEqual(["add 1", "terminate normal"]);
  });

  it("waits for an async handler that is under way", async () => {
    const { system } = testSystem();
    const log: string[] = [];
    const held = gate();
    const ref = await system.start(Counter, { start: 0, log });
    const reply = ref.call("wait", held.promise);
    await settle();
    const stopping = watch(system.stop(ref));
    await settle();
    expect(stopping.state).toBe("pending");
    held.open();
    expect(await reply).toBe(0);
    await settle();
    expect([stopping.state, log]).toEqual(["resolved", ["waited", "terminate normal"]]);
  });

  it("gives up waiting after its timeout, and the process goes on stopping", async () => {
    const { system, clock, reports } = testSystem();
    const held = gate();
    const ref = await system.start(Counter, { start: 0 });
    const reply = ref.call("wait", held.promise);
    await settle();
    const stopping = watch(system.stop(ref, { timeout: 100 }));
    await clock.advanceAsync(100);
    expect(stopping.error?.code).toBe("ERR_CALL_TIMEOUT");
    held.open();
    await reply;
    await settle();
    expect(reports).toEqual(["exit counter normal"]);
  });

  it("with the reason killed ends a process that does not stop", async () => {
    const { system, reports } = testSystem();
    const ref = await system.start(Counter, { start: 0 });
    const call = failure(ref.call("wait", new Promise(() => {})));
    await settle();
    const stopping = failure(system.stop(ref));
    await system.stop(ref, { reason: "killed" });
    expect(word(((await stopping) as ProcessExitedError).reason)).toBe("killed");
    expect((await call).outcome).toBe("unknown");
    expect(reports).toEqual(["exit counter killed"]);
  });
});
