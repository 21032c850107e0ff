import { describe, expect, it } from "vitest";
import { ActorSystem, createSystem, defineActor, type StartError } from "../../src/index.ts";
import { Counter, failure, gate, settle, testSystem, watch, word } from "../support/harness.ts";

/** An actor whose init is given by the test. */
const Started = defineActor("started", {
  init: (init: () => unknown) => {
    const made = init();
    return made instanceof Promise ? made.then(() => ({})) : {};
  },
  calls: { ping: () => "pong" },
  terminate: () => {
    throw new Error("terminate must not run when init failed");
  },
});

const startReason = (error: unknown) => word((error as StartError).reason);

describe("start", () => {
  it("1. resolves only when init is done, also an async one", async () => {
    const { system } = testSystem();
    const held = gate();
    const starting = watch(system.start(Started, () => held.promise));
    await settle();
    expect(starting.state).toBe("pending");
    held.open();
    await settle();
    expect(starting.state).toBe("resolved");
  });

  it("4. rejects with StartError and the reason when init throws or rejects", async () => {
    const { system, reports } = testSystem();
    const boom = () => {
      throw new Error("boom");
    };
    const error = await failure(system.start(Started, boom));
    expect([error.code, error.outcome, startReason(error)]).toEqual([
      "ERR_START",
      "unknown",
      "error:boom",
    ]);
    expect(error.cause).toBeInstanceOf(Error);
    const late = await failure(system.start(Started, async () => boom()));
    expect(startReason(late)).toBe("error:boom");
    expect(reports.slice(0, 2)).toEqual(["crash started in init", "exit started error:boom"]);
  });

  it("2. rejects with the reason when init stops, which is no crash", async () => {
    const { system, reports } = testSystem();
    const Reluctant = defineActor("reluctant", {
      init: (_: undefined, ctx) => {
        ctx.stop({ shutdown: "not today" });
        return {};
      },
    });
    expect(startReason(await failure(system.start(Reluctant)))).toBe("{shutdown}");
    expect(reports).toEqual(["exit reluctant {shutdown}"]);
  });

  it("5. kills a process whose init takes too long, and leaks nothing", async () => {
    const { system, clock, reports } = testSystem();
    const held = gate<object>();
    const options = { name: "slow", startTimeout: 100 };
    const starting = failure(system.start(Started, () => held.promise, options));
    await settle();
    const waiting = failure(system.whereis("slow")?.call("ping") ?? Promise.reject());
    await clock.advanceAsync(100);
    expect(startReason(await starting)).toBe("error:init did not finish within 100 ms");
    expect((await waiting).outcome).toBe("not_run");
    expect(system.whereis("slow")).toBeUndefined();
    held.open({});
    await settle();
    expect(reports).toEqual(["exit started killed"]);
    expect(clock.pending).toBe(0);
  });

  it("6. registers the name before init runs, so that others can already send", async () => {
    const { system } = testSystem();
    const held = gate();
    const starting = system.start(Started, () => held.promise, { name: "early" });
    const reply = watch(system.whereis("early")?.call("ping") ?? Promise.reject());
    await settle();
    expect(reply.state).toBe("pending");
    held.open();
    await starting;
    await settle();
    expect(reply.value).toBe("pong");
  });

  it("6. frees the name before it reports that init failed", async () => {
    const { system } = testSystem();
    const boom = () => {
      throw new Error("boom");
    };
    const again = await system
      .start(Started, boom, { name: "one" })
      .catch(() => system.start(Counter, { start: 0 }, { name: "one" }));
    expect(system.whereis("one")).toBe(again);
  });

  it("7. rejects with AlreadyStartedError for a taken name, and init never runs", async () => {
    const { system } = testSystem();
    const first = await system.start(Counter, { start: 0 }, { name: "one" });
    let ran = false;
    const init = () => {
      ran = true;
    };
    const error = await failure(system.start(Started, init, { name: "one" }));
    expect([error.code, error.outcome, error.data]).toEqual([
      "ERR_ALREADY_STARTED",
      "not_run",
      { name: "one", ref: first },
    ]);
    await settle();
    expect(ran).toBe(false);
  });

  it("8. never runs terminate when init failed", async () => {
    const { system } = testSystem();
    const boom = () => {
      throw new Error("boom");
    };
    expect(startReason(await failure(system.start(Started, boom)))).toBe("error:boom");
  });

  it("48. has the name free again once the process has ended", async () => {
    const { system } = testSystem();
    const first = await system.start(Counter, { start: 1 }, { name: "one" });
    const crashed = failure(first.call("crash"));
    await crashed;
    expect(system.whereis("one")).toBeUndefined();
    const second = await system.start(Counter, { start: 2 }, { name: "one" });
    expect(await system.whereis("one", Counter)?.query("get")).toBe(2);
    expect(second.address.id).not.toBe(first.address.id);
  });

  it("refuses bad options by name", async () => {
    const { system } = testSystem();
    const start = (options: object) => failure(system.start(Counter, { start: 0 }, options));
    expect((await start({ name: "" })).message).toContain("option name");
    expect((await start({ startTimeout: -1 })).message).toContain("option startTimeout");
    expect((await start({ shutdown: "long" })).message).toContain("option shutdown");
  });

  it("is killed during its init when it is stopped so, and the start says why", async () => {
    const { system } = testSystem();
    const starting = failure(system.start(Started, () => new Promise(() => {}), { name: "s" }));
    await settle();
    const ref = system.whereis("s");
    if (ref === undefined) expect.unreachable();
    await system.stop(ref, { reason: "killed" });
    expect(startReason(await starting)).toBe("killed");
  });

  it("that is asked to stop during init finishes it first", async () => {
    const { system, reports } = testSystem();
    const held = gate();
    const Calm = defineActor("calm", { init: () => held.promise.then(() => ({})) });
    const starting = watch(system.start(Calm, undefined, { name: "s" }));
    const ref = system.whereis("s");
    if (ref === undefined) expect.unreachable();
    const stopping = watch(system.stop(ref));
    await settle();
    expect([starting.state, stopping.state]).toEqual(["pending", "pending"]);
    held.open();
    await settle();
    expect([starting.state, stopping.state]).toEqual(["resolved", "resolved"]);
    expect(reports).toEqual(["exit calm normal"]);
  });
});

describe("start, given what it does not know", () => {
  it("refuses it by name", async () => {
    const { system } = testSystem();
    for (const definition of [undefined, null, "counter", {}]) {
      const error = await failure(system.start(definition as never));
      expect(error.message).toContain("invalid option definition");
    }
  });

  it("takes an option that is undefined as left out", async () => {
    const system = createSystem({ clock: undefined, logger: false } as never);
    const options = { name: undefined, startTimeout: undefined } as never;
    const ref = await system.start(Counter, { start: 1 }, options);
    expect(await ref.query("get")).toBe(1);
  });
});

describe("whereis", () => {
  it("refuses a definition that is not the process's", async () => {
    const { system } = testSystem();
    await system.start(Counter, { start: 1 }, { name: "one" });
    expect(() => system.whereis("one", Started)).toThrow('expected "counter", got "started"');
    expect(system.whereis("two", Started)).toBeUndefined();
  });
});

describe("a system", () => {
  it("knows its own refs", async () => {
    const { system } = testSystem();
    const other = createSystem({ logger: false });
    const ref = await system.start(Counter, { start: 0 });
    expect([system.isLocalRef(ref), other.isLocalRef(ref)]).toEqual([true, false]);
    expect(system.localRef(ref.address.id)).toBe(ref);
    expect(system.isLocalRef({ address: ref.address })).toBe(false);
    expect((await failure(other.stop(ref))).code).toBe("ERR_NO_PROCESS");
    await system.stop(ref);
    expect(system.localRef(ref.address.id)).toBeUndefined();
  });

  it("puts the identity it was given into every address", async () => {
    const system = new ActorSystem({ logger: false }, { node: "a", incarnation: 7 });
    const ref = await system.start(Counter, { start: 0 });
    expect(ref.address).toEqual({
      kind: "process",
      node: "a",
      incarnation: 7,
      id: 1,
      actor: "counter",
    });
    expect(String(ref)).toBe("counter <1@a>");
  });

  it("is not disturbed by a listener that throws", async () => {
    const lines: string[] = [];
    const logger = { warn() {}, error: (message: string) => lines.push(message) };
    const { system } = testSystem({ logger });
    system.events.on("exit", () => {
      throw new Error("bad listener");
    });
    const ref = await system.start(Counter, { start: 0 });
    await system.stop(ref);
    expect(lines).toEqual(['a listener of "exit" threw']);
  });

  it("41. logs a crash with its operation, and no orderly end", async () => {
    const lines: string[] = [];
    const logger = { warn() {}, error: (message: string) => lines.push(message) };
    const { system } = testSystem({ logger });
    const ref = await system.start(Counter, { start: 0 });
    await system.stop(await system.start(Counter, { start: 0 }));
    await failure(ref.call("crash"));
    expect(lines).toEqual(["counter <1> crashed in crash: Error: boom"]);
  });

  it("41. tells in the crash event what was handled and what was thrown", async () => {
    const { system } = testSystem();
    const events: unknown[] = [];
    const ref = await system.start(Counter, { start: 0 });
    system.events.on("crash", ({ operation, arg, error }) => events.push([operation, arg, error]));
    await failure(ref.call("crash", undefined));
    expect(events).toEqual([["crash", undefined, new Error("boom")]]);
  });

  it("refuses bad options by name", () => {
    expect(() => createSystem({ mailboxCapacity: 0 })).toThrow("option mailboxCapacity");
    expect(() => createSystem({ random: 4 as never })).toThrow("option random");
    expect(() => createSystem({ clock: null as never })).toThrow("option clock");
  });
});

describe("shutdown", () => {
  it("runs the hooks, the last added first, then stops the processes, newest first", async () => {
    const { system, reports } = testSystem();
    const First = defineActor("first", { init: () => ({}) });
    const Second = defineActor("second", { init: () => ({}) });
    await system.start(First);
    await system.start(Second);
    system.onStop(() => void reports.push("hook 1"));
    expect(system.isStopped).toBe(false);
    system.onStop(async () => {
      // It starts nothing more, from the first hook on.
      expect(system.isStopped).toBe(true);
      await expect(system.start(First)).rejects.toMatchObject({ code: "ERR_SYSTEM_STOPPED" });
      await settle();
      reports.push("hook 2");
    });
    await system.shutdown();
    expect(reports).toEqual(["hook 2", "hook 1", "exit second shutdown", "exit first shutdown"]);
  });

  it("does not run a hook that was removed", async () => {
    const { system } = testSystem();
    const ran: number[] = [];
    const hook = () => void ran.push(1);
    const remove = system.onStop(hook);
    system.onStop(hook);
    remove();
    remove();
    await system.shutdown();
    expect(ran).toEqual([1]);
  });

  it("goes on when a hook throws, and throws it at the end", async () => {
    const { system, reports } = testSystem();
    await system.start(Counter, { start: 0 });
    system.onStop(() => Promise.reject(new Error("bad hook")));
    await expect(system.shutdown()).rejects.toThrow("bad hook");
    expect(reports).toEqual(["exit counter shutdown"]);
  });

  it("is done once, however often it is asked for", async () => {
    const { system, reports } = testSystem();
    await system.start(Counter, { start: 0 });
    await Promise.all([system.shutdown(), system.shutdown(), system[Symbol.asyncDispose]()]);
    expect(reports).toEqual(["exit counter shutdown"]);
  });

  it("starts nothing more", async () => {
    const { system } = testSystem();
    await system.shutdown();
    const error = await failure(system.start(Counter, { start: 0 }));
    expect([error.code, error.outcome]).toEqual(["ERR_SYSTEM_STOPPED", "not_run"]);
  });

  it("kills what does not stop within its time", async () => {
    const { system, clock, reports } = testSystem();
    const ref = await system.start(Counter, { start: 0 }, { shutdown: 100 });
    const call = failure(ref.call("wait", new Promise(() => {})));
    await settle();
    const stopped = watch(system.shutdown());
    await clock.advanceAsync(100);
    expect([stopped.state, (await call).outcome]).toEqual(["resolved", "unknown"]);
    expect(reports).toEqual(["exit counter killed"]);
    await settle();
    expect(clock.pending).toBe(0);
  });

  it("ends a process whose init is under way, and the start says so", async () => {
    const { system, clock } = testSystem();
    const starting = failure(system.start(Started, () => new Promise(() => {})));
    await settle();
    const stopped = watch(system.shutdown());
    await clock.advanceAsync(5000);
    expect([stopped.state, startReason(await starting)]).toEqual(["resolved", "killed"]);
  });

  it("comes at the end of an await using block", async () => {
    const reports: string[] = [];
    {
      await using system = createSystem({ logger: false });
      system.events.on("exit", () => reports.push("exit"));
      await system.start(Counter, { start: 0 });
    }
    expect(reports).toEqual(["exit"]);
  });
});
