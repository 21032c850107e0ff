import { describe, expect, it } from "vitest";
import { createSystem, defineActor, type EventLoop } from "../../src/index.ts";
import { Scheduler } from "../../src/system/scheduler.ts";
import { ManualClock } from "../../src/testing.ts";
import { Counter, testSystem } from "../support/harness.ts";

/** An event loop that runs what it is asked to run when the test says so. */
function manualLoop() {
  const soon: (() => void)[] = [];
  const later: (() => void)[] = [];
  const loop: EventLoop = { soon: (task) => soon.push(task), later: (task) => later.push(task) };
  const run = (tasks: (() => void)[]) => {
    for (const task of tasks.splice(0)) task();
  };
  return { loop, soon, later, run };
}

/** A runnable with so much work; each message costs `ms` on the clock. */
function worker(scheduler: Scheduler, clock: ManualClock, messages: number, ms = 0) {
  const self = {
    left: messages,
    run(limit: number) {
      const used = Math.min(limit, self.left);
      self.left -= used;
      clock.advance(used * ms);
      if (self.left > 0) scheduler.ready(self);
      return used;
    },
  };
  scheduler.ready(self);
  return self;
}

describe("Scheduler", () => {
  it("wakes up once for many, and runs nobody on the spot", () => {
    const { loop, soon, run } = manualLoop();
    const clock = new ManualClock();
    const scheduler = new Scheduler(clock, loop);
    const workers = [worker(scheduler, clock, 1), worker(scheduler, clock, 1)];
    expect([soon.length, workers.map((w) => w.left)]).toEqual([1, [1, 1]]);
    run(soon);
    expect(workers.map((w) => w.left)).toEqual([0, 0]);
  });

  it("gives each a few messages at a time, in turn", () => {
    const { loop, soon, run } = manualLoop();
    const clock = new ManualClock();
    const scheduler = new Scheduler(clock, loop);
    const busy = worker(scheduler, clock, 1000);
    let seen = -1;
    scheduler.ready({
      run() {
        seen = busy.left;
        return 1;
      },
    });
    run(soon);
    expect(seen).toBe(1000 - 16);
  });

  it("steps aside after a budget of messages, and goes on later", () => {
    const { loop, soon, later, run } = manualLoop();
    const clock = new ManualClock();
    const scheduler = new Scheduler(clock, loop);
    const busy = worker(scheduler, clock, 10_000);
    run(soon);
    expect([later.length, soon.length]).toEqual([1, 0]);
    expect(busy.left).toBeGreaterThan(5000);
    for (let turn = 0; turn < 5; turn += 1) run(later);
    expect(busy.left).toBe(0);
  });

  it("steps aside after a budget of time", () => {
    const { loop, soon, later, run } = manualLoop();
    const clock = new ManualClock();
    const scheduler = new Scheduler(clock, loop);
    const slow = worker(scheduler, clock, 1000, 1);
    run(soon);
    expect([later.length, slow.left]).toEqual([1, 1000 - 16]);
  });

  it("gives slow handlers no more than a slice at a time, once it knows that they are slow", () => {
    const { loop, soon, later, run } = manualLoop();
    const clock = new ManualClock();
    const scheduler = new Scheduler(clock, loop);
    const slow = worker(scheduler, clock, 1000, 1);
    run(soon);
    run(later);
    for (let slice = 0; slice < 10; slice += 1) {
      const before = clock.monotonic();
      run(later);
      // A slice is two milliseconds, and a handler is never cut short.
      expect(clock.monotonic() - before).toBeLessThanOrEqual(3);
    }
    expect(slow.left).toBeLessThan(1000 - 40);
  });

  it("gives longer turns again when handlers are quick, up to 64 messages", () => {
    const { loop, soon, later, run } = manualLoop();
    const clock = new ManualClock();
    const scheduler = new Scheduler(clock, loop);
    worker(scheduler, clock, 100, 1);
    run(soon);
    while (later.length > 0) run(later);
    const turns: number[] = [];
    const quick = {
      run(limit: number) {
        turns.push(limit);
        if (turns.length < 50) scheduler.ready(quick);
        return limit;
      },
    };
    scheduler.ready(quick);
    run(soon);
    while (later.length > 0) run(later);
    expect(turns[0]).toBeLessThan(5);
    expect(Math.max(...turns)).toBe(64);
  });

  it("counts its budget across wake-ups, so that a chain of wake-ups ends", () => {
    const { loop, soon, later, run } = manualLoop();
    const clock = new ManualClock();
    const scheduler = new Scheduler(clock, loop);
    let wakeUps = 0;
    while (later.length === 0 && wakeUps < 10_000) {
      worker(scheduler, clock, 1);
      run(soon);
      wakeUps += 1;
    }
    expect(wakeUps).toBeLessThan(4097);
    expect(later.length).toBe(1);
  });

  it("gives the others their turns when a turn throws", () => {
    const { loop, soon, later, run } = manualLoop();
    const clock = new ManualClock();
    const scheduler = new Scheduler(clock, loop);
    scheduler.ready({
      run() {
        throw new Error("the runtime is wrong");
      },
    });
    const other = worker(scheduler, clock, 1);
    expect(() => run(soon)).toThrow("the runtime is wrong");
    run(later);
    expect(other.left).toBe(0);
  });
});

describe("fairness", () => {
  it("lets a timer fire during a flood of casts", async () => {
    const { system } = testSystem();
    let handled = 0;
    let handledAtTurn = -1;
    const Tally = defineActor("tally", {
      init: () => ({}),
      calls: { total: () => handled },
      casts: {
        one: () => {
          handled += 1;
        },
      },
    });
    const ref = await system.start(Tally);
    setImmediate(() => {
      handledAtTurn = handled;
    });
    for (let n = 0; n < 100_000; n += 1) ref.cast("one");
    expect(await ref.call("total")).toBe(100_000);
    expect(handledAtTurn).toBeGreaterThan(-1);
    expect(handledAtTurn).toBeLessThan(50_000);
  });

  it("lets the event loop have its turn while two actors answer each other", async () => {
    const { system } = testSystem();
    let bounces = 0;
    let turns = 0;
    const Wall = defineActor("wall", {
      init: () => ({}),
      casts: {
        hit: (_s, back: () => void) => {
          bounces += 1;
          if (bounces < 20_000) back();
        },
      },
    });
    const [left, right] = [await system.start(Wall), await system.start(Wall)];
    const toRight = (): void => right.cast("hit", toLeft);
    const toLeft = (): void => left.cast("hit", toRight);
    toRight();
    while (bounces < 20_000) {
      await new Promise((resolve) => setImmediate(resolve));
      turns += 1;
    }
    expect(turns).toBeGreaterThan(3);
  });

  it("runs a whole system on an event loop that the test turns", async () => {
    const { loop, soon, later, run } = manualLoop();
    const system = createSystem({ loop, clock: new ManualClock(), logger: false });
    const seen: unknown[] = [];
    void system.start(Counter, { start: 1 }).then(async (ref) => {
      seen.push("started");
      seen.push(await ref.call("add", 1));
    });
    for (let turn = 0; turn < 6; turn += 1) {
      run(soon);
      run(later);
      for (let reaction = 0; reaction < 10; reaction += 1) await undefined;
    }
    expect(seen).toEqual(["started", 2]);
  });
});
