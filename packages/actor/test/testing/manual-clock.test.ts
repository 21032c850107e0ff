import { describe, expect, it, vi } from "vitest";
import { ManualClock, seededRandom } from "../../src/testing.ts";

describe("ManualClock", () => {
  it("runs due timers in the order of their times, then of their age", () => {
    const clock = new ManualClock();
    const ran: string[] = [];
    clock.setTimer(20, () => ran.push("late"));
    clock.setTimer(10, () => ran.push("first of two"));
    clock.setTimer(10, () => ran.push("second of two"));
    clock.advance(15);
    expect(ran).toEqual(["first of two", "second of two"]);
    clock.advance(5);
    expect(ran).toEqual(["first of two", "second of two", "late"]);
  });

  it("shows each timer its own time, and the end afterwards", () => {
    const clock = new ManualClock({ now: 500 });
    const seen: number[] = [];
    clock.setTimer(10, () => seen.push(clock.monotonic(), clock.now()));
    clock.advance(100);
    expect(seen).toEqual([10, 510]);
    expect([clock.monotonic(), clock.now()]).toEqual([100, 600]);
  });

  it("runs a timer that a timer set, when it falls due on the way", () => {
    const clock = new ManualClock();
    const ran: number[] = [];
    clock.setTimer(1, () => clock.setTimer(1, () => ran.push(clock.monotonic())));
    clock.advance(2);
    expect(ran).toEqual([2]);
  });

  it("does not run a cleared timer, and lets it be cleared twice", () => {
    const clock = new ManualClock();
    const handle = clock.setTimer(1, () => expect.unreachable());
    const other = clock.setTimer(1, () => {});
    clock.clearTimer(handle);
    clock.clearTimer(handle);
    expect(clock.pending).toBe(1);
    clock.advance(1);
    clock.clearTimer(other);
    expect(clock.pending).toBe(0);
  });

  it("keeps its order through many timers, set and cleared in any order", () => {
    const random = seededRandom(4);
    const clock = new ManualClock();
    const ran: [number, number][] = [];
    const set = Array.from({ length: 2000 }, (_, age) => {
      const at = Math.floor(random() * 50);
      return { at, age, handle: clock.setTimer(at, () => ran.push([clock.monotonic(), age])) };
    });
    const kept = set.filter(() => random() < 0.3);
    for (const timer of set) if (!kept.includes(timer)) clock.clearTimer(timer.handle);
    expect(clock.pending).toBe(kept.length);
    kept.sort((left, right) => left.at - right.at || left.age - right.age);
    expect(clock.nextIn).toBe(kept[0]?.at);
    clock.advance(50);
    expect(ran).toEqual(kept.map(({ at, age }) => [at, age]));
    expect([clock.pending, clock.nextIn]).toEqual([0, undefined]);
  });

  it("clears each of a hundred thousand timers without a look at all the others", () => {
    const clock = new ManualClock();
    // A timer that is looked for by its place is compared with others, by index or by value.
    const handles = Array.from({ length: 100_000 }, (_, n) =>
      clock.setTimer(1000 + (n % 7), () => {}),
    );
    const [indexOf, splice] = [
      vi.spyOn(Array.prototype, "indexOf"),
      vi.spyOn(Array.prototype, "splice"),
    ];
    const filter = vi.spyOn(Array.prototype, "filter");
    for (const handle of handles.reverse()) clock.clearTimer(handle);
    const sweeps = filter.mock.calls.length;
    const looks = indexOf.mock.calls.length + splice.mock.calls.length;
    vi.restoreAllMocks();
    expect(clock.pending).toBe(0);
    expect(looks).toBe(0);
    expect(sweeps).toBeLessThan(20);
  });

  it("runs any timer of an instant first when chance decides, those of one length in order", () => {
    const orders = new Set<string>();
    for (let seed = 0; seed < 50; seed += 1) {
      const clock = new ManualClock();
      const ran: string[] = [];
      clock.setTimer(10, () => ran.push("long1"));
      clock.setTimer(10, () => ran.push("long2"));
      clock.advance(5);
      clock.setTimer(5, () => ran.push("short"));
      clock.setTimer(6, () => ran.push("later"));
      const random = seededRandom(seed);
      while (clock.runNext(6, random));
      orders.add(ran.join(" "));
    }
    expect([...orders].sort()).toEqual([
      "long1 long2 short later",
      "long1 short long2 later",
      "short long1 long2 later",
    ]);
  });

  it("lets promises settle between two timers when advanced asynchronously", async () => {
    const clock = new ManualClock();
    const ran: string[] = [];
    clock.setTimer(1, () => void Promise.resolve().then(() => ran.push("reaction")));
    clock.setTimer(2, () => ran.push("second timer"));
    await clock.advanceAsync(2);
    expect(ran).toEqual(["reaction", "second timer"]);
  });
});

describe("seededRandom", () => {
  it("yields the same numbers for the same seed and others for another", () => {
    const draw = (seed: number) => Array.from({ length: 20 }, seededRandom(seed));
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
  });

  it("stays within [0, 1) and spreads out", () => {
    const random = seededRandom(3);
    const draws = Array.from({ length: 10_000 }, random);
    expect(draws.every((n) => n >= 0 && n < 1)).toBe(true);
    const mean = draws.reduce((sum, n) => sum + n, 0) / draws.length;
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.02);
    expect(new Set(draws.map((n) => Math.floor(n * 16))).size).toBe(16);
  });
});
