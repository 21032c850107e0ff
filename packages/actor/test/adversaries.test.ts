/** What adversaries of the runtime found: each case broke something once. */
import { describe, expect, it } from "vitest";
import {
  type ActorError,
  type AnyRef,
  child,
  createSystem,
  type Down,
  defineActor,
  defineStateMachine,
  dynamicSupervisor,
  registry,
  supervisor,
  taskSupervisor,
} from "../src/index.ts";
import { ManualClock, settle } from "../src/testing.ts";
import { failure, testSystem } from "./statements/support.ts";

const Counter = defineActor("counter", {
  init: () => ({ n: 0 }),
  queries: { get: (s) => s.n },
  calls: { add: (s, n: number) => (s.n += n) },
  casts: { boom: () => crash() },
});

function crash(): never {
  throw new TypeError("boom");
}

const supervised = supervisor({ strategy: "one_for_one", children: [] });

const endless = () => new Promise<void>(() => {});

describe("a shutdown", () => {
  it("ends although a process is left to a parent that no supervisor has any more", async () => {
    const { system, clock } = testSystem();
    const Helper = defineActor("helper", { init: () => ({}) });
    const Worker = defineActor("worker", {
      init: async (_: void, ctx) => ({ helper: await ctx.startLink(Helper) }),
      trapExit: true,
      terminate: endless,
    });
    const pool = await system.start(
      supervisor({ strategy: "one_for_one", children: [child(Worker, undefined, {})] }),
    );
    system.exit(pool, "kill");
    await settle();
    expect(system.inspectTree().map(({ actor }) => actor)).toEqual(["worker"]);
    const stopped = system.shutdown();
    await clock.advanceAsync(5000);
    await stopped;
    expect(system.tree()).toBe("");
  });

  it("kills at its deadline whatever is left, also below a supervisor", async () => {
    const { system, clock } = testSystem();
    const Worker = defineActor("worker", {
      init: () => ({}),
      trapExit: true,
      terminate: endless,
    });
    await system.start(
      supervisor({
        strategy: "one_for_one",
        children: [child(Worker, undefined, { shutdown: "infinity" })],
      }),
    );
    const stopped = system.shutdown();
    await clock.advanceAsync(25_000);
    await stopped;
    expect(system.tree()).toBe("");
  });
});

describe("a restart that fails at once", () => {
  it("lets others have their turns, also the one that frees the name", async () => {
    const { system } = testSystem();
    await system.start(
      supervisor({
        strategy: "one_for_one",
        maxRestarts: 1_000_000,
        children: [child(Counter, undefined, { name: "c" })],
      }),
    );
    let thief: Promise<AnyRef> | undefined;
    system.events.on("exit", ({ name }) => {
      if (name === "c") thief ??= system.start(Counter, undefined, { name: "c" });
    });
    system.ref("c", Counter).cast("boom");
    await settle();
    const ref = await thief;
    if (ref === undefined) expect.unreachable();
    await system.stop(ref);
    while (system.whereis("c") === undefined) await settle();
    expect(await system.ref("c", Counter).query("get")).toBe(0);
  });
});

describe("the outcome of an error", () => {
  it("is never not_run for a call whose handler passes on an error of its own call", async () => {
    const { system } = testSystem();
    const gone = await system.start(Counter);
    await system.stop(gone);
    const Payer = defineActor("payer", {
      init: () => ({ paid: 0 }),
      queries: { paid: (s) => s.paid },
      calls: {
        pay: async (s, _: void, ctx) => {
          s.paid += 1;
          return gone.call("add", 1).catch((error: ActorError) => ctx.fail(error));
        },
      },
    });
    const payer = await system.start(Payer);
    expect(await failure(payer.call("pay"))).toMatchObject({
      code: "ERR_NO_PROCESS",
      outcome: "ran",
    });
    expect(await payer.query("paid")).toBe(1);
  });

  it("is unknown for a task that ends by a link, for its function has not thrown", async () => {
    const { system } = testSystem();
    const counter = await system.start(Counter);
    const tasks = await system.start(taskSupervisor());
    const task = tasks.run(endless, { link: counter });
    await task.started;
    counter.cast("boom");
    expect(await failure(task.result)).toMatchObject({
      code: "ERR_TASK_EXITED",
      outcome: "unknown",
    });
  });
});

describe("bad input", () => {
  it("that is no signal refuses the call before it is queued", async () => {
    const { system } = testSystem();
    const counter = await system.start(Counter);
    const signal = new AbortController() as unknown as AbortSignal;
    expect(await failure(counter.call("add", 5, { signal }))).toMatchObject({
      code: "ERR_INVALID_OPTION",
      outcome: "not_run",
    });
    expect(await counter.query("get")).toBe(0);
  });

  it("that is a slip of the pen is refused by name, wherever there are options", async () => {
    const { system } = testSystem();
    const spec = { init: () => ({}) };
    const slips: [string, () => unknown][] = [
      ["call", () => defineActor("slip", { ...spec, call: {} } as never)],
      ["mailboxcapacity", () => createSystem({ mailboxcapacity: 5 } as never)],
      ["clock.now", () => createSystem({ clock: {} } as never)],
      ["logger.warn", () => createSystem({ logger: {} } as never)],
      ["restarts", () => child(Counter, undefined, { restarts: "temporary" } as never)],
      ["arguments", () => Reflect.apply(child, undefined, [supervised, undefined, {}])],
      ["shutDown", () => system.start(Counter, undefined, { shutDown: 5 } as never)],
      ["name", () => system.whereis(undefined as never)],
      ["replace", () => system.replaceState(system.ref("nobody"), undefined as never)],
    ];
    for (const [option, slip] of slips) {
      const error = await failure(Promise.resolve().then(slip));
      expect(error).toMatchObject({ code: "ERR_INVALID_OPTION", option });
    }
  });

  it("that is half an exit reason is refused, and harms nobody", async () => {
    const { system } = testSystem();
    const counter = await system.start(Counter);
    for (const reason of [{ error: null }, { error: "x" }, { shutdown: 1, error: crash }]) {
      const error = await failure(system.stop(counter, { reason: reason as never }));
      expect(error.code).toBe("ERR_INVALID_OPTION");
    }
    expect(await counter.query("get")).toBe(0);
  });

  it("that is a ref of another system names no child of this one", async () => {
    const { system } = testSystem();
    const other = testSystem().system;
    const pool = await system.start(dynamicSupervisor());
    const mine = await pool.startChild(child(Counter));
    await other.start(Counter);
    const foreign = await other.start(Counter);
    expect(foreign.address.id).toBe(mine?.address.id);
    const error = await failure(pool.terminateChild(foreign));
    expect(error.code).toBe("ERR_CHILD_NOT_FOUND");
    expect(await mine?.query("get")).toBe(0);
  });

  it("that is no state does not replace one", async () => {
    const { system } = testSystem();
    const counter = await system.start(Counter);
    const forgotten = system.replaceState(counter, (s: { n: number }) => {
      s.n = 5;
    });
    expect(await failure(forgotten)).toMatchObject({ code: "ERR_NO_STATE" });
    const promised = system.replaceState(counter, async () => ({ n: 1 }));
    expect(await failure(promised)).toMatchObject({ code: "ERR_INVALID_OPTION" });
    expect(await counter.query("get")).toBe(5);
  });
});

describe("the runtime", () => {
  it("fails the start of a process that the effects of its own init end", async () => {
    const clock = new ManualClock();
    const { system } = testSystem({ clock });
    const dead = await system.start(Counter);
    await system.stop(dead);
    const Linked = defineActor("linked", {
      init: (_: void, ctx) => {
        ctx.link(dead);
        return {};
      },
      info: { timeout: () => {} },
      idleTimeout: 60_000,
    });
    expect(await failure(system.start(Linked))).toMatchObject({
      code: "ERR_START",
      reason: "noproc",
    });
    await settle();
    expect([system.tree(), clock.pending]).toEqual(["", 0]);
  });

  it("tells a listener of a registry whose handler takes no payload", async () => {
    const { system } = testSystem();
    let told = 0;
    const Watcher = defineActor("watcher", {
      init: () => ({}),
      info: {
        register: () => {
          told += 1;
        },
      },
    });
    await system.start(Watcher, undefined, { name: "w" });
    const keys = await system.start(registry({ keys: "unique", listeners: ["w"] }));
    keys.register(await system.start(Counter), "k");
    await settle();
    expect(told).toBe(1);
  });

  it("is not disturbed by a logger that throws", async () => {
    const logger = { warn: () => crash(), error: () => crash() };
    const { system } = testSystem({ logger });
    await system.start(
      supervisor({
        strategy: "one_for_one",
        children: [child(Counter, undefined, { name: "c" })],
      }),
    );
    const first = system.whereis("c");
    system.ref("c", Counter).cast("boom");
    await settle();
    expect(system.whereis("c")).not.toBe(first);
    expect(await system.ref("c", Counter).query("get")).toBe(0);
  });

  it("tries any number of postponed events again", async () => {
    const { system } = testSystem();
    const Machine = defineStateMachine("machine", {
      init: () => ({ state: "a", data: { n: 0 } }),
      maxPostponed: 1_000_000,
      states: {
        a: {
          casts: {
            later: (_data, _: void, ctx) => ctx.postpone(),
            go: (_data, _: void, ctx) => ctx.next("b"),
          },
        },
        b: {
          casts: {
            later: (data) => {
              data.n += 1;
            },
          },
          queries: { n: (data) => data.n },
        },
      },
    });
    const machine = await system.start(Machine);
    // More than a function takes as arguments.
    for (let at = 0; at < 130_000; at += 1) machine.cast("later");
    machine.cast("go");
    expect(await machine.query("n", undefined, { timeout: Number.POSITIVE_INFINITY })).toBe(
      130_000,
    );
  });

  it("holds a monitor from the moment it is asked for, also in an async handler", async () => {
    const { system } = testSystem();
    const target = await system.start(Counter);
    const seen: unknown[] = [];
    const Watcher = defineActor("watcher", {
      init: () => ({}),
      calls: {
        watch: async (_s, _: void, ctx) => {
          ctx.monitor(target);
          await system.stop(target, { reason: { shutdown: "meanwhile" } });
        },
      },
      info: { down: (_s, down: Down) => seen.push(down.reason) },
    });
    const watcher = await system.start(Watcher);
    await watcher.call("watch");
    await settle();
    expect(seen).toEqual([{ shutdown: "meanwhile" }]);
  });

  it("says who has the name when a child cannot have it", async () => {
    const { system } = testSystem();
    const owner = await system.start(Counter, undefined, { name: "taken" });
    const pool = await system.start(dynamicSupervisor());
    const error = await failure(pool.startChild(child(Counter, undefined, { name: "taken" })));
    expect(error).toMatchObject({ code: "ERR_ALREADY_STARTED", outcome: "not_run", ref: owner });
  });

  it("keeps no room for postponed calls that nobody waits for", async () => {
    const { system, clock } = testSystem();
    const Closed = defineStateMachine("closed", {
      init: () => ({ state: "closed", data: {} }),
      maxPostponed: 2,
      states: { closed: { calls: { ask: (_data, _: void, ctx) => ctx.postpone() } } },
    });
    const machine = await system.start(Closed);
    const ask = () => failure(machine.call("ask", undefined, { timeout: 100 }));
    const first = [ask(), ask()];
    expect(await ask()).toMatchObject({ outcome: "not_run" });
    await clock.advanceAsync(100);
    await Promise.all(first);
    const later = ask();
    await clock.advanceAsync(100);
    expect((await later).code).toBe("ERR_CALL_TIMEOUT");
  });

  it("lets others have their turns while thousands of calls time out at once", async () => {
    const { system, clock } = testSystem();
    const Mute = defineActor("mute", {
      init: () => ({}),
      calls: { ask: (_s, _: void, ctx) => ctx.defer(() => {}) },
    });
    const mute = await system.start(Mute);
    let failed = 0;
    for (let at = 0; at < 2500; at += 1) {
      mute.call("ask", undefined, { timeout: 100 }).catch(() => {
        failed += 1;
      });
    }
    await settle();
    clock.advance(100);
    await settle();
    expect(failed).toBe(2500);
  });
});
