/** Groups with a size on real nodes: founded once, found again, never two of one name unnoticed. */
import { rm } from "node:fs/promises";
import path from "node:path";
import { OptionError, SystemStoppedError, supervisor } from "@troupe/actor";
import type { Node } from "@troupe/cluster";
import { describe, expect, test } from "vitest";
import { GroupConfigMismatchError, GroupUnfoundedError, JournalError } from "../src/errors.ts";
import { replicate, replicated } from "../src/group.ts";
import type { GroupOptions } from "../src/options.ts";
import { Counter, type CounterRef, eventOf, GroupBench, rejection } from "./support/group-bench.ts";

/** What every node says of the group. */
function sized(bench: GroupBench, changes: Partial<GroupOptions> = {}): GroupOptions {
  const { replicas: _, ...options } = bench.options({ size: 3, founder: "a", ...changes });
  return options;
}

/** The same of one in memory. */
function sizedInMemory(bench: GroupBench): GroupOptions {
  const { storage: _, ...options } = sized(bench, { durability: "memory" });
  return options;
}

const join = (node: Node, options: GroupOptions) => replicate(node, Counter, { start: 0 }, options);

const replicasOf = async (ref: CounterRef) => (await ref.status()).map(({ replica }) => replica);

describe("a group with a size", () => {
  test("is founded once its nodes are there, and a fourth one holds a ref only", async () => {
    const bench = await GroupBench.make();
    const nodes = await bench.nodes("a", "b", "c");
    const refs = await Promise.all(nodes.map((node) => join(node, sized(bench))));
    expect(await refs[1]?.call("add", 5)).toBe(5);
    const fourth = await join(await bench.node("d"), sized(bench));
    expect(await fourth.call("add", 5)).toBe(10);
    expect(await replicasOf(fourth)).toEqual(["a", "b", "c"]);
  });

  test("is served by a node without storage, which is never chosen", async () => {
    const bench = await GroupBench.make();
    const { storage: _, ...nowhere } = sized(bench);
    const nodes = await bench.nodes("a", "b", "c", "d");
    const refs = await Promise.all(
      nodes.map((node) => join(node, node.name === "b" ? nowhere : sized(bench))),
    );
    expect(await refs[1]?.call("add", 1)).toBe(1);
    expect(await replicasOf(refs[1] as CounterRef)).toEqual(["a", "c", "d"]);
  });

  test("comes back as it was, each node by itself, and then all of them at once", async () => {
    const bench = await GroupBench.make();
    let nodes = await bench.nodes("a", "b", "c");
    let refs = await Promise.all(nodes.map((node) => join(node, sized(bench))));
    for (const [i, node] of nodes.entries()) {
      await bench.stop(node);
      const again = await join(await bench.node(node.name), sized(bench));
      expect(await again.call("add", 1)).toBe(i + 1);
    }
    await bench.stopAll();
    // Without its founder and without a majority of answers: from what each has kept.
    nodes = await bench.nodes("b", "c");
    refs = await Promise.all(nodes.map((node) => join(node, sized(bench))));
    expect(await refs[0]?.call("add", 1)).toBe(4);
  });

  test("is not founded in the half of a split cluster that has no founder", async () => {
    const bench = await GroupBench.make();
    const there = await bench.split(["a", "b", "c"], ["d", "e", "f"]);
    const waiting = there.slice(3).map((node) => join(node, sized(bench)));
    const refs = await Promise.all(there.slice(0, 3).map((node) => join(node, sized(bench))));
    expect(await refs[0]?.call("add", 7)).toBe(7);
    await bench.bridge("a", "d");
    const others = await Promise.all(waiting);
    for (const ref of others) {
      expect(await ref.query("get")).toBe(7);
      expect(await replicasOf(ref)).toEqual(["a", "b", "c"]);
    }
  });

  test("says so on both sides if the cluster was split and both halves had a founder", async () => {
    const bench = await GroupBench.make();
    const nodes = await bench.split(["a", "b", "c"], ["d", "e", "f"]);
    const refs = await Promise.all(
      nodes.map((node, i) => join(node, sized(bench, { founder: i < 3 ? "a" : "d" }))),
    );
    const splits = refs.map((ref) => eventOf(ref, "split"));
    await bench.bridge("a", "d");
    for (const { error } of await Promise.all(splits)) {
      expect(error).toMatchObject({ code: "ERR_GROUP_SPLIT" });
      expect(error.message).toContain("on a, b, c");
      expect(error.message).toContain("on d, e, f");
    }
    // Neither has taken the other's replicas for its own.
    expect(await replicasOf(refs[0] as CounterRef)).toEqual(["a", "b", "c"]);
    expect(await replicasOf(refs[5] as CounterRef)).toEqual(["d", "e", "f"]);
  });

  test("cannot be founded a second time by another node", async () => {
    const bench = await GroupBench.make();
    const nodes = await bench.nodes("a", "b", "c");
    await Promise.all(nodes.map((node) => join(node, sized(bench))));
    const error = await rejection(join(await bench.node("d"), sized(bench, { founder: "d" })));
    expect(error).toBeInstanceOf(GroupConfigMismatchError);
    expect(error.message).toContain('founder: "d" here, "a" there');
  });

  test("is waited for as long as was said, and no longer than its node is there", async () => {
    const bench = await GroupBench.make();
    const [a, b] = await bench.nodes("a", "b");
    const error = await rejection(join(a as Node, sized(bench, { foundingTimeoutMs: 100 })));
    expect(error).toBeInstanceOf(GroupUnfoundedError);
    expect(error.outcome).toBe("not_run");
    const stopped = rejection(join(b as Node, sized(bench)));
    await bench.stop(b as Node);
    expect(await stopped).toBeInstanceOf(SystemStoppedError);
  });

  test("keeps the size that it was founded with", async () => {
    const bench = await GroupBench.make();
    const node = await bench.node("a");
    const ref = await join(node, sized(bench, { size: 1 }));
    expect(await ref.call("add", 1)).toBe(1);
    await bench.stop(node);
    const error = await rejection(join(await bench.node("a"), sized(bench, { size: 2 })));
    expect(error).toBeInstanceOf(OptionError);
    expect(error.message).toContain("invalid option size: expected 1, as the group was founded");
  });

  test.each(["a", "c"])(
    "refuses %s without its directory, and takes it back as it is told",
    async (name) => {
      const bench = await GroupBench.make();
      const nodes = await bench.nodes("a", "b", "c");
      const refs = await Promise.all(nodes.map((node) => join(node, sized(bench))));
      expect(await refs[1]?.call("add", 5)).toBe(5);
      await bench.stop(nodes[name === "a" ? 0 : 2] as Node);
      await rm(path.join(bench.storage, "g", `${name}.journal`), { recursive: true });
      const node = await bench.node(name);
      const refused = await rejection(join(node, sized(bench)));
      expect(refused).toBeInstanceOf(JournalError);
      expect(refused).toMatchObject({ kind: "missing", outcome: "not_run" });
      expect(refused.message).toContain("if it is lost for good, start once with `rejoin: true`");
      const back = await join(node, sized(bench, { rejoin: true }));
      await bench.whole(back);
      expect(await back.call("add", 1)).toBe(6);
      await bench.stop(node);
      const again = await join(await bench.node(name), sized(bench));
      await bench.whole(again);
      expect(await again.call("add", 1)).toBe(7);
    },
  );

  test("lives in supervision trees, and each node's ref finds it", async () => {
    const bench = await GroupBench.make();
    const nodes = await bench.nodes("a", "b", "c");
    const options = sized(bench);
    const children = [replicated(Counter, { start: 0 }, options)];
    const tree = supervisor({ strategy: "one_for_one", children });
    await Promise.all(nodes.map((node) => node.start(tree)));
    const refs = await Promise.all(nodes.map((node) => join(node, options)));
    for (const [i, ref] of refs.entries()) expect(await ref.call("add", 1)).toBe(i + 1);
  });
});

describe("a group with a size that is kept in memory", () => {
  test("begins by its founder's choice, and a node that comes back gets all from the others", async () => {
    const bench = await GroupBench.make();
    const nodes = await bench.nodes("a", "b", "c");
    const refs = await Promise.all(nodes.map((node) => join(node, sizedInMemory(bench))));
    expect(await refs[1]?.call("add", 5)).toBe(5);
    for (const [i, node] of nodes.entries()) {
      await bench.stop(node);
      const again = await join(await bench.node(node.name), sizedInMemory(bench));
      expect(await again.call("add", 1)).toBe(6 + i);
      await bench.whole(again);
    }
  });

  test("is lost, and not begun anew, if all replicas end while one is there who knew of it", async () => {
    const bench = await GroupBench.make();
    const nodes = await bench.nodes("a", "b", "c");
    const refs = await Promise.all(nodes.map((node) => join(node, sizedInMemory(bench))));
    expect(await refs[1]?.call("add", 5)).toBe(5);
    await join(await bench.node("d"), sizedInMemory(bench));
    await Promise.all(nodes.map((node) => bench.stop(node)));
    const again = await bench.nodes("a", "b", "c");
    const lost = await Promise.all(
      again.map(async (node) => eventOf(await join(node, sizedInMemory(bench)), "lost")),
    );
    for (const { error } of lost) expect(error).toMatchObject({ code: "ERR_GROUP_LOST" });
  });
});

describe("the options of a group with a size", () => {
  test.each([
    ["size", { size: 0 }],
    ["size", { size: 8 }],
    ["size", { size: "3" as unknown as number }],
    ["founder", { founder: undefined }],
    ["founder", { founder: "no name" }],
    ["founder", { size: undefined, replicas: ["a"] }],
    ["replicas", { replicas: ["a", "b", "c"] }],
    ["bootstrap", { bootstrap: true }],
    ["bootstrap", { bootstrap: true, durability: "memory", storage: undefined }],
    ["foundingTimeoutMs", { foundingTimeoutMs: 0 }],
    ["pipeline", { pipeline: 0 }],
    ["tickMs", { tickMs: -1 }],
  ] as [string, Partial<GroupOptions>][])("are refused by name: %s, %j", (option, changes) => {
    const given = { group: "g", size: 3, founder: "a", storage: "./data", ...changes };
    let refused: unknown;
    try {
      replicated(Counter, { start: 0 }, given);
    } catch (error) {
      refused = error;
    }
    expect(refused).toBeInstanceOf(OptionError);
    expect((refused as OptionError).option).toBe(option);
  });

  test("need a node that is one of the cluster's, and names or a size", () => {
    const neither = { group: "g", storage: "./data" };
    expect(() => replicated(Counter, { start: 0 }, neither)).toThrow(
      "a list of 1 to 7 node names, or a size instead",
    );
  });
});
