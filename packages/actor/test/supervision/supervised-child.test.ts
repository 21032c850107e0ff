import { describe, expect, it } from "vitest";
import { child, type SupervisorOptions, supervisor } from "../../src/index.ts";
import { failure, gate, settle, testSystem, watch } from "../support/harness.ts";
import { named, supervised, Worker } from "../support/worker.ts";

describe("the stop of a supervisor", () => {
  it("stops the children one by one in reverse", async () => {
    const held = gate();
    const { system, log, ref } = await supervised(
      ["a", "b"],
      {},
      { terminate: () => held.promise },
    );
    const stopping = system.stop(ref);
    await settle();
    expect(log.slice(2)).toEqual(["end b shutdown"]);
    held.open();
    await stopping;
    expect(log.slice(2)).toEqual(["end b shutdown", "end a shutdown"]);
  });

  it("kills a child that takes longer than its shutdown time", async () => {
    const { system, clock, ref, reports } = await supervised(
      [{ name: "a", shutdown: 50 }],
      {},
      { terminate: () => new Promise(() => {}) },
    );
    const stopping = watch(system.stop(ref));
    await clock.advanceAsync(49);
    expect(stopping.state).toBe("pending");
    await clock.advanceAsync(1);
    expect(stopping.state).toBe("resolved");
    expect(reports).toEqual(["exit worker killed", "exit supervisor normal"]);
  });

  it("kills a child whose handler never ends", async () => {
    const { system, clock, ref } = await supervised([{ name: "a", shutdown: 50 }]);
    const call = failure(named(system, "a").call("wait", new Promise(() => {})));
    await settle();
    const stopping = watch(system.stop(ref));
    await clock.advanceAsync(50);
    expect([stopping.state, (await call).outcome]).toEqual(["resolved", "unknown"]);
  });

  it("kills a brutal_kill child at once, without terminate", async () => {
    const { system, log, ref, reports } = await supervised([
      { name: "a", shutdown: "brutal_kill" },
    ]);
    await system.stop(ref);
    expect(log).toEqual(["start a"]);
    expect(reports).toEqual(["exit worker killed", "exit supervisor normal"]);
  });

  it("waits as long as it takes for a child with infinity", async () => {
    const held = gate();
    const { system, clock, ref } = await supervised(
      [{ name: "a", shutdown: "infinity" }],
      {},
      { terminate: () => held.promise },
    );
    const stopping = watch(system.stop(ref));
    await clock.advanceAsync(1e9);
    expect(stopping.state).toBe("pending");
    held.open();
    await settle();
    expect(stopping.state).toBe("resolved");
  });

  it("completes when a child ends otherwise, which is reported", async () => {
    const { system, ref, log, reports } = await supervised(
      ["a", "b"],
      {},
      {
        terminate: () => {
          throw new Error("cannot end");
        },
      },
    );
    await system.stop(ref);
    expect(log.slice(2)).toEqual(["end b shutdown", "end a shutdown"]);
    expect(reports.filter((line) => line === "crash worker in terminate")).toHaveLength(2);
  });

  it("does not restart a child that crashes on the way down", async () => {
    const { system, ref, log } = await supervised(["a", "b"]);
    named(system, "a")
      .call("crash")
      .catch(() => {});
    const stopping = system.stop(ref);
    await stopping;
    await settle();
    expect(log.filter((line) => line === "start a").length).toBeLessThanOrEqual(2);
    expect(["a", "b"].map((name) => system.whereis(name))).toEqual([undefined, undefined]);
  });

  it("cancels a restart that is under way", async () => {
    let starts = 0;
    const init = () => {
      starts += 1;
      return starts === 3 ? new Promise(() => {}) : undefined;
    };
    const { system, log, ref, crash } = await supervised(["a", "b"], {}, { init });
    await crash("a");
    expect((await ref.whichChildren()).map(({ status }) => status)).toEqual([
      "running",
      "restarting",
    ]);
    await system.stop(ref);
    expect(["a", "b"].map((name) => system.whereis(name))).toEqual([undefined, undefined]);
    expect(log.at(-1)).toBe("end b shutdown");
  });

  it("that is a kill ends every child of the tree", async () => {
    const { system } = testSystem();
    const log: string[] = [];
    const inner = supervisor({
      strategy: "one_for_one",
      children: [child(Worker, { id: "b", log }, { name: "b" })],
    });
    const children = [child(Worker, { id: "a", log }, { name: "a" }), child(inner, { id: "in" })];
    const ref = await system.start(supervisor({ strategy: "one_for_one", children }));
    await system.stop(ref, { reason: "killed" });
    await settle();
    expect(["a", "b"].map((name) => system.whereis(name))).toEqual([undefined, undefined]);
    // The inner supervisor traps exits, so it still ends its own child in order.
    expect(log).toEqual(["start a", "start b", "end b shutdown"]);
  });
});

describe("the stop of a supervisor that still starts its children", () => {
  it("ends the start at once, and the children that are up in reverse", async () => {
    const { system, clock } = testSystem();
    const log: string[] = [];
    const stuck = () => new Promise(() => {});
    const inner = supervisor({
      strategy: "one_for_one",
      children: [
        child(Worker, { id: "b", log }, { name: "b" }),
        child(Worker, { id: "c", log, init: stuck }, { name: "c" }),
        child(Worker, { id: "d", log }, { name: "d" }),
      ],
    });
    const children = [child(Worker, { id: "a", log }, { name: "a" }), child(inner)];
    const starting = failure(system.start(supervisor({ strategy: "one_for_one", children })));
    await settle();
    const stopped = watch(system.shutdown());
    await clock.advanceAsync(0);
    expect((await starting).code).toBe("ERR_START");
    await settle();
    expect(stopped.state).toBe("resolved");
    expect(log).toEqual(["start a", "start b", "start c", "end b shutdown", "end a shutdown"]);
  });
});

describe("nested supervisors", () => {
  const nest = (log: string[], options: Partial<SupervisorOptions> = {}) => {
    const inner = supervisor({
      strategy: "one_for_one",
      maxRestarts: 0,
      children: [
        child(Worker, { id: "b", log }, { name: "b" }),
        child(Worker, { id: "c", log }, { name: "c" }),
      ],
      ...options,
    });
    return supervisor({
      strategy: "one_for_one",
      children: [
        child(Worker, { id: "a", log }, { name: "a" }),
        child(inner, { name: "inner" }),
        child(Worker, { id: "d", log }, { name: "d" }),
      ],
    });
  };

  it("start depth first and stop in reverse", async () => {
    const { system } = testSystem();
    const log: string[] = [];
    const ref = await system.start(nest(log));
    expect(log).toEqual(["start a", "start b", "start c", "start d"]);
    await system.stop(ref);
    expect(log.slice(4)).toEqual(["d", "c", "b", "a"].map((id) => `end ${id} shutdown`));
  });

  it("pass a failure up: the inner one is restarted with all its children", async () => {
    const { system, reports } = testSystem();
    const log: string[] = [];
    const ref = await system.start(nest(log));
    await failure(named(system, "b").call("crash"));
    await settle();
    expect(log.slice(4)).toEqual(["end b error:boom", "end c shutdown", "start b", "start c"]);
    expect(reports).toContain("restart inner");
    expect(await ref.countChildren()).toEqual({ specs: 3, active: 3, supervisors: 1, workers: 2 });
  });

  it("are stopped while the inner one is being restarted, and leave nothing running", async () => {
    const { system } = testSystem();
    const log: string[] = [];
    let starts = 0;
    const init = () => {
      starts += 1;
      return starts === 2 ? new Promise(() => {}) : undefined;
    };
    const inner = supervisor({
      strategy: "one_for_one",
      maxRestarts: 0,
      children: [
        child(Worker, { id: "b", log }, { name: "b" }),
        child(Worker, { id: "c", log, init }, { name: "c" }),
      ],
    });
    const ref = await system.start(
      supervisor({ strategy: "one_for_one", children: [child(inner, { name: "inner" })] }),
    );
    await failure(named(system, "b").call("crash"));
    await settle();
    expect((await ref.whichChildren())[0]?.status).toBe("restarting");
    log.length = 0;
    await system.stop(ref);
    expect(log).toEqual(["end b shutdown"]);
    expect(["b", "c", "inner"].map((name) => system.whereis(name))).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it("are stopped by the shutdown of the system", async () => {
    const { system, reports } = testSystem();
    const log: string[] = [];
    await system.start(nest(log));
    await system.shutdown();
    expect(log.slice(4)).toEqual(["d", "c", "b", "a"].map((id) => `end ${id} shutdown`));
    expect(reports.at(-1)).toBe("exit supervisor shutdown");
  });
});
