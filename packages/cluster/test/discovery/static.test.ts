import { expect, test } from "vitest";
import { staticSeeds } from "../../src/discovery/static.ts";

test("a static list is one snapshot", async () => {
  const snapshots: (readonly string[])[] = [];
  const { signal } = new AbortController();
  for await (const urls of staticSeeds(["ws://a:1", "ws://b:2"]).watch({ signal })) {
    snapshots.push(urls);
  }
  expect(snapshots).toEqual([["ws://a:1", "ws://b:2"]]);
});

test("later changes to the list given change nothing", async () => {
  const given = ["ws://a:1"];
  const seeds = staticSeeds(given);
  given.push("ws://b:2");
  const { signal } = new AbortController();
  for await (const urls of seeds.watch({ signal })) expect(urls).toEqual(["ws://a:1"]);
});

test("an entry that is no address is refused by its place", () => {
  expect(() => staticSeeds(["ws://a:1", "not an address"])).toThrow(
    'invalid option urls[1]: expected a URL such as "ws://10.0.0.2:7400", got "not an address"',
  );
  expect(() => staticSeeds("ws://a:1" as never)).toThrow(/invalid option urls/);
});
