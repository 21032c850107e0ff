import { defineActor } from "@troupe/actor";
import { settle } from "@troupe/actor/testing";
import { expect, test } from "vitest";
import type { Node } from "../../src/node.ts";
import type { PublishDropped } from "../../src/node-events.ts";
import { Bench } from "../support.ts";
import { Injector } from "./injector.ts";

const Reader = defineActor("reader", {
  init: () => ({ read: [] as unknown[] }),
  queries: { read: (s) => s.read },
  info: {
    news: (s, message: unknown) => {
      s.read.push(message);
    },
    gossip: (s, message: unknown) => {
      s.read.push(["gossip", message]);
    },
  },
});

const start = (node: Node) => node.start(Reader);

/** Subscribes a function and waits until the other node knows that there is a subscriber. */
async function subscribed(bench: Bench, on: Node, publisher: Node, topic = "t") {
  const heard: unknown[] = [];
  const unsubscribe = on.pubsub.subscribe(topic, (message) => heard.push(message));
  await settle();
  await bench.until(() => publisher.pubsub.publish(topic, "?").nodes > 0);
  await settle();
  heard.length = 0;
  return { heard, unsubscribe };
}

test("a message reaches the subscribers of every node, once each", async () => {
  const bench = new Bench();
  const [a, b] = await bench.pair();
  const [here, there] = [await start(a), await start(b)];
  a.pubsub.subscribe("t", here, { as: "news" });
  b.pubsub.subscribe("t", there, { as: "news" });
  const about: unknown[] = [];
  b.pubsub.subscribe("t", (message, { topic, node }) => about.push([message, topic, node]));
  await settle();
  const report = a.pubsub.publish("t", { n: 1, at: new Date(5) });
  expect(report).toEqual({ nodes: 1, local: 1, dropped: [] });
  await settle();
  for (const ref of [here, there]) {
    expect(await bench.during(ref.query("read"))).toEqual([{ n: 1, at: new Date(5) }]);
  }
  expect(about).toEqual([[{ n: 1, at: new Date(5) }, "t", "a"]]);
});

test("what one node publishes arrives in the order in which it was published", async () => {
  const bench = new Bench({ min: 0, max: 30 });
  const [a, b] = await bench.pair();
  const { heard } = await subscribed(bench, b, a);
  await bench.pass(1000);
  heard.length = 0;
  for (let n = 0; n < 200; n++) {
    a.pubsub.publish("t", n);
    if (n % 20 === 0) await bench.pass(7);
  }
  await bench.pass(1000);
  expect(heard).toEqual(Array.from({ length: 200 }, (_, n) => n));
});

test("publishing inside of a subscriber keeps the order for the other subscribers", async () => {
  const bench = new Bench();
  const a = await bench.node("a");
  const heard: unknown[] = [];
  a.pubsub.subscribe("t", (message) => message === 1 && a.pubsub.publish("t", 2));
  a.pubsub.subscribe("t", (message) => heard.push(message));
  a.pubsub.publish("t", 1);
  expect(heard).toEqual([1, 2]);
});

test("a node without a subscriber is sent nothing, and a topic is forgotten with its last one", async () => {
  const bench = new Bench();
  const [a, b] = await bench.pair();
  expect(a.pubsub.publish("t", 1)).toEqual({ nodes: 0, local: 0, dropped: [] });
  const first = await subscribed(bench, b, a);
  const second: unknown[] = [];
  const unsubscribe = b.pubsub.subscribe("t", (message) => second.push(message));
  first.unsubscribe();
  first.unsubscribe();
  await settle();
  expect(a.pubsub.publish("t", 2).nodes).toBe(1);
  await settle();
  unsubscribe();
  await settle();
  expect(a.pubsub.publish("t", 3).nodes).toBe(0);
  await settle();
  expect(first.heard).toEqual([]);
  expect(second).toEqual([2]);
});

test("a subscriber that ends is subscribed no more", async () => {
  const bench = new Bench();
  const [a, b] = await bench.pair();
  const reader = await start(b);
  b.pubsub.subscribe("t", reader, { as: "news" });
  b.pubsub.subscribe("t", reader, { as: "gossip" });
  await settle();
  expect(a.pubsub.publish("t", 1).nodes).toBe(1);
  await settle();
  expect(await bench.during(reader.query("read"))).toEqual([1, ["gossip", 1]]);
  b.exit(reader, "kill");
  await settle();
  expect(a.pubsub.publish("t", 2)).toEqual({ nodes: 0, local: 0, dropped: [] });
});

test("a subscription holds across a lost link, and what was published meanwhile is not made up for", async () => {
  const bench = new Bench();
  const [a, b] = await bench.pair();
  const { heard } = await subscribed(bench, b, a);
  bench.network.sever("a", "b");
  await settle();
  expect(a.pubsub.publish("t", "lost")).toEqual({ nodes: 0, local: 0, dropped: [] });
  await bench.until(() => a.nodes().length === 1);
  await settle();
  a.pubsub.publish("t", "found");
  await settle();
  expect(heard).toEqual(["found"]);
});

test("publishLocal stays on this node, and takes what could not be sent", async () => {
  const bench = new Bench();
  const [a, b] = await bench.pair();
  const { heard } = await subscribed(bench, b, a);
  const here: unknown[] = [];
  a.pubsub.subscribe("t", (message) => here.push(message));
  const local = () => {};
  expect(a.pubsub.publishLocal("t", local)).toBe(1);
  expect(a.pubsub.publishLocal("other", local)).toBe(0);
  await settle();
  expect(here).toEqual([local]);
  expect(heard).toEqual([]);
});

test("what cannot be sent is refused whoever listens, and nobody gets it", async () => {
  const bench = new Bench();
  const limits = { maxMessageBytes: 65_536 };
  const a = await bench.node("a", [], { limits });
  const here: unknown[] = [];
  a.pubsub.subscribe("t", (message) => here.push(message));
  expect(() => a.pubsub.publish("t", { f: () => {} })).toThrow(
    expect.objectContaining({ code: "ERR_NOT_SERIALIZABLE", outcome: "not_run" }),
  );
  expect(() => a.pubsub.publish("t", new Uint8Array(65_520))).toThrow(
    expect.objectContaining({ code: "ERR_MESSAGE_TOO_LARGE", outcome: "not_run" }),
  );
  expect(() => a.pubsub.publish("", 1)).toThrow(/invalid option topic/);
  expect(here).toEqual([]);
});

test("what a congested node does not get is returned, reported and counted; the others get it", async () => {
  const bench = new Bench();
  const limits = { softOutboxBytes: 2000, hardOutboxBytes: 10_000 };
  const [a, b] = await bench.pair({ limits });
  await bench.node("c", ["a"], { limits });
  await bench.until(() => a.nodes().length === 2);
  const { heard } = await subscribed(bench, b, a);
  const here: unknown[] = [];
  a.pubsub.subscribe("t", (message) => here.push(message));
  const dropped: PublishDropped[] = [];
  a.events.on("publishDropped", (event) => dropped.push(event));
  bench.network.cut("a", "b");
  const reports = Array.from({ length: 12 }, () => a.pubsub.publish("t", new Uint8Array(1000)));
  const sent = reports.filter(({ nodes }) => nodes === 1);
  const refused = reports.filter(({ nodes }) => nodes === 0);
  expect(sent.length).toBeGreaterThan(5);
  expect(refused.length).toBeGreaterThan(1);
  for (const report of refused) expect(report).toEqual({ nodes: 0, local: 1, dropped: ["b"] });
  const event = { topic: "t", node: "b", reason: "not_sent" };
  expect(dropped).toEqual(refused.map(() => event));
  expect(a.pubsub.dropped).toBe(refused.length);
  bench.network.heal("a", "b");
  await settle();
  expect(heard).toHaveLength(sent.length);
  expect(here).toHaveLength(12);
});

test("bytes that are no publication cost that message and nothing else", async () => {
  const bench = new Bench();
  const injector = new Injector(bench.network.transport("a"));
  const b = await bench.node("b");
  const a = await bench.node("a", ["b"], { transport: injector.transport });
  await bench.until(() => a.nodes().length === 1);
  const { heard } = await subscribed(bench, b, a);
  const dropped: PublishDropped[] = [];
  b.events.on("publishDropped", (event) => dropped.push(event));
  // The same topic and a value that is cut short, an unknown kind, and nothing at all.
  for (const bad of ["01000174" + "9a01c9c380", "07", "", "01ffff"]) {
    injector.send("troupe.pubsub", bad);
  }
  await settle();
  a.pubsub.publish("t", "fine");
  await settle();
  expect(heard).toEqual(["fine"]);
  expect(dropped.map(({ topic, node, reason }) => `${topic} ${node} ${reason}`)).toEqual([
    "t a unreadable",
    " a unreadable",
    " a unreadable",
    " a unreadable",
  ]);
  expect(b.pubsub.dropped).toBe(4);
  expect(a.nodes()).toHaveLength(1);
});

test("a subscriber that throws is logged, and the others get the message all the same", async () => {
  const bench = new Bench();
  const errors: string[] = [];
  const a = await bench.node("a", [], {
    logger: { warn() {}, error: (text) => errors.push(text) },
  });
  const heard: unknown[] = [];
  a.pubsub.subscribe("t", () => {
    throw new RangeError("mine");
  });
  a.pubsub.subscribe("t", (message) => heard.push(message));
  a.pubsub.publish("t", 1);
  expect(heard).toEqual([1]);
  expect(errors).toEqual(['a subscriber of "t" threw']);
});

test("what is subscribed is checked, and how much", async () => {
  const bench = new Bench();
  const [a, b] = await bench.pair({ limits: { maxDirectoryEntries: 2 } });
  const [here, there] = [await start(a), await start(b)];
  const { pubsub } = a;
  expect(() => pubsub.subscribe("t", there, { as: "news" })).toThrow(/invalid option ref/);
  expect(() => pubsub.subscribe("t", here, undefined as never)).toThrow(/invalid option options/);
  expect(() => pubsub.subscribe("t", here, {} as never)).toThrow(/invalid option as/);
  expect(() => pubsub.subscribe("t", 7 as never, { as: "x" })).toThrow(/invalid option ref/);
  expect(() => pubsub.subscribe("", here, { as: "x" })).toThrow(/invalid option topic/);
  const first = pubsub.subscribe("t", here, { as: "news" });
  pubsub.subscribe("t", () => {});
  expect(() => pubsub.subscribe("t", () => {})).toThrow(
    expect.objectContaining({ code: "ERR_DIRECTORY_FULL", outcome: "not_run" }),
  );
  first();
  pubsub.subscribe("u", () => {});
});
