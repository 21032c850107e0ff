import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { systemClock } from "../src/index.ts";

describe("systemClock", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("fires a timer after its time, once", () => {
    const fn = vi.fn();
    systemClock.setTimer(10, fn);
    vi.advanceTimersByTime(9);
    expect(fn).not.toHaveBeenCalled();
    vi.advanceTimersByTime(100);
    expect(fn).toHaveBeenCalledTimes(1);
  });

  it("does not fire a cleared timer", () => {
    const fn = vi.fn();
    systemClock.clearTimer(systemClock.setTimer(10, fn));
    vi.advanceTimersByTime(20);
    expect(fn).not.toHaveBeenCalled();
  });

  it("waits longer than the longest timeout of Node, and can be cleared meanwhile", () => {
    const month = 30 * 24 * 3600 * 1000;
    const kept = vi.fn();
    const cleared = vi.fn();
    systemClock.setTimer(month, kept);
    const handle = systemClock.setTimer(month, cleared);
    vi.advanceTimersByTime(month - 1000);
    expect(kept).not.toHaveBeenCalled();
    systemClock.clearTimer(handle);
    vi.advanceTimersByTime(1000);
    expect(kept).toHaveBeenCalledTimes(1);
    expect(cleared).not.toHaveBeenCalled();
  });

  it("has a monotonic clock that does not go back", () => {
    const before = systemClock.monotonic();
    expect(systemClock.monotonic()).toBeGreaterThanOrEqual(before);
    expect(systemClock.now()).toBe(Date.now());
  });
});
