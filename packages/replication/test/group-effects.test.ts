/** The named effects of a group, on real nodes: who performs them, and what comes of it. */
import { type AnyRef, defineActor, type EffectFailedEvent, type EffectResult } from "@troupe/actor";
import type { Node } from "@troupe/cluster";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { replicate } from "../src/group.ts";
import { GroupBench } from "./support/group-bench.ts";

interface Work {
  readonly id: string;
  readonly what: string;
  readonly signal: AbortSignal;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** What the effects of all nodes of a test have begun; they settle when the test says so. */
let works: Work[] = [];

const Press = defineActor("press", {
  init: () => ({ results: [] as EffectResult[], ids: [] as string[] }),
  queries: { results: (s) => s.results, ids: (s) => s.ids },
  calls: {
    print: (s, what: string, ctx) => s.ids.push(ctx.effect("print", what, { info: "printed" })),
    quietly: (_s, what: string, ctx) => ctx.effect("print", what),
    ask: (_s, who: AnyRef, ctx) => ctx.effect("ask", { who }, { info: "printed" }),
    tear: (_s, what: string, ctx) => ctx.effect("print", what, { info: "torn" }),
    large: (_s, size: number, ctx) => ctx.effect("large", size, { info: "printed" }),
  },
  info: {
    printed: (s, result: EffectResult) => {
      s.results.push(result);
    },
    torn: () => {
      throw new Error("torn");
    },
  },
  effects: {
    print: (what: string, { id, signal }) =>
      new Promise((resolve, reject) => works.push({ id, what, signal, resolve, reject })),
    ask: async ({ who }: { who: AnyRef }) => ({ said: await who.call("answer", "you"), who }),
    large: (size: number) => "x".repeat(size),
  },
});

const Other = defineActor("other", {
  init: () => ({}),
  calls: { answer: (_s, who: string) => `hello ${who}` },
});

async function threePresses() {
  works = [];
  // A promise that nobody waits for must not keep anything of a test.
  onTestFinished(() => {
    for (const { resolve } of works) resolve(undefined);
  });
  const bench = await GroupBench.make();
  const nodes = (await bench.nodes("a", "b", "c")) as [Node, Node, Node];
  const join = (node: Node) => replicate(node, Press, undefined, bench.options());
  const [a, b, c] = await Promise.all([join(nodes[0]), join(nodes[1]), join(nodes[2])]);
  return { bench, nodes, a, b, c, join };
}

const eventually = (look: () => unknown, expected: unknown) =>
  vi.waitFor(async () => expect(await look()).toEqual(expected), { timeout: 8000, interval: 5 });

describe("three nodes that replicate a press", () => {
  test("have an effect performed by the primary alone, and tell the actor once what came of it", async () => {
    const { a, b, c } = await threePresses();
    await c.call("print", "poster");
    const [id] = await a.query("ids");
    await eventually(() => works.map((work) => [work.id, work.what]), [[id, "poster"]]);
    works[0]?.resolve({ sheets: 3 });
    const results = [{ id, effect: "print", value: { sheets: 3 } }];
    await eventually(() => b.query("results"), results);
    await eventually(async () => {
      const status = await b.status({ details: true, digest: true });
      const open = status.map((one) => one.reachable && one.details?.effects);
      const digests = new Set(
        status.map((one) => one.reachable && [one.commit, one.digest].join()),
      );
      return [open, digests.size];
    }, [[0, 0, 0], 1]);
    expect([works.length, works[0]?.signal.aborted]).toEqual([1, false]);
    expect(await c.query("results")).toEqual(results);
  });

  test("perform it again under the same id when the primary's node is stopped meanwhile, and tell once", async () => {
    const { bench, nodes, b, c } = await threePresses();
    await b.call("print", "poster");
    await eventually(() => works.length, 1);
    await bench.stop(nodes[0]);
    await eventually(() => works.length, 2);
    expect(works[0]?.signal.aborted).toBe(true);
    expect(works[1]?.signal.aborted).toBe(false);
    const [id] = await b.query("ids");
    expect(works.map((work) => work.id)).toEqual([id, id]);
    works[0]?.resolve("by the old one");
    works[1]?.resolve("by the new one");
    const results = [{ id, effect: "print", value: "by the new one" }];
    await eventually(() => c.query("results"), results);
    await b.call("print", "another");
    await eventually(() => works.length, 3);
    expect(await b.query("results")).toEqual(results);
  });

  test("may perform it on both sides of a cut at a time, under one id; the outcome of the majority counts", async () => {
    const { bench, a, b, c } = await threePresses();
    await b.call("print", "poster");
    await eventually(() => works.length, 1);
    for (const other of ["b", "c"]) bench.network.cut("a", other);
    await eventually(() => works.length, 2);
    const [old, next] = works;
    expect([old?.id, old?.signal.aborted]).toEqual([next?.id, false]);
    old?.resolve("by the old one");
    next?.resolve("by the new one");
    const results = [{ id: next?.id, effect: "print", value: "by the new one" }];
    await eventually(() => c.query("results"), results);
    for (const other of ["b", "c"]) bench.network.heal("a", other);
    const local = { consistency: "local" } as const;
    await eventually(() => a.query("results", undefined, local), results);
    expect([await b.query("results"), works.length]).toEqual([results, 2]);
  });

  test("perform it again after all of them were stopped, and not once its outcome was in the log", async () => {
    const { bench, a, b } = await threePresses();
    await b.call("print", "first");
    await eventually(() => works.length, 1);
    works[0]?.resolve("done");
    await eventually(async () => (await a.query("results")).length, 1);
    await b.call("print", "second");
    await eventually(() => works.length, 2);
    await bench.stopAll();
    const nodes = await bench.nodes("a", "b", "c");
    const [again] = await Promise.all(
      nodes.map((node) => replicate(node, Press, undefined, bench.options())),
    );
    await eventually(() => works.map(({ what }) => what), ["first", "second", "second"]);
    expect(works[2]?.id).toBe(works[1]?.id);
    works[2]?.resolve("done");
    await eventually(async () => (await again?.query("results"))?.length, 2);
    expect(works).toHaveLength(3);
  });

  test("let an effect call another actor, and hand back a ref to it", async () => {
    const { nodes, c } = await threePresses();
    const other = await nodes[2].start(Other);
    await c.call("ask", other);
    await eventually(async () => (await c.query("results")).length, 1);
    const [result] = (await c.query("results")) as [EffectResult<{ said: string; who: AnyRef }>];
    if (!("value" in result)) throw new Error("it failed");
    expect(result.value.said).toBe("hello you");
    expect(await result.value.who.call("answer", "again")).toBe("hello again");
  });

  test("tell of an outcome that no entry of the log could carry", async () => {
    const { a } = await threePresses();
    await a.call("large", 100_000);
    await a.call("large", 200_000);
    await eventually(async () => (await a.query("results")).length, 2);
    const results = await a.query("results");
    expect(results).toMatchObject([
      { value: "x".repeat(100_000) },
      { effect: "large", error: { code: "ERR_NOT_SERIALIZABLE" } },
    ]);
  });

  test("say once, though each runs it, what the handler of an outcome threw", async () => {
    const { nodes, a, b, c } = await threePresses();
    // Nodes without a logger of their own share the one that says nothing.
    expect(new Set(nodes.map(({ logger }) => logger)).size).toBe(1);
    const log = vi.spyOn(nodes[0].logger, "error");
    onTestFinished(() => log.mockRestore());
    await a.call("tear", "x");
    await eventually(() => works.length, 1);
    works[0]?.resolve("receipt");
    const torn = expect.objectContaining({ message: "torn" });
    await eventually(() => log.mock.calls, [['"torn" of the group g threw, and is undone', torn]]);
    // Its answer reflects that op, so the backups are asked when they have run it too.
    expect(await a.query("results")).toEqual([]);
    const consistency = { atLeast: a.op };
    for (const ref of [b, c]) {
      expect(await ref.query("results", undefined, { consistency })).toEqual([]);
    }
    expect(log).toHaveBeenCalledOnce();
  });

  test("report a failure that the actor did not want to be told of, on the primary's node", async () => {
    const { nodes, a } = await threePresses();
    const failed: EffectFailedEvent[] = [];
    for (const node of nodes) node.events.on("effectFailed", (event) => failed.push(event));
    const id = await a.call("quietly", "x");
    await eventually(() => works.length, 1);
    const error = new Error("no paper");
    works[0]?.reject(error);
    await eventually(() => failed, [{ ref: undefined, group: "g", id, effect: "print", error }]);
    await eventually(async () => {
      const [status] = await a.status({ details: true });
      return status?.reachable && status.details?.effects;
    }, 0);
  });
});
