import { expect, test } from "vitest";
import { Pace, Pulse } from "../../src/link/heartbeat.ts";

test("a link was heard by its handshake, and then only if anything comes", () => {
  const pulse = new Pulse();
  expect(pulse.round()).toBe(true);
  expect(pulse.round()).toBe(false);
  pulse.heard();
  expect(pulse.round()).toBe(true);
  expect(pulse.round()).toBe(false);
});

test("a round is late when this process was paused, and the next one is not", () => {
  const pace = new Pace(1000, 0);
  expect(pace.isLate(1000)).toBe(false);
  expect(pace.isLate(2100)).toBe(false);
  expect(pace.isLate(60_000)).toBe(true);
  expect(pace.isLate(61_000)).toBe(false);
});
