/** OTP's statements 49 to 56: how a supervisor starts, and what it can be asked about children. */
import { describe, expect, it } from "vitest";
import {
  type ChildOptions,
  type ChildSpec,
  child,
  defineActor,
  isActorError,
  type StartError,
  supervisor,
} from "../../src/index.ts";
import { failure, gate, settle, testSystem, watch } from "../support/harness.ts";
import { named, supervised, Worker, worker } from "../support/worker.ts";

/** An actor whose `init` says that there is nothing to run. */
const Ignoring = defineActor("ignoring", { init: (_: undefined, ctx) => ctx.stop() });

const ids = async (infos: Promise<readonly { id: string }[]>) => (await infos).map(({ id }) => id);

/** The code of the error with which it rejects. */
const code = async (promise: Promise<unknown>) => (await failure(promise)).code;

describe("the start of a supervisor", () => {
  it("49. Children start in list order; each start awaits init.", async () => {
    const { system } = testSystem();
    const log: string[] = [];
    const held = gate();
    const children = [
      worker("a", log, { init: () => held.promise }),
      worker("b", log),
      worker("c", log),
    ];
    const starting = watch(system.start(supervisor({ strategy: "one_for_one", children })));
    await settle();
    expect([log, starting.state]).toEqual([["start a"], "pending"]);
    held.open();
    await settle();
    expect([log, starting.state]).toEqual([["start a", "start b", "start c"], "resolved"]);
  });

  it("50. Child k failing: children k-1 to 1 are terminated in reverse, and start fails with { shutdown: { failedToStartChild: { id, reason } } }.", async () => {
    const { system } = testSystem();
    const log: string[] = [];
    const no = () => {
      throw new Error("no");
    };
    const children = [
      worker("a", log),
      worker("b", log),
      worker("bad", log, { init: no }),
      worker("c", log),
    ];
    const starting = system.start(supervisor({ strategy: "one_for_one", children }));
    const { reason } = (await failure(starting)) as StartError;
    expect(reason).toMatchObject({
      shutdown: { failedToStartChild: { id: "bad", reason: { error: { message: "no" } } } },
    });
    expect(log).toEqual(["start a", "start b", "start bad", "end b shutdown", "end a shutdown"]);
  });

  it("51. Defaults: permanent, worker, shutdown 5000 (a supervisor: infinity), significant false, 3 restarts in 5 seconds as in Elixir.", () => {
    const defaults = { restart: "permanent", significant: false };
    const inner = supervisor({ strategy: "one_for_one", children: [] });
    expect(child(Worker, { id: "a", log: [] })).toMatchObject({
      ...defaults,
      type: "worker",
      shutdown: 5000,
    });
    expect(child(inner)).toMatchObject({ ...defaults, type: "supervisor", shutdown: "infinity" });
    expect(inner).toMatchObject({ maxRestarts: 3, maxSeconds: 5, autoShutdown: "never" });
  });
});

describe("a bad specification", () => {
  const good = worker("a");
  const make = (options: object) => () =>
    supervisor({ strategy: "one_for_one", children: [], ...options });
  const makeChild = (options: object) => () => worker({ id: "a", ...options } as ChildOptions);

  it("52. Errors: missing id, missing start, invalid values, duplicate child ids, bad combinations; unknown keys are ignored; maxRestarts is an integer >= 0, maxSeconds > 0.", () => {
    expect(make({ children: [{ ...good, id: undefined }] })).toThrow(
      "children[0].id: expected a non-empty string, got undefined",
    );
    expect(make({ children: [{ ...good, start: undefined }] })).toThrow(
      "children[0].start: expected a function, got undefined",
    );
    expect(makeChild({ restart: "always" })).toThrow(
      'restart: expected one of "permanent", "transient", "temporary", got "always"',
    );
    expect(makeChild({ shutdown: -1 })).toThrow("shutdown: expected a number of milliseconds");
    expect(makeChild({ significant: 1 })).toThrow("significant: expected true or false, got 1");
    expect(make({ children: [good, good] })).toThrow(
      'children[1].id: expected a unique id, got "a"',
    );
    expect(make({ strategy: "all" })).toThrow(
      'strategy: expected one of "one_for_one", "one_for_all", "rest_for_one", got "all"',
    );
    expect(make({ autoShutdown: "always" })).toThrow('autoShutdown: expected one of "never"');
    expect(make({ maxRestarts: -1 })).toThrow("maxRestarts: expected an integer >= 0, got -1");
    expect(make({ maxRestarts: 1.5 })).toThrow("maxRestarts: expected an integer >= 0, got 1.5");
    expect(make({ maxSeconds: 0 })).toThrow("maxSeconds: expected a number > 0, got 0");
    expect(make({ children: good })).toThrow("children: expected an array, got an object");
    expect(make({ unknown: 1, children: [{ ...good, unknown: 1 }] })).not.toThrow();
  });

  it("52. A spec that comes at run time is checked the same, and nothing is started.", async () => {
    const { ref, log } = await supervised([]);
    const error = await failure(ref.startChild({ ...worker("a", log), restart: "x" } as never));
    expect([error.code, error.outcome]).toEqual(["ERR_INVALID_OPTION", "not_run"]);
    expect(error.message).toContain('spec.restart: expected one of "permanent"');
    expect(await code(ref.startChild(undefined as never))).toBe("ERR_INVALID_OPTION");
    expect(await ref.whichChildren()).toEqual([]);
  });
});

describe("a child that has nothing to do", () => {
  it("53. A child that ignores its start: the spec is kept without a process; a temporary one is dropped.", async () => {
    const { system } = testSystem();
    const children = [
      child(Ignoring, undefined, { id: "kept" }),
      child(Ignoring, undefined, { id: "dropped", restart: "temporary" }),
    ];
    const ref = await system.start(supervisor({ strategy: "one_for_one", children }));
    expect(await ref.whichChildren()).toMatchObject([
      { id: "kept", ref: undefined, status: "stopped" },
    ]);
    const more = { id: "more", restart: "temporary" } as const;
    expect(await ref.startChild(child(Ignoring, undefined, more))).toBeUndefined();
    expect(await ref.startChild(child(Ignoring, undefined, { id: "too" }))).toBeUndefined();
    expect(await ref.restartChild("kept")).toBeUndefined();
    expect(await ids(ref.whichChildren())).toEqual(["too", "kept"]);
  });
});

describe("asking for a child", () => {
  it("54. startChild: an id that runs is already started, and the error has its ref; one that is stopped is already present; a failing start leaves no spec.", async () => {
    const { system, ref, log } = await supervised(["a"]);
    const running = await failure(ref.startChild(worker("a", log)));
    expect(running).toMatchObject({ code: "ERR_CHILD_ALREADY_STARTED", outcome: "not_run" });
    expect((running as { ref?: unknown }).ref).toBe(named(system, "a"));
    await ref.terminateChild("a");
    expect(await code(ref.startChild(worker("a", log)))).toBe("ERR_CHILD_ALREADY_PRESENT");
    const init = () => {
      throw new Error("cannot");
    };
    const failed = (await failure(ref.startChild(worker("b", log, { init })))) as StartError;
    expect(failed).toMatchObject({ code: "ERR_START", reason: { error: { message: "cannot" } } });
    expect(await ids(ref.whichChildren())).toEqual(["a"]);
    expect(await ref.startChild(worker("b", log))).toBe(named(system, "b"));
  });

  it("55. terminateChild: no restart, not counted, the spec is kept (a temporary one is removed), and twice is once; then restartChild and deleteChild are legal; of a running child both are refused, and an unknown one is not found.", async () => {
    const { system, ref, alive } = await supervised(
      ["a", "b", { name: "t", restart: "temporary" }],
      { maxRestarts: 0 },
    );
    expect(await code(ref.restartChild("a"))).toBe("ERR_CHILD_RUNNING");
    expect(await code(ref.deleteChild("a"))).toBe("ERR_CHILD_RUNNING");
    for (const id of ["a", "a", "b", "t"]) await ref.terminateChild(id);
    expect(alive("a", "b", "t")).toEqual([]);
    expect(await ids(ref.whichChildren())).toEqual(["b", "a"]);
    expect(await ref.restartChild("a")).toBe(named(system, "a"));
    await ref.deleteChild("b");
    expect(await ids(ref.whichChildren())).toEqual(["a"]);
    for (const id of ["b", "t", "nobody"]) {
      expect(await code(ref.terminateChild(id))).toBe("ERR_CHILD_NOT_FOUND");
      expect(await code(ref.restartChild(id))).toBe("ERR_CHILD_NOT_FOUND");
      expect(await code(ref.deleteChild(id))).toBe("ERR_CHILD_NOT_FOUND");
    }
    expect(await code(ref.terminateChild(7 as never))).toBe("ERR_PAYLOAD");
  });

  it("56. whichChildren lists the newest first; countChildren has specs, active, supervisors and workers; a restarting child counts in specs and workers, not as active.", async () => {
    let starts = 0;
    const init = () => {
      starts += 1;
      return starts === 3 ? new Promise(() => {}) : undefined;
    };
    const { system, ref, crash, log } = await supervised(["a", "b"], {}, { init });
    const inner = supervisor({ strategy: "one_for_one", children: [] });
    await ref.startChild(child(inner, { id: "inner" }));
    await ref.startChild(worker("c", log));
    expect(await ids(ref.whichChildren())).toEqual(["c", "inner", "b", "a"]);
    expect(await ref.countChildren()).toEqual({ specs: 4, active: 4, supervisors: 1, workers: 3 });
    starts = 2;
    await crash("a");
    expect(await ref.countChildren()).toEqual({ specs: 4, active: 3, supervisors: 1, workers: 3 });
    expect((await ref.whichChildren()).at(-1)).toEqual({
      id: "a",
      ref: undefined,
      status: "restarting",
      type: "worker",
      restart: "permanent",
    });
    expect(system.whereis("a")).toBeDefined();
  });

  it("types the ref of a child by its spec", async () => {
    const { ref, log } = await supervised([]);
    const spec: ChildSpec = worker("x", log);
    const untyped = await ref.startChild(spec);
    expect(untyped?.address.actor).toBe("worker");
    const typed = await ref.startChild(worker("a", log));
    const error: unknown = await typed?.call("crash").catch((reason: unknown) => reason);
    expect(isActorError(error, "ERR_PROCESS_EXITED")).toBe(true);
  });
});
