import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { nackQuorum, quorumOf, replicationQuorum, viewChangeQuorum } from "../../src/vsr/config.ts";
import { primaryOf } from "../../src/vsr/types.ts";

const sizes = [1, 2, 3, 4, 5, 6, 7];

/** Some replicas of a group of that size: as many as a quorum needs, in any choice. */
function someOf(size: number, count: number): fc.Arbitrary<ReadonlySet<number>> {
  const all = Array.from({ length: size }, (_, index) => index);
  const options = { minLength: count, maxLength: size };
  return fc.subarray(all, options).map((chosen) => new Set(chosen));
}

/** Checks something of every choice of two quorums in a group of any size. */
function forAllQuorums(
  sizeOfA: (size: number) => number,
  sizeOfB: (size: number) => number,
  check: (a: ReadonlySet<number>, b: ReadonlySet<number>) => void,
): void {
  const pairs = fc
    .integer({ min: 1, max: 7 })
    .chain((size) => fc.tuple(someOf(size, sizeOfA(size)), someOf(size, sizeOfB(size))));
  fc.assert(fc.property(pairs, ([a, b]) => check(a, b)));
}

const share = (a: ReadonlySet<number>, b: ReadonlySet<number>) => {
  expect([...a].some((replica) => b.has(replica))).toBe(true);
};

describe("a quorum", () => {
  test("is a majority, which with an even count is the larger half", () => {
    expect(sizes.map(quorumOf)).toEqual([1, 2, 2, 3, 3, 4, 4]);
  });

  test("has one size for each of its three uses", () => {
    expect(sizes.map(replicationQuorum)).toEqual([1, 2, 2, 3, 3, 4, 4]);
    expect(sizes.map(viewChangeQuorum)).toEqual([1, 2, 2, 3, 3, 4, 4]);
    expect(sizes.map(nackQuorum)).toEqual([1, 1, 2, 2, 3, 3, 4]);
  });

  test("is no larger than it must be: a minority can always be spared", () => {
    const spared = sizes.map((size) => Math.floor((size - 1) / 2));
    expect(sizes.map((size) => size - replicationQuorum(size))).toEqual(spared);
    expect(sizes.map((size) => size - viewChangeQuorum(size))).toEqual(spared);
  });
});

describe("the quorums of a group (I4)", () => {
  test("to commit and to change the view share a replica, so that no commit is forgotten", () => {
    forAllQuorums(replicationQuorum, viewChangeQuorum, share);
    for (const size of sizes) {
      expect(replicationQuorum(size) + viewChangeQuorum(size)).toBeGreaterThan(size);
    }
  });

  test("to change the view share a replica, so that one view has one log", () => {
    forAllQuorums(viewChangeQuorum, viewChangeQuorum, share);
  });

  test("to commit and to forget share a replica, so that nothing committed is forgotten", () => {
    forAllQuorums(replicationQuorum, nackQuorum, share);
    for (const size of sizes) expect(replicationQuorum(size) + nackQuorum(size)).toBe(size + 1);
  });
});

test("the views lead in the order of the configuration, round and round (I3)", () => {
  expect([0, 1, 2, 3, 4, 5].map((view) => primaryOf(view, 3))).toEqual([0, 1, 2, 0, 1, 2]);
});
