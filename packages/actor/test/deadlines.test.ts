import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Bound, Deadlines } from "../src/deadlines.ts";
import { ManualClock, settle } from "../src/testing.ts";

function setUp() {
  const clock = new ManualClock();
  const deadlines = new Deadlines({ clock });
  const expired: string[] = [];
  const add = (name: string, ms: number) => {
    const bound = new Bound(() => expired.push(`${name}@${clock.monotonic()}`));
    deadlines.add(bound, ms);
    return bound;
  };
  return { clock, deadlines, expired, add };
}

describe("Deadlines", () => {
  it("expire exactly on time, with one timer for all waits of one length", () => {
    const { clock, expired, add } = setUp();
    add("a", 100);
    clock.advance(30);
    add("b", 100);
    expect(clock.pending).toBe(1);
    clock.advance(69);
    expect(expired).toEqual([]);
    clock.advance(31);
    expect(expired).toEqual(["a@100", "b@130"]);
  });

  it("read the clock at the end of the turn, for those that still wait", () => {
    const turns: (() => void)[] = [];
    const loop = { soon: queueMicrotask, later: (task: () => void) => turns.push(task) };
    let reads = 0;
    const armed: number[] = [];
    const clock = {
      now: () => 0,
      monotonic: () => (reads += 1),
      setTimer: (ms: number) => armed.push(ms),
      clearTimer: () => {},
    };
    const deadlines = new Deadlines({ clock, loop });
    const bound = () => new Bound(() => {});
    const answered = bound();
    deadlines.add(answered, 100);
    deadlines.remove(answered);
    deadlines.add(bound(), 100);
    deadlines.add(bound(), 100);
    expect([reads, turns.length, armed]).toEqual([0, 1, []]);
    for (const end of turns.splice(0)) end();
    expect([reads, turns.length, armed]).toEqual([1, 0, [100]]);
  });

  it("keep lengths apart", () => {
    const { clock, expired, add } = setUp();
    add("long", 100);
    add("short", 10);
    clock.advance(100);
    expect(expired).toEqual(["short@10", "long@100"]);
  });

  it("do not expire once removed, wherever they stand in their queue", () => {
    const { clock, deadlines, expired, add } = setUp();
    const [first, , third] = ["a", "b", "c", "d"].map((name) => add(name, 10));
    if (first) deadlines.remove(first);
    if (third) deadlines.remove(third);
    if (third) deadlines.remove(third);
    clock.advance(10);
    expect(expired).toEqual(["b@10", "d@10"]);
  });

  it("never expire when they are infinite", () => {
    const { clock, expired, add } = setUp();
    add("a", Number.POSITIVE_INFINITY);
    expect(clock.pending).toBe(0);
    clock.advance(1e9);
    expect(expired).toEqual([]);
  });

  it("leave no timer behind once nothing waits, so that a program can end", async () => {
    const { clock, deadlines, add } = setUp();
    const bound = add("a", 5000);
    expect(clock.pending).toBe(1);
    deadlines.remove(bound);
    await settle();
    expect(clock.pending).toBe(0);
  });

  it("keep the timer of a wait that began before the sweep", async () => {
    const { clock, deadlines, expired, add } = setUp();
    deadlines.remove(add("a", 50));
    add("b", 50);
    await settle();
    clock.advance(50);
    expect(expired).toEqual(["b@50"]);
  });

  it("may begin a wait of the same length while one expires", () => {
    const { clock, deadlines, expired, add } = setUp();
    deadlines.add(new Bound(() => add("next", 10)), 10);
    clock.advance(20);
    expect(expired).toEqual(["next@20"]);
  });

  it("agree with a plain list of times for any mix of waits", () => {
    const step = fc.record({ ms: fc.constantFrom(5, 7, 20), remove: fc.boolean(), gap: fc.nat(9) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { clock, deadlines, expired, add } = setUp();
        const due: string[] = [];
        for (const [at, { ms, remove, gap }] of steps.entries()) {
          const bound = add(String(at), ms);
          if (remove) deadlines.remove(bound);
          else due.push(`${at}@${clock.monotonic() + ms}`);
          clock.advance(gap);
        }
        clock.advance(100);
        expect([...expired].sort()).toEqual(due.sort());
      }),
    );
  });
});
