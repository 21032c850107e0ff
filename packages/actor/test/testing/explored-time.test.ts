/** What `exploreSchedules` tries with time: timers of one instant, and messages that are slow. */
import { describe, expect, it } from "vitest";
import { type AnyRef, defineActor, isActorError, type ReplyTo } from "../../src/index.ts";
import { type ExploreOptions, exploreSchedules, type TestSystem } from "../../src/testing.ts";
import { failure } from "../support/harness.ts";

const Log = defineActor("log", {
  init: () => ({ seen: [] as string[], to: undefined as ReplyTo<string> | undefined }),
  calls: {
    both: (s, _: undefined, ctx) =>
      s.seen.length === 2
        ? s.seen.join()
        : ctx.defer<string>((to) => {
            s.to = to;
          }),
  },
  casts: {
    put: (s, entry: string, ctx) => {
      s.seen.push(entry);
      if (s.seen.length === 2 && s.to !== undefined) ctx.reply(s.to, s.seen.join());
    },
  },
});

/** Writes its name into the log after 10 ms. */
const Ticker = defineActor("ticker", {
  init: (arg: { log: AnyRef; name: string }, ctx) => {
    ctx.sendAfter(10, "tick");
    return arg;
  },
  info: { tick: (s, _: undefined, ctx) => ctx.cast(s.log, "put", s.name) },
});

/** Answers after so many milliseconds. */
const Nap = defineActor("nap", {
  init: () => ({}),
  calls: {
    sleep: (_s, ms: number, ctx) => ctx.defer<string>((to) => void ctx.sendAfter(ms, "wake", to)),
    sleepTwice: (_s, [first, then]: [number, number], ctx) =>
      ctx.defer<string>((to) => void ctx.sendAfter(first, "again", { to, then })),
    at: () => "at once",
  },
  info: {
    again: (_s, { to, then }: { to: ReplyTo<string>; then: number }, ctx) =>
      void ctx.sendAfter(then, "wake", to),
    wake: (_s, to: ReplyTo<string>, ctx) => ctx.reply(to, "woken"),
  },
});

/** Is closed by a timer, and counts what comes too late. */
const Batch = defineActor("batch", {
  init: (_: undefined, ctx) => {
    ctx.sendAfter(1, "close");
    return { closed: false, lost: 0 };
  },
  queries: { lost: (s) => s.lost },
  casts: { item: (s) => void (s.lost += s.closed ? 1 : 0) },
  info: { close: (s) => void (s.closed = true) },
});

const Hop = defineActor("hop", {
  init: (arg: { next: AnyRef }) => arg,
  casts: { item: (s, _: undefined, ctx) => ctx.cast(s.next, "item") },
});

/** Beats every millisecond, so that there is always a timer that is near. */
const Heart = defineActor("heart", {
  init: (_: undefined, ctx) => ({ beat: ctx.sendAfter(1, "beat") }),
  info: { beat: (_s, _: undefined, ctx) => void ctx.sendAfter(1, "beat") },
});

/** Counts down by messages to itself, so that somebody is ready all the time. */
const Worker = defineActor("worker", {
  init: () => ({ to: undefined as ReplyTo<string> | undefined }),
  calls: {
    work: (s, turns: number, ctx) => {
      ctx.send(ctx.self, "turn", turns);
      return ctx.defer<string>((to) => {
        s.to = to;
      });
    },
  },
  info: {
    turn: (s, left: number, ctx) => {
      if (left > 0) ctx.send(ctx.self, "turn", left - 1);
      else if (s.to !== undefined) ctx.reply(s.to, "done");
    },
  },
});

/** What a test comes to, by how many of the seeds. */
async function outcomes(
  count: number,
  run: (system: TestSystem) => Promise<string>,
  options?: ExploreOptions,
): Promise<Map<string, number>> {
  const seen = new Map<string, number>();
  const body = async (system: TestSystem) => {
    const outcome = await run(system);
    seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
  };
  await exploreSchedules(count, body, options);
  return seen;
}

const codeOf = (error: unknown): string => (isActorError(error) ? error.code : String(error));

describe("timers of the same instant", () => {
  it("exploreSchedules explores which of two processes is the first to have its own", async () => {
    const seen = await outcomes(60, async (system) => {
      const log = await system.start(Log);
      await system.start(Ticker, { log, name: "a" });
      await system.start(Ticker, { log, name: "b" });
      return log.call("both");
    });
    expect([...seen.keys()].sort()).toEqual(["a,b", "b,a"]);
    expect(Math.min(...seen.values())).toBeGreaterThan(5);
  });

  it("a reply and the deadline of its call: either may be first, although the deadline is older", async () => {
    const inTwoSteps = async (system: TestSystem) => {
      const nap = await system.start(Nap);
      return nap.call("sleepTwice", [40, 60], { timeout: 100 }).catch(codeOf);
    };
    const seen = await outcomes(60, inTwoSteps, { lag: 0, leaks: false });
    expect([...seen.keys()].sort()).toEqual(["ERR_CALL_TIMEOUT", "woken"]);
  });
});

describe("a message that is slower than a timer", () => {
  const lost = async (system: TestSystem) => {
    const batch = await system.start(Batch);
    let next: AnyRef = batch;
    for (let hop = 0; hop < 5; hop += 1) next = await system.start(Hop, { next });
    next.cast("item");
    const nap = await system.start(Nap);
    await nap.call("sleep", 5);
    return `${await batch.query("lost")} lost`;
  };

  it("exploreSchedules finds what comes when its batch is closed, by some of the seeds", async () => {
    const seen = await outcomes(100, lost);
    expect([...seen.keys()].sort()).toEqual(["0 lost", "1 lost"]);
    expect(Math.min(...seen.values())).toBeGreaterThan(10);
  });

  it("a call with a short timeout times out under some of the seeds, although nobody waits", async () => {
    const seen = await outcomes(100, async (system) => {
      const nap = await system.start(Nap);
      return nap.call("at", undefined, { timeout: 100 }).catch(codeOf);
    });
    expect([...seen.keys()].sort()).toEqual(["ERR_CALL_TIMEOUT", "at once"]);
  });

  it("the same seed has the same outcome and the same turns in every run", async () => {
    const run = async () => {
      const seen: string[] = [];
      await exploreSchedules(30, async (system) => {
        const outcome = await lost(system);
        seen.push(`${outcome} ${system.clock.monotonic()} ${system.turns.join()}`);
      });
      return seen;
    };
    expect(await run()).toEqual(await run());
  });

  it("there is none without lag", async () => {
    expect([...(await outcomes(100, lost, { lag: 0 }))]).toEqual([["0 lost", 100]]);
    expect(await failure(exploreSchedules(1, () => {}, { lag: -1 }))).toMatchObject({
      option: "lag",
    });
  });

  it("there is none while the test itself settles the system or lets time pass", async () => {
    await exploreSchedules(40, async (system) => {
      const worker = await system.start(Worker);
      system.hold();
      const starting = system.start(Heart);
      const working = worker.call("work", 100);
      await system.settle();
      expect(system.clock.monotonic()).toBe(0);
      system.release();
      await Promise.all([starting, working]);
    });
  });
});

describe("the time that passes while somebody is ready", () => {
  it("is bounded, so that a call with the default timeout is answered under every seed", async () => {
    const passed: number[] = [];
    await exploreSchedules(20, async (system) => {
      await system.start(Heart);
      const worker = await system.start(Worker);
      const begin = system.clock.monotonic();
      expect(await worker.call("work", 5000)).toBe("done");
      passed.push(system.clock.monotonic() - begin);
    });
    expect(Math.max(...passed)).toBeLessThanOrEqual(500);
    expect(Math.max(...passed)).toBeGreaterThan(400);
    expect(passed.filter((ms) => ms === 0).length).toBeGreaterThan(4);
  });

  it("is had again, little by little, as time passes by itself", async () => {
    const again: number[] = [];
    const body = async (system: TestSystem) => {
      await system.start(Heart);
      const worker = await system.start(Worker);
      await worker.call("work", 3000);
      if (system.clock.monotonic() < 100) return; // it has not used all of it
      await system.advance(500);
      const begin = system.clock.monotonic();
      await worker.call("work", 3000);
      again.push(system.clock.monotonic() - begin);
    };
    await exploreSchedules(20, body, { lag: 100 });
    expect(again.length).toBeGreaterThan(2);
    expect(again.every((ms) => ms >= 49 && ms <= 51)).toBe(true);
  });
});
