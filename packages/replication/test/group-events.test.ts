/** What real nodes tell of a group when its primary stops and when a replica comes back. */
import type { Node } from "@troupe/cluster";
import { expect, test } from "vitest";
import { replicate } from "../src/group.ts";
import type { ReplicationEvent } from "../src/replication-events.ts";
import { Counter, type CounterRef, eventOf, GroupBench } from "./support/group-bench.ts";

const join = (bench: GroupBench, node: Node) =>
  replicate(node, Counter, { start: 0 }, bench.options());

function heardBy(ref: CounterRef): ReplicationEvent[] {
  const heard: ReplicationEvent[] = [];
  ref.onEvent((event) => heard.push(event));
  return heard;
}

test("both backups tell of the next primary when the first one has stopped, once each", async () => {
  const bench = await GroupBench.make();
  const nodes = (await bench.nodes("a", "b", "c")) as [Node, Node, Node];
  const first: Promise<Extract<ReplicationEvent, { type: "primary_changed" }>>[] = [];
  const listening = nodes.map(async (node) => {
    const ref = await join(bench, node);
    first.push(eventOf(ref, "primary_changed"));
    return ref;
  });
  const [a, b, c] = (await Promise.all(listening)) as [CounterRef, CounterRef, CounterRef];
  const before = await Promise.all(first);
  expect(before.map(({ primary }) => primary)).toEqual(["a", "a", "a"]);
  await a.call("add", 1);
  const heard = [heardBy(b), heardBy(c)];
  const changed = [b, c].map((ref) => eventOf(ref, "primary_changed"));
  await bench.stop(nodes[0]);
  for (const event of await Promise.all(changed)) {
    expect(event).toMatchObject({ previous: "a", primary: expect.stringMatching(/^[bc]$/) });
  }
  expect(await b.call("add", 1)).toBe(2);
  for (const events of heard) {
    const views = events.flatMap((event) => (event.type === "view_changed" ? [event.view] : []));
    expect(views.length).toBeGreaterThan(0);
    expect(new Set(views).size).toBe(views.length);
    expect([...views].sort((one, other) => one - other)).toEqual(views);
  }
});

test("a handle that is closed hears nothing more, and one whose listener is taken off neither", async () => {
  const bench = await GroupBench.make();
  const node = await bench.node("a");
  const options = bench.options({ replicas: ["a"] });
  const ref = await replicate(node, Counter, { start: 0 }, options);
  const other = await replicate(node, Counter, { start: 0 }, options);
  const heard = heardBy(ref);
  const unheard: ReplicationEvent[] = [];
  const unlisten = other.onEvent((event) => unheard.push(event));
  unlisten();
  const told = eventOf(other, "view_changed");
  await ref.close();
  expect(await told).toEqual({ type: "view_changed", view: 0, primary: "a" });
  expect(heard).toEqual([]);
  expect(unheard).toEqual([]);
  ref.onEvent((event) => heard.push(event));
  expect(heard).toEqual([]);
});
