/** Who is connected to whom: dialling, restarts, rivals and strangers. */
import type { Clock } from "@troupe/actor";
import { settle } from "@troupe/actor/testing";
import { describe, expect, test } from "vitest";
import type { Node } from "../../src/node.ts";
import { memoryUrl } from "../../src/transport/memory.ts";
import type { Socket } from "../../src/transport/transport.ts";
import { Bench, Counter, names } from "../support.ts";

describe("finding each other:", () => {
  test("a node may have itself among its seeds", async () => {
    const bench = new Bench();
    const b = await bench.node("b", ["a", "b"]);
    const a = await bench.node("a", ["a", "b"]);
    await bench.until(() => names(a).length === 1 && names(b).length === 1);
    await bench.pass(10_000);
    expect([names(a), names(b)]).toEqual([["b"], ["a"]]);
  });

  test("a node that comes later is found by those that dial", async () => {
    const bench = new Bench();
    const a = await bench.node("a", ["b", "c"], { reconnectMaxMs: 3000 });
    await bench.pass(60_000);
    await bench.node("b");
    await bench.until(() => names(a).includes("b"), 3100);
    await bench.node("c");
    await bench.until(() => names(a).includes("c"), 3100);
  });

  test("three nodes with the same seeds are all connected", async () => {
    const bench = new Bench({ min: 1, max: 30 });
    const seeds = ["a", "b", "c"];
    const nodes: Node[] = [];
    for (const name of seeds) nodes.push(await bench.node(name, seeds));
    await bench.until(() => nodes.every((node) => node.nodes().length === 2));
    await bench.pass(5000);
    expect(bench.log.filter((line) => line.includes("down"))).toEqual([]);
  });

  test("a node that listens nowhere is connected by its own dial, and has no address", async () => {
    const bench = new Bench();
    const b = await bench.node("b");
    const a = await bench.node("a", ["b"], { listen: undefined } as never);
    await bench.until(() => names(b).length === 1);
    expect(a.url).toBeUndefined();
    expect(b.nodes()).toEqual([{ name: "a", incarnation: a.incarnation }]);
  });

  test("an address at which somebody else's name answers is as good as any", async () => {
    const bench = new Bench();
    const b = await bench.node("b", [], { transport: bench.network.transport("elsewhere") });
    const a = await bench.node("a", ["elsewhere"]);
    await bench.until(() => names(a).length === 1);
    expect(a.nodes()[0]).toMatchObject({ name: "b", url: memoryUrl("elsewhere") });
    expect(names(b)).toEqual(["a"]);
  });

  test("a discovery that fails is reported and does no harm", async () => {
    const bench = new Bench();
    const warnings: string[] = [];
    await bench.node("a", [], {
      logger: { warn: (text) => warnings.push(text), error() {} },
      discovery: [
        {
          name: "broken",
          // biome-ignore lint/correctness/useYield: it fails before it has anything to yield
          async *watch() {
            throw new RangeError("no such file");
          },
        },
      ],
    });
    await settle();
    const message = 'discovery "broken" has failed and is started again: no such file';
    expect(warnings).toEqual([message]);
  });
});

describe("dialling at once:", () => {
  test.each(Array.from({ length: 40 }, (_, seed) => seed))(
    "two nodes end with one link, run %i",
    async (seed) => {
      const bench = new Bench({ min: 0, max: 20 });
      for (let n = 0; n < seed; n++) bench.random();
      const a = await bench.node("a", ["b"]);
      const b = await bench.node("b", ["a"]);
      const refusals = new Set<string>();
      for (const node of [a, b]) node.events.on("refused", ({ reason }) => refusals.add(reason));
      await bench.until(() => a.nodes().length === 1 && b.nodes().length === 1);
      await bench.pass(10_000);
      expect(["simultaneous", "already_connected"]).toEqual(expect.arrayContaining([...refusals]));
      // One life of a link on each side: whatever was refused was refused before it was up.
      expect(bench.log.sort()).toEqual(["a: up b", "b: up a"]);
      const counter = await bench.during(a.startOn("b", Counter, { start: 1 }));
      expect(await bench.during(counter.query("get"))).toBe(1);
    },
  );

  test("two addresses of one node make one link", async () => {
    const bench = new Bench();
    const b = await bench.node("b");
    // The same node, reachable under a second name.
    const second = bench.network.transport("b2");
    const accepted: Socket[] = [];
    const relay = await second.listen({ host: "", port: 0 }, (socket) => accepted.push(socket));
    const a = await bench.node("a", ["b", "b2"]);
    await bench.until(() => names(a).length === 1);
    await bench.pass(5000);
    expect(names(b)).toEqual(["a"]);
    expect(bench.log.sort()).toEqual(["a: up b", "b: up a"]);
    await relay.close();
  });
});

describe("a restart:", () => {
  test("of a node that left is the end of one life and the beginning of the next", async () => {
    const bench = new Bench();
    const [a, b] = await bench.pair();
    await bench.shutdown(b);
    expect(names(a)).toEqual([]);
    const again = await bench.node("b");
    await bench.until(() => names(a).length === 1, 3100);
    expect(a.nodes()[0]?.incarnation).toBe(again.incarnation);
    expect(bench.log.filter((line) => line.startsWith("a:"))).toEqual([
      "a: up b",
      "a: down b (left)",
      "a: up b",
    ]);
  });

  test("of a node that nobody saw die replaces it once it is found to be silent", async () => {
    const bench = new Bench();
    const [a, old] = await bench.pair({ heartbeatMs: 60_000 });
    // The machine of the old life is gone: whatever is sent to it is never answered.
    bench.network.cut("a", "b");
    const again = await bench.node("b", ["a"], { transport: bench.network.transport("b-new") });
    await bench.until(() => a.nodes()[0]?.incarnation === again.incarnation);
    expect(old.incarnation).toBeLessThan(again.incarnation);
    expect(bench.log.filter((line) => line.startsWith("a:"))).toEqual([
      "a: up b",
      "a: down b (replaced)",
      "a: up b",
    ]);
    bench.network.heal("a", "b");
  });

  test("is taken at once when the machine answers that there is no such connection", async () => {
    const bench = new Bench();
    const [a] = await bench.pair({ heartbeatMs: 60_000, probeTimeoutMs: 60_000 });
    bench.network.cut("a", "b");
    const again = await bench.node("b", ["a"], { transport: bench.network.transport("b-new") });
    await bench.pass(2000);
    expect(a.nodes()[0]?.incarnation).not.toBe(again.incarnation);
    bench.network.sever("a", "b");
    await bench.until(() => a.nodes()[0]?.incarnation === again.incarnation, 100);
    expect(bench.log.filter((line) => line.startsWith("a:"))).toEqual([
      "a: up b",
      "a: down b (lost)",
      "a: up b",
    ]);
  });

  test("makes refs of the life before answer NoProcessError, not a namesake", async () => {
    const bench = new Bench();
    const [a, b] = await bench.pair();
    const old = await a.startOn("b", Counter, { start: 0 });
    await bench.shutdown(b);
    const again = await bench.node("b");
    const fresh = await again.start(Counter, { start: 100 });
    expect(fresh.address.id).toBe(old.address.id);
    await bench.until(() => names(a).length === 1);
    await expect(old.call("add", 1)).rejects.toMatchObject({
      code: "ERR_NO_PROCESS",
      outcome: "not_run",
    });
    expect(await fresh.query("get")).toBe(100);
  });
});

describe("rivals:", () => {
  test("a second node of a name is refused as long as the first one answers", async () => {
    const bench = new Bench();
    const [a, b] = await bench.pair();
    const twin = await bench.node("b", ["a"], { transport: bench.network.transport("twin") });
    const refusals: string[] = [];
    twin.events.on("refused", ({ reason }) => refusals.push(reason));
    await bench.pass(20_000);
    expect(refusals.length).toBeGreaterThan(2);
    expect(new Set(refusals)).toEqual(new Set(["duplicate"]));
    expect(a.nodes()[0]?.incarnation).toBe(b.incarnation);
    expect(twin.nodes()).toEqual([]);
    expect(bench.log).toEqual(expect.not.arrayContaining([expect.stringContaining("down")]));
  });

  test("an earlier life is refused as long as a later one is connected", async () => {
    const bench = new Bench();
    const old = await bench.node("b", ["a"], { transport: bench.network.transport("old") });
    const a = await bench.node("a", ["b"]);
    bench.network.cut("a", "old");
    const newer = await bench.node("b");
    await bench.until(() => names(a).length === 1 && newer.nodes().length === 1);
    const refusals: string[] = [];
    old.events.on("refused", ({ reason }) => refusals.push(reason));
    bench.network.heal("a", "old");
    await bench.pass(10_000);
    expect(new Set(refusals)).toEqual(new Set(["stale_incarnation"]));
    expect(a.nodes()[0]?.incarnation).toBe(newer.incarnation);
  });

  test("a node that was restarted with its clock set back gets in again", async () => {
    const bench = new Bench();
    const [a, b] = await bench.pair();
    await bench.shutdown(b);
    const inner = bench.clock;
    const clock: Clock = {
      now: () => inner.now() - 3_600_000,
      monotonic: () => inner.monotonic(),
      setTimer: (ms, fn) => inner.setTimer(ms, fn),
      clearTimer: (handle) => inner.clearTimer(handle),
    };
    const again = await bench.node("b", [], { clock });
    expect(again.incarnation).toBeLessThan(b.incarnation);
    await bench.until(() => a.nodes()[0]?.incarnation === again.incarnation);
    const counter = await a.startOn("b", Counter, { start: 3 });
    expect(await counter.query("get")).toBe(3);
  });

  test("an earlier life is let in once it has outbid the later one that we knew", async () => {
    const bench = new Bench();
    const c = await bench.node("c");
    const old = await bench.node("b", ["c"], { transport: bench.network.transport("old") });
    await bench.until(() => names(c).includes("b"));
    const a = await bench.node("a");
    // A namesake that only a meets, and that ends without a word.
    const newer = await bench.node("b", ["a"], { transport: bench.network.transport("newer") });
    await bench.until(() => names(a).includes("b"));
    bench.network.cut("a", "newer");
    await bench.shutdown(newer);
    await bench.until(() => names(a).length === 0);
    const d = await bench.node("d", ["a", "c"]);
    await bench.until(() => names(d).includes("a") && names(d).includes("c"));
    await bench.until(() => names(a).length === 3, 60_000);
    expect(a.nodes().find(({ name }) => name === "b")?.incarnation).toBe(old.incarnation);
    expect(names(old)).toEqual(["a", "c", "d"]);
  });

  test("a namesake of ours is refused by us, and we go on", async () => {
    const bench = new Bench();
    const one = await bench.node("a");
    const reasons: string[] = [];
    one.events.on("refused", ({ reason }) => reasons.push(reason));
    const other = await bench.node("a", ["a"], { transport: bench.network.transport("other") });
    await bench.pass(5000);
    expect(one.nodes()).toEqual([]);
    expect(other.nodes()).toEqual([]);
  });
});

describe("strangers:", () => {
  test.each([
    ["a wrong key", { keys: ["wrong"] }, "auth"],
    ["no key", {}, "auth"],
    ["another cluster", { keys: ["right"], cluster: "other" }, "cluster"],
  ])("%s is refused and leaves no trace", async (_name, options, reason) => {
    const bench = new Bench();
    const b = await bench.node("b", [], { keys: ["right"] });
    const reasons = new Set<string>();
    b.events.on("refused", (refused) => reasons.add(refused.reason));
    const stranger = await bench.node("stranger", ["b"], options);
    const told = new Set<string>();
    stranger.events.on("refused", (refused) => told.add(refused.reason));
    await bench.pass(10_000);
    expect([[...reasons], [...told]]).toEqual([[reason], [reason]]);
    expect([b.nodes(), stranger.nodes(), bench.log]).toEqual([[], [], []]);
    await expect(b.refOn("stranger", "x")).rejects.toMatchObject({ code: "ERR_NODE_UNKNOWN" });
  });

  test("a wrong key does not disturb a link that is there", async () => {
    const bench = new Bench();
    const b = await bench.node("b", [], { keys: ["right"] });
    const a = await bench.node("a", ["b"], { keys: ["right"] });
    await bench.until(() => names(a).length === 1);
    await bench.node("a", ["b"], {
      keys: ["wrong"],
      transport: bench.network.transport("impostor"),
    });
    await bench.pass(20_000);
    expect(names(b)).toEqual(["a"]);
    expect(bench.log).toHaveLength(2);
  });

  test("a key that is rotated step by step interrupts nothing", async () => {
    const bench = new Bench();
    const b = await bench.node("b", [], { keys: ["old", "new"] });
    await bench.node("a", ["b"], { keys: ["new", "old"] });
    await bench.until(() => names(b).length === 1);
  });

  test("a refusal is reported once, not with every attempt", async () => {
    const bench = new Bench();
    const warnings: string[] = [];
    const logger = { warn: (text: string) => warnings.push(text), error() {} };
    await bench.node("b", [], { keys: ["right"], logger });
    await bench.node("a", ["b"], { keys: ["wrong"], logger });
    await bench.pass(30_000);
    expect(warnings.sort()).toEqual([
      "a connection to us was refused: auth",
      `our connection to ${memoryUrl("b")} was refused: auth (node b)`,
    ]);
  });
});
