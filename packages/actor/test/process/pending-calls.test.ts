import { describe, expect, it, vi } from "vitest";
import { CallTimeoutError, isActorError } from "../../src/index.ts";
import { PendingCalls } from "../../src/runtime.ts";
import { ManualClock } from "../../src/testing.ts";

function setUp(max = 100) {
  const clock = new ManualClock();
  const calls = new PendingCalls<number>({ clock, max });
  const outcomes: unknown[] = [];
  const open = (ms = 100, signal?: AbortSignal) => {
    const late = () => new CallTimeoutError("x", "y", ms);
    const settled = (value: unknown) => {
      outcomes.push(isActorError(value) ? value.code : value);
    };
    return calls.add(settled, settled, ms, signal, late);
  };
  return { clock, calls, outcomes, open };
}

describe("PendingCalls", () => {
  it("gives each call another number, never 0", () => {
    const { open } = setUp();
    const ids = [open(), open(), open()];
    expect(new Set(ids).size).toBe(3);
    expect(ids).not.toContain(0);
  });

  it("answers a call once and reports a late answer", () => {
    const { calls, outcomes, open } = setUp();
    const id = open();
    expect([calls.resolve(id, 1), calls.resolve(id, 2), calls.reject(id, 3)]).toEqual([
      true,
      false,
      false,
    ]);
    expect(outcomes).toEqual([1]);
    expect(calls.size).toBe(0);
  });

  it("13. drops the answer that comes after the timeout", () => {
    const { clock, calls, outcomes, open } = setUp();
    const id = open(100);
    clock.advance(100);
    expect(outcomes).toEqual(["ERR_CALL_TIMEOUT"]);
    expect(calls.resolve(id, 1)).toBe(false);
    expect(outcomes).toHaveLength(1);
  });

  it("throws at its cap, and takes calls again when one is over", () => {
    const { calls, open } = setUp(1);
    const id = open();
    expect(() => open()).toThrow("1 calls already wait");
    calls.resolve(id, 1);
    expect(open()).not.toBe(0);
  });

  it("fails every open call with rejectAll, oldest first", () => {
    const { calls, outcomes, open } = setUp();
    open();
    open();
    calls.rejectAll("gone");
    expect(outcomes).toEqual(["gone", "gone"]);
    expect(calls.size).toBe(0);
  });

  it("opens nothing for a signal that is already aborted", () => {
    const { calls, outcomes, open } = setUp();
    expect(open(100, AbortSignal.abort())).toBe(0);
    expect(outcomes).toEqual(["ERR_CALL_ABORTED"]);
    expect(calls.size).toBe(0);
  });

  it("fails an aborted call and stops listening when a call is over", () => {
    const { calls, outcomes, open } = setUp();
    const controller = new AbortController();
    const removed = vi.spyOn(controller.signal, "removeEventListener");
    calls.resolve(open(100, controller.signal), 1);
    expect(removed).toHaveBeenCalledTimes(1);
    open(100, controller.signal);
    controller.abort();
    expect(outcomes).toEqual([1, "ERR_CALL_ABORTED"]);
    expect(calls.size).toBe(0);
  });

  it("arms one timer for a thousand calls", () => {
    const { clock, open } = setUp(1000);
    for (let n = 0; n < 1000; n += 1) open();
    expect(clock.pending).toBe(1);
  });

  it("refuses a cap that is not a positive integer", () => {
    expect(() => new PendingCalls({ clock: new ManualClock(), max: 0 })).toThrow("option max");
  });
});
