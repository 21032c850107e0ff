/** What becomes of a link: silence, a broken connection, and the end of a node. */
import { type Clock, defineActor } from "@troupe/actor";
import { settle } from "@troupe/actor/testing";
import { describe, expect, test } from "vitest";
import { createNode } from "../../src/create-node.ts";
import { staticSeeds } from "../../src/discovery/static.ts";
import { memoryUrl } from "../../src/transport/memory.ts";
import type { Socket, Transport } from "../../src/transport/transport.ts";
import { Bench, Counter, names } from "../support.ts";

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

test("a link that sends something else as well is heard in every round", async () => {
  const bench = new Bench({ min: 0, max: 40 });
  const options = { heartbeatMs: 100, heartbeatMisses: 2 };
  const b = await bench.node("b", [], options);
  const began = bench.clock.monotonic();
  await bench.pass(29);
  const a = await bench.node("a", ["b"], options);
  await bench.until(() => names(a).length === 1 && names(b).length === 1);
  const channel = b.channel("x");
  for (let n = 0; n < 50; n++) {
    // Just after a round of b, which is just before one of a.
    await bench.pass(400 - ((bench.clock.monotonic() - began - 1) % 100));
    channel.send("a", new Uint8Array(1));
  }
  expect(bench.log).toHaveLength(2);
});

test("what has arrived is read before a round is judged, though its timer comes first", async () => {
  const options = { heartbeatMs: 100, heartbeatMisses: 3 };
  const first = new Bench();
  const [doomed] = await first.pair(options);
  first.network.cut("a", "b");
  let ms = 0;
  for (; names(doomed).length > 0; ms++) await first.pass(1);
  expect(ms).toBeGreaterThan(200);
  // The same again, but at the moment of the last round everything is there, unread.
  const bench = new Bench();
  const [a, b] = await bench.pair(options);
  bench.network.cut("a", "b");
  await bench.pass(ms - 10);
  bench.clock.setTimer(10, () => bench.network.heal("a", "b"));
  bench.clock.advance(10);
  await bench.pass(1000);
  expect([names(a), names(b)]).toEqual([["b"], ["a"]]);
  expect(bench.log).toHaveLength(2);
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
    // They have heard of each other from c.
    expect(names(again)).toEqual(["b", "c"]);
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
    const counter = await bench.during(a.startOn("b", Counter, { start: 3 }));
    expect(await bench.during(counter.query("get"))).toBe(3);
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

describe("the end of a node:", () => {
  test("is told to the others, which do not look for it where only it had said it was", async () => {
    const bench = new Bench();
    const [a, b] = await bench.pair();
    await bench.shutdown(a);
    expect(names(b)).toEqual([]);
    expect(bench.log).toContain("b: down a (left)");
    expect(bench.log).toContain("a: down b (stopped)");
  });

  test("comes after everything that was sent before, however large", async () => {
    const bench = new Bench();
    const [a, b] = await bench.pair();
    const told: string[] = [];
    const listen = (name: string) =>
      b.channel(name).onMessage((_from, { length }) => told.push(`${name}: ${length}`));
    for (const name of ["large", "larger", "tiny"]) listen(name);
    b.events.on("nodedown", ({ reason }) => told.push(reason));
    expect(a.channel("larger").send("b", Buffer.alloc(9_000_000))).toBe(true);
    expect(a.channel("large").send("b", Buffer.alloc(5_000_000))).toBe(true);
    expect(a.channel("tiny").send("b", Buffer.alloc(50))).toBe(true);
    await bench.shutdown(a);
    expect(told).toEqual(["tiny: 50", "large: 5000000", "larger: 9000000", "left"]);
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

  test("does not wait for one that reads no more, with messages for it left", async () => {
    const bench = new Bench();
    const [a, b] = await bench.pair({ closeTimeoutMs: 500 });
    const heard: number[] = [];
    b.channel("x").onMessage((_from, { length }) => heard.push(length));
    bench.network.cut("a", "b");
    a.channel("x").send("b", Buffer.alloc(5_000_000));
    await bench.shutdown(a);
    bench.network.heal("a", "b");
    await bench.until(() => names(b).length === 0);
    expect(heard).toEqual([]);
    expect(bench.log).toContain("b: down a (lost)");
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
    let opened = 0;
    const transport: Transport = {
      ...inner,
      dial: async (url) => {
        await new Promise<void>((resolve) => held.push(resolve));
        const socket = await inner.dial(url, new AbortController().signal);
        sockets.push(socket);
        const open = socket.open.bind(socket);
        socket.open = (listener) => {
          opened += 1;
          open(listener);
        };
        return socket;
      },
    };
    const a = await bench.node("a", ["b"], { transport });
    await settle();
    await bench.shutdown(a);
    for (const release of held) release();
    await bench.pass(10_000);
    expect([sockets.length, opened]).toEqual([1, 0]);
    expect([a.nodes(), b.nodes(), bench.log]).toEqual([[], [], []]);
  });

  test("is over within 25 seconds by default, with all that it does, however much is stuck", async () => {
    const bench = new Bench();
    let asked = Number.NaN;
    const Stuck = defineActor("stuck", {
      init: () => ({}),
      calls: { never: () => new Promise<void>(() => {}) },
      terminate: () => {
        asked = bench.clock.monotonic() - began;
        return new Promise<void>(() => {});
      },
    });
    const inner = bench.network.transport("b");
    const listen: Transport["listen"] = async (...args) => {
      const { url } = await inner.listen(...args);
      return { url, close: () => new Promise<void>(() => {}) };
    };
    const b = await bench.node("b", [], { transport: { ...inner, listen } });
    const a = await bench.node("a", ["b"]);
    await bench.until(() => names(a).length === 1 && names(b).length === 1);
    await b.start(Stuck, undefined, { name: "busy", shutdown: "infinity" });
    await b.start(Stuck, undefined, { name: "idle", shutdown: "infinity" });
    const open = a.namedRef("b", "busy", Stuck).call("never", undefined, { timeout: 60_000 });
    open.catch(() => {});
    await settle();
    bench.network.cut("a", "b");
    const began = bench.clock.monotonic();
    let took: number | undefined;
    void b.shutdown().finally(() => {
      took = bench.clock.monotonic() - began;
    });
    await bench.until(() => took !== undefined, 60_000);
    // Kubernetes waits for 30 seconds. The links and the port leave the processes some of that.
    expect(took).toBeLessThanOrEqual(25_000);
    expect(took).toBeGreaterThan(20_000);
    expect(asked).toBeLessThanOrEqual(9000);
    bench.network.heal("a", "b");
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

describe("a link that is lost by who hears of it", () => {
  /** A node that is dialled, and throws its first link away when it hears of it. */
  async function careless(bench: Bench) {
    const timers: number[] = [];
    const { clock: inner } = bench;
    const clock: Clock = {
      now: () => inner.now(),
      monotonic: () => inner.monotonic(),
      setTimer: (ms, fn) => {
        timers.push(ms);
        return inner.setTimer(ms, fn);
      },
      clearTimer: (handle) => inner.clearTimer(handle),
    };
    const a = await bench.node("a", [], { clock, limits: { hardOutboxBytes: 1 << 20 } });
    const second: string[] = [];
    a.events.once("nodeup", () => {
      // More news than the link has room for.
      const watched = a.namedRef("b", "x".repeat(1000));
      for (let n = 0; n < 3000; n++) a.monitor(watched, () => {});
      second.push(`connected ${names(a)}`);
    });
    a.events.on("nodeup", () => second.push("up"));
    a.events.on("nodedown", ({ reason }) => second.push(`down ${reason}`));
    // It listens nowhere, so that it is not looked for.
    const b = await bench.node("b", ["a"], { listen: undefined } as never);
    await bench.until(() => second.length > 2);
    return { a, b, second, timers };
  }

  test("is told in order to those who hear of it later", async () => {
    const bench = new Bench();
    const { second } = await careless(bench);
    expect(second.slice(0, 3)).toEqual(["connected ", "up", "down overloaded"]);
  });

  test("is not used after that: nobody is asked for what a dead node has", async () => {
    const bench = new Bench();
    const { a, b, timers } = await careless(bench);
    bench.network.cut("a", "b");
    await bench.pass(60_000);
    expect(names(a)).toEqual([]);
    timers.length = 0;
    await bench.pass(10_000);
    expect(new Set(timers)).toEqual(new Set([1000]));
    bench.network.heal("a", "b");
    await bench.until(() => names(a).length === 1 && names(b).length === 1);
    const counter = await a.start(Counter, { start: 0 });
    a.groups.join("g", counter);
    await bench.until(() => b.groups.members("g").length === 1);
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
