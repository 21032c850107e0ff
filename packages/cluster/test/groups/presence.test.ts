import { settle } from "@troupe/actor/testing";
import { expect, test } from "vitest";
import type { PresenceMap } from "../../src/groups/presence.ts";
import type { Node } from "../../src/node.ts";
import { Bench, Counter } from "../support.ts";

/** Presences as `key: meta, meta`, sorted. */
function shown(present: PresenceMap): string[] {
  return [...present]
    .map(([key, entries]) => `${key}: ${entries.map(({ meta }) => JSON.stringify(meta)).sort()}`)
    .sort();
}

const list = (node: Node, topic = "t") => shown(node.presence.list(topic));

/** What a listener of a topic hears. */
function listen(node: Node, topic = "t"): string[] {
  const heard: string[] = [];
  node.presence.subscribe(topic, ({ joins, leaves }) => {
    for (const line of shown(leaves)) heard.push(`- ${line}`);
    for (const line of shown(joins)) heard.push(`+ ${line}`);
  });
  return heard;
}

test("who is tracked on one node is present on all of them", async () => {
  const bench = new Bench();
  const [a, b] = await bench.pair();
  const session = await a.start(Counter, { start: 0 });
  a.presence.track("t", "alice", { away: false }, { ref: session });
  b.presence.track("t", "bob", undefined);
  await settle();
  for (const node of [a, b]) expect(list(node)).toEqual(['alice: {"away":false}', "bob: "]);
  const [alice] = b.presence.list("t").get("alice") ?? [];
  expect(alice).toMatchObject({ node: "a", meta: { away: false } });
  expect(await bench.during(alice?.ref?.call("add", 2) as Promise<unknown>)).toBe(2);
  expect(b.presence.list("t").get("bob")).toEqual([{ node: "b", ref: undefined, meta: undefined }]);
  expect(a.presence.list("empty").size).toBe(0);
});

test("one key may be present once per process and once per node", async () => {
  const bench = new Bench();
  const [a, b] = await bench.pair();
  const [phone, laptop] = [
    await a.start(Counter, { start: 0 }),
    await a.start(Counter, { start: 0 }),
  ];
  a.presence.track("t", "alice", "phone", { ref: phone });
  a.presence.track("t", "alice", "laptop", { ref: laptop });
  a.presence.track("t", "alice", "node a");
  b.presence.track("t", "alice", "node b");
  await settle();
  expect(list(b)).toEqual(['alice: "laptop","node a","node b","phone"']);
  expect(() => a.presence.track("t", "alice", "again", { ref: phone })).toThrow(
    expect.objectContaining({ code: "ERR_ALREADY_TRACKED", outcome: "not_run" }),
  );
  expect(() => a.presence.track("t", "alice")).toThrow(/this node is present as "alice" in "t"/);
});

test("a presence ends with its process, with untrack, and with its node", async () => {
  const bench = new Bench();
  const [a, b] = await bench.pair();
  const heard = listen(b);
  const session = await a.start(Counter, { start: 0 });
  const alice = a.presence.track("t", "alice", 1, { ref: session });
  const carol = a.presence.track("t", "carol", 2);
  a.presence.track("t", "dave", 3);
  await settle();
  a.exit(session, "kill");
  expect(alice.isTracked).toBe(false);
  expect(alice.update(9)).toBe(false);
  alice.untrack();
  await settle();
  expect(carol.isTracked).toBe(true);
  carol.untrack();
  carol.untrack();
  await settle();
  bench.network.sever("a", "b");
  await settle();
  expect(heard).toEqual([
    "+ alice: 1",
    "+ carol: 2",
    "+ dave: 3",
    "- alice: 1",
    "- carol: 2",
    "- dave: 3",
  ]);
  expect(list(b)).toEqual([]);
  await bench.until(() => list(b).length === 1);
  expect(heard.at(-1)).toBe("+ dave: 3");
  a.presence.track("t", "alice", "again", { ref: await a.start(Counter, { start: 0 }) });
  await settle();
  expect(heard.at(-1)).toBe('+ alice: "again"');
});

test("an update is a leave of what was and a join of what is; the same again is nothing", async () => {
  const bench = new Bench();
  const [a, b] = await bench.pair();
  const alice = a.presence.track("t", "alice", { away: false });
  await settle();
  const heard = listen(b);
  expect(alice.update({ away: true })).toBe(true);
  await settle();
  expect(alice.update({ away: true })).toBe(true);
  await settle();
  expect(heard).toEqual(['- alice: {"away":false}', '+ alice: {"away":true}']);
});

test("subscribe gives who is there, and then who comes and goes, without a gap", async () => {
  const bench = new Bench();
  const [a, b] = await bench.pair();
  a.presence.track("t", "alice", 1);
  await settle();
  const diffs: unknown[] = [];
  const { present, stop } = b.presence.subscribe("t", (diff) => diffs.push(diff));
  expect(shown(present)).toEqual(["alice: 1"]);
  const bob = b.presence.track("t", "bob", 2);
  a.presence.track("elsewhere", "alice", 3);
  await settle();
  expect(diffs).toEqual([
    {
      topic: "t",
      joins: new Map([["bob", [{ node: "b", ref: undefined, meta: 2 }]]]),
      leaves: new Map(),
    },
  ]);
  stop();
  stop();
  bob.untrack();
  expect(diffs).toHaveLength(1);
});

test("the meta is copied: what happens to it afterwards changes nothing", async () => {
  const bench = new Bench();
  const [a] = await bench.pair();
  const meta = { tags: ["x"] };
  a.presence.track("t", "alice", meta);
  meta.tags.push("y");
  expect(list(a)).toEqual(['alice: {"tags":["x"]}']);
});

test("each half of a partition sees its own, and both see all once it is healed", async () => {
  const bench = new Bench();
  const [a, b] = await bench.pair();
  a.presence.track("t", "alice", 1);
  b.presence.track("t", "bob", 2);
  await settle();
  bench.network.cut("a", "b");
  await bench.until(() => a.nodes().length === 0 && b.nodes().length === 0);
  expect(list(a)).toEqual(["alice: 1"]);
  expect(list(b)).toEqual(["bob: 2"]);
  a.presence.track("t", "anna", 3);
  bench.network.heal("a", "b");
  await bench.until(() => list(b).length === 3 && list(a).length === 3);
  expect(list(b)).toEqual(list(a));
});

test("what is tracked is checked, and a refused one is not there", async () => {
  const bench = new Bench();
  const limits = { maxDirectoryEntries: 2, maxDirectoryValueBytes: 100 };
  const [a, b] = await bench.pair({ limits });
  const { presence } = a;
  const remote = await b.start(Counter, { start: 0 });
  expect(() => presence.track("t", "alice", 1, { ref: remote })).toThrow(/invalid option ref/);
  expect(() => presence.track("", "alice")).toThrow(/invalid option topic/);
  expect(() => presence.track("t", "")).toThrow(/invalid option key/);
  expect(() => presence.track("t", "alice", new URL("http://a/"))).toThrow(/cannot encode meta/);
  expect(() => presence.track("t", "alice", "x".repeat(100))).toThrow(
    expect.objectContaining({ code: "ERR_ENTRY_TOO_LARGE", outcome: "not_run" }),
  );
  expect(list(a)).toEqual([]);
  const alice = presence.track("t", "alice", "fine");
  presence.track("t", "bob", "fine");
  expect(() => alice.update("x".repeat(100))).toThrow(/the limit is 100/);
  expect(() => presence.track("t", "carol")).toThrow(
    expect.objectContaining({ code: "ERR_DIRECTORY_FULL", outcome: "not_run" }),
  );
  expect(list(a)).toEqual(['alice: "fine"', 'bob: "fine"']);
  alice.untrack();
  presence.track("t", "carol", "fine");
  await settle();
  expect(list(b)).toEqual(['bob: "fine"', 'carol: "fine"']);
});

test("a listener that throws is logged, and hides nothing", async () => {
  const bench = new Bench();
  const errors: string[] = [];
  const a = await bench.node("a", [], {
    logger: { warn() {}, error: (text) => errors.push(text) },
  });
  a.presence.subscribe("t", () => {
    throw new RangeError("mine");
  });
  const heard = listen(a);
  a.presence.track("t", "alice", 1);
  expect(heard).toEqual(["+ alice: 1"]);
  expect(errors).toEqual(['a listener of the presences in "t" threw']);
});
