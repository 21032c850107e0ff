import { ManualClock } from "@troupe/actor/testing";
import { describe, expect, test } from "vitest";
import { Ticker } from "../src/ticker.ts";

/** A ticker of 20 ms whose sockets the test drains. */
class Bench {
  readonly clock = new ManualClock();
  readonly events: string[] = [];
  /** What waits for the sockets to be drained. */
  readonly waiting: (() => void)[] = [];
  #stalled = 0;
  readonly ticker = new Ticker({
    clock: {
      now: () => this.clock.now(),
      monotonic: () => this.clock.monotonic() + this.#stalled,
      setTimer: (ms, fn) => this.clock.setTimer(ms, fn),
      clearTimer: (handle) => this.clock.clearTimer(handle),
    },
    tickMs: 20,
    drained: (run) => this.waiting.push(run),
    onTick: (late) => this.events.push(late ? "late" : "tick"),
  });

  drain(): void {
    for (const run of this.waiting.splice(0)) run();
  }

  /** The loop comes round after so many ms, in which no timer could run. */
  stall(ms: number): void {
    this.#stalled += ms - 20;
    this.clock.advance(20);
    this.drain();
  }
}

describe("a ticker", () => {
  test("ticks once for each of its intervals", () => {
    const bench = new Bench();
    for (let i = 0; i < 3; i++) {
      bench.clock.advance(19);
      bench.drain();
      expect(bench.events).toHaveLength(i);
      bench.clock.advance(1);
      bench.drain();
    }
    expect(bench.events).toEqual(["tick", "tick", "tick"]);
  });

  test("ticks only when the sockets have been drained, and waits anew only then", () => {
    const bench = new Bench();
    bench.clock.advance(20);
    expect([bench.events, bench.waiting.length, bench.clock.pending]).toEqual([[], 1, 0]);
    bench.events.push("a message");
    bench.drain();
    expect([bench.events, bench.clock.pending]).toEqual([["a message", "tick"], 1]);
  });

  test("makes one tick of a stall, and says that it is late (J1)", () => {
    const bench = new Bench();
    bench.stall(1000);
    expect(bench.events).toEqual(["late"]);
  });

  test("forgives less than the length of a tick", () => {
    const bench = new Bench();
    bench.stall(40);
    expect(bench.events).toEqual(["tick"]);
  });

  test("counts every other tick of a loop that is always slow", () => {
    const bench = new Bench();
    const lates = Array.from({ length: 4 }, () => {
      bench.events.length = 0;
      bench.stall(60);
      return bench.events[0];
    });
    expect(lates).toEqual(["late", "tick", "late", "tick"]);
  });

  test("is silent once it was stopped, also between its timer and its tick", () => {
    const bench = new Bench();
    bench.clock.advance(20);
    bench.ticker.stop();
    bench.drain();
    bench.clock.advance(1000);
    bench.drain();
    expect([bench.events, bench.clock.pending]).toEqual([[], 0]);
  });
});
