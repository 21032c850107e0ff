/** OTP's statements 57 to 70: which ends lead to a restart, whom it concerns, when it ends. */
import { describe, expect, it } from "vitest";
import { child, type ExitReason, type SupervisorRef, supervisor } from "../../src/index.ts";
import { failure, settle, testSystem } from "../support/harness.ts";
import { named, supervised, Worker, worker } from "../support/worker.ts";

const restarts = ["permanent", "transient", "temporary"] as const;

/** A worker whose n-th start (of any worker with the id) does what `plan` says. */
function startsOf(plan: (id: string, start: number) => unknown) {
  const starts = new Map<string, number>();
  return (id: string) => ({
    init: () => {
      const start = (starts.get(id) ?? 0) + 1;
      starts.set(id, start);
      return plan(id, start);
    },
  });
}

const never = () => new Promise(() => {});

const cannot = () => {
  throw new Error("cannot");
};

describe("what is restarted", () => {
  it("57. permanent: always restarted; transient: not for normal, shutdown and { shutdown }; temporary: never.", async () => {
    const came: string[] = [];
    for (const restart of restarts) {
      for (const reason of ["normal", "shutdown", { shutdown: 1 }, "crash"] as const) {
        const { exits, crash, alive } = await supervised([{ name: "a", restart }]);
        if (reason === "crash") await crash("a");
        else await exits("a", reason);
        if (alive("a").length === 1) came.push(`${restart} ${JSON.stringify(reason)}`);
      }
    }
    expect(came).toEqual([
      'permanent "normal"',
      'permanent "shutdown"',
      'permanent {"shutdown":1}',
      'permanent "crash"',
      'transient "crash"',
    ]);
  });

  it("58. A transient child that is not restarted keeps its spec, without a process; a temporary one loses it.", async () => {
    const { ref, exits, crash } = await supervised([
      { name: "a", restart: "transient" },
      { name: "b", restart: "temporary" },
      { name: "c", restart: "temporary" },
    ]);
    await exits("a", "normal");
    await exits("b", "normal");
    await crash("c");
    expect(await ref.whichChildren()).toEqual([
      { id: "a", ref: undefined, status: "stopped", type: "worker", restart: "transient" },
    ]);
  });
});

describe("the strategies", () => {
  it("59. one_for_one touches only the child.", async () => {
    const { crash, refs, log } = await supervised(["a", "b", "c"]);
    const [a, b, c] = refs("a", "b", "c");
    await crash("b");
    expect(refs("a", "c")).toEqual([a, c]);
    expect(refs("b")).not.toEqual([b]);
    expect(log.slice(3)).toEqual(["end b error:boom", "start b"]);
  });

  it("60. one_for_all: the others are terminated in reverse start order, then all are started in order; it counts as one restart.", async () => {
    const { crash, log, alive, reports } = await supervised(["a", "b", "c"], {
      strategy: "one_for_all",
      maxRestarts: 1,
    });
    await crash("b");
    expect(log.slice(3)).toEqual([
      "end b error:boom",
      "end c shutdown",
      "end a shutdown",
      "start a",
      "start b",
      "start c",
    ]);
    expect(reports.filter((line) => line.startsWith("restart"))).toEqual([
      "restart a",
      "restart b",
      "restart c",
    ]);
    expect(alive("sup")).toEqual(["sup"]);
    await crash("a");
    expect(alive("sup")).toEqual([]);
  });

  it("61. rest_for_one: later children are terminated in reverse, then the crashed one and the later ones are started; the earlier ones keep their processes.", async () => {
    const { crash, log, refs } = await supervised(["a", "b", "c", "d"], {
      strategy: "rest_for_one",
    });
    const before = refs("a", "b", "c", "d");
    await crash("b");
    expect(log.slice(4)).toEqual([
      "end b error:boom",
      "end d shutdown",
      "end c shutdown",
      "start b",
      "start c",
      "start d",
    ]);
    expect(refs("a")[0]).toBe(before[0]);
    for (const [at, ref] of refs("b", "c", "d").entries()) expect(ref).not.toBe(before[at + 1]);
  });

  it("62. A normal exit of a transient child under one_for_all and rest_for_one does not disturb the siblings.", async () => {
    for (const strategy of ["one_for_all", "rest_for_one"] as const) {
      const { exits, refs, statuses } = await supervised(
        [{ name: "a", restart: "transient" }, "b", "c"],
        { strategy },
      );
      const before = refs("b", "c");
      await exits("a", "normal");
      expect(refs("b", "c")).toEqual(before);
      expect(await statuses()).toEqual({ a: "stopped", b: "running", c: "running" });
    }
  });

  it("63. A temporary sibling killed by one_for_all or rest_for_one is not restarted, and its spec is removed.", async () => {
    for (const strategy of ["one_for_all", "rest_for_one"] as const) {
      const { crash, alive, statuses } = await supervised(
        ["a", { name: "t", restart: "temporary" }, "b"],
        { strategy },
      );
      await crash("a");
      expect(alive("a", "t", "b")).toEqual(["a", "b"]);
      expect(await statuses()).toEqual({ a: "running", b: "running" });
    }
  });

  it("a group restart starts whatever is down, also what was terminated", async () => {
    const { crash, ref, alive } = await supervised(["a", "b"], { strategy: "one_for_all" });
    await ref.terminateChild("b");
    await crash("a");
    expect(alive("a", "b")).toEqual(["a", "b"]);
  });
});

describe("the restart intensity", () => {
  it("64. Window: keep the restarts of the last maxSeconds, add this one, exceed if there are more than maxRestarts; 0 dies on the first. (here: measured in milliseconds, where OTP compares whole seconds)", async () => {
    const { clock, crash, alive } = await supervised(["a"], { maxRestarts: 1, maxSeconds: 2 });
    await crash("a");
    await clock.advanceAsync(2001);
    await crash("a");
    expect(alive("a")).toEqual(["a"]);
    await clock.advanceAsync(2000);
    await crash("a");
    expect(alive("a", "sup")).toEqual([]);
    const strict = await supervised(["a"], { maxRestarts: 0 });
    await strict.crash("a");
    expect(strict.alive("a", "sup")).toEqual([]);
  });

  it("65. Exceeded: the remaining children are terminated in reverse, and the supervisor exits shutdown; its parent then decides.", async () => {
    const { system, reports } = testSystem();
    const log: string[] = [];
    const inner = supervisor({
      strategy: "one_for_one",
      maxRestarts: 1,
      maxSeconds: 3600,
      children: ["a", "b", "c"].map((id) => worker(id, log)),
    });
    const children = [child(inner, { id: "inner" }), worker("z", log)];
    await system.start(supervisor({ strategy: "one_for_one", children }));
    for (let crash = 0; crash < 2; crash += 1) {
      await failure(named(system, "b").call("crash"));
      await settle();
    }
    expect(log.slice(6)).toEqual([
      "end b error:boom",
      "end c shutdown",
      "end a shutdown",
      "start a",
      "start b",
      "start c",
    ]);
    expect(reports).toContain("restartLimit b");
    expect(reports).toContain("exit supervisor shutdown");
    expect(reports.at(-1)).toBe("restart inner");
  });

  it("65. A transient child that gave up is not restarted, for shutdown is an orderly end.", async () => {
    const { system } = testSystem();
    const inner = supervisor({
      strategy: "one_for_one",
      maxRestarts: 0,
      children: [worker("a")],
    });
    const outer = supervisor({
      strategy: "one_for_one",
      children: [child(inner, { id: "inner", restart: "transient" })],
    });
    const ref = await system.start(outer);
    await failure(named(system, "a").call("crash"));
    await settle();
    expect((await ref.whichChildren())[0]?.status).toBe("stopped");
  });
});

describe("a restart that fails", () => {
  it("66. A restart whose start fails is retried, and each try counts: with an intensity of n exactly n failing starts, then shutdown.", async () => {
    for (const strategy of ["one_for_one", "one_for_all", "rest_for_one"] as const) {
      let starts = 0;
      const init = () => {
        starts += 1;
        return starts > 1 ? cannot() : undefined;
      };
      const { crash, reports, alive } = await supervised(
        ["a"],
        { strategy, maxRestarts: 4 },
        { init },
      );
      await crash("a");
      expect(starts).toBe(1 + 4);
      expect(reports.filter((line) => line === "restartFailed a")).toHaveLength(4);
      expect(reports.slice(-2)).toEqual(["restartLimit a", "exit supervisor shutdown"]);
      expect(alive("sup")).toEqual([]);
    }
  });

  it("67. While retrying the supervisor answers: the child is restarting, restartChild and deleteChild are refused, terminateChild cancels the retry, and shutdown works.", async () => {
    for (const strategy of ["one_for_one", "one_for_all", "rest_for_one"] as const) {
      const tree = () => {
        const plan = startsOf((id, start) => (id === "b" && start > 1 ? never() : undefined));
        return supervised(["a", "b", "c"], { strategy }, plan);
      };
      const { ref, crash, statuses, alive, reports } = await tree();
      await crash("b");
      expect((await statuses()).b).toBe("restarting");
      expect((await ref.countChildren()).specs).toBe(3);
      for (const refused of [ref.restartChild("b"), ref.deleteChild("b")]) {
        expect((await failure(refused)).code).toBe("ERR_CHILD_RESTARTING");
      }
      const second = await failure(ref.startChild(worker("b")));
      expect(second.code).toBe("ERR_CHILD_ALREADY_STARTED");
      await ref.terminateChild("b");
      expect((await statuses()).b).toBe("stopped");
      expect(reports).not.toContain("restartFailed b");
      expect(alive("a", "b", "c")).toEqual(strategy === "one_for_one" ? ["a", "c"] : ["a"]);
      await ref.deleteChild("b");

      const other = await tree();
      await other.crash("b");
      await other.system.stop(other.ref);
      expect(other.alive("a", "b", "c", "sup")).toEqual([]);
    }
  });

  it("67. A retry that waits for its turn is cancelled too, and the siblings that the restart has not reached stay stopped.", async () => {
    let starts = 0;
    const held: { go: () => void }[] = [];
    const plan = (id: string) => ({
      init: () => {
        starts += id === "b" ? 1 : 0;
        if (id !== "b" || starts === 1) return undefined;
        return new Promise((_, reject) => held.push({ go: () => reject(new Error("no")) }));
      },
    });
    const { ref, crash, statuses, log } = await supervised(
      ["a", "b", "c"],
      { strategy: "rest_for_one" },
      plan,
    );
    await crash("b");
    const terminating = ref.terminateChild("b");
    held[0]?.go();
    await terminating;
    await settle();
    expect(await statuses()).toEqual({ a: "running", b: "stopped", c: "stopped" });
    expect(log.filter((line) => line === "start b")).toHaveLength(2);
    starts = 0;
    await ref.restartChild("b");
    await ref.restartChild("c");
    expect(await statuses()).toEqual({ a: "running", b: "running", c: "running" });
  });

  it("68. one_for_all with a sibling that fails to restart: those already restarted are terminated (shutdown) and all are retried; rest_for_one retries only from the failed child.", async () => {
    const logOf = async (strategy: "one_for_all" | "rest_for_one") => {
      const plan = startsOf((id, start) => (id === "c" && start === 2 ? cannot() : undefined));
      const { crash, log } = await supervised(["a", "b", "c", "d"], { strategy }, plan);
      await crash("a");
      return log.slice(4 + 1 + 3);
    };
    const firstTry = ["start a", "start b", "start c"];
    expect(await logOf("one_for_all")).toEqual([
      ...firstTry,
      ...["end b shutdown", "end a shutdown"],
      ...["start a", "start b", "start c", "start d"],
    ]);
    expect(await logOf("rest_for_one")).toEqual([...firstTry, "start c", "start d"]);
  });
});

describe("what a restarted supervisor has", () => {
  it("69. A restarted supervisor starts its static children, not those that were added dynamically.", async () => {
    const { system } = testSystem();
    const inner = supervisor({ strategy: "one_for_one", children: [worker("a")] });
    const children = [child(inner, { name: "inner" })];
    await system.start(supervisor({ strategy: "one_for_one", children }));
    const old = system.whereis("inner") as SupervisorRef;
    await old.startChild(worker("added"));
    expect((await old.whichChildren()).map(({ id }) => id)).toEqual(["added", "a"]);
    await system.stop(old);
    await settle();
    const restarted = system.whereis("inner") as SupervisorRef;
    expect(restarted).not.toBe(old);
    expect((await restarted.whichChildren()).map(({ id }) => id)).toEqual(["a"]);
    expect(system.whereis("added")).toBeUndefined();
  });
});

describe("what is none of its business", () => {
  it("70. The exit of an unknown process and unknown messages are ignored.", async () => {
    const { system, ref, statuses, reports } = await supervised(["a"]);
    const stranger = await system.start(Worker, { id: "x", log: [] }, { name: "x" });
    system.exit(ref, { error: { name: "Error", message: "signal" } });
    ref.send("hello", stranger);
    ref.send("step", () => {});
    ref.send("exit", { ref: stranger, reason: "killed" satisfies ExitReason });
    ref.cast("whatever");
    await settle();
    expect(await statuses()).toEqual({ a: "running" });
    expect(reports).toEqual([
      "dead info hello unknown_operation",
      "dead info step bad_payload",
      "dead cast whatever unknown_operation",
    ]);
  });
});
