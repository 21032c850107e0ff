import { describe, expect, it } from "vitest";
import { child, type StartError, supervisor } from "../../src/index.ts";
import { failure, gate, settle, testSystem, watch, word } from "../support/harness.ts";
import { named, supervised, Worker } from "../support/worker.ts";

describe("the start of a supervisor", () => {
  it("starts the children in order, each after the init of the one before", async () => {
    const { system } = testSystem();
    const log: string[] = [];
    const held = gate();
    const first = child(Worker, { id: "a", log, init: () => held.promise }, { id: "a" });
    const second = child(Worker, { id: "b", log }, { id: "b" });
    const starting = watch(
      system.start(supervisor({ strategy: "one_for_one", children: [first, second] })),
    );
    await settle();
    expect([log, starting.state]).toEqual([["start a"], "pending"]);
    held.open();
    await settle();
    expect([log, starting.state]).toEqual([["start a", "start b"], "resolved"]);
  });

  it("stops those before a failing child in reverse and rejects with its reason", async () => {
    const { system, reports } = testSystem();
    const log: string[] = [];
    const worker = (id: string) => child(Worker, { id, log }, { name: id });
    const bad = child(
      Worker,
      {
        id: "bad",
        log,
        init: () => {
          throw new Error("no");
        },
      },
      { id: "bad" },
    );
    const children = [worker("a"), worker("b"), bad, worker("c")];
    const starting = system.start(supervisor({ strategy: "one_for_one", children }));
    const { reason } = (await failure(starting)) as StartError;
    expect(reason).toMatchObject({
      shutdown: { failedToStartChild: { id: "bad", reason: { error: { message: "no" } } } },
    });
    expect(log).toEqual(["start a", "start b", "start bad", "end b shutdown", "end a shutdown"]);
    expect(system.whereis("a")).toBeUndefined();
    expect(reports.at(-1)).toBe("exit supervisor {shutdown}");
  });

  it("fails when the name of a child is taken", async () => {
    const { system } = testSystem();
    const log: string[] = [];
    await system.start(Worker, { id: "x", log }, { name: "taken" });
    const tree = supervisor({
      strategy: "one_for_one",
      children: [child(Worker, { id: "y", log }, { name: "taken" })],
    });
    const { reason } = (await failure(system.start(tree))) as StartError;
    expect(JSON.stringify(reason)).toContain("ERR_ALREADY_STARTED");
    expect(log).toEqual(["start x"]);
  });

  it("ends the children that are up when it is killed half way", async () => {
    const { system } = testSystem();
    const log: string[] = [];
    const children = [
      child(Worker, { id: "a", log }, { name: "a" }),
      child(Worker, { id: "b", log, init: () => new Promise(() => {}) }, { name: "b" }),
    ];
    const tree = supervisor({ strategy: "one_for_one", children });
    const starting = failure(system.start(tree, { name: "sup" }));
    await settle();
    await system.stop(named(system, "sup"), { reason: "killed" });
    await starting;
    await settle();
    expect(["a", "b", "sup"].map((name) => system.whereis(name))).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe("a restart", () => {
  it("concerns only the child that crashed, and its name reaches the new process", async () => {
    const { system, log, reports, crash } = await supervised(["a", "b"]);
    const [a, b] = [named(system, "a"), named(system, "b")];
    await crash("a");
    expect(named(system, "b")).toBe(b);
    expect(named(system, "a")).not.toBe(a);
    expect(log.slice(2)).toEqual(["end a error:boom", "start a"]);
    expect(reports).toContain("restart a");
  });

  const cases = [
    ["permanent", "normal", true],
    ["permanent", "shutdown", true],
    ["permanent", { shutdown: 1 }, true],
    ["transient", "normal", false],
    ["transient", "shutdown", false],
    ["transient", { shutdown: 1 }, false],
    ["temporary", "normal", false],
    ["temporary", "shutdown", false],
  ] as const;
  for (const [restart, reason, expected] of cases) {
    const what = `${restart} child that ends ${word(reason)}`;
    it(`${expected ? "is due" : "is not due"} for a ${what}`, async () => {
      const { system, exits } = await supervised([{ name: "a", restart }]);
      await exits("a", reason);
      expect(system.whereis("a") !== undefined).toBe(expected);
    });
  }

  for (const [restart, expected] of [
    ["permanent", true],
    ["transient", true],
    ["temporary", false],
  ] as const) {
    const due = expected ? "is due" : "is not due";
    it(`${due} for a ${restart} child that crashes`, async () => {
      const { system, crash } = await supervised([{ name: "a", restart }]);
      await crash("a");
      expect(system.whereis("a") !== undefined).toBe(expected);
    });
  }

  it("is due for a transient child that is killed", async () => {
    const { system } = await supervised([{ name: "a", restart: "transient" }]);
    const before = named(system, "a");
    await system.stop(before, { reason: "killed" });
    await settle();
    expect(named(system, "a")).not.toBe(before);
  });

  it("that is not due keeps a transient child's spec and drops a temporary one", async () => {
    const { ref, exits } = await supervised([
      { name: "a", restart: "transient" },
      { name: "b", restart: "temporary" },
    ]);
    await exits("a", "normal");
    await exits("b", "normal");
    const children = await ref.whichChildren();
    expect(children).toEqual([
      { id: "a", ref: undefined, status: "stopped", type: "worker", restart: "transient" },
    ]);
  });

  it("happens for a child that dies before the supervisor has finished starting", async () => {
    const { system } = testSystem();
    const log: string[] = [];
    const held = gate();
    const children = [
      child(Worker, { id: "a", log }, { name: "a" }),
      child(Worker, { id: "b", log, init: () => held.promise }, { name: "b" }),
    ];
    const starting = system.start(supervisor({ strategy: "one_for_one", children }));
    await settle();
    await failure(named(system, "a").call("crash"));
    held.open();
    await starting;
    await settle();
    expect(log).toEqual(["start a", "start b", "end a error:boom", "start a"]);
  });
});

describe("the restart intensity", () => {
  it("when exceeded ends the children in reverse, then the supervisor with shutdown", async () => {
    const { system, log, reports, crash } = await supervised(["a", "b", "c"], {
      maxRestarts: 2,
      maxSeconds: 3600,
    });
    await crash("b");
    await crash("b");
    expect(system.whereis("sup")).toBeDefined();
    log.length = 0;
    await crash("b");
    expect(log).toEqual(["end b error:boom", "end c shutdown", "end a shutdown"]);
    expect(reports.slice(-4)).toEqual([
      "restartLimit b",
      "exit worker shutdown",
      "exit worker shutdown",
      "exit supervisor shutdown",
    ]);
  });

  it("is measured in milliseconds over a sliding window", async () => {
    const { system, clock, crash } = await supervised(["a"], { maxRestarts: 1, maxSeconds: 1 });
    await crash("a");
    await clock.advanceAsync(1001);
    await crash("a");
    expect(system.whereis("a")).toBeDefined();
    await clock.advanceAsync(1000);
    await crash("a");
    expect(system.whereis("sup")).toBeUndefined();
  });

  it("of 0 ends the supervisor at the first crash", async () => {
    const { system, crash } = await supervised(["a"], { maxRestarts: 0 });
    await crash("a");
    expect(system.whereis("sup")).toBeUndefined();
  });

  it("counts every try: with n tolerated there are exactly n failing starts", async () => {
    let starts = 0;
    const init = () => {
      starts += 1;
      if (starts > 1) throw new Error("cannot");
    };
    const { system, reports, crash } = await supervised(["a"], { maxRestarts: 4 }, { init });
    await crash("a");
    expect(starts).toBe(1 + 4);
    expect(reports.filter((line) => line === "restartFailed a")).toHaveLength(4);
    expect(system.whereis("sup")).toBeUndefined();
  });

  it("lets a restart that fails and then works go on", async () => {
    let starts = 0;
    const init = () => {
      starts += 1;
      if (starts === 2 || starts === 3) throw new Error("not yet");
    };
    const { system, reports, crash } = await supervised(["a"], { maxRestarts: 3 }, { init });
    await crash("a");
    expect(starts).toBe(4);
    expect(reports).toContain("restart a");
    expect(system.whereis("a")).toBeDefined();
  });

  it("ends a loop of crashes that happen right after each start", async () => {
    const { system } = testSystem();
    const log: string[] = [];
    // The worker kills its own process as soon as it is up: a crash that no start reports.
    const init = () => {
      setImmediate(() => {
        const ref = system.whereis("a");
        if (ref !== undefined) void system.stop(ref, { reason: "killed" });
      });
    };
    const children = [child(Worker, { id: "a", log, init }, { name: "a" })];
    const tree = supervisor({ strategy: "one_for_one", maxRestarts: 5, children });
    await system.start(tree, { name: "sup" });
    for (let turn = 0; turn < 30; turn += 1) await settle();
    expect(log.filter((line) => line === "start a")).toHaveLength(6);
    expect(system.whereis("sup")).toBeUndefined();
  });
});

describe("a supervisor's ref", () => {
  it("lists the children newest first", async () => {
    const { system, ref } = await supervised(["a", "b"]);
    expect(await ref.whichChildren()).toEqual(
      ["b", "a"].map((id) => ({
        id,
        ref: named(system, id),
        status: "running",
        type: "worker",
        restart: "permanent",
      })),
    );
  });

  it("counts a restarting child as a spec, but not as active", async () => {
    let starts = 0;
    const init = () => {
      starts += 1;
      return starts === 3 ? new Promise(() => {}) : undefined;
    };
    const { ref, crash } = await supervised(["a", "b"], {}, { init });
    await crash("a");
    expect(await ref.countChildren()).toEqual({ specs: 2, active: 1, supervisors: 0, workers: 2 });
  });

  it("is found by its name", async () => {
    const { system, ref } = await supervised([]);
    expect(system.whereis("sup")).toBe(ref);
  });
});

describe("supervisor options", () => {
  const log: string[] = [];
  const a = child(Worker, { id: "a", log }, { id: "a" });
  const make = (options: object) => () =>
    supervisor({ strategy: "one_for_one", children: [], ...options });

  it("default to 3 restarts in 5 seconds", () => {
    expect(make({})()).toMatchObject({ maxRestarts: 3, maxSeconds: 5 });
  });

  it("are refused by name", () => {
    expect(make({ strategy: "all" })).toThrow('option strategy: expected one of "one_for_one"');
    expect(make({ maxRestarts: -1 })).toThrow("maxRestarts: expected an integer >= 0, got -1");
    expect(make({ maxSeconds: 0 })).toThrow("option maxSeconds");
    expect(make({ children: a })).toThrow("option children: expected an array");
    expect(make({ children: [a, a] })).toThrow('children[1].id: expected a unique id, got "a"');
    expect(make({ children: [{ ...a, id: "" }] })).toThrow("option children[0].id");
    expect(make({ children: [{ ...a, start: 1 }] })).toThrow("option children[0].start");
  });
});
