/** Sources and nodes together, on the memory network. */
import { expect, test } from "vitest";
import { customSeeds } from "../../src/discovery/custom.ts";
import type { Discovery, DiscoveryContext } from "../../src/discovery/discovery.ts";
import { memoryUrl } from "../../src/transport/memory.ts";
import { Bench, names } from "../support.ts";

test("a source is told whose it is", async () => {
  const bench = new Bench();
  let given: DiscoveryContext | undefined;
  const source: Discovery = {
    name: "curious",
    async *watch(context) {
      given = context;
      yield [];
    },
  };
  const a = await bench.node("a", [], { cluster: "shop", discovery: [source] });
  expect(given?.self).toEqual({ name: "a", cluster: "shop", url: memoryUrl("a") });
  expect([given?.clock, given?.random]).toEqual([bench.clock, bench.random]);
  expect(given?.signal.aborted).toBe(false);
  await bench.shutdown(a);
  expect(given?.signal.aborted).toBe(true);
});

test("a source that names nobody any more disconnects nobody, and the lost are still found", async () => {
  const bench = new Bench();
  let urls = [memoryUrl("b")];
  const a = await bench.node("a", [], { discovery: [customSeeds("changing", () => urls)] });
  const b = await bench.node("b");
  await bench.until(() => names(a).length === 1);
  urls = [];
  await bench.pass(60_000);
  expect(names(a)).toEqual(["b"]);
  expect(bench.log.filter((line) => line.includes("down"))).toEqual([]);
  bench.network.cut("a", "b");
  await bench.until(() => names(a).length === 0 && names(b).length === 0);
  bench.network.heal("a", "b");
  await bench.until(() => names(a).length === 1 && names(b).length === 1);
});

test("two thousand addresses where nobody lives hide no node that another source names", async () => {
  const bench = new Bench({ min: 1, max: 5 });
  const lies = Array.from({ length: 2000 }, (_, n) => memoryUrl(`nobody${n}`));
  await bench.node("b");
  const a = await bench.node("a", [], {
    discovery: [customSeeds("lies", () => lies), customSeeds("honest", () => [memoryUrl("b")])],
  });
  await bench.until(() => names(a).length === 1);
  expect(names(a)).toEqual(["b"]);
});

test("a node that was restarted under another name at its address is found there", async () => {
  const bench = new Bench();
  const a = await bench.node("a", ["x"]);
  const x = await bench.node("x");
  await bench.until(() => names(a).join() === "x");
  await bench.shutdown(x);
  await bench.node("y", [], { transport: bench.network.transport("x") });
  await bench.until(() => names(a).join() === "y");
  await bench.pass(60_000);
  expect(names(a)).toEqual(["y"]);
});

test("a node of another cluster, and the node itself, are left alone", async () => {
  const bench = new Bench();
  const refused: string[] = [];
  await bench.node("foreign", [], { cluster: "other" });
  const a = await bench.node("a", ["foreign", "a"]);
  a.events.on("refused", ({ reason }) => refused.push(reason));
  await bench.pass(120_000);
  expect(names(a)).toEqual([]);
  expect(new Set(refused)).toEqual(new Set(["cluster", "self"]));
  expect(refused.filter((reason) => reason === "self").length).toBeLessThanOrEqual(3);
  expect(refused.length).toBeLessThan(30);
});
