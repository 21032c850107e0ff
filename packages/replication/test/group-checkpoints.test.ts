/** Groups of real nodes with real journals, whose states are kept every few ops. */
import { open, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { defineActor } from "@troupe/actor";
import type { Node } from "@troupe/cluster";
import { describe, expect, test } from "vitest";
import { checksum } from "../src/checksum.ts";
import { replicate } from "../src/group.ts";
import { inspectJournal } from "../src/journal/inspect.ts";
import { agreement, Counter, type CounterRef, GroupBench } from "./support/group-bench.ts";

const names = ["a", "b", "c"] as const;
const checkpointOps = 4;

async function group() {
  const bench = await GroupBench.make();
  const join3 = (node: Node) =>
    replicate(node, Counter, { start: 0 }, bench.options({ checkpointOps }));
  const start = async (name: string) => {
    const node = await bench.node(name);
    return { node, ref: await join3(node) };
  };
  const all = () => Promise.all(names.map(start));
  const directory = (name: string) => join(bench.storage, "g", `${name}.journal`);
  const report = (name: string) => inspectJournal(directory(name), checksum);
  return { bench, start, all, directory, report };
}

interface Member {
  readonly node: Node;
  readonly ref: CounterRef;
}

function refOf(member: Member | undefined): CounterRef {
  if (member === undefined) throw new Error("no such member");
  return member.ref;
}

/** One after the other, so that each is an op of its own. */
async function addOneByOne(ref: CounterRef, times: number): Promise<number> {
  let count = 0;
  for (let i = 0; i < times; i++) count = await ref.call("add", 1);
  return count;
}

describe("a group that keeps its state every few ops", () => {
  test("goes on from it when all come back, and says the same state as before", async () => {
    const { bench, all, report } = await group();
    const first = await all();
    const [a] = first;
    expect(await addOneByOne(refOf(a), 30)).toBe(30);
    await agreement(refOf(a));
    await Promise.all(first.map(({ node }) => bench.stop(node)));
    const ids = new Map<number, string>();
    for (const name of names) {
      const { checkpoints, damage } = await report(name);
      expect(damage).toEqual([]);
      // One that became durable when it closed has not yet taken the place of the oldest.
      expect([2, 3], name).toContain(checkpoints.length);
      for (const { op, id } of checkpoints) {
        expect(op % checkpointOps).toBe(0);
        expect(id).toBe(ids.get(op) ?? id);
        ids.set(op, id);
      }
    }
    const [again] = await all();
    expect(await refOf(again).query("get")).toBe(30);
    expect(await addOneByOne(refOf(again), 10)).toBe(40);
    await agreement(refOf(again));
  });

  test("gives a state to a replica that was away for longer than the log is kept", async () => {
    const { bench, all, start, report } = await group();
    const [a, , c] = await all();
    await addOneByOne(refOf(a), 3);
    await bench.stop(c?.node as Node);
    const { recovered } = await report("c");
    await addOneByOne(refOf(a), 60);
    const back = await start("c");
    await agreement(back.ref);
    expect(await back.ref.query("get")).toBe(63);
    await bench.stop(back.node);
    const after = await report("c");
    // The log begins anew behind the state that was fetched: it never got what lies between.
    expect(after.recovered?.base).toBeGreaterThan(recovered?.head ?? 0);
    expect(after.checkpoints.length).toBeGreaterThan(0);
    expect(after.damage).toEqual([]);
  });

  test.each([
    ["the header", 20],
    ["the checksum of a block", 75],
    ["the content", 95],
  ])("goes on when %s of the newest state of one replica is damaged", async (_what, at) => {
    const { bench, all, directory, report } = await group();
    const first = await all();
    await addOneByOne(refOf(first[0]), 22);
    await agreement(refOf(first[0]));
    await Promise.all(first.map(({ node }) => bench.stop(node)));
    const files = (await readdir(directory("b"))).filter((name) => name.endsWith(".checkpoint"));
    const newest = files.sort().at(-1) ?? "";
    const file = await open(join(directory("b"), newest), "r+");
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, at);
    await file.write(Buffer.from([(buffer[0] ?? 0) ^ 1]), 0, 1, at);
    await file.close();
    expect((await report("b")).damage).toMatchObject([{ file: newest, what: "checkpoint" }]);
    const second = await all();
    await agreement(refOf(second[1]));
    expect(await refOf(second[1]).query("get")).toBe(22);
    expect(await addOneByOne(refOf(second[1]), 1)).toBe(23);
  });

  test("goes on when one replica has lost all of its states and fetched another", async () => {
    const { bench, all, start, directory } = await group();
    const [a, , c] = await all();
    await addOneByOne(refOf(a), 3);
    await bench.stop(c?.node as Node);
    await addOneByOne(refOf(a), 60);
    const back = await start("c");
    await agreement(back.ref);
    await bench.stop(back.node);
    for (const name of await readdir(directory("c"))) {
      if (name.endsWith(".checkpoint")) await rm(join(directory("c"), name));
    }
    const again = await start("c");
    await addOneByOne(again.ref, 1);
    await agreement(again.ref);
    expect(await again.ref.query("get")).toBe(64);
  });

  test("removes what the states have made dispensable of its journals, and comes back", async () => {
    const { bench, directory } = await group();
    const Sink = defineActor("sink", {
      init: () => ({ taken: 0 }),
      queries: { taken: (state) => state.taken },
      calls: { take: (state, _load: string) => ++state.taken },
    });
    const startAll = async () => {
      const nodes = await bench.nodes(...names);
      const given = bench.options({ checkpointOps });
      return Promise.all(
        nodes.map(async (node) => ({
          node,
          ref: await replicate(node, Sink, undefined, given),
        })),
      );
    };
    const members = await startAll();
    // Each call is an op of its own, and all of them more than a segment holds.
    const load = "x".repeat(240_000);
    const calls = 340;
    for (let i = 0; i < calls; i += 20) {
      const some = Array.from({ length: 20 }, () => members[0]?.ref.call("take", load));
      await Promise.all(some);
    }
    await Promise.all(members.map(({ node }) => bench.stop(node)));
    for (const name of names) {
      const files = await readdir(directory(name));
      const segments = files.filter((file) => file.endsWith(".log"));
      expect(segments, name).toEqual(["000000000002.log"]);
    }
    const [again] = await startAll();
    expect(await again?.ref.query("taken")).toBe(calls);
    expect(await again?.ref.call("take", load)).toBe(calls + 1);
  });
});
