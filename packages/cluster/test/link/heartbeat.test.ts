import { describe, expect, test } from "vitest";
import { Pace, Silence } from "../../src/link/heartbeat.ts";

describe("a link", () => {
  test("that sends and hears needs no tick", () => {
    const silence = new Silence(3);
    for (let round = 0; round < 10; round++) {
      silence.heard();
      silence.sent();
      expect(silence.round(false)).toBe("alive");
    }
  });

  test("over which nothing was sent for a round is ticked", () => {
    const silence = new Silence(3);
    silence.round(false);
    silence.heard();
    expect(silence.round(false)).toBe("idle");
  });

  test("is dead after as many silent rounds as allowed", () => {
    const silence = new Silence(3);
    const rounds = [1, 2, 3, 4].map(() => silence.round(false) === "dead");
    // In the first round the handshake was heard.
    expect(rounds).toEqual([false, false, false, true]);
  });

  test("comes back to life with a single sign", () => {
    const silence = new Silence(2);
    silence.round(false);
    silence.round(false);
    silence.heard();
    silence.round(false);
    expect(silence.round(false)).not.toBe("dead");
    expect(silence.round(false)).toBe("dead");
  });

  test("is not accused by a round that comes late", () => {
    const silence = new Silence(1);
    silence.round(false);
    for (let round = 0; round < 5; round++) expect(silence.round(true)).not.toBe("dead");
    expect(silence.round(false)).toBe("dead");
  });
});

test("a round is late when this process was paused, and the next one is not", () => {
  const pace = new Pace(1000, 0);
  expect(pace.isLate(1000)).toBe(false);
  expect(pace.isLate(2100)).toBe(false);
  expect(pace.isLate(60_000)).toBe(true);
  expect(pace.isLate(61_000)).toBe(false);
});
