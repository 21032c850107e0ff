/** The cache in one process, on a clock that the test moves: what a group of three does as well. */
import { createTestSystem } from "@troupe/actor/testing";
import { checkDeterminism } from "@troupe/replication/testing";
import { expect, test } from "vitest";
import { Cache } from "../src/cache.ts";

async function openCache(maxEntries = 3) {
  const system = createTestSystem();
  const cache = await system.start(Cache, { maxEntries });
  const keys = async (all: readonly string[]) => {
    const values = await Promise.all(all.map((key) => cache.query("peek", key)));
    return all.filter((_, i) => values[i] !== undefined);
  };
  return { system, cache, keys, [Symbol.asyncDispose]: () => system.shutdown() };
}

test("what is added is there, is counted when it is got, and not when it is looked at", async () => {
  await using opened = await openCache();
  const { cache } = opened;
  await cache.call("add", { key: "color", value: "blue" });
  expect(await cache.query("peek", "color")).toBe("blue");
  expect(await cache.call("get", "color")).toBe("blue");
  expect(await cache.call("get", "colour")).toBeUndefined();
  expect(await cache.query("statistics")).toEqual({ entries: 1, hits: 1, misses: 1, expired: 0 });
});

test("an entry with a time to live is gone when that has passed, and not before", async () => {
  await using opened = await openCache();
  const { system, cache } = opened;
  await cache.call("add", { key: "session", value: "open", ttl: 1000 });
  await system.advance(999);
  expect(await cache.query("peek", "session")).toBe("open");
  await system.advance(1);
  expect(await cache.query("peek", "session")).toBeUndefined();
  expect(await cache.query("statistics")).toMatchObject({ entries: 0, expired: 1 });
});

test("an entry that is added again lives as long as was said last", async () => {
  await using opened = await openCache();
  const { system, cache } = opened;
  await cache.call("add", { key: "a", value: 1, ttl: 100 });
  await cache.call("add", { key: "a", value: 2, ttl: 500 });
  await cache.call("add", { key: "b", value: 1, ttl: 100 });
  await cache.call("add", { key: "b", value: 2 });
  await system.advance(499);
  expect(await cache.query("peek", "a")).toBe(2);
  await system.advance(10_000);
  expect(await cache.query("peek", "a")).toBeUndefined();
  expect(await cache.query("peek", "b")).toBe(2);
});

test("an entry that is removed is gone, and its timer takes none of the same name away", async () => {
  await using opened = await openCache();
  const { system, cache } = opened;
  await cache.call("add", { key: "a", value: 1, ttl: 100 });
  expect(await cache.call("remove", "a")).toBe(true);
  expect(await cache.call("remove", "a")).toBe(false);
  await cache.call("add", { key: "a", value: 2 });
  await system.advance(1000);
  expect(await cache.query("peek", "a")).toBe(2);
});

test("one entry too many makes it forget the one that was added first, timer and all", async () => {
  await using opened = await openCache(3);
  const { system, cache, keys } = opened;
  await cache.call("add", { key: "a", value: 1, ttl: 100 });
  for (const key of ["b", "c"]) await cache.call("add", { key, value: 1 });
  await cache.call("add", { key: "b", value: 2 });
  await cache.call("add", { key: "d", value: 1 });
  expect(await keys(["a", "b", "c", "d"])).toEqual(["b", "c", "d"]);
  await cache.call("add", { key: "e", value: 1 });
  expect(await keys(["a", "b", "c", "d", "e"])).toEqual(["b", "d", "e"]);
  await system.advance(1000);
  expect(await cache.query("statistics")).toMatchObject({ entries: 3, expired: 0 });
});

test("the cache computes the same on every replica", () => {
  checkDeterminism(Cache, { maxEntries: 2 }, [
    ["call", "add", { key: "a", value: { deep: [1, 2] }, ttl: 50 }],
    ["call", "add", { key: "b", value: 1 }],
    ["call", "get", "a"],
    ["call", "get", "c"],
    ["call", "add", { key: "c", value: 1, ttl: 10 }],
    ["after", 30],
    ["call", "remove", "b"],
    ["query", "statistics"],
  ]);
});
