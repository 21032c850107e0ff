import { defineActor } from "@troupe/actor";
import { settle } from "@troupe/actor/testing";
import { expect, test } from "vitest";
import type { GroupEvent } from "../../src/groups/process-groups.ts";
import type { Node } from "../../src/node.ts";
import { Bench, Counter } from "../support.ts";

const members = (node: Node, group = "g") => node.groups.members(group).map(String);

async function start(node: Node) {
  return node.start(Counter, { start: 0 });
}

test("a process that joins is a member on every node, and can be used from there", async () => {
  const bench = new Bench();
  const [a, b] = await bench.pair();
  const counter = await start(a);
  a.groups.join("g", counter);
  expect(members(a)).toEqual([String(counter)]);
  await bench.until(() => members(b).length === 1);
  expect(members(b)).toEqual([String(counter)]);
  expect(b.groups.localMembers("g")).toEqual([]);
  expect(b.groups.list()).toEqual(["g"]);
  const [remote] = b.groups.members("g");
  expect(await bench.during(remote?.call("add", 3) as Promise<unknown>)).toBe(3);
});

test("a process that joins several times is there as often, until it has left as often", async () => {
  const bench = new Bench();
  const [a, b] = await bench.pair();
  const counter = await start(a);
  for (let n = 0; n < 3; n++) a.groups.join("g", counter);
  await bench.until(() => members(b).length === 3);
  expect(a.groups.leave("g", counter)).toBe(true);
  await bench.until(() => members(b).length === 2);
  expect(a.groups.leave("g", counter)).toBe(true);
  expect(a.groups.leave("g", counter)).toBe(true);
  expect(a.groups.leave("g", counter)).toBe(false);
  await bench.until(() => members(b).length === 0);
  expect(b.groups.list()).toEqual([]);
});

test("a process that ends leaves its groups by itself, however it ends", async () => {
  const bench = new Bench();
  const [a, b] = await bench.pair();
  const [one, two] = [await start(a), await start(a)];
  for (const ref of [one, two]) for (const group of ["g", "h"]) a.groups.join(group, ref);
  a.groups.join("g", one);
  await bench.until(() => members(b).length === 3);
  a.exit(one, "kill");
  expect(members(a)).toEqual([String(two)]);
  await bench.during(a.stop(two));
  expect(a.groups.list()).toEqual([]);
  await bench.until(() => b.groups.list().length === 0);
});

test("the members of a node are gone with its link, before nodedown is told, and come back", async () => {
  const bench = new Bench();
  const [a, b] = await bench.pair();
  const counter = await start(a);
  a.groups.join("g", counter);
  await bench.until(() => members(b).length === 1);
  const seen: string[][] = [];
  b.events.on("nodedown", () => seen.push(members(b)));
  bench.network.sever("a", "b");
  await settle();
  expect(seen).toEqual([[]]);
  await bench.until(() => members(b).length === 1);
  expect(members(b)).toEqual([String(counter)]);
});

test("a new life of a node starts with no members", async () => {
  const bench = new Bench();
  const [a, b] = await bench.pair();
  b.groups.join("g", await start(b));
  await bench.until(() => members(a).length === 1);
  await bench.shutdown(b);
  const again = await bench.node("b");
  await bench.until(() => a.nodes().length === 1);
  await settle();
  expect(members(a)).toEqual([]);
  const counter = await start(again);
  again.groups.join("g", counter);
  await bench.until(() => members(a).length === 1);
  expect(a.groups.members("g")[0]?.address.incarnation).toBe(again.incarnation);
});

test("a monitor gives who is there, and then who joins and leaves, without a gap", async () => {
  const bench = new Bench();
  const [a, b] = await bench.pair();
  const [one, two, three] = [await start(a), await start(a), await start(b)];
  a.groups.join("g", one);
  await bench.until(() => members(b).length === 1);
  const events: string[] = [];
  const { members: atFirst, stop } = b.groups.monitor("g", ({ kind, refs }) => {
    events.push(`${kind} ${refs.map(String).join(" ")}`);
  });
  expect(atFirst.map(String)).toEqual([String(one)]);
  a.groups.join("g", two);
  a.groups.join("g", two);
  a.groups.join("other", two);
  await bench.until(() => members(b).length === 3);
  b.groups.join("g", three);
  a.exit(one, "kill");
  await bench.until(() => members(b).length === 3);
  bench.network.sever("a", "b");
  await settle();
  expect(events).toEqual([
    `join ${two} ${two}`,
    `join ${three}`,
    `leave ${one}`,
    `leave ${two} ${two}`,
  ]);
  stop();
  stop();
  b.groups.leave("g", three);
  expect(events).toHaveLength(4);
});

test("what a monitor does while it is told is told after that, to all in the same order", async () => {
  const bench = new Bench();
  const a = await bench.node("a");
  const [one, two] = [await start(a), await start(a)];
  const heard: string[] = [];
  const late: string[] = [];
  const say = (who: string, list: string[]) => (event: GroupEvent) =>
    list.push(`${who} ${event.kind} ${event.refs[0]}`);
  a.groups.monitor("g", ({ kind, refs }) => {
    heard.push(`first ${kind} ${refs[0]}`);
    if (kind === "leave" || refs[0]?.address.id !== one.address.id) return;
    a.groups.join("g", two);
    const { members: then } = a.groups.monitor("g", say("late", late));
    expect(then.map(String)).toEqual([String(one), String(two)]);
  });
  a.groups.monitor("g", say("second", heard));
  a.groups.join("g", one);
  a.groups.leave("g", two);
  expect(heard).toEqual([
    `first join ${one}`,
    `second join ${one}`,
    `first join ${two}`,
    `second join ${two}`,
    `first leave ${two}`,
    `second leave ${two}`,
  ]);
  expect(late).toEqual([`late leave ${two}`]);
});

test("a process that ends while its join is told has left afterwards", async () => {
  const bench = new Bench();
  const a = await bench.node("a");
  const counter = await start(a);
  a.groups.monitor("g", ({ kind }) => kind === "join" && a.exit(counter, "kill"));
  a.groups.join("g", counter);
  expect(members(a)).toEqual([]);
  expect(() => a.groups.join("g", counter)).toThrow(/is not running/);
});

test("a monitor that throws is logged, and the others hear of it all the same", async () => {
  const bench = new Bench();
  const errors: string[] = [];
  const a = await bench.node("a", [], {
    logger: { warn() {}, error: (text) => errors.push(text) },
  });
  const heard: string[] = [];
  a.groups.monitor("g", () => {
    throw new RangeError("mine");
  });
  a.groups.monitor("g", ({ kind }) => heard.push(kind));
  a.groups.join("g", await start(a));
  expect(errors).toEqual(['a monitor of group "g" threw']);
  expect(heard).toEqual(["join"]);
});

test("a cast goes to every member once, on every node", async () => {
  const bench = new Bench();
  const [a, b] = await bench.pair();
  const [one, two] = [await start(a), await start(b)];
  a.groups.join("g", one);
  a.groups.join("g", one);
  b.groups.join("g", two);
  await bench.until(() => members(a).length === 3);
  expect(a.groups.cast("g", "set", 7)).toBe(2);
  await settle();
  expect(await bench.during(one.query("get"))).toBe(7);
  expect(await bench.during(two.query("get"))).toBe(7);
  expect(a.groups.cast("nobody", "set", 7)).toBe(0);
});

test("only processes of this node join, and names are checked", async () => {
  const bench = new Bench();
  const [a, b] = await bench.pair();
  const counter = await start(b);
  const dead = await start(a);
  a.exit(dead, "kill");
  expect(() => a.groups.join("g", counter)).toThrow(/invalid option ref: .* of node a/);
  expect(() => a.groups.join("g", undefined as never)).toThrow(/invalid option ref/);
  expect(() => a.groups.join("g", dead)).toThrow(
    expect.objectContaining({ code: "ERR_NO_PROCESS", outcome: "not_run" }),
  );
  expect(() => a.groups.join("", dead)).toThrow(/invalid option group/);
  expect(() => a.groups.join("x".repeat(257), dead)).toThrow(/invalid option group/);
  expect(() => a.groups.join("\ud800", dead)).toThrow(/invalid option group: expected well-formed/);
  expect(a.groups.leave("g", dead)).toBe(false);
  expect(() => a.groups.monitor("g", 1 as never)).toThrow(/invalid option listener/);
});

test("a ref by name stands for the process that has the name", async () => {
  const bench = new Bench();
  const a = await bench.node("a");
  const Idle = defineActor("idle", { init: () => ({}) });
  const idle = await a.start(Idle, undefined, { name: "i" });
  a.groups.join("g", a.ref("i"));
  expect(members(a)).toEqual([String(idle)]);
  expect(() => a.groups.join("g", a.ref("nobody"))).toThrow(/is not running/);
});

test("at the limit a join is refused and nothing has changed", async () => {
  const bench = new Bench();
  const a = await bench.node("a", [], { limits: { maxDirectoryEntries: 2 } });
  const [one, two, three] = [await start(a), await start(a), await start(a)];
  a.groups.join("g", one);
  a.groups.join("g", one);
  a.groups.join("g", two);
  expect(() => a.groups.join("g", three)).toThrow(
    expect.objectContaining({ code: "ERR_DIRECTORY_FULL", outcome: "not_run" }),
  );
  expect(members(a)).toEqual([one, one, two].map(String));
  a.exit(one, "kill");
  a.groups.join("g", three);
  expect(members(a)).toEqual([two, three].map(String));
});

test("a process joins one group so many times and no more", async () => {
  const bench = new Bench();
  const a = await bench.node("a");
  const counter = await start(a);
  for (let n = 0; n < 1024; n++) a.groups.join("g", counter);
  expect(() => a.groups.join("g", counter)).toThrow(
    /no room for more of counter .*: there are 1024/,
  );
});
