import { expect, test } from "vitest";
import { backoffMs } from "../../src/link/backoff.ts";

const options = { minMs: 100, maxMs: 3000 };

test("the wait doubles up to the cap", () => {
  const waits = [0, 1, 2, 3, 4, 5, 6, 1000].map((n) => backoffMs(n, options, () => 0.999999));
  expect(waits).toEqual([100, 200, 400, 800, 1600, 3000, 3000, 3000]);
});

test("the jitter covers the whole range", () => {
  expect(backoffMs(3, options, () => 0)).toBe(0);
  expect(backoffMs(3, options, () => 0.5)).toBe(400);
});
