/** Leaving: the steps by themselves, and as the other nodes see them. */
import { ManualClock, settle } from "@troupe/actor/testing";
import { describe, expect, test } from "vitest";
import { Departure, resolveLeaveOptions } from "../../src/membership/departure.ts";
import type { Node } from "../../src/node.ts";
import { Bench, Counter, names } from "../support.ts";

/** A departure that only writes down what it does. */
function departing({
  linked = true,
  busyUntil = 0,
  closesAfter = 0,
  onAnnounce = (_departure: Departure): unknown => undefined,
} = {}) {
  const clock = new ManualClock();
  const steps: string[] = [];
  const step = (what: string) => steps.push(`${clock.monotonic()} ${what}`);
  const departure: Departure = new Departure({
    clock,
    closeTimeoutMs: 3000,
    announce: () => {
      step("announce");
      onAnnounce(departure);
    },
    isLinked: () => linked,
    isBusy: () => clock.monotonic() < busyUntil,
    farewell: () => {
      step("farewell");
      return new Promise((resolve) => {
        clock.setTimer(closesAfter, resolve);
      });
    },
    cut: () => step("cut"),
  });
  return { clock, departure, steps };
}

describe("a departure", () => {
  test("of who is busy is announced, and waits until nobody waits any more", async () => {
    const { clock, departure, steps } = departing({ busyUntil: 500 });
    expect(departure.hasBegun).toBe(false);
    void departure.depart(10_000);
    expect(departure.hasBegun).toBe(true);
    await clock.advanceAsync(20_000);
    expect(steps).toEqual(["0 announce", "520 farewell", "520 cut"]);
    expect(clock.pending).toBe(0);
  });

  test("waits no longer than it was told", async () => {
    const { clock, departure, steps } = departing({ busyUntil: 60_000 });
    void departure.depart(1000);
    await clock.advanceAsync(60_000);
    expect(steps).toEqual(["0 announce", "1000 farewell", "1000 cut"]);
  });

  test("happens once; asking again makes it hurry, and never take longer", async () => {
    const { clock, departure, steps } = departing({ busyUntil: 60_000 });
    const first = departure.depart(10_000);
    await clock.advanceAsync(1000);
    expect(departure.depart(500)).toBe(first);
    void departure.depart(20_000);
    await clock.advanceAsync(60_000);
    expect(steps).toEqual(["0 announce", "1500 farewell", "1500 cut"]);
    await first;
    await departure.depart(10_000);
    expect(steps).toHaveLength(3);
  });

  test("has begun, and begins no second time, for whoever hears of it at once", async () => {
    const heard: unknown[] = [];
    const { clock, departure, steps } = departing({
      busyUntil: 60_000,
      onAnnounce: (same) => heard.push(same.hasBegun, same.depart(500)),
    });
    const gone = departure.depart(10_000);
    expect(heard).toEqual([true, gone]);
    await clock.advanceAsync(60_000);
    expect(steps).toEqual(["0 announce", "500 farewell", "500 cut"]);
    await gone;
  });

  test("cuts what the goodbye does not close in time", async () => {
    const { clock, departure, steps } = departing({ closesAfter: 60_000 });
    void departure.depart(1000);
    await clock.advanceAsync(10_000);
    expect(steps).toEqual(["0 announce", "40 farewell", "3040 cut"]);
  });

  test("of who has no links takes no time", async () => {
    const { clock, departure, steps } = departing({ linked: false, busyUntil: 60_000 });
    void departure.depart(10_000);
    await clock.advanceAsync(0);
    expect(steps).toEqual(["0 announce", "0 farewell", "0 cut"]);
  });

  test("refuses a time that is none", () => {
    expect(resolveLeaveOptions()).toEqual({ drainMs: 10_000 });
    expect(resolveLeaveOptions({ drainMs: 0 })).toEqual({ drainMs: 0 });
    expect(() => resolveLeaveOptions({ drainMs: -1 })).toThrow("drainMs");
    expect(() => resolveLeaveOptions(5 as never)).toThrow("options");
  });
});

const statusOf = (node: Node, name: string) =>
  node.members().find((member) => member.name === name)?.status;

describe("a node that leaves", () => {
  test("answers what it was asked before, starts nothing more, and then is gone", async () => {
    const bench = new Bench({ min: 5, max: 5 });
    const [a, b] = await bench.pair();
    const counter = await bench.during(a.startOn("b", Counter, { start: 1 }));
    const never = await bench.during(a.startOn("b", Counter, { start: 1 }));
    const open = never.call("never", undefined, { timeout: 2000 }).catch((error) => error.code);
    await bench.pass(20);
    const left = b.leave({ drainMs: 60_000 });
    expect(b.isReady).toBe(false);
    await bench.until(() => statusOf(a, "b") === "leaving", 100);
    expect([names(a), a.isReady]).toEqual([["b"], true]);
    const refused = a.startOn("b", Counter, { start: 1 }).catch((error) => error);
    expect(await bench.during(refused)).toMatchObject({
      code: "ERR_NODE_LEAVING",
      outcome: "not_run",
    });
    expect(await bench.during(counter.call("add", 4))).toBe(5);
    await bench.pass(1000);
    expect(names(a)).toEqual(["b"]);
    // The call that is never answered belongs to a process; it ends when that does.
    await b.stop(b.localRef(never.address.id) as never, { reason: "killed" });
    await bench.during(left);
    expect(await bench.during(open)).toBe("ERR_PROCESS_EXITED");
    await bench.until(() => names(a).length === 0, 100);
    expect(statusOf(a, "b")).toBe("left");
    expect(bench.log).toEqual(expect.arrayContaining(["a: down b (left)"]));
  });

  test("waits for the answers to its own calls", async () => {
    const bench = new Bench({ min: 50, max: 50 });
    const [a] = await bench.pair();
    const counter = await bench.during(a.startOn("b", Counter, { start: 1 }));
    const answer = counter.call("add", 1);
    await bench.during(a.leave());
    expect(await answer).toBe(2);
  });

  test("does not wait for longer than it was told", async () => {
    const bench = new Bench();
    const [a, b] = await bench.pair();
    const counter = await a.startOn("b", Counter, { start: 1 });
    const open = counter.call("never", undefined, { timeout: 60_000 }).catch((error) => error.code);
    let gone = false;
    void b.leave({ drainMs: 5000 }).then(() => {
      gone = true;
    });
    await bench.pass(4900);
    expect(gone).toBe(false);
    await bench.pass(200);
    expect(gone).toBe(true);
    expect(await open).toBe("ERR_CONNECTION_LOST");
  });

  test("is not suspected, and not looked for", async () => {
    const bench = new Bench();
    const [a, b] = await bench.pair();
    const seen: string[] = [];
    a.events.on("member", ({ name, status }) => seen.push(`${name} ${status}`));
    const dials: (string | undefined)[] = [];
    b.events.on("refused", ({ name, reason }) => dials.push(`${name} ${reason}`));
    await bench.during(b.leave());
    await bench.pass(60_000);
    expect(seen).toEqual(["b leaving", "b left"]);
    // b was a seed of a: that address is tried for ever, for whoever may live there next.
    expect(new Set(dials)).toEqual(new Set(["a stopping"]));
    expect(names(a)).toEqual([]);
  });

  test("whose address was only learnt is not dialled any more", async () => {
    const bench = new Bench();
    const [a, b] = await bench.pair();
    const dials: unknown[] = [];
    a.events.on("refused", (refused) => dials.push(refused));
    await bench.during(a.leave());
    await bench.pass(60_000);
    expect(dials).toEqual([]);
    expect(statusOf(b, "a")).toBe("left");
  });

  test("lets nobody new in, and goes on as a system", async () => {
    const bench = new Bench();
    const [a, b] = await bench.pair();
    await bench.during(b.leave());
    const refusals: string[] = [];
    const c = await bench.node("c", ["b"]);
    c.events.on("refused", ({ reason }) => refusals.push(reason));
    await bench.pass(10_000);
    expect(new Set(refusals)).toEqual(new Set(["stopping"]));
    expect([names(a), names(b), names(c)]).toEqual([[], [], []]);
    const counter = await b.start(Counter, { start: 1 });
    expect(await counter.call("add", 1)).toBe(2);
    await expect(b.refOn("a", "x")).rejects.toMatchObject({ code: "ERR_CONNECTION_LOST" });
    expect(b.members()).toContainEqual(expect.objectContaining({ name: "b", status: "left" }));
  });

  test("is told of by the others to those who missed it", async () => {
    const bench = new Bench();
    const b = await bench.node("b");
    const a = await bench.node("a", ["b"]);
    const c = await bench.node("c", ["b"]);
    await bench.until(() => [a, b, c].every((node) => node.nodes().length === 2));
    await bench.pass(1000);
    bench.network.cut("b", "c");
    await bench.during(b.leave());
    await bench.until(() => statusOf(c, "b") === "left", 3000);
  });

  test("ends in time although nobody reads its goodbye", async () => {
    const bench = new Bench();
    const [a] = await bench.pair({ closeTimeoutMs: 500, heartbeatMs: 60_000 });
    bench.network.cut("a", "b");
    let gone = false;
    void a.leave({ drainMs: 1000 }).then(() => {
      gone = true;
    });
    await bench.pass(1600);
    expect(gone).toBe(true);
    bench.network.heal("a", "b");
  });

  test("may be shut down meanwhile, which makes it hurry", async () => {
    const bench = new Bench();
    const [a, b] = await bench.pair({ closeTimeoutMs: 1000 });
    const counter = await a.startOn("b", Counter, { start: 1 });
    void counter.call("never", undefined, { timeout: 60_000 }).catch(() => {});
    const left = b.leave({ drainMs: 60_000 });
    await settle();
    const began = bench.clock.monotonic();
    const stopped = b.shutdown();
    await bench.during(left);
    expect(bench.clock.monotonic() - began).toBeLessThan(1500);
    await bench.during(stopped);
    expect(bench.log).toEqual(expect.arrayContaining(["a: down b (left)"]));
    await b.leave();
  });

  test("is not ready any more when it tells of itself that it leaves", async () => {
    const bench = new Bench();
    const [a] = await bench.pair();
    const seen: string[] = [];
    a.events.on("member", ({ name, status }) => {
      if (name === "a") seen.push(`${status} ${a.isReady}`);
    });
    await bench.during(a.leave());
    expect(seen).toEqual(["leaving false", "left false"]);
  });

  test("is told what is wrong with its options, and does not leave", async () => {
    const bench = new Bench();
    const [a] = await bench.pair();
    await expect(a.leave({ drainMs: -1 })).rejects.toMatchObject({ code: "ERR_INVALID_OPTION" });
    expect(a.isReady).toBe(true);
  });
});
