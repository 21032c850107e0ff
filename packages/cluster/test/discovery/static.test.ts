import { expect, test } from "vitest";
import { staticSeeds } from "../../src/discovery/static.ts";
import { discoveryContract } from "../contract/discovery.ts";
import { pass, Watch } from "./support.ts";

discoveryContract("a static list", () => ({
  source: staticSeeds(["ws://a:1", "ws://b:2"]),
  names: ["ws://a:1", "ws://b:2"],
  look: (watch) => pass(watch, 1000),
  open: () => 0,
  end: () => {},
}));

test("a static list is one snapshot", async () => {
  const watch = new Watch(staticSeeds(["ws://a:1", "ws://b:2"]));
  await watch.ended;
  expect(watch.snapshots).toEqual([["ws://a:1", "ws://b:2"]]);
});

test("later changes to the list given change nothing", async () => {
  const given = ["ws://a:1"];
  const seeds = staticSeeds(given);
  given.push("ws://b:2");
  const watch = new Watch(seeds);
  await watch.ended;
  expect(watch.snapshots).toEqual([["ws://a:1"]]);
});

test("an entry that is no address is refused by its place", () => {
  expect(() => staticSeeds(["ws://a:1", "not an address"])).toThrow(
    'invalid option urls[1]: expected a URL such as "ws://10.0.0.2:7400", got "not an address"',
  );
  expect(() => staticSeeds("ws://a:1" as never)).toThrow(/invalid option urls/);
});
