/** What happens to a supervisor when several things happen to it at once. */
import { describe, expect, it } from "vitest";
import {
  type ChildSpec,
  child,
  dynamicSupervisor,
  type StartedChild,
  supervisor,
  taskSupervisor,
} from "../../src/index.ts";
import { failure, gate, settle, testSystem, watch } from "../support/harness.ts";
import { named, supervised, Worker, type WorkerPlan, worker } from "../support/worker.ts";

const strategies = ["one_for_one", "one_for_all", "rest_for_one"] as const;

const never = () => new Promise(() => {});

/** Does something at the n-th start of a worker, counted by its id. */
function atStart(id: string, n: number, act: () => unknown) {
  const starts = new Map<string, number>();
  return (own: string): Partial<WorkerPlan> => ({
    init: () => {
      const start = (starts.get(own) ?? 0) + 1;
      starts.set(own, start);
      return own === id && start === n ? act() : undefined;
    },
  });
}

describe("a child that crashes while others are restarted", () => {
  it("is restarted with the group when it has not been reached", async () => {
    const held = gate();
    const plan = (id: string) => (id === "c" ? { terminate: () => held.promise } : {});
    const { system, crash, alive, log, ref } = await supervised(
      ["a", "b", "c"],
      { strategy: "one_for_all", maxRestarts: 1 },
      plan,
    );
    await crash("a");
    system.exit(named(system, "b"), "kill");
    await settle();
    held.open();
    await settle();
    expect(alive("a", "b", "c", "sup")).toEqual(["a", "b", "c", "sup"]);
    expect(log.slice(-3)).toEqual(["start a", "start b", "start c"]);
    expect(await ref.countChildren()).toMatchObject({ active: 3 });
  });

  it("causes another restart when it had been restarted already", async () => {
    const held = gate();
    const plan = atStart("c", 2, () => held.promise);
    const { system, crash, alive, log } = await supervised(
      ["a", "b", "c"],
      { strategy: "one_for_all", maxRestarts: 2 },
      plan,
    );
    await crash("a");
    system.exit(named(system, "a"), "kill");
    await settle();
    expect(log.slice(-3)).toEqual(["start a", "start b", "start c"]);
    held.open();
    await settle();
    expect(alive("a", "b", "c", "sup")).toEqual(["a", "b", "c", "sup"]);
    expect(log.slice(-5)).toEqual([
      "end c shutdown",
      "end b shutdown",
      "start a",
      "start b",
      "start c",
    ]);
  });

  it("waits with its news while another restart has its turn, and is restarting meanwhile", async () => {
    const held = gate();
    const plan = atStart("c", 2, () => held.promise);
    const { system, crash, ref, statuses } = await supervised(
      ["a", "b", "c"],
      { strategy: "one_for_all" },
      plan,
    );
    await crash("a");
    system.exit(named(system, "b"), "kill");
    await settle();
    expect(await statuses()).toEqual({ a: "running", b: "restarting", c: "restarting" });
    expect((await failure(ref.restartChild("b"))).code).toBe("ERR_CHILD_RESTARTING");
    held.open();
    await settle();
    expect(await statuses()).toEqual({ a: "running", b: "running", c: "running" });
  });

  it("makes a retry needless when its own restart has brought everything up", async () => {
    const held = gate();
    const plan = atStart("b", 2, () => held.promise);
    const { system, crash, log, statuses } = await supervised(
      ["a", "b", "c"],
      { strategy: "rest_for_one", maxRestarts: 2 },
      plan,
    );
    await crash("b");
    system.exit(named(system, "a"), "kill");
    await settle();
    log.length = 0;
    held.fail(new Error("not yet"));
    await settle();
    expect(log).toEqual(["start a", "start b", "start c"]);
    expect(await statuses()).toEqual({ a: "running", b: "running", c: "running" });
  });

  it("crashes in its terminate, which hinders no group restart", async () => {
    const plan = (id: string): Partial<WorkerPlan> => ({
      terminate: () => {
        if (id === "b") throw new Error("cannot end");
      },
    });
    const { crash, alive, reports } = await supervised(
      ["a", "b", "c"],
      { strategy: "one_for_all", maxRestarts: 1 },
      plan,
    );
    await crash("a");
    expect(alive("a", "b", "c")).toEqual(["a", "b", "c"]);
    expect(reports).toContain("crash worker in terminate");
  });
});

describe("two children that crash in the same tick", () => {
  const restarted = async (strategy: (typeof strategies)[number], order: readonly string[]) => {
    const { system, log, alive, reports } = await supervised(["a", "b", "c"], {
      strategy,
      maxRestarts: 2,
    });
    for (const name of order) system.exit(named(system, name), "kill");
    await settle();
    expect(alive("a", "b", "c", "sup")).toEqual(["a", "b", "c", "sup"]);
    expect(reports).not.toContain("restartLimit a");
    return log.slice(3);
  };

  it("are restarted each by itself under one_for_one", async () => {
    expect(await restarted("one_for_one", ["b", "a"])).toEqual(["start b", "start a"]);
  });

  it("are restarted once under one_for_all", async () => {
    expect(await restarted("one_for_all", ["b", "a"])).toEqual([
      "end c shutdown",
      "start a",
      "start b",
      "start c",
    ]);
  });

  it("are restarted once under rest_for_one if the earlier one was first, else twice", async () => {
    expect(await restarted("rest_for_one", ["a", "b"])).toEqual([
      "end c shutdown",
      "start a",
      "start b",
      "start c",
    ]);
    expect(await restarted("rest_for_one", ["b", "a"])).toEqual([
      "end c shutdown",
      "start b",
      "start c",
      "end c shutdown",
      "end b shutdown",
      "start a",
      "start b",
      "start c",
    ]);
  });
});

describe("a restart that hangs", () => {
  it("does not hold the shutdown, under any strategy", async () => {
    for (const strategy of strategies) {
      const plan = atStart("b", 2, never);
      const { system, crash, ref, alive } = await supervised(["a", "b", "c"], { strategy }, plan);
      await crash("b");
      const stopping = watch(system.stop(ref));
      await settle();
      expect([stopping.state, alive("a", "b", "c", "sup")]).toEqual(["resolved", []]);
    }
  });

  it("leaves nothing running when the supervisor is killed", async () => {
    for (const strategy of strategies) {
      const held = gate();
      const plan = atStart("b", 2, () => held.promise);
      const { system, crash, ref, alive } = await supervised(["a", "b", "c"], { strategy }, plan);
      await crash("b");
      system.exit(ref, "kill");
      held.open();
      await settle();
      expect(alive("a", "b", "c", "sup")).toEqual([]);
    }
  });

  it("is ended by its start timeout, and tried again", async () => {
    const plan = atStart("b", 2, never);
    const { clock, crash, statuses, reports } = await supervised(
      ["a", { name: "b", startTimeout: 100 }],
      { strategy: "one_for_all" },
      plan,
    );
    await crash("b");
    await clock.advanceAsync(100);
    expect(await statuses()).toEqual({ a: "running", b: "running" });
    expect(reports).toContain("restartFailed b");
  });
});

describe("a caller that meets a group restart", () => {
  it("adds a child after it, and the child is no part of it", async () => {
    const held = gate();
    const plan = atStart("b", 2, () => held.promise);
    const { crash, ref, log, statuses } = await supervised(
      ["a", "b"],
      { strategy: "one_for_all", maxRestarts: 1 },
      plan,
    );
    await crash("a");
    const adding = watch(ref.startChild(worker("z", log)));
    const again = watch(ref.startChild(worker("z", log)));
    await settle();
    expect([adding.state, Object.keys(await statuses())]).toEqual(["pending", ["b", "a"]]);
    held.open();
    await settle();
    expect([adding.state, again.error?.code]).toEqual(["resolved", "ERR_CHILD_ALREADY_STARTED"]);
    expect(log.filter((line) => line === "start z")).toHaveLength(1);
    expect(await statuses()).toEqual({ a: "running", b: "running", z: "running" });
  });

  it("terminates a child after it when the child is not the one that hangs", async () => {
    const held = gate();
    const plan = atStart("b", 2, () => held.promise);
    const { crash, ref, statuses } = await supervised(
      ["a", "b"],
      { strategy: "one_for_all" },
      plan,
    );
    await crash("a");
    const terminating = watch(ref.terminateChild("a"));
    await settle();
    expect(terminating.state).toBe("pending");
    held.open();
    await settle();
    expect([terminating.state, await statuses()]).toEqual([
      "resolved",
      { a: "stopped", b: "running" },
    ]);
  });

  it("terminates the crashed child after it when its siblings are still being stopped", async () => {
    const held = gate();
    let ends = 0;
    const plan = (id: string): Partial<WorkerPlan> =>
      id === "a"
        ? {
            terminate: () => {
              ends += 1;
              return ends === 2 ? held.promise : undefined;
            },
          }
        : atStart("b", 2, () => Promise.reject(new Error("not yet")))(id);
    const { crash, ref, statuses } = await supervised(
      ["a", "b"],
      { strategy: "one_for_all" },
      plan,
    );
    await crash("b");
    const terminating = watch(ref.terminateChild("b"));
    await settle();
    expect([terminating.state, (await statuses()).b]).toEqual(["pending", "restarting"]);
    held.open();
    await settle();
    expect([terminating.state, await statuses()]).toEqual([
      "resolved",
      { a: "running", b: "stopped" },
    ]);
  });

  it("may ask in any order without waiting: each answer fits", async () => {
    const { ref, log, statuses } = await supervised(["a"]);
    const answers = await Promise.allSettled([
      ref.startChild(worker("b", log)),
      ref.terminateChild("b"),
      ref.deleteChild("b"),
      ref.startChild(worker("b", log)),
      ref.restartChild("b"),
      ref.terminateChild("b"),
      ref.restartChild("b"),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([
      "fulfilled",
      "fulfilled",
      "fulfilled",
      "fulfilled",
      "rejected",
      "fulfilled",
      "fulfilled",
    ]);
    expect(await statuses()).toEqual({ a: "running", b: "running" });
  });

  it("has its child started although it has given up waiting, as in OTP", async () => {
    const held = gate();
    const plan = atStart("b", 2, () => held.promise);
    const { clock, crash, ref, log } = await supervised(
      ["a", "b"],
      { strategy: "one_for_all" },
      plan,
    );
    await crash("a");
    const adding = watch(ref.startChild(worker("z", log), { timeout: 10 }));
    await clock.advanceAsync(10);
    expect(adding.error).toMatchObject({ code: "ERR_CALL_TIMEOUT", outcome: "unknown" });
    held.open();
    await settle();
    // Its turn had been asked for: it runs, as in OTP, and is there to be found.
    expect((await ref.whichChildren())[0]).toMatchObject({ id: "z", status: "running" });
  });

  it("is told when a slow restart of one child does not concern the others", async () => {
    const plan = atStart("a", 2, never);
    const { crash, ref, log, statuses } = await supervised(["a", "b"], {}, plan);
    await crash("a");
    await ref.startChild(worker("z", log));
    await ref.terminateChild("b");
    await crash("z");
    expect(await statuses()).toEqual({ a: "restarting", b: "stopped", z: "running" });
  });
});

describe("a child that crashes during the shutdown", () => {
  it("is not restarted, whether it was asked to end already or not", async () => {
    for (const strategy of strategies) {
      const held = gate();
      const plan = (id: string) => (id === "c" ? { terminate: () => held.promise } : {});
      const { system, ref, log, alive } = await supervised(["a", "b", "c"], { strategy }, plan);
      const stopping = watch(system.stop(ref));
      await settle();
      system.exit(named(system, "a"), "kill");
      system.exit(named(system, "c"), "kill");
      await settle();
      held.open();
      await settle();
      expect([stopping.state, alive("a", "b", "c", "sup")]).toEqual(["resolved", []]);
      expect(log.filter((line) => line.startsWith("start"))).toHaveLength(3);
    }
  });
});

/** A child of another package that throws wherever it can. */
function hostile(throws: "exit" | "onExit"): ChildSpec {
  const started: StartedChild = {
    ref: undefined,
    onExit: () => {
      if (throws === "onExit") throw new Error("no listener");
    },
    exit: () => {
      throw new Error("no exit");
    },
  };
  return {
    id: "hostile",
    restart: "permanent",
    shutdown: "brutal_kill",
    type: "worker",
    start: async () => started,
  };
}

describe("a child that throws where none may", () => {
  it("is stopped as far as it can be, and the others are stopped in order", async () => {
    const { system, clock } = testSystem();
    const log: string[] = [];
    const children = [worker("a", log), hostile("exit"), worker("b", log)];
    const ref = await system.start(supervisor({ strategy: "one_for_one", children }));
    const stopping = watch(system.stop(ref, { timeout: Number.POSITIVE_INFINITY }));
    await clock.advanceAsync(5000);
    expect([stopping.state, log.slice(2)]).toEqual([
      "resolved",
      ["end b shutdown", "end a shutdown"],
    ]);
  });

  it("fails to start when nobody may listen to its end", async () => {
    const { system } = testSystem();
    const tree = supervisor({ strategy: "one_for_one", children: [hostile("onExit")] });
    expect((await failure(system.start(tree))).message).toContain("no listener");
  });
});

describe("a supervisor among supervisors", () => {
  it("passes a failed restart of the inner one on as any other", async () => {
    const { system } = testSystem();
    const log: string[] = [];
    let inits = 0;
    const init = () => {
      inits += 1;
      if (inits === 2) throw new Error("once");
    };
    const inner = supervisor({
      strategy: "one_for_all",
      maxRestarts: 0,
      children: [worker("a", log), child(Worker, { id: "b", log, init }, { name: "b" })],
    });
    const outer = supervisor({
      strategy: "rest_for_one",
      children: [child(inner, { name: "inner" }), worker("z", log)],
    });
    const ref = await system.start(outer);
    await failure(named(system, "a").call("crash"));
    await settle();
    expect(await ref.countChildren()).toMatchObject({ active: 2 });
    expect(log.slice(3)).toEqual([
      "end a error:boom",
      "end b shutdown",
      "end z shutdown",
      "start a",
      "start b",
      "end a shutdown",
      "start a",
      "start b",
      "start z",
    ]);
  });
});

describe("a system that copies its messages", () => {
  it("runs supervisors like any other: no function of theirs is in a message", async () => {
    const { system } = testSystem({ cloneMessages: true });
    const app = await system.start(supervisor({ strategy: "one_for_one", children: [] }));
    expect(await app.startChild(worker("a"))).toBe(named(system, "a"));
    const taken = await failure(app.startChild(worker("a")));
    expect((taken as { ref?: unknown }).ref).toBe(named(system, "a"));
    expect((await app.whichChildren())[0]?.ref).toBe(named(system, "a"));
    const pool = await system.start(dynamicSupervisor());
    await pool.startChild(worker("b"));
    await pool.terminateChild(named(system, "b"));
    const tasks = await system.start(taskSupervisor());
    expect(await tasks.run(() => 1).result).toBe(1);
    await system.shutdown();
    expect(system.whereis("a")).toBeUndefined();
  });
});
