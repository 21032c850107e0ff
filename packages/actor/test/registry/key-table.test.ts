import { describe, expect, it } from "vitest";
import { KeyTable } from "../../src/registry/key-table.ts";

const [ann, bob] = [{ name: "ann" }, { name: "bob" }];

function table() {
  return new KeyTable<{ name: string }, unknown, unknown>();
}

const show = (entries: { owner: { name: string }; key: unknown; value: unknown }[]) =>
  entries.map(({ owner, key, value }) => `${owner.name}:${String(key)}=${String(value)}`);

describe("a table of keys", () => {
  it("finds entries by key and by owner, oldest first", () => {
    const keys = table();
    keys.add(bob, "x", 1);
    keys.add(ann, "y", 2);
    keys.add(ann, "x", 3);
    expect(show(keys.ofKey("x"))).toEqual(["bob:x=1", "ann:x=3"]);
    expect(show(keys.ofOwner(ann))).toEqual(["ann:y=2", "ann:x=3"]);
    expect(show(keys.all())).toEqual(["bob:x=1", "ann:x=3", "ann:y=2"]);
    expect(keys.first("x")?.owner).toBe(bob);
    expect([keys.size, keys.countKey("x"), keys.countKey("z")]).toEqual([3, 2, 0]);
  });

  it("compares keys as a Map does", () => {
    const keys = table();
    const object = {};
    for (const key of [1, 1n, "1", Number.NaN, object, undefined]) keys.add(ann, key, "mine");
    expect(keys.countKey(1)).toBe(1);
    expect(keys.countKey(1n)).toBe(1);
    expect(keys.countKey("1")).toBe(1);
    expect(keys.countKey(Number.NaN)).toBe(1);
    expect(keys.countKey(object)).toBe(1);
    expect(keys.countKey({})).toBe(0);
    expect(keys.countKey(undefined)).toBe(1);
    keys.add(bob, 0, "zero");
    expect(keys.countKey(-0)).toBe(1);
  });

  it("finds what one owner has for one key, whichever list is the shorter", () => {
    const keys = table();
    for (const key of ["a", "b", "c", Number.NaN]) keys.add(ann, key, key);
    keys.add(ann, Number.NaN, "again");
    expect(show(keys.of(ann, "b"))).toEqual(["ann:b=b"]);
    for (let n = 0; n < 9; n += 1) keys.add({ name: `other${n}` }, Number.NaN, n);
    expect(show(keys.of(ann, Number.NaN))).toEqual(["ann:NaN=NaN", "ann:NaN=again"]);
    expect(keys.of(bob, "b")).toEqual([]);
    expect(keys.of(ann, "none")).toEqual([]);
  });

  it("takes out one entry, once", () => {
    const keys = table();
    const first = keys.add(ann, "x", 1);
    const second = keys.add(ann, "x", 2);
    keys.remove(first);
    keys.remove(first);
    expect(keys.has(first)).toBe(false);
    expect(keys.has(second)).toBe(true);
    expect([keys.size, keys.countKey("x"), keys.hasOwner(ann)]).toEqual([1, 1, true]);
    keys.remove(second);
    expect([keys.size, keys.countKey("x"), keys.hasOwner(ann)]).toEqual([0, 0, false]);
  });

  it("takes out all that an owner has and leaves the others' entries", () => {
    const keys = table();
    keys.add(ann, "x", 1);
    keys.add(bob, "x", 2);
    keys.add(ann, "y", 3);
    keys.removeOwner(ann);
    keys.removeOwner(ann);
    expect(show(keys.all())).toEqual(["bob:x=2"]);
    expect([keys.size, keys.countKey("y")]).toEqual([1, 0]);
    expect([keys.hasOwner(ann), keys.hasOwner(bob)]).toEqual([false, true]);
    keys.clear();
    expect([keys.size, keys.all()]).toEqual([0, []]);
  });
});
