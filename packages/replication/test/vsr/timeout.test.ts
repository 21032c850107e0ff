import { describe, expect, test } from "vitest";
import { Timeout } from "../../src/vsr/timeout.ts";

/** The tick, from 1, at which it fires; undefined if not within so many. */
function firesAt(timeout: Timeout, ticks = 50): number | undefined {
  for (let tick = 1; tick <= ticks; tick++) if (timeout.tick()) return tick;
  return undefined;
}

describe("a timeout", () => {
  test("fires once, on the tick that it was set for, and is stopped then", () => {
    const timeout = new Timeout(3);
    timeout.start();
    expect(timeout.running).toBe(true);
    expect(firesAt(timeout)).toBe(3);
    expect(timeout.running).toBe(false);
    expect(firesAt(timeout)).toBeUndefined();
  });

  test("does not run before it is started, nor after it is stopped", () => {
    const timeout = new Timeout(2);
    expect(timeout.running).toBe(false);
    expect(firesAt(timeout)).toBeUndefined();
    timeout.start();
    timeout.stop();
    expect(timeout.running).toBe(false);
    expect(firesAt(timeout)).toBeUndefined();
  });

  test("begins anew when it is started while it runs", () => {
    const timeout = new Timeout(4);
    timeout.start();
    for (let i = 0; i < 3; i++) expect(timeout.tick()).toBe(false);
    timeout.start();
    expect(firesAt(timeout)).toBe(4);
  });

  test("adds from 0 up to its jitter, drawn anew at each start", () => {
    const drawn = [0, 0.5, 0.999_999];
    const timeout = new Timeout(10, 4, () => drawn.shift() ?? 0);
    const fired = [0, 1, 2].map(() => {
      timeout.start();
      return firesAt(timeout);
    });
    expect(fired).toEqual([10, 12, 14]);
  });
});
