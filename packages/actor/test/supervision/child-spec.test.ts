import { describe, expect, it } from "vitest";
import {
  type ChildSpec,
  child,
  type ExitReason,
  type StartedChild,
  supervisor,
} from "../../src/index.ts";
import { settle, testSystem, watch } from "../support/harness.ts";
import { Worker } from "../support/worker.ts";

const plan = { id: "a", log: [] };

describe("child", () => {
  it("defaults to a permanent worker with 5000 ms, and a supervisor with infinity", () => {
    expect(child(Worker, plan)).toMatchObject({
      id: "worker",
      restart: "permanent",
      shutdown: 5000,
      type: "worker",
    });
    expect(child(supervisor({ strategy: "one_for_one", children: [] }))).toMatchObject({
      id: "supervisor",
      restart: "permanent",
      shutdown: "infinity",
      type: "supervisor",
    });
  });

  it("takes its id from the id, else from the name", () => {
    expect(child(Worker, plan, { name: "n" }).id).toBe("n");
    expect(child(Worker, plan, { name: "n", id: "i" }).id).toBe("i");
  });

  it("refuses bad options by name", () => {
    const make = (options: object) => () => child(Worker, plan, options);
    expect(make({ id: "" })).toThrow("option id");
    expect(make({ restart: "always" })).toThrow("option restart: expected one of");
    expect(make({ shutdown: -1 })).toThrow("option shutdown");
    expect(make({ shutdown: "brutal" })).toThrow("option shutdown");
    expect(make({ startTimeout: -1 })).toThrow("option startTimeout");
    expect(make({ name: "" })).toThrow("option name");
    expect(() => child(undefined as never)).toThrow("option definition: expected an object");
    expect(() => child({} as never)).toThrow("option definition.init: expected a function");
  });
});

/** A child of another package: it has no process, and obeys the test. */
function foreign(options: Partial<ChildSpec> & { obeys?: boolean } = {}) {
  const asked: ExitReason[] = [];
  const listeners: ((reason: ExitReason) => void)[] = [];
  let starts = 0;
  const end = (reason: ExitReason) => {
    for (const listener of listeners.splice(0)) listener(reason);
  };
  const started: StartedChild = {
    ref: undefined,
    onExit: (listener) => listeners.push(listener),
    exit(reason) {
      asked.push(reason);
      if (options.obeys !== false) end(reason);
    },
  };
  const spec: ChildSpec = {
    id: "foreign",
    restart: "permanent",
    shutdown: 100,
    type: "worker",
    start: async () => {
      starts += 1;
      return started;
    },
    ...options,
  };
  return { spec, asked, end, started, starts: () => starts };
}

describe("a child that another package makes", () => {
  it("is started, restarted and stopped like any other", async () => {
    const { system, reports } = testSystem();
    const { spec, asked, end, starts } = foreign();
    const ref = await system.start(supervisor({ strategy: "one_for_one", children: [spec] }));
    end("killed");
    await settle();
    expect([starts(), reports]).toEqual([2, ["restart foreign"]]);
    expect((await ref.whichChildren())[0]).toMatchObject({ ref: undefined, status: "running" });
    await system.stop(ref);
    expect(asked).toEqual(["shutdown"]);
  });

  it("is killed when it does not stop in time, and then not waited for without end", async () => {
    const { system, clock } = testSystem();
    const { spec, asked } = foreign({ obeys: false });
    const ref = await system.start(supervisor({ strategy: "one_for_one", children: [spec] }));
    const stopping = watch(system.stop(ref));
    await clock.advanceAsync(100);
    expect([asked, stopping.state]).toEqual([["shutdown", "killed"], "pending"]);
    await clock.advanceAsync(5000);
    expect(stopping.state).toBe("resolved");
  });

  it("that comes up after the supervisor is gone is killed", async () => {
    const { system, clock } = testSystem();
    const one = foreign();
    let comeUp = (_: StartedChild): void => {};
    let starts = 0;
    const start = () => {
      starts += 1;
      if (starts === 1) return Promise.resolve(one.started);
      return new Promise<StartedChild>((resolve) => {
        comeUp = resolve;
      });
    };
    const tree = supervisor({ strategy: "one_for_one", children: [{ ...one.spec, start }] });
    const ref = await system.start(tree);
    one.end("killed");
    await settle();
    const stopping = watch(system.stop(ref));
    await clock.advanceAsync(100);
    expect([stopping.state, one.asked]).toEqual(["resolved", []]);
    comeUp(one.started);
    await settle();
    expect(one.asked).toEqual(["killed"]);
  });

  it("that throws in its start, even synchronously, is a failed start", async () => {
    const { system } = testSystem();
    const { spec } = foreign({
      start: () => {
        throw new Error("at once");
      },
    });
    const starting = system.start(supervisor({ strategy: "one_for_one", children: [spec] }));
    await expect(starting).rejects.toThrow("at once");
  });

  it("that had ended before anybody listened is restarted", async () => {
    const { system } = testSystem();
    const { spec, started } = foreign();
    let starts = 0;
    const dead: StartedChild = { ...started, onExit: (listener) => listener("killed") };
    const start = async () => {
      starts += 1;
      return starts === 1 ? dead : started;
    };
    const tree = supervisor({ strategy: "one_for_one", children: [{ ...spec, start }] });
    await system.start(tree);
    await settle();
    expect(starts).toBe(2);
  });
});
