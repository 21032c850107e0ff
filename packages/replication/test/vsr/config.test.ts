import { describe, expect, test } from "vitest";
import { quorumOf } from "../../src/vsr/config.ts";
import { primaryOf } from "../../src/vsr/types.ts";

const sizes = [1, 2, 3, 4, 5, 6, 7];

describe("a quorum", () => {
  test("is a majority, which with an even count is the larger half", () => {
    expect(sizes.map(quorumOf)).toEqual([1, 2, 2, 3, 3, 4, 4]);
  });

  test("meets every other quorum in at least one replica (I4)", () => {
    for (const size of sizes) expect(2 * quorumOf(size)).toBeGreaterThan(size);
  });

  test("is no larger than it must be: a minority can always be spared", () => {
    for (const size of sizes) expect(size - quorumOf(size)).toBe(Math.floor((size - 1) / 2));
  });
});

test("the views lead in the order of the configuration, round and round (I3)", () => {
  expect([0, 1, 2, 3, 4, 5].map((view) => primaryOf(view, 3))).toEqual([0, 1, 2, 0, 1, 2]);
});
