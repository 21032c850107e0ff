/**
 * Nodes in processes of their own, over real WebSockets on loopback: killed, stopped, blocked,
 * restarted, and cut off in the middle of a frame. Every wait is for an event.
 */

import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { type AnyRef, type Down, defineActor, type RefOf } from "@troupe/actor";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { connected, eventOf, NodeProcess, startNode, Worker } from "./processes.ts";

// Programs take their time to start on a busy machine; nothing here waits for a duration.
vi.setConfig({ testTimeout: 60_000 });

/** How a promise ended, so that one that rejects early is not unhandled. */
const outcomeOf = (promise: Promise<unknown>) =>
  promise.then(
    (value) => ({ value }),
    (error) => ({ code: error.code, outcome: error.outcome }),
  );

describe("a node that is killed", () => {
  test("is down at once; its calls are told unknown, and it is found again", async () => {
    const b = await NodeProcess.start({ name: "b" });
    const node = await startNode({ seeds: [b.url] });
    await connected(node, "b");
    const worker = await node.startOn("b", Worker);
    expect(await worker.call("add", 1)).toBe(1);
    const never = outcomeOf(worker.call("never"));
    const down = eventOf(node, "nodedown");
    await b.kill();
    expect(await down).toMatchObject({ name: "b", incarnation: b.incarnation, reason: "lost" });
    expect(await never).toEqual({ code: "ERR_CONNECTION_LOST", outcome: "unknown" });
    expect(await outcomeOf(worker.call("add", 1))).toMatchObject({ outcome: "not_run" });

    const up = eventOf(node, "nodeup");
    const again = await NodeProcess.start({ name: "b", listen: { port: b.port } });
    expect(await up).toMatchObject({ name: "b", incarnation: again.incarnation });
    // A ref of the former life never reaches a process of the new one.
    await node.startOn("b", Worker);
    expect(await outcomeOf(worker.call("add", 1))).toEqual({
      code: "ERR_NO_PROCESS",
      outcome: "not_run",
    });
  });

  test("from within a call leaves that call unknown, and nobody waits for its timeout", async () => {
    const b = await NodeProcess.start({ name: "b" });
    const node = await startNode({ seeds: [b.url] });
    await connected(node, "b");
    const worker = await node.startOn("b", Worker);
    const calls = Array.from({ length: 50 }, () => outcomeOf(worker.call("add", 1)));
    const die = outcomeOf(worker.call("die", undefined, { timeout: Number.POSITIVE_INFINITY }));
    expect(await die).toMatchObject({ outcome: "unknown" });
    for (const outcome of await Promise.all(calls)) expect(outcome).toBeDefined();
  });
});

/** Hears words, and of the end of whom it watches. */
const Watcher = defineActor("watcher", {
  init: (): { log: string[] } => ({ log: [] }),
  queries: { log: (state) => state.log },
  calls: {
    watch: (_state, ref: AnyRef, ctx) => ctx.monitor(ref),
  },
  casts: {
    hear: (state, word: string) => {
      state.log.push(`${word.slice(0, 5)} ${word.length}`);
    },
  },
  info: {
    down: (state, { reason }: Down) => {
      state.log.push(typeof reason === "string" ? reason : "error");
    },
  },
});

async function logOf(watcher: RefOf<typeof Watcher>, entries: number): Promise<string[]> {
  for (;;) {
    const log = await watcher.query("log");
    if (log.length >= entries) return log;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe("a process of another node", () => {
  test("is heard to its last word, large or small, before its end is told", async () => {
    const b = await NodeProcess.start({ name: "b" });
    const node = await startNode({ seeds: [b.url] });
    await connected(node, "b");
    const worker = await node.startOn("b", Worker);
    const watcher = await node.start(Watcher);
    await watcher.call("watch", worker);
    const words = ["first", "large".padEnd(3_000_000, "."), "after"];
    const last = await outcomeOf(worker.call("last", { watcher, words }));
    expect(last).toMatchObject({ code: "ERR_PROCESS_EXITED" });
    expect(await logOf(watcher, 4)).toEqual(["first 5", "large 3000000", "after 5", "error"]);
  });

  test("ends with noconnection when its node is killed, once, and the members agree", async () => {
    const b = await NodeProcess.start({ name: "b" });
    const c = await NodeProcess.start({ name: "c", seeds: [b.url] });
    const node = await startNode({ seeds: [c.url] });
    // It has heard of b from c alone.
    await Promise.all([connected(node, "b"), connected(node, "c")]);
    const watcher = await node.start(Watcher);
    await watcher.call("watch", await node.startOn("b", Worker));
    const down = eventOf(node, "member", ({ name, status }) => name === "b" && status === "down");
    await b.kill();
    expect(await logOf(watcher, 1)).toEqual(["noconnection"]);
    expect(await down).toMatchObject({ name: "b", incarnation: b.incarnation });
    const alive = eventOf(node, "member", ({ name, status }) => name === "b" && status === "alive");
    const again = await NodeProcess.start({ name: "b", listen: { port: b.port }, seeds: [c.url] });
    expect(await alive).toMatchObject({ incarnation: again.incarnation });
    expect(await logOf(watcher, 1)).toEqual(["noconnection"]);
  });
});

describe("a node that is stopped in its tracks", () => {
  test("is silent, comes back by itself, and accuses nobody when it wakes", async () => {
    const b = await NodeProcess.start({ name: "b" });
    const c = await NodeProcess.start({ name: "c", seeds: [b.url] });
    const node = await startNode({ seeds: [b.url, c.url] });
    await Promise.all([connected(node, "b"), connected(node, "c")]);
    const silent = eventOf(node, "nodedown", ({ name }) => name === "b");
    b.signal("SIGSTOP");
    expect(await silent).toMatchObject({ name: "b", reason: "silent" });
    const before = b.told.length;
    const up = eventOf(node, "nodeup", ({ name }) => name === "b");
    b.signal("SIGCONT");
    expect(await up).toMatchObject({ name: "b", incarnation: b.incarnation });
    const worker = await node.startOn("b", Worker);
    expect(await worker.call("add", 2)).toBe(2);
    const accusations = b.told
      .slice(before)
      .filter(({ event, details }) => event === "member" && isAccusation(details));
    expect(accusations).toEqual([]);
    expect(node.nodes().map(({ name }) => name)).toContain("c");
  });

  test("by its own event loop accuses nobody either, and keeps its links if that was short", async () => {
    const b = await NodeProcess.start({ name: "b", heartbeatMisses: 3 });
    const node = await startNode({ seeds: [b.url], heartbeatMisses: 30 });
    await connected(node, "b");
    const worker = await node.startOn("b", Worker);
    // Ten rounds long: everybody looks silent to it, were it to ask its clock alone.
    expect(await worker.call("block", 2000)).toBe(2000);
    expect(await worker.call("add", 1)).toBe(1);
    expect(b.all("nodedown")).toEqual([]);
    expect(b.all("member").filter(isAccusation)).toEqual([]);
  });
});

function isAccusation({ status }: Record<string, unknown>): boolean {
  return status === "suspect" || status === "down";
}

describe("a connection that breaks in the middle of a frame", () => {
  test("delivers nothing of that frame, then or later, and the link comes back", async () => {
    const b = await NodeProcess.start({ name: "b" });
    const proxy = await CuttingProxy.start(b.port);
    const node = await startNode({ seeds: [proxy.url], listen: { port: 0 } });
    await connected(node, "b");
    const worker = await node.startOn("b", Worker, undefined, { name: "w" });
    expect(await worker.call("add", 1)).toBe(1);
    const down = eventOf(node, "nodedown");
    proxy.cutAfter(200_000);
    const large = outcomeOf(worker.call("echo", new Uint8Array(4_000_000)));
    expect(await down).toMatchObject({ name: "b" });
    expect(await large).toMatchObject({ code: "ERR_CONNECTION_LOST", outcome: "unknown" });
    await connected(node, "b");
    // The process lives on in the same life, so its ref is good again.
    expect(await worker.call("add", 1)).toBe(2);
  });
});

/** Passes bytes on to a port until it has passed so many, then resets both sides. */
class CuttingProxy {
  readonly url: string;
  #left = Number.POSITIVE_INFINITY;

  private constructor(port: number) {
    this.url = `ws://127.0.0.1:${port}`;
  }

  static async start(target: number): Promise<CuttingProxy> {
    const sockets = new Set<Socket>();
    const server = createServer((client) => {
      const upstream = connect(target, "127.0.0.1");
      for (const socket of [client, upstream]) sockets.add(socket.on("error", () => {}));
      client.on("data", (chunk) => proxy.#pass(chunk, client, upstream));
      upstream.on("data", (chunk) => client.write(chunk));
      client.on("close", () => upstream.destroy());
      upstream.on("close", () => client.destroy());
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const proxy = new CuttingProxy((server.address() as AddressInfo).port);
    onTestFinished(() => {
      server.close();
      for (const socket of sockets) socket.destroy();
    });
    return proxy;
  }

  cutAfter(bytes: number): void {
    this.#left = bytes;
  }

  #pass(chunk: Buffer, client: Socket, upstream: Socket): void {
    this.#left -= chunk.length;
    if (this.#left > 0) {
      upstream.write(chunk);
      return;
    }
    upstream.write(chunk.subarray(0, Math.max(0, chunk.length + this.#left)));
    this.#left = Number.POSITIVE_INFINITY;
    upstream.resetAndDestroy();
    client.resetAndDestroy();
  }
}

describe("strangers", () => {
  test("with a wrong key are told so, and a flood of silent ones keeps nobody out", async () => {
    const keys = ["the right key of this cluster"];
    const b = await NodeProcess.start({ name: "b", keys, handshakeTimeoutMs: 1000 });
    const wrong = await startNode({
      name: "wrong",
      keys: ["a wrong key, long enough"],
      seeds: [b.url],
    });
    expect(await eventOf(wrong, "refused")).toMatchObject({ reason: "auth" });

    const flood: Socket[] = [];
    onTestFinished(() => {
      for (const socket of flood) socket.destroy();
    });
    for (let i = 0; i < 300; i += 1) {
      const socket = connect(b.port, "127.0.0.1");
      socket.on("error", () => {});
      flood.push(socket);
    }
    const node = await startNode({ keys, seeds: [b.url] });
    await connected(node, "b");
    const worker = await node.startOn("b", Worker);
    expect(await worker.call("add", 7)).toBe(7);
    expect(wrong.nodes()).toEqual([]);
  });
});

describe("a reader that sleeps", () => {
  test("costs its sender no more than the limit: calls are refused, casts are dead letters", async () => {
    const limits = { softOutboxBytes: 64 * 1024, hardOutboxBytes: 2 * 1024 * 1024 };
    const b = await NodeProcess.start({ name: "b", heartbeatMisses: 1000 });
    const node = await startNode({ seeds: [b.url], limits, heartbeatMisses: 1000 });
    await connected(node, "b");
    const worker = await node.startOn("b", Worker);
    let letters = 0;
    node.events.on("deadLetter", () => {
      letters += 1;
    });
    const congested = eventOf(node, "congested");
    b.signal("SIGSTOP");
    const payload = new Uint8Array(64 * 1024);
    const calls: Promise<unknown>[] = [];
    // Far more than the limit and the kernel's buffers together.
    for (let i = 0; i < 600; i += 1) {
      calls.push(outcomeOf(worker.call("echo", payload, { timeout: 60_000 })));
      if (i % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await congested).toMatchObject({ node: "b" });
    for (let i = 0; i < 100; i += 1) worker.cast("add", 1);
    expect(node.undelivered).toBe(letters);
    b.signal("SIGCONT");
    const outcomes = (await Promise.all(calls)) as Record<string, unknown>[];
    const refused = outcomes.filter(({ code }) => code === "ERR_OVERLOADED");
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.every(({ outcome }) => outcome === "not_run")).toBe(true);
    const answered = outcomes.filter(({ value }) => value !== undefined);
    expect(answered.length + refused.length).toBe(600);
    expect(await worker.call("add", 0)).toBe(100 - letters);
  });
});
