/** OTP's statements 83 to 85: partition supervisors, and tasks. */
import { describe, expect, it } from "vitest";
import {
  type ActorSystem,
  type AnyRef,
  child,
  defineActor,
  type ExitSignal,
  isActorError,
  partitionSupervisor,
  supervisor,
  type TaskContext,
  type TaskExitedError,
  type TaskFunction,
  type TaskSupervisorOptions,
  type TaskSupervisorRef,
  taskSupervisor,
} from "../../src/index.ts";
import { partitionOf } from "../../src/supervision/partition-supervisor.ts";
import { Counter, failure, gate, settle, testSystem, watch } from "../support/harness.ts";

const partitioned = async (partitions: number) => {
  const all = testSystem();
  const definition = partitionSupervisor({
    child: (partition) => child(Counter, { start: partition }),
    partitions,
  });
  return { ...all, ref: await all.system.start(definition, { name: "parts" }) };
};

describe("a partition supervisor", () => {
  it("83. Partition key: an integer goes to abs(k) mod n, anything else by a hash; resize goes from 0 to n, never above; a lookup in 0 partitions throws.", async () => {
    const { ref } = await partitioned(4);
    const numberOf = async (key: string | number | bigint | boolean) =>
      ref.partition(key).query("get");
    const integers = await Promise.all([0, 1, 5, -6, 7n, -8n].map(numberOf));
    expect(integers).toEqual([0, 1, 1, 2, 3, 0]);
    for (const key of ["user-7", 1.5, Number.NaN, true]) {
      expect(String(ref.partition(key))).toBe(String(ref.partition(key)));
    }
    await ref.resize(2);
    expect([ref.partitions, await numberOf(3)]).toEqual([2, 1]);
    expect(await ref.countChildren()).toMatchObject({ specs: 4, active: 2 });
    await ref.resize(4);
    expect([ref.partitions, await numberOf(3)]).toEqual([4, 3]);
    for (const bad of [5, -1, 1.5, "2" as never]) {
      const error = await failure(ref.resize(bad));
      expect(error.message).toContain("partitions: expected an integer from 0 to 4");
    }
    await ref.resize(0);
    expect(await ref.countChildren()).toMatchObject({ specs: 4, active: 0 });
    expect(() => ref.partition(1)).toThrow("is not running");
    expect(() => ref.partition({} as never)).toThrow("key: expected a string");
  });

  it("83. The hash of a key is the same in every program, and spreads.", () => {
    const keys = ["a", "user-7", "", 1.5, true];
    expect(keys.map((key) => partitionOf(key, 1000))).toEqual([270, 282, 608, 708, 746]);
    const hits = new Array<number>(8).fill(0);
    for (let n = 0; n < 8000; n += 1) {
      const at = partitionOf(`user-${n}`, 8);
      hits[at] = (hits[at] ?? 0) + 1;
    }
    for (const hit of hits) expect(hit).toBeGreaterThan(850);
    expect(partitionOf("1", 1000)).not.toBe(partitionOf(1, 1000));
  });

  it("restarts a partition that crashes, and throws NoProcessError while it is down", async () => {
    const { ref } = await partitioned(2);
    const [zero, one] = [ref.partition(0), ref.partition(1)];
    await failure(one.call("crash"));
    expect(() => ref.partition(1)).toThrow("partition 1 of 2");
    await settle();
    expect(String(ref.partition(1))).not.toBe(String(one));
    expect(ref.partition(0)).toBe(zero);
  });

  it("carries out resizes one after another, the last one wins", async () => {
    const { ref } = await partitioned(8);
    await Promise.all([ref.resize(1), ref.resize(8), ref.resize(0), ref.resize(5)]);
    expect(ref.partitions).toBe(5);
    expect(await ref.countChildren()).toMatchObject({ specs: 8, active: 5 });
    const statuses = (await ref.whichChildren()).map(({ id, status }) => `${id} ${status}`);
    expect(statuses.slice(0, 4)).toEqual(["7 stopped", "6 stopped", "5 stopped", "4 running"]);
  });

  it("has its options checked by name", () => {
    const spec = child(Counter, { start: 0 });
    const make = (options: object) => () =>
      partitionSupervisor({ child: () => spec, partitions: 2, ...options });
    expect(make({ partitions: 0 })).toThrow("partitions: expected an integer >= 1, got 0");
    expect(make({ child: spec })).toThrow("child: expected a function, got an object");
    expect(make({ child: () => ({}) })).toThrow("child(0).id: expected a non-empty string");
    expect(make({ maxSeconds: 0 })).toThrow("maxSeconds");
  });
});

const tasked = async (options: TaskSupervisorOptions = {}) => {
  const all = testSystem();
  return { ...all, tasks: await all.system.start(taskSupervisor(options), { name: "tasks" }) };
};

const boom = async () => {
  throw new Error("boom");
};

/** Waits for the signal, as a well-behaved function does. */
const obedient = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason));
  });

/** An actor that runs a linked task, and writes down what it hears of it. */
interface OwnerArg {
  readonly tasks: TaskSupervisorRef;
  readonly fn: TaskFunction<unknown>;
  readonly heard: ExitSignal[];
}
const Owner = defineActor("owner", {
  init: (arg: OwnerArg) => arg,
  calls: { work: ({ tasks, fn }, _: undefined, ctx) => tasks.run(fn, { link: ctx.self }).started },
});
const TrappingOwner = defineActor("trapping owner", {
  init: (arg: OwnerArg) => arg,
  calls: { work: ({ tasks, fn }, _: undefined, ctx) => tasks.run(fn, { link: ctx.self }).started },
  info: { exit: ({ heard }, signal: ExitSignal) => void heard.push(signal) },
  trapExit: true,
});

/** Lets an owner run a task: the owner, and the task's process. */
async function owned(system: ActorSystem, tasks: TaskSupervisorRef, fn: TaskFunction<unknown>) {
  const heard: ExitSignal[] = [];
  const owner = await system.start(Owner, { tasks, fn, heard });
  const trapping = await system.start(TrappingOwner, { tasks, fn, heard });
  const [own, other] = [await owner.call("work"), await trapping.call("work")];
  await settle();
  return { owner, trapping, own, other, heard };
}

const isUp = async (ref: AnyRef) =>
  !isActorError(await failure(ref.call("nothing")), "ERR_NO_PROCESS");

describe("a task", () => {
  it("84. async links, async_nolink does not; only the owner may await; over maxChildren it raises. (here: linked when asked with { link }; whoever has the task may wait for it, as often as wanted)", async () => {
    const { system, tasks } = await tasked({ maxChildren: 2 });
    const held = gate();
    const crashing = async () => {
      await held.promise;
      throw new Error("boom");
    };
    const { owner, trapping, heard, own } = await owned(system, tasks, crashing);
    expect([await isUp(owner), await isUp(own)]).toEqual([true, true]);

    const refused = tasks.run(() => 1);
    const error = await failure(refused.result);
    expect(error).toMatchObject({ code: "ERR_MAX_CHILDREN", outcome: "not_run" });
    expect((await failure(refused.started)).code).toBe("ERR_MAX_CHILDREN");
    expect((await failure(refused.yield())).code).toBe("ERR_MAX_CHILDREN");
    expect((await failure(refused.shutdown())).code).toBe("ERR_MAX_CHILDREN");

    held.open();
    await settle();
    expect([await isUp(owner), await isUp(trapping)]).toEqual([false, true]);
    expect(heard).toMatchObject([{ reason: { error: { message: "boom" } } }]);

    const alone = tasks.run(boom);
    expect([await failure(alone.result), await failure(alone.result)]).toHaveLength(2);
    expect(await isUp(trapping)).toBe(true);
  });

  it("84. The end of the owner ends a linked task, and aborts its signal.", async () => {
    const { system, tasks } = await tasked();
    const aborted: string[] = [];
    const fn = ({ signal }: TaskContext) => {
      signal.addEventListener("abort", () => aborted.push("linked"));
      return obedient(signal);
    };
    const { owner, own } = await owned(system, tasks, fn);
    await settle();
    system.exit(owner, "kill");
    await settle();
    expect([await isUp(own), aborted]).toEqual([false, ["linked"]]);
    expect((await tasks.countChildren()).active).toBe(1);
  });

  it("85. await fails with the task's reason; yield gives nothing when its time is up and keeps the task; shutdown gives nothing, { ok } or { exit }.", async () => {
    const { clock, tasks } = await tasked();
    const failing = tasks.run(boom);
    const error = (await failure(failing.result)) as TaskExitedError;
    expect(error).toMatchObject({
      code: "ERR_TASK_EXITED",
      outcome: "ran",
      reason: { error: { message: "boom" } },
      cause: { message: "boom" },
    });
    expect(await failing.yield()).toMatchObject({ exit: { error: { message: "boom" } } });
    expect(await failing.shutdown()).toMatchObject({ exit: { error: { message: "boom" } } });

    const held = gate<number>();
    const slow = tasks.run(() => held.promise);
    const yielded = watch(slow.yield(100));
    await clock.advanceAsync(99);
    expect(yielded.state).toBe("pending");
    await clock.advanceAsync(1);
    expect(yielded).toEqual({ state: "resolved", value: undefined });
    held.open(42);
    expect(await slow.yield()).toEqual({ ok: 42 });
    expect([await slow.result, await slow.shutdown()]).toEqual([42, { ok: 42 }]);

    const stopped = tasks.run(({ signal }) => obedient(signal));
    expect(await stopped.shutdown()).toBeUndefined();
    expect(await failure(stopped.result)).toMatchObject({ reason: "shutdown", outcome: "unknown" });
  });

  it("85. A task that does not heed its signal is killed when the time of shutdown is up, and one that finishes meanwhile gives its result.", async () => {
    const { clock, tasks, reports } = await tasked();
    const deaf = tasks.run(() => new Promise(() => {}));
    const stopping = watch(deaf.shutdown(50));
    await clock.advanceAsync(49);
    expect(stopping.state).toBe("pending");
    await clock.advanceAsync(1);
    expect(stopping).toEqual({ state: "resolved", value: undefined });
    expect(reports).toEqual(["exit task killed"]);

    const held = gate<string>();
    const finishing = tasks.run(() => held.promise);
    const asked = watch(finishing.shutdown(50));
    await settle();
    held.open("late");
    await settle();
    expect(asked.value).toEqual({ ok: "late" });

    const brutal = tasks.run(({ signal }) => obedient(signal));
    expect(await brutal.shutdown("brutal_kill")).toBeUndefined();
    expect((await failure(brutal.result)).message).toContain("killed");
  });

  it("is a process like any other: killing it aborts its signal, and nothing later is seen", async () => {
    const { system, tasks } = await tasked();
    const held = gate<number>();
    const seen: unknown[] = [];
    const task = tasks.run(async ({ signal, self }) => {
      signal.addEventListener("abort", () => seen.push(signal.reason));
      seen.push(String(self));
      return await held.promise;
    });
    const ref = await task.started;
    await settle();
    expect(seen).toEqual([String(ref)]);
    system.exit(ref, "kill");
    held.open(1);
    await settle();
    expect(seen[1]).toMatchObject({ code: "ERR_TASK_EXITED", reason: "killed" });
    expect(await task.yield()).toEqual({ exit: "killed" });
  });

  it("does not crash the program when it fails and nobody asks for its result", async () => {
    const { tasks, reports } = await tasked({ maxChildren: 1 });
    const unhandled: unknown[] = [];
    const listener = (error: unknown) => unhandled.push(error);
    process.on("unhandledRejection", listener);
    try {
      const task = tasks.run(boom);
      tasks.run(boom);
      expect(await task.yield()).toMatchObject({ exit: { error: { message: "boom" } } });
      await settle();
    } finally {
      process.off("unhandledRejection", listener);
    }
    expect(unhandled).toEqual([]);
    expect(reports).toContain("crash task in run");
  });

  it("runs synchronous functions, and may be stopped through the supervisor", async () => {
    const { tasks } = await tasked();
    expect(await tasks.run(() => "now").result).toBe("now");
    const task = tasks.run(({ signal }) => obedient(signal));
    await tasks.terminateChild(await task.started);
    expect(await task.yield()).toEqual({ exit: "shutdown" });
    expect(await tasks.whichChildren()).toEqual([]);
  });

  it("ends with its supervisor, which tells all of them at once", async () => {
    const { system, clock } = testSystem();
    const root = supervisor({
      strategy: "one_for_one",
      children: [child(taskSupervisor({ shutdown: 100 }), { name: "tasks" })],
    });
    const ref = await system.start(root);
    const tasks = system.whereis("tasks") as TaskSupervisorRef;
    const obeying = tasks.run(({ signal }) => obedient(signal));
    const deaf = tasks.run(() => new Promise(() => {}));
    const patient = tasks.run(() => new Promise(() => {}), { shutdown: 300 });
    await settle();
    const stopping = watch(system.stop(ref, { timeout: Number.POSITIVE_INFINITY }));
    await clock.advanceAsync(100);
    expect(await obeying.yield(0)).toEqual({ exit: "shutdown" });
    expect(await deaf.yield(0)).toEqual({ exit: "killed" });
    expect([await patient.yield(0), stopping.state]).toEqual([undefined, "pending"]);
    await clock.advanceAsync(200);
    expect([await patient.yield(0), stopping.state]).toEqual([{ exit: "killed" }, "resolved"]);
  });

  it("cannot be started by a supervisor that is over", async () => {
    const { system, tasks } = await tasked();
    await system.stop(tasks);
    expect((await failure(tasks.run(() => 1).result)).code).toBe("ERR_NO_PROCESS");
  });

  it("has its options checked by name", async () => {
    const { tasks } = await tasked();
    expect(() => tasks.run(1 as never)).toThrow("fn: expected a function, got 1");
    expect(() => tasks.run(() => 1, { link: {} as never })).toThrow("link: expected the ref of");
    expect(() => tasks.run(() => 1, { shutdown: -1 })).toThrow("shutdown");
    expect(() => taskSupervisor({ maxChildren: -1 })).toThrow("maxChildren");
    expect(() => taskSupervisor({ shutdown: "soon" as never })).toThrow("shutdown");
    const task = tasks.run(() => 1);
    expect((await failure(task.yield(-1))).message).toContain("ms: expected a number");
    expect((await failure(task.shutdown(Number.NaN))).message).toContain("ms: expected a number");
  });
});
