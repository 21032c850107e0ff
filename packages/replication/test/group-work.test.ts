/** A group's timers, messages, deferred replies, monitors and reads, on real nodes. */
import { type AnyRef, defineActor, type ReplyTo, UnknownOperationError } from "@troupe/actor";
import type { Node } from "@troupe/cluster";
import { describe, expect, test, vi } from "vitest";
import { replicate } from "../src/group.ts";
import { GroupBench, rejection } from "./support/group-bench.ts";

const Desk = defineActor("desk", {
  init: () => ({
    items: [] as string[],
    waiting: [] as ReplyTo<string>[],
    fired: 0,
    downs: [] as unknown[],
    seen: new Map([["a", { n: 1 }]]),
  }),
  queries: { items: (s) => s.items, fired: (s) => s.fired, downs: (s) => s.downs },
  calls: {
    push: (s, item: string, ctx) => {
      const to = s.waiting.shift();
      if (to === undefined) s.items.push(item);
      else ctx.reply(to, item);
    },
    pop: (s, _: undefined, ctx) => s.items.shift() ?? ctx.defer<string>((to) => s.waiting.push(to)),
    waiting: (s) => s.waiting.length,
    alarm: (_s, ms: number, ctx) => ctx.sendAfter(ms, "fire"),
    tell: (_s, [who, what]: [AnyRef, string], ctx) => ctx.cast(who, "hear", what),
    watch: (_s, who: AnyRef, ctx) => ctx.monitor(who),
  },
  info: {
    fire: (s) => {
      s.fired++;
    },
    down: (s, { reason }: { reason: unknown }) => {
      s.downs.push(reason);
    },
  },
});

const Listener = defineActor("listener", {
  init: () => ({ heard: [] as string[] }),
  queries: { heard: (s) => s.heard },
  calls: { parse: (_s, text: string) => JSON.parse(text) as unknown },
  casts: {
    hear: (s, what: string) => {
      s.heard.push(what);
    },
  },
});

async function threeDesks() {
  const bench = await GroupBench.make();
  const nodes = (await bench.nodes("a", "b", "c")) as [Node, Node, Node];
  const join = (node: Node) => replicate(node, Desk, undefined, bench.options());
  const [a, b, c] = await Promise.all([join(nodes[0]), join(nodes[1]), join(nodes[2])]);
  return { bench, nodes, a, b, c, join };
}

/** Asks until the answer is there. */
const eventually = (look: () => Promise<unknown>, expected: unknown) =>
  vi.waitFor(async () => expect(await look()).toEqual(expected), { timeout: 8000, interval: 5 });

describe("three nodes that replicate a desk", () => {
  test("answer a call that waits when another one brings what it waits for", async () => {
    const { a, b } = await threeDesks();
    const popped = [a.call("pop"), a.call("pop")];
    await eventually(() => b.call("waiting"), 2);
    await b.call("push", "x");
    await b.call("push", "y");
    expect(await Promise.all(popped)).toEqual(["x", "y"]);
    expect(await a.query("items")).toEqual([]);
  });

  test("keep a call that waits, a timer and a monitor when the primary's node is stopped", async () => {
    const { bench, nodes, b, c } = await threeDesks();
    const listener = await nodes[2].start(Listener);
    const popped = b.call("pop", undefined, { timeout: 20_000 });
    await c.call("alarm", 200);
    await c.call("watch", listener);
    await bench.stop(nodes[0]);
    await c.call("push", "x");
    expect(await popped).toBe("x");
    await eventually(() => c.query("fired"), 1);
    await nodes[2].stop(listener);
    await eventually(() => c.query("downs"), ["normal"]);
    expect(await b.query("fired")).toBe(1);
  });

  test("hear of the end of an actor whose error has text that no wire carries", async () => {
    const { nodes, a, b } = await threeDesks();
    // On the node of the primary: from another one the reason comes mended.
    const listener = await nodes[0].start(Listener);
    await a.call("watch", listener);
    // Whom to watch is looked up before each look at the clock.
    await a.call("alarm", 0);
    await eventually(() => a.query("fired"), 1);
    await listener.call("parse", "😀").catch(() => undefined);
    const message = "Unexpected token '\ufffd', \"😀\" is not valid JSON";
    await eventually(() => b.query("downs"), [{ error: { name: "SyntaxError", message } }]);
    expect(await a.query("downs")).toHaveLength(1);
  });

  test("hand a message to another actor once, also when the primary's node is stopped", async () => {
    const { bench, nodes, b } = await threeDesks();
    const listener = await nodes[1].start(Listener);
    for (let i = 0; i < 20; i++) await b.call("tell", [listener, `${i}`]);
    await bench.stop(nodes[0]);
    for (let i = 20; i < 40; i++) await b.call("tell", [listener, `${i}`]);
    await eventually(async () => (await listener.query("heard")).length, 40);
    await eventually(async () => {
      const status = await b.status({ details: true, timeout: 100 });
      return status.map((one) => (one.reachable ? one.details?.effects : -1));
    }, [-1, 0, 0]);
    const heard = await listener.query("heard");
    expect(new Set(heard).size).toBe(heard.length);
  });

  test("free the place of a call whose caller has given up", async () => {
    const bench = await GroupBench.make();
    const node = await bench.node("a");
    const options = bench.options({ replicas: ["a"], window: 2 });
    const ref = await replicate(node, Desk, undefined, options);
    const given = [1, 2].map(() => rejection(ref.call("pop", undefined, { timeout: 30 })));
    for (const error of await Promise.all(given)) expect(error.code).toBe("ERR_CALL_TIMEOUT");
    await ref.call("push", "x");
    expect(await ref.call("waiting")).toBe(1);
    const [one] = await ref.status({ details: true });
    expect(one?.reachable && one.details?.deferred).toBe(0);
  });

  test("read one place of the state, and refuse what is no path or no operation", async () => {
    const { a } = await threeDesks();
    await a.call("push", "x");
    expect(await a.getIn(["items", 0])).toBe("x");
    expect(await a.getIn(["seen", "a", "n"])).toBe(1);
    expect(await a.getIn(["nowhere"])).toBeUndefined();
    const odd = await rejection(a.getIn("items" as unknown as string[]));
    expect([odd.code, odd.outcome]).toEqual(["ERR_INVALID_OPTION", "not_run"]);
    const unknown = await rejection(a.query("nope" as "items"));
    expect(unknown).toBeInstanceOf(UnknownOperationError);
  });

  test("read on any node what one has written, once it has told up to which op", async () => {
    const { bench, a, c } = await threeDesks();
    const { storage: _, ...options } = bench.options();
    const outside = await replicate(await bench.node("outside"), Desk, undefined, options);
    for (let i = 0; i < 10; i++) {
      await a.call("push", `${i}`);
      const consistency = { atLeast: a.op };
      expect(await c.query("items", undefined, { consistency })).toHaveLength(i + 1);
      expect(await outside.getIn(["items", i], { consistency })).toBe(`${i}`);
    }
    expect(await c.query("items", undefined, { consistency: "local" })).toHaveLength(10);
    const never = { consistency: { atLeast: a.op + 1000 }, timeout: 20 } as const;
    const late = await rejection(c.query("items", undefined, never));
    expect([late.code, late.outcome]).toEqual(["ERR_NO_QUORUM", "not_run"]);
    const odd = { consistency: "soon" as "local" };
    expect((await rejection(c.query("items", undefined, odd))).code).toBe("ERR_INVALID_OPTION");
  });

  test("say how much each has to do, if they are asked", async () => {
    const { a } = await threeDesks();
    await a.call("alarm", 60_000);
    await eventually(async () => {
      const status = await a.status({ details: true });
      return status.map((one) => one.reachable && [one.details?.timers, one.details?.lag]);
    }, [
      [1, 0],
      [1, 0],
      [1, 0],
    ]);
    const [plain] = await a.status();
    expect(plain).not.toHaveProperty("details");
  });
});
