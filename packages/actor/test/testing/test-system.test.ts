import { describe, expect, it, vi } from "vitest";
import { defineActor, type ReplyTo } from "../../src/index.ts";
import { createTestSystem, type TestSystem } from "../../src/testing.ts";
import { failure, watch } from "../support/harness.ts";

/** Says when it was told what, in virtual time. */
const Clerk = defineActor("clerk", {
  init: () => ({ heard: [] as string[] }),
  queries: { heard: (s) => s.heard },
  calls: {
    later: (_s, plan: Record<string, number>, ctx) => {
      for (const [word, ms] of Object.entries(plan)) ctx.sendAfter(ms, "hear", word);
    },
    chain: (_s, left: number, ctx) => void ctx.sendAfter(10, "chain", left),
  },
  casts: {
    hear: (s, word: string, ctx) => void s.heard.push(`${word} at ${ctx.now()}`),
  },
  info: {
    hear: (s, word: string, ctx) => void s.heard.push(`${word} at ${ctx.now()}`),
    chain: (s, left: number, ctx) => {
      s.heard.push(`chain at ${ctx.now()}`);
      if (left > 1) ctx.sendAfter(10, "chain", left - 1);
    },
  },
});

/** Sends itself a message for ever. */
const Restless = defineActor("restless", {
  init: (_: undefined, ctx) => {
    ctx.send(ctx.self, "again");
    return {};
  },
  info: { again: (_s, _a: undefined, ctx) => ctx.send(ctx.self, "again") },
});

/** Several processes that write into one log in the order of their turns. */
async function race(system: TestSystem): Promise<string[]> {
  const log: string[] = [];
  const Runner = defineActor("runner", {
    init: (name: string) => ({ name }),
    casts: { go: (s, step: number) => void log.push(`${s.name}${step}`) },
  });
  const runners = [];
  for (const name of ["a", "b", "c"]) runners.push(await system.start(Runner, name));
  for (const runner of runners) for (let step = 1; step <= 3; step += 1) runner.cast("go", step);
  await system.settle();
  return log;
}

describe("the schedule of a test system", () => {
  it("is the same for the same seed, message by message", async () => {
    for (const seed of [0, 1, 2, 3, 4, 5]) {
      const [one, two] = [createTestSystem({ seed }), createTestSystem({ seed })];
      expect(await race(one)).toEqual(await race(two));
      expect(one.turns).toEqual(two.turns);
      expect(one.seed).toBe(seed);
    }
  });

  it("differs between seeds, and is not the order of a real system for most of them", async () => {
    const orders = new Set<string>();
    for (let seed = 0; seed < 30; seed += 1) {
      orders.add((await race(createTestSystem({ seed }))).join(" "));
    }
    expect(orders.size).toBeGreaterThan(20);
  });

  it("keeps the order of what one sender sends to one process, under every seed", async () => {
    for (let seed = 0; seed < 30; seed += 1) {
      const log = await race(createTestSystem({ seed }));
      for (const name of ["a", "b", "c"]) {
        const own = log.filter((entry) => entry.startsWith(name));
        expect(own).toEqual([`${name}1`, `${name}2`, `${name}3`]);
      }
    }
  });

  it("gives a process one message per turn", async () => {
    const system = createTestSystem();
    const clerk = await system.start(Clerk);
    const before = system.turns.length;
    for (const word of ["x", "y", "z"]) clerk.cast("hear", word);
    await system.settle();
    expect(system.turns.slice(before)).toEqual(Array(3).fill("clerk <1>"));
  });

  it("lets some seeds starve a process for long", async () => {
    const Counter = defineActor("counter", {
      init: () => ({ others: 0 }),
      casts: { tick: (s) => void (s.others += 1) },
      queries: { others: (s) => s.others },
    });
    let longest = 0;
    for (let seed = 0; seed < 40; seed += 1) {
      const system = createTestSystem({ seed });
      const busy = await system.start(Counter);
      const other = await system.start(Clerk);
      for (let n = 0; n < 200; n += 1) busy.cast("tick");
      const begin = system.turns.length;
      other.cast("hear", "me");
      await system.settle();
      const waited = system.turns.slice(begin).indexOf("clerk <2>");
      longest = Math.max(longest, waited);
    }
    expect(longest).toBeGreaterThan(15);
  });
});

describe("a replay of a seed", () => {
  it("shows a handler the same ReplyTo, however many systems there were before", async () => {
    const seen = async (seed: number) => {
      const kept: ReplyTo<number>[] = [];
      const Gate = defineActor("gate", {
        init: () => ({}),
        calls: { pass: (_s, _: undefined, ctx) => ctx.defer<number>((to) => kept.push(to)) },
      });
      const system = createTestSystem({ seed, cloneMessages: false });
      const passing = watch((await system.start(Gate)).call("pass"));
      await system.settle();
      await system[Symbol.asyncDispose]();
      expect(passing.state).toBe("rejected");
      return JSON.stringify(kept);
    };
    expect(await seen(3)).toBe(await seen(3));
    expect(await seen(3)).not.toBe(await seen(4));
  });
});

describe("what the seed decides besides", () => {
  /** Which outcomes there are over many seeds. */
  async function outcomes(run: (system: TestSystem) => Promise<string>): Promise<string[]> {
    const seen = new Set<string>();
    for (let seed = 0; seed < 30; seed += 1) seen.add(await run(createTestSystem({ seed })));
    return [...seen].sort();
  }

  it("whether a promise goes on before or after the turns that are due", async () => {
    const seen = await outcomes(async (system) => {
      const log: string[] = [];
      const Writer = defineActor("writer", {
        init: () => ({}),
        calls: { write: (_s, word: string) => void log.push(word) },
      });
      const [one, two] = [await system.start(Writer), await system.start(Writer)];
      const client = one.call("write", "one").then(() => log.push("client"));
      await Promise.all([client, two.call("write", "two")]);
      return log.join(" ");
    });
    expect(seen).toEqual(["one client two", "one two client", "two one client"]);
  });

  it("who comes first of those whose timers fall due at the same instant", async () => {
    const seen = await outcomes(async (system) => {
      const log: string[] = [];
      const Bell = defineActor("bell", {
        init: (name: string, ctx) => {
          ctx.sendAfter(10, "ring");
          return { name };
        },
        info: { ring: (s) => void log.push(s.name) },
      });
      await system.start(Bell, "first");
      await system.start(Bell, "second");
      await system.advance(10);
      return log.join(" ");
    });
    expect(seen).toEqual(["first second", "second first"]);
  });

  it("nothing that waits for real time: fake timers of a test runner do not disturb it", async () => {
    vi.useFakeTimers();
    try {
      const system = createTestSystem();
      const clerk = await system.start(Clerk);
      await clerk.call("later", { a: 10 });
      await system.advance(10);
      expect(await clerk.query("heard")).toHaveLength(1);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe("the time of a test system", () => {
  it("begins where it is told, and moves only by advance", async () => {
    const system = createTestSystem({ now: 5000 });
    expect([system.clock.now(), system.clock.monotonic()]).toEqual([5000, 0]);
    await system.start(Clerk);
    await system.settle();
    expect(system.clock.now()).toBe(5000);
    await system.advance(250);
    expect([system.clock.now(), system.clock.monotonic()]).toEqual([5250, 250]);
    expect(createTestSystem().clock.now()).toBe(Date.UTC(2026, 0, 1));
  });

  it("shows every timer its own moment, in order, whatever the seed", async () => {
    for (let seed = 0; seed < 20; seed += 1) {
      const system = createTestSystem({ seed, now: 0 });
      const clerk = await system.start(Clerk);
      await clerk.call("later", { c: 30, a: 10, b: 20 });
      await system.advance(20);
      expect(await clerk.query("heard")).toEqual(["a at 10", "b at 20"]);
      await system.advance(9);
      expect(await clerk.query("heard")).toHaveLength(2);
      await system.advance(1);
      expect(await clerk.query("heard")).toEqual(["a at 10", "b at 20", "c at 30"]);
    }
  });

  it("runs a timer that a timer set, when it falls due on the way", async () => {
    const system = createTestSystem({ now: 0 });
    const clerk = await system.start(Clerk);
    await clerk.call("chain", 3);
    await system.advance(25);
    expect(await clerk.query("heard")).toEqual(["chain at 10", "chain at 20"]);
    await system.advance(5);
    expect(await clerk.query("heard")).toHaveLength(3);
  });

  it("ends a call that nobody answers at its timeout, and not before", async () => {
    const system = createTestSystem();
    const Silent = defineActor("silent", {
      init: () => ({}),
      calls: { wait: (_s, _: undefined, ctx) => ctx.defer<string>(() => {}) },
    });
    const silent = await system.start(Silent);
    const call = watch(silent.call("wait", undefined, { timeout: 100 }));
    await system.advance(99);
    expect(call.state).toBe("pending");
    await system.advance(1);
    expect(call.error?.code).toBe("ERR_CALL_TIMEOUT");
  });

  it("refuses to move backwards, or without end", async () => {
    const system = createTestSystem();
    for (const ms of [-1, Number.POSITIVE_INFINITY, Number.NaN, "5" as unknown as number]) {
      expect(await failure(system.advance(ms))).toMatchObject({ option: "ms" });
    }
  });

  it("is given by until up to the moment at which the condition holds", async () => {
    const system = createTestSystem({ now: 0 });
    const clerk = await system.start(Clerk);
    await clerk.call("later", { a: 10, b: 400 });
    const heard = async () => (await system.getState(clerk)) as { heard: string[] };
    const state = await heard();
    expect(await system.until(() => state.heard.length === 1, 1000)).toBe(true);
    expect(system.clock.monotonic()).toBe(10);
    expect(await system.until(() => state.heard.length === 3, 1000)).toBe(false);
    expect(system.clock.monotonic()).toBe(1010);
  });
});

describe("a held system", () => {
  it("gives a turn per step, and nobody else any", async () => {
    const system = createTestSystem();
    const clerk = await system.start(Clerk);
    system.hold();
    clerk.cast("hear", "x");
    clerk.cast("hear", "y");
    const answer = watch(clerk.query("heard"));
    for (let turn = 0; turn < 5; turn += 1) await undefined;
    expect(system.waiting).toEqual(["clerk <1>"]);
    expect(await system.step()).toBe("clerk <1>");
    expect(answer.state).toBe("pending");
    expect(await system.step()).toBe("clerk <1>");
    expect(await system.step()).toBe("clerk <1>");
    expect(answer.value).toHaveLength(2);
    expect(await system.step()).toBe(undefined);
  });

  it("settles and advances when told to, and stays held", async () => {
    const system = createTestSystem({ now: 0 });
    system.hold();
    const starting = watch(system.start(Clerk));
    await system.settle();
    expect(starting.state).toBe("resolved");
    expect(system.isHeld).toBe(true);
    const clerk = starting.value;
    clerk?.cast("hear", "x");
    await system.advance(10);
    const heard = watch(clerk?.query("heard") ?? Promise.reject());
    await system.settle();
    expect(heard.value).toEqual(["x at 0"]);
  });

  it("goes on by itself when it is released", async () => {
    const system = createTestSystem();
    const clerk = await system.start(Clerk);
    system.hold();
    const answer = clerk.query("heard");
    system.release();
    expect(await answer).toEqual([]);
  });
});

describe("a test system that does not come to rest", () => {
  it("says after a hundred thousand turns who is to blame", async () => {
    const system = createTestSystem();
    await system.start(Restless);
    expect(await failure(system.settle())).toMatchObject({
      code: "ERR_NOT_SETTLED",
      busy: ["restless <1>"],
      message: "still busy after 100000 turns: restless <1>",
    });
    system.hold();
  });
});

describe("the end of a test system", () => {
  it("takes the time that it needs, and no real time", async () => {
    const told: string[] = [];
    const Slow = defineActor("slow", {
      init: () => ({}),
      terminate: () =>
        new Promise<void>((resolve) => {
          void system.clock.setTimer(3000, () => {
            told.push("closed");
            resolve();
          });
        }),
    });
    const system = createTestSystem();
    {
      await using ending = system;
      await ending.start(Slow);
    }
    expect(told).toEqual(["closed"]);
    expect(system.clock.monotonic()).toBe(3000);
  });

  it("kills at its shutdown time what does not stop", async () => {
    const Stuck = defineActor("stuck", {
      init: () => ({}),
      terminate: () => new Promise(() => {}),
    });
    const system = createTestSystem();
    const exits: unknown[] = [];
    system.events.on("exit", ({ reason }) => exits.push(reason));
    await system.start(Stuck, undefined, { shutdown: 700 });
    await system[Symbol.asyncDispose]();
    expect(exits).toEqual(["killed"]);
    expect(system.clock.monotonic()).toBe(700);
  });

  it("throws what a stop hook threw", async () => {
    const system = createTestSystem();
    system.onStop(() => {
      throw new TypeError("broken hook");
    });
    await expect(system[Symbol.asyncDispose]()).rejects.toThrow("broken hook");
  });

  it("ends at the time for the whole of it, whatever does not", async () => {
    const system = createTestSystem();
    system.onStop(() => new Promise<void>(() => {}));
    expect(await failure(system[Symbol.asyncDispose]())).toMatchObject({
      code: "ERR_CALL_TIMEOUT",
    });
    expect(system.clock.pending).toBe(0);
  });

  it("says so when somebody keeps time from passing", async () => {
    const system = createTestSystem();
    const again = () => void system.clock.setTimer(0, again);
    system.onStop(() => new Promise<void>(again));
    expect(await failure(system[Symbol.asyncDispose]())).toMatchObject({
      code: "ERR_NOT_SETTLED",
    });
    expect(system.clock.monotonic()).toBe(0);
  });
});

describe("the options of a test system", () => {
  it.each([
    [{ seed: -1 }, "seed"],
    [{ seed: 1.5 }, "seed"],
    [{ now: Number.NaN }, "now"],
    [{ cloneMessages: "yes" }, "cloneMessages"],
    [{ mailboxCapacity: 0 }, "mailboxCapacity"],
  ])("%j is refused by name", (options, option) => {
    const make = () => createTestSystem(options as object);
    expect(make).toThrow(expect.objectContaining({ code: "ERR_INVALID_OPTION", option }));
  });

  it("a seed also decides chance, apart from the schedule", async () => {
    const Dice = defineActor("dice", {
      init: () => ({}),
      calls: { roll: (_s, _: undefined, ctx) => [ctx.random(), ctx.id()] },
    });
    const roll = async (seed: number) => {
      const system = createTestSystem({ seed });
      return (await system.start(Dice)).call("roll");
    };
    expect(await roll(3)).toEqual(await roll(3));
    expect(await roll(3)).not.toEqual(await roll(4));
  });
});
