import { expect, test } from "vitest";
import { firstRecord, type MemberStatus } from "../../src/membership/member.ts";
import { MemberTable } from "../../src/membership/member-table.ts";

const record = (name: string, status: MemberStatus = "alive", version = 1) => ({
  ...firstRecord({ name, incarnation: 1, url: undefined, heartbeatMs: 1000 }),
  status,
  version,
});

const names = (table: MemberTable) => [...table.records()].map(({ name }) => name);

test("it counts those who are not gone", () => {
  const table = new MemberTable();
  for (const name of ["a", "b", "c"]) table.set(record(name));
  table.set(record("a", "down"));
  table.set(record("a", "left"));
  table.set(record("b", "leaving"));
  expect(table.live).toBe(2);
  table.set(record("a", "alive", 2));
  expect(table.live).toBe(3);
});

test("who is gone is forgotten after so many rounds, and who came back is not", () => {
  const table = new MemberTable();
  table.set(record("a", "down"));
  table.set(record("b", "left"));
  table.set(record("c"));
  expect(table.round(3)).toEqual([]);
  table.set(record("a", "left"));
  table.set(record("b", "alive", 2));
  expect(table.round(3)).toEqual([]);
  expect(table.round(3)).toEqual(["a"]);
  expect(names(table)).toEqual(["b", "c"]);
});

test("a full table makes room by the one that went first, and never by one that is there", () => {
  const table = new MemberTable(3);
  table.set(record("a"));
  table.set(record("b"));
  table.set(record("c"));
  expect([table.isFull, table.evict()]).toEqual([true, undefined]);
  table.set(record("c", "down"));
  table.round(100);
  table.set(record("a", "down"));
  expect(table.evict()).toBe("c");
  table.set(record("d"));
  expect(names(table)).toEqual(["a", "b", "d"]);
  expect(() => table.set(record("e"))).toThrow("the table of members has room");
});

test("the digest tells tables apart, whatever their order, and does not know the gone", () => {
  const one = new MemberTable();
  const other = new MemberTable();
  for (const name of ["a", "b", "c"]) one.set(record(name));
  for (const name of ["c", "a", "b"]) other.set(record(name));
  expect(one.digest()).toBe(other.digest());
  other.set(record("gone", "down"));
  expect(one.digest()).toBe(other.digest());
  other.set(record("b", "suspect"));
  expect(one.digest()).not.toBe(other.digest());
  one.set(record("b", "alive", 2));
  expect(one.digest()).not.toBe(other.digest());
  const digests = new Set<number>();
  for (let version = 0; version < 1000; version++) {
    one.set(record("b", "alive", version));
    digests.add(one.digest());
  }
  expect(digests.size).toBe(1000);
  expect([...digests].every(Number.isSafeInteger)).toBe(true);
});
