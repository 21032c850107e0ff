import { describe, expect, test } from "vitest";
import { Pace, Pulse } from "../../src/link/heartbeat.ts";

describe("a link", () => {
  test("that sends and hears is owed nothing and alive", () => {
    const pulse = new Pulse();
    for (let round = 0; round < 10; round++) {
      pulse.heard();
      pulse.sent();
      expect(pulse.round()).toEqual({ heard: true, idle: false });
    }
  });

  test("over which nothing was sent for a round is owed a tick", () => {
    const pulse = new Pulse();
    pulse.round();
    pulse.heard();
    expect(pulse.round()).toEqual({ heard: true, idle: true });
  });

  test("was heard by its handshake, and then only if anything comes", () => {
    const pulse = new Pulse();
    expect(pulse.round().heard).toBe(true);
    expect(pulse.round().heard).toBe(false);
    pulse.heard();
    expect(pulse.round().heard).toBe(true);
    expect(pulse.round().heard).toBe(false);
  });
});

test("a round is late when this process was paused, and the next one is not", () => {
  const pace = new Pace(1000, 0);
  expect(pace.isLate(1000)).toBe(false);
  expect(pace.isLate(2100)).toBe(false);
  expect(pace.isLate(60_000)).toBe(true);
  expect(pace.isLate(61_000)).toBe(false);
});
