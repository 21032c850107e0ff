import { afterEach, describe, expect, it, vi } from "vitest";
import { type AnyRef, defineActor, type RefOf, type ReplyTo } from "../../src/index.ts";
import {
  createTestSystem,
  type ExploreOptions,
  exploreSchedules,
  type ScheduleError,
  type TestSystem,
} from "../../src/testing.ts";
import { failure } from "../support/harness.ts";

const Account = defineActor("account", {
  init: (arg: { balance: number }) => ({ balance: arg.balance }),
  queries: { balance: (s) => s.balance },
  calls: { set: (s, balance: number) => void (s.balance = balance) },
});

/** Reads, and writes what follows from it: an update that another teller may overwrite. */
const Teller = defineActor("teller", {
  init: (arg: { account: RefOf<typeof Account> }) => arg,
  calls: {
    withdraw: async (s, amount: number) => {
      const balance = await s.account.query("balance");
      await s.account.call("set", balance - amount);
    },
  },
});

async function lostUpdate(system: TestSystem): Promise<void> {
  const account = await system.start(Account, { balance: 100 });
  const tellers = [];
  for (let n = 0; n < 2; n += 1) tellers.push(await system.start(Teller, { account }));
  await Promise.all(tellers.map((teller) => teller.call("withdraw", 10)));
  expect(await account.query("balance")).toBe(80);
}

/** Which of the seeds fail. */
async function failingSeeds(
  seeds: readonly number[],
  body: (system: TestSystem) => Promise<void>,
): Promise<number[]> {
  const failing: number[] = [];
  for (const seed of seeds) {
    await exploreSchedules(1, body, { seed }).catch(() => failing.push(seed));
  }
  return failing;
}

async function scheduleError(
  count: number,
  body: (system: TestSystem) => Promise<void> | void,
  options?: ExploreOptions,
): Promise<ScheduleError> {
  return (await failure(exploreSchedules(count, body, options))) as ScheduleError;
}

afterEach(() => vi.unstubAllEnvs());

describe("exploreSchedules finds", () => {
  it("a lost update that only some schedules show, and replays it by its seed", async () => {
    const seeds = Array.from({ length: 50 }, (_, n) => n + 1);
    const failing = await failingSeeds(seeds, lostUpdate);
    expect(failing.length).toBeGreaterThan(0);
    expect(failing.length).toBeLessThan(50);

    const found = await scheduleError(50, lostUpdate);
    expect(found.seed).toBe(failing[0]);
    const replayed = await scheduleError(1, lostUpdate, { seed: found.seed });
    expect(replayed.turns).toEqual(found.turns);
    expect(replayed.message).toBe(found.message);
  });

  it("messages that overtake each other on different ways", async () => {
    const Store = defineActor("store", {
      init: () => ({ value: "none" }),
      queries: { value: (s) => s.value },
      casts: { put: (s, value: string) => void (s.value = value) },
    });
    const Relay = defineActor("relay", {
      init: (arg: { store: RefOf<typeof Store> }) => arg,
      casts: { put: (s, value: string) => s.store.cast("put", value) },
    });
    const body = async (system: TestSystem) => {
      const store = await system.start(Store);
      const relay = await system.start(Relay, { store });
      relay.cast("put", "first");
      store.cast("put", "second");
      await system.settle();
      expect(await store.query("value")).toBe("first");
    };
    await exploreSchedules(50, body); // the relay costs a turn, so the direct way is shorter
    const twoRelays = async (system: TestSystem) => {
      const store = await system.start(Store);
      const [one, two] = [
        await system.start(Relay, { store }),
        await system.start(Relay, { store }),
      ];
      one.cast("put", "first");
      two.cast("put", "second");
      await system.settle();
      expect(await store.query("value")).toBe("second");
    };
    const failing = await failingSeeds([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], twoRelays);
    expect(failing.length).toBeGreaterThan(0);
    expect(failing.length).toBeLessThan(10);
  });

  it("two actors that wait for each other, which ends in a timeout and not in silence", async () => {
    const Asker = defineActor("asker", {
      init: () => ({}),
      calls: {
        ask: async (_s, other: AnyRef | undefined) => {
          await other?.call("ask");
        },
      },
    });
    const found = await scheduleError(20, async (system) => {
      const [one, two] = [await system.start(Asker), await system.start(Asker)];
      await Promise.all([one.call("ask", two), two.call("ask", one)]);
    });
    expect(found.cause).toMatchObject({ code: expect.stringMatching(/ERR_(CALL|PROCESS)/) });
  });

  it("a call that nobody will answer when the test is done", async () => {
    const Silent = defineActor("silent", {
      init: () => ({}),
      calls: { wait: (_s, _: undefined, ctx) => ctx.defer<string>(() => {}) },
    });
    const body = async (system: TestSystem) => {
      const silent = await system.start(Silent);
      void silent.call("wait").catch(() => {});
    };
    const found = await scheduleError(3, body);
    expect(found.seed).toBe(1);
    expect(found.cause).toMatchObject({
      code: "ERR_LEAK",
      leaks: ["silent <1>: 1 deferred reply"],
    });
    await exploreSchedules(3, body, { leaks: false });
  });

  it("a timer that outlives its system", async () => {
    const found = await scheduleError(1, (system) => void system.clock.setTimer(1e6, () => {}));
    expect(found.cause).toMatchObject({ leaks: ["the clock: 1 timer"] });
  });

  it("a test that waits for what cannot happen", async () => {
    const found = await scheduleError(1, () => new Promise<void>(() => {}));
    expect(found.cause).toMatchObject({
      code: "ERR_NOT_SETTLED",
      message: "the test waits for what cannot happen",
    });
  });

  it("the same while a heartbeat goes on", async () => {
    const Heart = defineActor("heart", {
      init: (_: undefined, ctx) => ({ beat: ctx.sendAfter(1000, "beat") }),
      info: { beat: (_s, _: undefined, ctx) => void ctx.sendAfter(1000, "beat") },
    });
    const found = await scheduleError(1, async (system) => {
      await system.start(Heart);
      await new Promise<void>(() => {});
    });
    expect(found.cause).toMatchObject({ code: "ERR_NOT_SETTLED" });
  });

  it("a test that waits in a system that it has held, and who is ready there", async () => {
    const found = await scheduleError(1, async (system) => {
      const account = await system.start(Account, { balance: 1 });
      system.hold();
      await account.query("balance");
    });
    expect(found.cause).toMatchObject({ code: "ERR_NOT_SETTLED", busy: ["account <1>"] });
  });
});

describe("exploreSchedules", () => {
  it("runs so many seeds in a row, each with a system of its own", async () => {
    const seen: number[] = [];
    const body = (system: TestSystem) => void seen.push(system.seed);
    await exploreSchedules(3, body);
    await exploreSchedules(2, body, { seed: 40 });
    expect(seen).toEqual([1, 2, 3, 40, 41]);
  });

  it("gives in its error the line that replays it, what was thrown, and the last turns", async () => {
    const found = await scheduleError(5, async (system) => {
      await system.start(Account, { balance: 1 });
      if (system.seed === 3) throw new TypeError("unlucky");
    });
    expect(found.message.split("\n")).toEqual([
      "seed 3 failed; replay: exploreSchedules(1, body, { seed: 3 })",
      "unlucky",
      "last turns: account <1>",
    ]);
    expect(found.cause).toBeInstanceOf(TypeError);
  });

  it("runs the one seed that the environment names", async () => {
    vi.stubEnv("TROUPE_SEED", "17");
    const seen: number[] = [];
    await exploreSchedules(50, (system) => void seen.push(system.seed));
    expect(seen).toEqual([17]);
    vi.stubEnv("TROUPE_SEED", "x");
    expect(await failure(exploreSchedules(1, () => {}))).toMatchObject({ option: "TROUPE_SEED" });
  });

  it("lets time pass while the test waits and nobody has anything to do", async () => {
    const Nap = defineActor("nap", {
      init: () => ({}),
      calls: {
        sleep: (_s, ms: number, ctx) =>
          ctx.defer<string>((to) => void ctx.sendAfter(ms, "wake", to)),
      },
      info: { wake: (_s, to: ReplyTo<string>, ctx) => ctx.reply(to, "woken") },
    });
    await exploreSchedules(3, async (system) => {
      const nap = await system.start(Nap);
      expect(await nap.call("sleep", 3000)).toBe("woken");
      expect(system.clock.monotonic()).toBe(3000);
    });
  });

  it("fails with what ended its system", async () => {
    const found = await scheduleError(2, (system) => {
      system.onStop(() => {
        throw new RangeError("broken hook");
      });
    });
    expect(found.cause).toBeInstanceOf(RangeError);
  });

  it("hands its options on to the systems, and refuses a bad one", async () => {
    const options = { now: 12, cloneMessages: false };
    await exploreSchedules(1, (system) => expect(system.clock.now()).toBe(12), options);
    for (const [count, more, option] of [
      [0, {}, "count"],
      [1, { seed: -1 }, "seed"],
      [1, { leaks: 1 as unknown as boolean }, "leaks"],
    ] as const) {
      expect(await failure(exploreSchedules(count, () => {}, more))).toMatchObject({ option });
    }
  });

  it("costs no schedule of its own: a test system with the seed has the same one", async () => {
    const turns: (readonly string[])[] = [];
    const body = async (system: TestSystem) => {
      await lostUpdate(system).catch(() => {});
      turns.push(system.turns);
    };
    await exploreSchedules(1, body, { seed: 9 });
    await body(createTestSystem({ seed: 9 }));
    expect(turns[0]).toEqual(turns[1]);
  });
});
