import { describe, expect, it } from "vitest";
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
