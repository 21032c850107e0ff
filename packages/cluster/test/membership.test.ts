/** Who is connected to whom: dialling, restarts, rivals, silence, and the end. */
import type { Clock } from "@troupe/actor";
import { settle } from "@troupe/actor/testing";
import { describe, expect, test } from "vitest";
import { createNode } from "../src/node.ts";
import type { Socket, Transport } from "../src/transport/transport.ts";
import { memoryUrl } from "../src/transport/memory.ts";
import { staticSeeds } from "../src/discovery/static.ts";
import { Bench, Counter, names } from "./support.ts";

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
    const a = await bench.node("a", ["b", "c"]);
    await bench.pass(60_000);
    await bench.node("b");
    await bench.until(() => names(a).includes("b"), 3100);
    await bench.node("c");
    await bench.until(() => names(a).includes("c"), 3100);
  });

  test("three nodes with the same seeds are all connected", async () => {
    const bench = new Bench({ min: 1, max: 30 });
    const seeds = ["a", "b", "c"];
    const nodes = [];
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
    expect(warnings).toEqual(['discovery "broken" has ended']);
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
      await bench.until(() => a.nodes().length === 1 && b.nodes().length === 1);
      await bench.pass(10_000);
      // One life of a link on each side: whatever was refused was refused before it was up.
      expect(bench.log.sort()).toEqual(["a: up b", "b: up a"]);
      const counter = await callWithTime(bench, a.startOn("b", Counter, { start: 1 }));
      expect(await callWithTime(bench, counter.query("get"))).toBe(1);
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

  test("an earlier life is refused when a later one is connected, or was", async () => {
    const bench = new Bench();
    const old = await bench.node("b", ["a"], { transport: bench.network.transport("old") });
    const a = await bench.node("a", ["b"]);
    bench.network.cut("a", "old");
    const newer = await bench.node("b");
    await bench.until(() => names(a).length === 1 && newer.nodes().length === 1);
    const refusals: string[] = [];
    old.events.on("refused", ({ reason }) => refusals.push(reason));
    bench.network.heal("a", "old");
    await bench.until(() => refusals.length > 0);
    await bench.shutdown(newer);
    await bench.pass(10_000);
    expect(new Set(refusals)).toEqual(new Set(["stale_incarnation"]));
    expect(a.nodes()).toEqual([]);
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

describe("silence:", () => {
  test("an idle link is kept by ticks", async () => {
    const bench = new Bench();
    await bench.pair();
    await bench.pass(120_000);
    expect(bench.log).toEqual(["b: up a", "a: up b"]);
  });

  test("a peer that is cut off is down after the misses allowed, and up after the heal", async () => {
    const bench = new Bench();
    const [a, b] = await bench.pair({ heartbeatMs: 100, heartbeatMisses: 5 });
    bench.network.cut("a", "b");
    await bench.pass(400);
    expect(names(a)).toEqual(["b"]);
    await bench.pass(300);
    expect([names(a), names(b)]).toEqual([[], []]);
    await bench.pass(60_000);
    bench.network.heal("a", "b");
    await bench.until(() => names(a).length === 1 && names(b).length === 1, 5000);
    expect(bench.log.filter((line) => line.startsWith("a:"))).toEqual([
      "a: up b",
      "a: down b (silent)",
      "a: up b",
    ]);
  });

  test("a cut shorter than that is not noticed, and nothing is lost", async () => {
    const bench = new Bench();
    const [a] = await bench.pair({ heartbeatMs: 1000 });
    const counter = await a.startOn("b", Counter, { start: 0 });
    bench.network.cut("a", "b");
    const sum = counter.call("add", 7);
    await bench.pass(3000);
    bench.network.heal("a", "b");
    expect(await sum).toBe(7);
    expect(bench.log).toHaveLength(2);
  });

  test("nodes with different heartbeats do not accuse each other", async () => {
    const bench = new Bench();
    const b = await bench.node("b", [], { heartbeatMs: 5000 });
    const a = await bench.node("a", ["b"], { heartbeatMs: 100 });
    await bench.until(() => names(a).length === 1);
    await bench.pass(60_000);
    expect(bench.log).toHaveLength(2);
    expect(names(b)).toEqual(["a"]);
  });

  test("a process that was paused accuses nobody", async () => {
    const bench = new Bench();
    // The clock of a jumps by a minute, as it does after SIGSTOP and SIGCONT.
    let paused = 0;
    const inner = bench.clock;
    const clock: Clock = {
      now: () => inner.now(),
      monotonic: () => inner.monotonic() + paused,
      setTimer: (ms, fn) => inner.setTimer(ms, fn),
      clearTimer: (handle) => inner.clearTimer(handle),
    };
    const a = await bench.node("a", [], { clock, heartbeatMisses: 2, heartbeatMs: 100 });
    const b = await bench.node("b", ["a"], { heartbeatMs: 100, heartbeatMisses: 1000 });
    await bench.until(() => names(a).length === 1);
    bench.network.cut("a", "b");
    for (let pause = 0; pause < 8; pause++) {
      paused += 60_000;
      await bench.pass(100);
    }
    bench.network.heal("a", "b");
    await bench.pass(1000);
    expect(names(a)).toEqual(["b"]);
    expect(names(b)).toEqual(["a"]);
    expect(bench.log).toHaveLength(2);
  });
});

describe("a broken connection:", () => {
  test("is noticed by both at once and dialled again within a tenth of a second", async () => {
    const bench = new Bench();
    const [a, b] = await bench.pair();
    await bench.pass(20_000);
    bench.network.sever("a", "b");
    await settle();
    expect([names(a), names(b)]).toEqual([[], []]);
    await bench.until(() => names(a).length === 1 && names(b).length === 1, 110);
  });

  test("is dialled by either side: one learns the other's address from it", async () => {
    const bench = new Bench();
    const [a, b] = await bench.pair();
    await bench.pass(20_000);
    await bench.shutdown(a);
    // This life of a has no seeds, and b has none either.
    const again = await bench.node("a");
    await bench.pass(10_000);
    expect(names(b)).toEqual([]);
    const c = await bench.node("c", ["a", "b"]);
    await bench.until(() => names(c).length === 2);
    await bench.pass(20_000);
    bench.network.sever("b", "c");
    await bench.until(() => names(b).includes("c"), 200);
    expect(names(again)).toEqual(["c"]);
  });

  test("during a handshake is only a failed attempt", async () => {
    const bench = new Bench({ min: 10, max: 10 });
    const b = await bench.node("b");
    const a = await bench.node("a", ["b"]);
    // HELLO is under way, or CHALLENGE, or PROOF, or WELCOME.
    for (let step = 0; step < 6; step++) {
      await bench.pass(3 + step * 7);
      bench.network.sever("a", "b");
    }
    await bench.until(() => names(a).length === 1 && names(b).length === 1);
    const counter = await callWithTime(bench, a.startOn("b", Counter, { start: 3 }));
    expect(await callWithTime(bench, counter.query("get"))).toBe(3);
  });

  test("that is cut during a handshake ends at its deadline and is tried again", async () => {
    const bench = new Bench({ min: 10, max: 10 });
    const b = await bench.node("b");
    const a = await bench.node("a", ["b"]);
    await bench.pass(25);
    bench.network.cut("a", "b");
    await bench.pass(30_000);
    expect([names(a), names(b)]).toEqual([[], []]);
    bench.network.heal("a", "b");
    await bench.until(() => names(a).length === 1 && names(b).length === 1);
  });
});

async function callWithTime<T>(bench: Bench, call: Promise<T>): Promise<T> {
  let done = false;
  const settled = call.finally(() => {
    done = true;
  });
  await bench.until(() => done);
  return settled;
}

describe("the end of a node:", () => {
  test("is told to the others, which do not look for it where only it had said it was", async () => {
    const bench = new Bench();
    const [a, b] = await bench.pair();
    await bench.shutdown(a);
    expect(names(b)).toEqual([]);
    expect(bench.log).toContain("b: down a (left)");
    expect(bench.log).toContain("a: down b (stopped)");
  });

  test("does not wait for a peer that does not answer", async () => {
    const bench = new Bench();
    const [a] = await bench.pair({ closeTimeoutMs: 500 });
    bench.network.cut("a", "b");
    let stopped = false;
    void a.shutdown().then(() => {
      stopped = true;
    });
    await bench.pass(400);
    expect(stopped).toBe(false);
    await bench.pass(200);
    expect(stopped).toBe(true);
  });

  test("leaves no timer behind", async () => {
    const bench = new Bench();
    const a = await bench.node("a", ["b", "nowhere"]);
    const b = await bench.node("b", ["a"]);
    await bench.until(() => names(a).length === 1);
    await bench.shutdown(a);
    await bench.shutdown(b);
    await bench.pass(10_000);
    expect(bench.clock.pending).toBe(0);
  });

  test("is not undone by a dial that completes late", async () => {
    const bench = new Bench();
    const b = await bench.node("b");
    const inner = bench.network.transport("a");
    const held: (() => void)[] = [];
    const sockets: Socket[] = [];
    const transport: Transport = {
      ...inner,
      dial: async (url) => {
        await new Promise<void>((resolve) => held.push(resolve));
        const socket = await inner.dial(url, new AbortController().signal);
        sockets.push(socket);
        return socket;
      },
    };
    const a = await bench.node("a", ["b"], { transport });
    await settle();
    await bench.shutdown(a);
    for (const release of held) release();
    await bench.pass(10_000);
    expect(sockets).toHaveLength(1);
    expect([a.nodes(), b.nodes(), bench.log]).toEqual([[], [], []]);
  });

  test("that is asked for in a nodedown handler leaves nothing connected", async () => {
    const bench = new Bench();
    const [a] = await bench.pair({ heartbeatMs: 60_000 });
    a.events.on("nodedown", () => void a.shutdown());
    bench.network.cut("a", "b");
    await bench.node("b", ["a"], { transport: bench.network.transport("b-new") });
    await bench.pass(20_000);
    expect(a.nodes()).toEqual([]);
    bench.network.heal("a", "b");
  });
});

test("a listener that throws does not disturb the link", async () => {
  const bench = new Bench();
  const b = await bench.node("b");
  b.events.on("nodeup", () => {
    throw new RangeError("mine");
  });
  const a = await bench.node("a", ["b"]);
  await bench.until(() => names(a).length === 1);
  await bench.pass(5000);
  expect(names(b)).toEqual(["a"]);
});

test("a node that cannot be made gives its port back", async () => {
  const bench = new Bench();
  const transport = bench.network.transport("a");
  const bad = { name: "a", listen: { port: 0 }, transport, mailboxCapacity: -1 };
  await expect(createNode(bad)).rejects.toMatchObject({ code: "ERR_INVALID_OPTION" });
  const seeds = staticSeeds([]);
  const good = await bench.node("a", [], { discovery: [seeds] });
  expect(good.url).toBe(memoryUrl("a"));
});
