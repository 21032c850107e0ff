/** A replica whose state is not that of the others: noticed, told, and rebuilt from theirs. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { defineActor, supervisor } from "@troupe/actor";
import type { Node } from "@troupe/cluster";
import { describe, expect, test } from "vitest";
import { checksum } from "../src/checksum.ts";
import { replicate, replicated } from "../src/group.ts";
import type { GroupRef } from "../src/group-ref.ts";
import { inspectJournal } from "../src/journal/inspect.ts";
import { DivergedError } from "../src/vsr/index.ts";
import { agreement, eventOf, GroupBench } from "./support/group-bench.ts";

const checkpointOps = 4;

/** What a process has of its own, and a replicated actor must not read. */
interface OwnProcess {
  skew: number;
}

/** An actor that reads a variable of its process. */
const tallyOf = (process: OwnProcess) =>
  defineActor("tally", {
    init: () => ({ count: 0 }),
    queries: { get: (s) => s.count },
    calls: { add: (s, n: number) => (s.count += n + process.skew) },
  });

type Tally = ReturnType<typeof tallyOf>;
type TallyRef = GroupRef<Tally["queries"], Tally["calls"], Tally["casts"]>;

/** Three nodes, each of which is taken for a process with a variable of its own. */
async function threeProcesses() {
  const bench = await GroupBench.make();
  const own = [0, 1, 2].map((): OwnProcess => ({ skew: 0 })) as [
    OwnProcess,
    OwnProcess,
    OwnProcess,
  ];
  const nodes = (await bench.nodes("a", "b", "c")) as [Node, Node, Node];
  const options = bench.options({ checkpointOps });
  const join3 = (node: Node, i: number): Promise<TallyRef> =>
    replicate(node, tallyOf(own[i] as OwnProcess), undefined, options);
  const directory = join(bench.storage, "g", "c.journal");
  return { bench, own, nodes, options, join3, directory };
}

/** So many calls, each an op of its own. */
async function add(ref: TallyRef, times: number): Promise<void> {
  for (let i = 0; i < times; i++) await ref.call("add", 1);
}

/** Reads what the replica of a node has run, once it has run all that is known. */
const local = (ref: TallyRef, op: number) =>
  ref.query("get", undefined, { consistency: { atLeast: op }, timeout: 60_000 });

describe("a replica that computes something else", () => {
  test("is stopped at the next checkpoint, with both digests, and the others go on", async () => {
    const { nodes, own, join3, directory } = await threeProcesses();
    const [a, b, c] = (await Promise.all(nodes.map(join3))) as [TallyRef, TallyRef, TallyRef];
    const events = [eventOf(c, "diverged"), eventOf(c, "stopped")] as const;
    own[2].skew = 5;
    await add(a, checkpointOps);
    const [{ error }, stopped] = await Promise.all(events);
    expect(error).toBeInstanceOf(DivergedError);
    expect(stopped.error).toBe(error);
    expect(error).toMatchObject({ op: checkpointOps, isOutvoted: true });
    expect(error.own).not.toBe(error.other);
    expect(error.message).toContain(`${error.own} here and ${error.other}`);
    expect(await b.call("add", 1)).toBe(checkpointOps + 1);
    await c.close();
    const { diverged } = await inspectJournal(directory, checksum);
    expect(diverged).toEqual({ op: error.op, own: error.own, other: error.other });
  });

  test("takes the state of the others when it is started again, and serves with it", async () => {
    const { bench, nodes, own, join3, directory } = await threeProcesses();
    const [a, , c] = (await Promise.all(nodes.map(join3))) as [TallyRef, TallyRef, TallyRef];
    const diverged = eventOf(c, "diverged");
    own[2].skew = 5;
    // The first op is that of the caller's session, so this ends with the checkpoint.
    await add(a, checkpointOps - 1);
    await diverged;
    await bench.stop(nodes[2]);
    // Its log begins with the first op: run in this process once more, it would diverge again.
    const back = await join3(await bench.node("c"), 2);
    expect(await local(back, checkpointOps)).toBe(checkpointOps - 1);
    own[2].skew = 0;
    await agreement(a);
    await add(back, 3 * checkpointOps);
    expect(await back.query("get")).toBe(4 * checkpointOps - 1);
    await agreement(a);
    await back.close();
    expect(await readdir(directory)).not.toContain("diverged");
  });

  test("comes back by its supervisor, whatever else on its node holds the group", async () => {
    const { nodes, own, options, join3 } = await threeProcesses();
    const specs = own.map((process) => {
      const definition = tallyOf(process);
      return replicated(definition, undefined, options);
    });
    const starting = nodes.map((node, i) => {
      const children = [specs[i] as (typeof specs)[number]];
      return node.start(supervisor({ strategy: "one_for_one", children }));
    });
    await Promise.all(starting);
    const [a, , c] = (await Promise.all(nodes.map(join3))) as [TallyRef, TallyRef, TallyRef];
    // The state is lost in the midst of a log whose beginning is cut off.
    await add(a, 4 * checkpointOps);
    await agreement(a);
    const restarted = new Promise<void>((resolve) => {
      nodes[2].events.on("restart", () => resolve());
    });
    c.onEvent(({ type }) => {
      if (type === "diverged") own[2].skew = 0;
    });
    own[2].skew = 5;
    await add(a, checkpointOps);
    await restarted;
    await add(a, 1);
    const { count, op } = { count: await a.query("get"), op: a.op };
    expect(await local(c, op)).toBe(count);
    await agreement(a);
  });

  test("answers no local read before it has a state of the group's", async () => {
    const { bench, nodes, own, join3 } = await threeProcesses();
    const [a, , c] = (await Promise.all(nodes.map(join3))) as [TallyRef, TallyRef, TallyRef];
    const diverged = eventOf(c, "diverged");
    own[2].skew = 5;
    await add(a, checkpointOps);
    await diverged;
    await Promise.all(nodes.map((node) => bench.stop(node)));
    // Alone it has nobody to take a state from.
    const back = await join3(await bench.node("c"), 2);
    const read = back.query("get", undefined, { consistency: "local", timeout: 200 });
    await expect(read).rejects.toMatchObject({ outcome: "not_run" });
    own[2].skew = 0;
    await Promise.all((await bench.nodes("a", "b")).map(join3));
    expect(await local(back, a.op)).toBe(checkpointOps);
  });
});
