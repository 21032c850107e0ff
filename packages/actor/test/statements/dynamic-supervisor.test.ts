/** OTP's statements 80 to 82, and what else a dynamic supervisor does. */
import { describe, expect, it } from "vitest";
import {
  type ChildSpec,
  child,
  type DynamicSupervisorOptions,
  type DynamicSupervisorRef,
  dynamicSupervisor,
  supervisor,
} from "../../src/index.ts";
import { failure, gate, settle, testSystem, watch } from "../support/harness.ts";
import { named, Worker, type WorkerPlan, worker } from "../support/worker.ts";

const never = () => new Promise(() => {});

async function pooled(options: DynamicSupervisorOptions = {}) {
  const all = testSystem();
  const pool = await all.system.start(dynamicSupervisor(options), { name: "pool" });
  const crash = async (name: string) => {
    await failure(named(all.system, name).call("crash"));
    await settle();
  };
  return { ...all, pool, crash };
}

/** A plan whose second start, which is the first restart, never ends. */
function hangingRestart(): Partial<WorkerPlan> {
  let starts = 0;
  return {
    init: () => {
      starts += 1;
      return starts === 2 ? never() : undefined;
    },
  };
}

/** How a worker's start may fail. */
const failures: Record<string, () => unknown> = {
  throws: () => {
    throw new Error("no");
  },
  "throws no error": () => {
    throw "no";
  },
  rejects: () => Promise.reject(new Error("no")),
};

describe("the children of a dynamic supervisor", () => {
  it("80. maxChildren counts restarting children; over it startChild is refused with max_children.", async () => {
    const { pool, crash } = await pooled({ maxChildren: 2 });
    await pool.startChild(worker("a", [], hangingRestart()));
    const second = await pool.startChild(worker("b"));
    await crash("a");
    expect(await pool.countChildren()).toMatchObject({ specs: 2, active: 1 });
    const refused = await failure(pool.startChild(worker("c")));
    expect(refused).toMatchObject({ code: "ERR_MAX_CHILDREN", outcome: "not_run" });
    if (second !== undefined) await pool.terminateChild(second);
    expect(String(await pool.startChild(worker("c")))).toContain("worker");
  });

  it("80. A child whose start is under way counts as well, and one that failed no longer.", async () => {
    const { pool } = await pooled({ maxChildren: 1 });
    const held = gate();
    const slow = watch(pool.startChild(worker("a", [], { init: () => held.promise })));
    await settle();
    expect((await failure(pool.startChild(worker("b")))).code).toBe("ERR_MAX_CHILDREN");
    held.fail(new Error("no"));
    await settle();
    expect(slow.error?.code).toBe("ERR_START");
    expect(await pool.startChild(worker("b"))).toBeDefined();
    const none = await pooled({ maxChildren: 0 });
    expect((await failure(none.pool.startChild(worker("a")))).code).toBe("ERR_MAX_CHILDREN");
  });

  it("81. terminateChild of a restarting child stops the retry; an unknown one is not found.", async () => {
    const { system, pool, crash } = await pooled();
    const ref = await pool.startChild(worker("a", [], hangingRestart()));
    await crash("a");
    expect((await pool.whichChildren())[0]?.status).toBe("restarting");
    if (ref === undefined) throw new Error("it has a ref");
    await pool.terminateChild(ref);
    await settle();
    expect([await pool.whichChildren(), system.whereis("a")]).toEqual([[], undefined]);
    for (const unknown of [ref, pool]) {
      const error = await failure(pool.terminateChild(unknown));
      expect(error).toMatchObject({ code: "ERR_CHILD_NOT_FOUND", outcome: "not_run" });
    }
    expect((await failure(pool.terminateChild("a" as never))).code).toBe("ERR_INVALID_OPTION");
  });

  it("82. A throw, a rejection or an exit in a child's start never ends the supervisor.", async () => {
    const { system, pool } = await pooled({ maxRestarts: 0 });
    for (const init of Object.values(failures)) {
      expect((await failure(pool.startChild(worker("a", [], { init })))).code).toBe("ERR_START");
    }
    const start = () => {
      throw new Error("not even a promise");
    };
    const foreign = { ...worker("a"), start };
    expect((await failure(pool.startChild(foreign))).message).toContain("not even a promise");
    const killed = watch(pool.startChild(worker("a", [], { init: never })));
    await settle();
    system.exit(named(system, "a"), "kill");
    await settle();
    expect(killed.error?.code).toBe("ERR_START");
    expect([system.whereis("pool"), await pool.whichChildren()]).toEqual([pool, []]);
  });

  it("are restarted by rule, under a new ref, and forgotten when they are not", async () => {
    const { system, pool, crash } = await pooled();
    const first = await pool.startChild(worker({ name: "a", restart: "transient" }));
    await crash("a");
    const second = named(system, "a");
    expect(String(second)).not.toBe(String(first));
    expect((await pool.whichChildren())[0]?.ref).toBe(second);
    if (first !== undefined) {
      expect((await failure(pool.terminateChild(first))).code).toBe("ERR_CHILD_NOT_FOUND");
    }
    const third = await pool.startChild(worker("c"));
    await crash("c");
    await pool.terminateChild(named(system, "c"));
    expect([third === undefined, system.whereis("c")]).toEqual([false, undefined]);
    await second.call("stop", "normal");
    await settle();
    expect(await pool.whichChildren()).toEqual([]);
    expect((await failure(pool.terminateChild(second))).code).toBe("ERR_CHILD_NOT_FOUND");
  });

  it("need no ids of their own, and are listed newest first", async () => {
    const { pool } = await pooled();
    const spec = child(Worker, { id: "x", log: [] }, { id: "same" });
    const [one, two] = [await pool.startChild(spec), await pool.startChild(spec)];
    expect((await pool.whichChildren()).map(({ ref }) => ref)).toEqual([two, one]);
    if (one !== undefined) await pool.terminateChild(one);
    expect((await pool.whichChildren()).map(({ ref }) => String(ref))).toEqual([String(two)]);
  });

  it("share the restart limit, beyond which all end", async () => {
    const { system, pool, crash } = await pooled({ maxRestarts: 1 });
    for (const name of ["a", "b", "c"]) await pool.startChild(worker(name));
    await crash("a");
    expect(system.whereis("pool")).toBe(pool);
    await crash("b");
    expect(["a", "b", "c", "pool"].map((name) => system.whereis(name))).toEqual(
      new Array(4).fill(undefined),
    );
  });

  it("may be thousands, and each ends by itself", async () => {
    const { system, pool } = await pooled({ maxRestarts: 0 });
    const spec = child(Worker, { id: "x", log: [] }, { restart: "temporary" });
    const refs = await Promise.all(Array.from({ length: 5000 }, () => pool.startChild(spec)));
    expect((await pool.countChildren()).active).toBe(5000);
    for (const ref of refs.slice(0, 2500)) if (ref !== undefined) await pool.terminateChild(ref);
    expect((await pool.countChildren()).active).toBe(2500);
    await system.stop(pool);
    await settle();
    expect(system.whereis("pool")).toBeUndefined();
  });

  it("may be supervisors, and the dynamic supervisor may be a child", async () => {
    const { system } = testSystem();
    const inner = supervisor({ strategy: "one_for_one", children: [worker("leaf")] });
    const root = supervisor({
      strategy: "one_for_one",
      children: [child(dynamicSupervisor(), { name: "pool" })],
    });
    const ref = await system.start(root);
    const pool = system.whereis("pool") as DynamicSupervisorRef;
    const spec: ChildSpec = child(inner, { name: "inner" });
    await pool.startChild(spec);
    expect(await pool.countChildren()).toMatchObject({ specs: 1, supervisors: 1 });
    await system.stop(ref);
    expect(["pool", "inner", "leaf"].map((name) => system.whereis(name))).toEqual(
      new Array(3).fill(undefined),
    );
  });
});

describe("the options of a dynamic supervisor", () => {
  it("are checked by name", () => {
    const make = (options: object) => () => dynamicSupervisor(options);
    expect(make({ maxChildren: -1 })).toThrow("maxChildren: expected an integer >= 0, got -1");
    expect(make({ maxChildren: 1.5 })).toThrow("maxChildren: expected an integer >= 0, got 1.5");
    expect(make({ maxRestarts: -1 })).toThrow("maxRestarts");
    expect(make({ autoShutdown: "x" })).toThrow("autoShutdown");
    expect(() => dynamicSupervisor(7 as never)).toThrow("options: expected an object");
    expect(make({})()).toMatchObject({ maxChildren: Number.POSITIVE_INFINITY, maxRestarts: 3 });
  });
});
