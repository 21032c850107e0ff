import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  compareRecords,
  firstRecord,
  isGone,
  MAX_VERSION,
  type MemberRecord,
  memberStatuses,
  mergeRecords,
  outbid,
} from "../../src/membership/member.ts";

/** Few values of each, so that equal ones meet. */
const records: fc.Arbitrary<MemberRecord> = fc.record({
  name: fc.constant("a"),
  incarnation: fc.constantFrom(1, 2),
  version: fc.constantFrom(2, 3, 4),
  status: fc.constantFrom(...memberStatuses),
  url: fc.constantFrom(undefined, "memory://a", "memory://b"),
  heartbeatMs: fc.constantFrom(1000, 2000),
});

describe("records about one member", () => {
  test("are totally ordered: two that differ in anything are never equal", () => {
    fc.assert(
      fc.property(records, records, records, (a, b, c) => {
        expect(Math.sign(compareRecords(a, b))).toBe(-Math.sign(compareRecords(b, a)));
        if (compareRecords(a, b) === 0) expect(a).toEqual(b);
        if (compareRecords(a, b) >= 0 && compareRecords(b, c) >= 0) {
          expect(compareRecords(a, c)).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });

  test("merge to the same one in whatever order, grouping and number they arrive", () => {
    fc.assert(
      fc.property(records, records, records, (a, b, c) => {
        expect(mergeRecords(a, b)).toEqual(mergeRecords(b, a));
        expect(mergeRecords(a, mergeRecords(b, c))).toEqual(mergeRecords(mergeRecords(a, b), c));
        expect(mergeRecords(a, a)).toEqual(a);
      }),
    );
  });

  test("are ordered by the version first, and within one by how bad the status is", () => {
    const record = firstRecord({ name: "a", incarnation: 5, url: undefined, heartbeatMs: 1 });
    const versions = memberStatuses.map((status) => ({ ...record, status }));
    const sorted = [...versions].reverse().sort(compareRecords);
    expect(sorted.map(({ status }) => status)).toEqual([
      "alive",
      "suspect",
      "leaving",
      "down",
      "left",
    ]);
    expect(compareRecords({ ...record, version: 6 }, { ...record, status: "left" })).toBe(1);
  });

  test("can always be outbid by the member itself, short of the last number there is", () => {
    fc.assert(
      fc.property(records, records, (own, other) => {
        expect(compareRecords(outbid(own, other), other)).toBeGreaterThan(0);
        expect(outbid(own, other)).toMatchObject({
          incarnation: own.incarnation,
          status: own.status,
        });
      }),
    );
    const own = firstRecord({ name: "a", incarnation: 5, url: undefined, heartbeatMs: 1 });
    expect(outbid(own, { ...own, version: MAX_VERSION }).version).toBe(MAX_VERSION);
  });
});

test("a member begins alive, with its incarnation as its version, and without an endless address", () => {
  const self = { name: "a", incarnation: 5, heartbeatMs: 1000 };
  expect(firstRecord({ ...self, url: "ws://a:1" })).toEqual({
    ...self,
    version: 5,
    status: "alive",
    url: "ws://a:1",
  });
  expect(firstRecord({ ...self, url: `ws://${"a".repeat(600)}` }).url).toBeUndefined();
});

test("who is down or has left is gone", () => {
  expect(memberStatuses.filter((status) => isGone({ status }))).toEqual(["down", "left"]);
});
