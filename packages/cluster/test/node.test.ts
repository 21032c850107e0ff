import { expect, test } from "vitest";
import { Bench, Counter, names } from "./support.ts";

test("two nodes find each other although only one has the other as a seed", async () => {
  const bench = new Bench();
  const [a, b] = await bench.pair();
  expect(names(a)).toEqual(["b"]);
  expect(names(b)).toEqual(["a"]);
  expect(a.nodes()[0]).toEqual({ name: "b", incarnation: b.incarnation, url: b.url });
});

test("an actor started on another node answers calls, queries and casts", async () => {
  const bench = new Bench();
  const [a] = await bench.pair();
  const counter = await a.startOn("b", Counter, { start: 1 });
  expect(counter.address).toMatchObject({ node: "b", actor: "counter" });
  expect(await counter.call("add", 5)).toBe(6);
  counter.cast("set", 40);
  expect(await counter.query("get")).toBe(40);
});
