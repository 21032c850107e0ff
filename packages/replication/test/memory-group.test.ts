/** Real nodes that keep a group in memory: what comes back, what is lost, and who says so. */
import { defineActor } from "@troupe/actor";
import type { Node } from "@troupe/cluster";
import { describe, expect, test } from "vitest";
import { GroupLostError } from "../src/errors.ts";
import { replicate } from "../src/group.ts";
import type { GroupOptions } from "../src/options.ts";
import {
  type AnyGroupRef,
  Counter,
  type CounterRef,
  eventOf,
  GroupBench,
  rejection,
  stopOf,
} from "./support/group-bench.ts";

const memory: Partial<GroupOptions> = { durability: "memory" };

/** The options of the bench, without its directory. */
function inMemory(bench: GroupBench, changes: Partial<GroupOptions>): GroupOptions {
  const { storage: _, ...options } = bench.options({ ...memory, ...changes });
  return options;
}

/** The error with which a group says that it is lost. */
function lossOf(ref: AnyGroupRef): Promise<GroupLostError> {
  return eventOf(ref, "lost").then(({ error }) => error);
}

async function threeInMemory() {
  const bench = await GroupBench.make();
  const options = (changes: Partial<GroupOptions> = {}) => inMemory(bench, changes);
  const join = (node: Node, bootstrap = false) =>
    replicate(node, Counter, { start: 0 }, options({ bootstrap }));
  /** The process is replaced by another one that knows nothing. */
  const restart = async (node: Node, bootstrap = false) => {
    await bench.stop(node);
    const next = await bench.node(node.name);
    return { node: next, ref: await join(next, bootstrap) };
  };
  const nodes = (await bench.nodes("a", "b", "c")) as [Node, Node, Node];
  const begin = () =>
    Promise.all(nodes.map((node) => join(node, true))) as Promise<
      [CounterRef, CounterRef, CounterRef]
    >;
  return { bench, nodes, begin, join, restart, options };
}

/** Asks until the replicas say what is expected of them. */
async function statuses(ref: CounterRef, expected: (said: string[]) => boolean) {
  let said: string[] = [];
  for (let asked = 0; asked < 20_000; asked++) {
    // What the nodes wait for needs turns of the loop: answers in memory take none.
    await new Promise((resolve) => setImmediate(resolve));
    const all = await ref.status({ digest: true });
    said = all.map((each) => (each.reachable ? each.status : "unreachable"));
    if (expected(said)) return all;
  }
  throw new RangeError(`the replicas never said it: ${said.join(", ")}`);
}

const isWhole = (said: string[]) => said.every((status) => status === "normal");

/** Asks until all replicas have run the same and say so. */
async function digests(ref: CounterRef): Promise<Set<string>> {
  for (;;) {
    const all = await statuses(ref, isWhole);
    const said = all.map((each) => (each.reachable ? `${each.commit} ${each.digest}` : ""));
    if (new Set(said).size === 1) return new Set(said);
    await ref.query("get");
  }
}

describe("a group of three in memory", () => {
  test.each([0, 1, 2])("goes on while replica %i dies and comes back with nothing", async (who) => {
    const { nodes, begin, restart } = await threeInMemory();
    const refs = await begin();
    expect(await refs[0].call("add", 5)).toBe(5);
    const other = refs[(who + 1) % 3] as CounterRef;
    const calls = Array.from({ length: 50 }, () => other.call("add", 1));
    const { ref } = await restart(nodes[who] as Node);
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 50 }, (_, i) => 6 + i));
    expect(await ref.call("add", 1)).toBe(56);
    expect((await digests(ref)).size).toBe(1);
    expect(await ref.query("get")).toBe(56);
  });

  test("survives that all of them are replaced, one after the other", async () => {
    const { nodes, begin, restart } = await threeInMemory();
    const [first] = await begin();
    expect(await first.call("add", 7)).toBe(7);
    let ref: CounterRef = first;
    for (const node of nodes) {
      ({ ref } = await restart(node));
      await statuses(ref, isWhole);
    }
    expect(await ref.call("add", 1)).toBe(8);
  });

  test("is lost when two come back with nothing, and nobody answers anything wrongly", async () => {
    const { bench, nodes, begin, join } = await threeInMemory();
    const [, , c] = await begin();
    expect(await c.call("add", 7)).toBe(7);
    expect((await digests(c)).size).toBe(1);
    await Promise.all([bench.stop(nodes[0]), bench.stop(nodes[1])]);
    const [a, b] = (await bench.nodes("a", "b")) as [Node, Node];
    const refs = await Promise.all([a, b].map((node) => join(node)));
    const told = await Promise.all(refs.map(lossOf));
    for (const error of told) {
      expect(error).toBeInstanceOf(GroupLostError);
      expect(error).toMatchObject({ code: "ERR_GROUP_LOST", outcome: "unknown" });
    }
    const all = await statuses(c, (said) => said[0] === "lost" && said[1] === "lost");
    expect(all[2]).toMatchObject({ reachable: true, commit: 2, op: 2 });
    // Who asks gets no answer, rather than that of an empty state.
    for (const ref of [...refs, c]) {
      const error = await rejection(ref.query("get", undefined, { timeout: 50 }));
      expect(error.code).toBe("ERR_CALL_TIMEOUT");
    }
    // Also who listens late is told.
    const late = await join(a);
    expect(await lossOf(late)).toBe(told[0]);
  });

  test("is lost when all come back, and begins anew only when all are told so", async () => {
    const { bench, nodes, begin, join } = await threeInMemory();
    const [first] = await begin();
    expect(await first.call("add", 7)).toBe(7);
    await Promise.all(nodes.map((node) => bench.stop(node)));
    const again = await bench.nodes("a", "b", "c");
    const [ref] = (await Promise.all(again.map((node) => join(node)))) as [CounterRef];
    await statuses(ref, (said) => said.every((status) => status === "lost"));
    await Promise.all(again.map((node) => bench.stop(node)));
    const anew = await bench.nodes("a", "b", "c");
    const [told] = (await Promise.all(anew.map((node) => join(node, true)))) as [CounterRef];
    expect(await told.call("add", 1)).toBe(1);
  });

  test("does not begin before all are there", async () => {
    const { nodes, join } = await threeInMemory();
    const [a] = await Promise.all([join(nodes[0], true), join(nodes[1], true)]);
    const error = await rejection(a.call("add", 1, { timeout: 100 }));
    expect(error.outcome).toMatch(/unknown|not_run/);
    await join(nodes[2], true);
    expect((await digests(a)).size).toBe(1);
  });
});

test("a replica that fails is not a new one, though it was told to begin the group", async () => {
  let isPoisoned = false;
  const Poisoned = defineActor("poisoned", {
    init: () => ({ count: 0 }),
    calls: {
      add: (s) => {
        if (isPoisoned) throw new RangeError("Maximum call stack size exceeded");
        return ++s.count;
      },
    },
  });
  const bench = await GroupBench.make();
  const node = await bench.node("a");
  const options = inMemory(bench, { replicas: ["a"], bootstrap: true });
  const held = await replicate(node, Poisoned, undefined, options);
  expect(await held.call("add")).toBe(1);
  const failed = stopOf(held);
  isPoisoned = true;
  held.call("add").catch(() => undefined);
  expect(await failed).toBeInstanceOf(RangeError);
  isPoisoned = false;
  const again = await replicate(node, Poisoned, undefined, options);
  const lost = await lossOf(again);
  expect(lost.message).toContain('group "g" has lost its memory, says its replica on a');
});
