/** OTP's statements 71 to 79: how a supervisor ends its children, and when it ends by itself. */
import { describe, expect, it } from "vitest";
import {
  type AnyRef,
  type ChildOptions,
  child,
  defineActor,
  dynamicSupervisor,
  type SupervisorOptions,
  supervisor,
} from "../../src/index.ts";
import { failure, gate, settle, testSystem, watch, word } from "../support/harness.ts";
import { named, supervised, Worker, worker } from "../support/worker.ts";

const never = () => new Promise(() => {});

/** A worker that traps exits, and so is told when its supervisor dies. */
const Trapping = defineActor("trapping", {
  init: (plan: { id: string; log: string[] }) => plan,
  info: { exit: () => undefined },
  terminate: (plan, reason) => void plan.log.push(`end ${plan.id} ${word(reason)}`),
  trapExit: true,
});

describe("the end of the children", () => {
  it("71. Static: one by one, in reverse, each with its own timeout; dynamic: in parallel.", async () => {
    const ids = [
      { name: "a", shutdown: 10 },
      { name: "b", shutdown: 30 },
      { name: "c", shutdown: 20 },
    ];
    const { system, clock, ref, alive } = await supervised(ids, {}, { terminate: never });
    const stopping = watch(system.stop(ref));
    await clock.advanceAsync(19);
    expect(alive("a", "b", "c")).toEqual(["a", "b", "c"]);
    await clock.advanceAsync(1);
    expect(alive("a", "b", "c")).toEqual(["a", "b"]);
    await clock.advanceAsync(30);
    expect(alive("a", "b", "c")).toEqual(["a"]);
    await clock.advanceAsync(10);
    expect([alive("a", "b", "c"), stopping.state]).toEqual([[], "resolved"]);

    const many = testSystem();
    const pool = await many.system.start(dynamicSupervisor());
    for (const one of ids) await pool.startChild(worker(one, [], { terminate: never }));
    const together = watch(many.system.stop(pool));
    await many.clock.advanceAsync(10);
    expect(ids.map(({ name }) => many.system.whereis(name) === undefined)).toEqual([
      true,
      false,
      false,
    ]);
    await many.clock.advanceAsync(20);
    expect(together.state).toBe("resolved");
  });

  it("72. Graceful: the child is asked with shutdown, has its time, and then is killed.", async () => {
    const log: string[] = [];
    const { system, clock, ref, reports } = await supervised(
      [{ name: "a", shutdown: 50 }],
      {},
      { terminate: never, log },
    );
    const stopping = watch(system.stop(ref));
    await clock.advanceAsync(49);
    expect([log.at(-1), stopping.state]).toEqual(["end a shutdown", "pending"]);
    await clock.advanceAsync(1);
    expect(stopping.state).toBe("resolved");
    expect(reports).toEqual(["exit worker killed", "exit supervisor normal"]);
  });

  it("73. brutal_kill kills at once, without terminate.", async () => {
    const { system, log, ref, reports } = await supervised([
      { name: "a", shutdown: "brutal_kill" },
    ]);
    await system.stop(ref);
    expect(log).toEqual(["start a"]);
    expect(reports).toEqual(["exit worker killed", "exit supervisor normal"]);
  });

  it("74. A monitor is used, so a child that unlinked itself cannot hang it. (here: a supervisor listens to the end of the process itself, and unlink changes nothing)", async () => {
    const Unlinking = defineActor("unlinking", {
      init: () => null,
      calls: { unlink: (_s, from: AnyRef, ctx) => ctx.unlink(from) },
    });
    const { system } = testSystem();
    const spec = child(Unlinking, undefined, { name: "a" });
    const ref = await system.start(supervisor({ strategy: "one_for_one", children: [spec] }));
    const first = named(system, "a");
    await first.call("unlink", ref);
    system.exit(first, "kill");
    await settle();
    expect(String(named(system, "a"))).not.toBe(String(first));
    await named(system, "a").call("unlink", ref);
    const stopping = watch(system.stop(ref));
    await settle();
    expect([stopping.state, system.whereis("a")]).toEqual(["resolved", undefined]);
  });

  it("75. A child that exits otherwise during the shutdown is reported, but the shutdown completes.", async () => {
    const terminate = () => {
      throw new Error("cannot end");
    };
    const { system, ref, log, reports } = await supervised(["a", "b"], {}, { terminate });
    await system.stop(ref);
    expect(log.slice(2)).toEqual(["end b shutdown", "end a shutdown"]);
    expect(reports.filter((line) => line === "crash worker in terminate")).toHaveLength(2);
    expect(reports.at(-1)).toBe("exit supervisor normal");
  });

  it("76. Supervisor killed: its children get killed; those that trap exits run terminate(killed).", async () => {
    const { system, reports } = testSystem();
    const log: string[] = [];
    const inner = supervisor({
      strategy: "one_for_one",
      children: [worker("c", log), child(Trapping, { id: "d", log }, { name: "d" })],
    });
    const children = [
      worker("a", log),
      child(Trapping, { id: "b", log }, { name: "b" }),
      child(inner, { name: "inner" }),
    ];
    const ref = await system.start(supervisor({ strategy: "one_for_one", children }));
    log.length = 0;
    system.exit(ref, "kill");
    await settle();
    // The inner supervisor traps exits too: it ends its own children in order.
    expect(log.sort()).toEqual(["end b killed", "end c shutdown", "end d shutdown"]);
    expect(reports[0]).toBe("exit supervisor killed");
    expect(reports).toContain("exit worker killed");
    for (const name of ["a", "b", "c", "d", "inner"]) expect(system.whereis(name)).toBeUndefined();
  });
});

describe("auto-shutdown", () => {
  const tree = (autoShutdown: SupervisorOptions["autoShutdown"], ids: readonly ChildOptions[]) =>
    supervised(ids, { strategy: "one_for_all", autoShutdown: autoShutdown ?? "never" });
  const transient = (name: string) =>
    ({ name, restart: "transient", significant: true }) as const satisfies ChildOptions;
  const temporary = (name: string) =>
    ({ name, restart: "temporary", significant: true }) as const satisfies ChildOptions;

  it("77. any_significant: a significant transient child that ends normally, or a temporary one that ends in any way, ends the supervisor with shutdown; all_significant: only the last does; not terminateChild, nor a kill caused by a sibling, nor the crash of a transient one, which is restarted.", async () => {
    const any = await tree("any_significant", [transient("a"), { name: "b" }]);
    await any.crash("a");
    await any.ref.terminateChild("a");
    expect(any.alive("a", "b", "sup")).toEqual(["b", "sup"]);
    await any.ref.restartChild("a");
    await any.exits("a", "normal");
    expect(any.alive("a", "b", "sup")).toEqual([]);
    expect(any.reports.at(-1)).toBe("exit supervisor shutdown");

    const crashing = await tree("any_significant", [temporary("a"), { name: "b" }]);
    await crashing.crash("a");
    expect(crashing.alive("b", "sup")).toEqual([]);

    const bystander = await tree("any_significant", [temporary("a"), { name: "b" }]);
    await bystander.crash("b");
    expect(bystander.alive("a", "b", "sup")).toEqual(["b", "sup"]);

    const all = await tree("all_significant", [transient("a"), temporary("b"), { name: "c" }]);
    await all.exits("a", "shutdown");
    expect(all.alive("b", "c", "sup")).toEqual(["b", "c", "sup"]);
    await all.exits("b", "normal");
    expect(all.alive("c", "sup")).toEqual([]);
  });

  it("77. The children of a dynamic supervisor may be significant as well.", async () => {
    const { system } = testSystem();
    const pool = await system.start(dynamicSupervisor({ autoShutdown: "all_significant" }), {
      name: "pool",
    });
    for (const one of [transient("a"), temporary("b"), { name: "c" }]) {
      await pool.startChild(worker(one));
    }
    await named(system, "a").call("stop", "normal");
    await settle();
    expect(system.whereis("pool")).toBe(pool);
    await failure(named(system, "b").call("crash"));
    await settle();
    expect([system.whereis("pool"), system.whereis("c")]).toEqual([undefined, undefined]);
  });

  it("78. Auto-shutdown escalates only if the sub-supervisor is itself significant.", async () => {
    const endsOuter = async (significant: boolean) => {
      const { system } = testSystem();
      const inner = supervisor({
        strategy: "one_for_one",
        autoShutdown: "any_significant",
        children: [worker(transient("a"))],
      });
      const outer = supervisor({
        strategy: "one_for_one",
        autoShutdown: "any_significant",
        children: [child(inner, { name: "inner", restart: "transient", significant })],
      });
      await system.start(outer, { name: "outer" });
      await named(system, "a").call("stop", "normal");
      await settle();
      expect(system.whereis("inner")).toBeUndefined();
      return system.whereis("outer") === undefined;
    };
    expect([await endsOuter(true), await endsOuter(false)]).toEqual([true, false]);
  });

  it("79. significant with permanent, or with autoShutdown never, is a bad combination.", async () => {
    expect(() => worker({ name: "a", significant: true })).toThrow(
      'significant: expected false for a "permanent" child',
    );
    const children = [worker(transient("a"))];
    expect(() => supervisor({ strategy: "one_for_one", children })).toThrow(
      'children[0].significant: expected false in a supervisor whose autoShutdown is "never"',
    );
    const { ref } = await supervised([]);
    const error = await failure(ref.startChild(worker(transient("a"))));
    expect(error).toMatchObject({ code: "ERR_INVALID_OPTION", outcome: "not_run" });
    const { system } = testSystem();
    const pool = await system.start(dynamicSupervisor());
    expect((await failure(pool.startChild(worker(transient("a"))))).code).toBe(
      "ERR_INVALID_OPTION",
    );
  });
});

describe("a shutdown that meets something else", () => {
  it("waits for as long as it takes for a child with infinity", async () => {
    const held = gate();
    const { system, clock, ref } = await supervised(
      [{ name: "a", shutdown: "infinity" }],
      {},
      { terminate: () => held.promise },
    );
    const stopping = watch(system.stop(ref, { timeout: Number.POSITIVE_INFINITY }));
    await clock.advanceAsync(1e9);
    expect(stopping.state).toBe("pending");
    held.open();
    await settle();
    expect(stopping.state).toBe("resolved");
  });

  it("ends the callers of jobs that have not had their turn", async () => {
    const { system, ref } = await supervised(["a"], { strategy: "one_for_all" });
    const slow = watch(ref.startChild(child(Worker, { id: "b", log: [], init: never })));
    const next = watch(ref.startChild(worker("c")));
    await settle();
    await system.stop(ref);
    await settle();
    expect([slow.error?.code, next.error?.code]).toEqual([
      "ERR_PROCESS_EXITED",
      "ERR_PROCESS_EXITED",
    ]);
    expect(system.whereis("c")).toBeUndefined();
  });
});
