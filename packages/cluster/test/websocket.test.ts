/**
 * The one suite that opens sockets. It listens on 127.0.0.1 with port 0 and waits for events,
 * never for durations.
 */
import { once } from "node:events";
import { createConnection, type Socket as TcpSocket } from "node:net";
import { type ActorError, type AnyRef, type RefAddress, systemClock } from "@troupe/actor";
import { settle } from "@troupe/actor/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { Codec } from "../src/codec/codec.ts";
import { createNode } from "../src/create-node.ts";
import { staticSeeds } from "../src/discovery/static.ts";
import {
  encodeFrame,
  type Frame,
  FrameKind,
  MAX_BODY_BYTES,
  readFrames,
} from "../src/link/frame.ts";
import { DialerHandshake } from "../src/link/handshake.ts";
import { processLane } from "../src/link/lanes.ts";
import type { Node } from "../src/node.ts";
import type { NodeDeadLetter } from "../src/node-events.ts";
import type { NodeOptions } from "../src/options.ts";
import { readLookup, replyFrame } from "../src/remote/messages.ts";
import { RemoteRef } from "../src/remote/remote-ref.ts";
import type { Socket } from "../src/transport/transport.ts";
import { type WebSocketTransportOptions, webSocketTransport } from "../src/transport/websocket.ts";
import { transportContract } from "./contract/transport.ts";
import { Counter } from "./support.ts";

const transportOptions: WebSocketTransportOptions = {
  clock: systemClock,
  maxMessageBytes: 1 << 20,
  maxUnauthenticated: 8,
  maxUnauthenticatedPerAddress: 8,
  handshakeTimeoutMs: 5000,
};

transportContract("WebSocket", () => {
  const transport = webSocketTransport(transportOptions);
  return {
    server: transport,
    client: transport,
    nowhere: "ws://127.0.0.1:1",
    settle,
    end: async () => {},
  };
});

async function start(options: Partial<NodeOptions> & { name: string }): Promise<Node> {
  const node = await createNode({
    listen: { port: 0 },
    actors: [Counter],
    logger: false,
    reconnectMaxMs: 200,
    ...options,
  });
  onTestFinished(() => node.shutdown());
  return node;
}

type EventName = Parameters<Node["events"]["once"]>[0];

function event<K extends EventName>(node: Node, name: K): Promise<unknown> {
  return new Promise((resolve) => node.events.once(name, resolve));
}

async function pair(
  options: Partial<NodeOptions> = {},
  ofA: Partial<NodeOptions> = {},
): Promise<[Node, Node]> {
  const b = await start({ name: "b", ...options });
  const seeds = staticSeeds([b.url as string]);
  const up = event(b, "nodeup");
  const a = await start({ name: "a", ...options, ...ofA, discovery: [seeds] });
  if (a.nodes().length === 0) await event(a, "nodeup");
  await up;
  return [a, b];
}

/** A transport that notes the frames which leave over the sockets that it dials. */
function recording(frames: Frame[]): Partial<NodeOptions> {
  const inner = webSocketTransport(transportOptions);
  const dial: typeof inner.dial = async (url, signal) => {
    const socket = await inner.dial(url, signal);
    const send = socket.send.bind(socket);
    socket.send = (message, sent) => {
      const note = (frame: Frame) => frames.push(frame) > 0;
      readFrames(message, () => MAX_BODY_BYTES, note);
      send(message, sent);
    };
    return socket;
  };
  return { transport: { ...inner, dial } };
}

describe("two nodes over WebSockets", () => {
  test("find each other and call each other's actors", async () => {
    const [a, b] = await pair({ keys: ["a shared secret"] });
    const counter = await a.startOn("b", Counter, { start: 1 }, { name: "c" });
    expect(await counter.call("add", 2)).toBe(3);
    const back = await b.startOn("a", Counter, { start: 0 });
    expect(await back.call("echo", { ref: counter, n: 5n })).toMatchObject({ n: 5n });
    expect(a.url).toMatch(/^ws:\/\/127\.0\.0\.1:\d+$/);
  });

  test("carry a megabyte each way while small calls go on", async () => {
    const [a] = await pair();
    const counter = await a.startOn("b", Counter, { start: 0 });
    const large = new Uint8Array(1 << 20).fill(9);
    const [echo, ...sums] = await Promise.all([
      counter.call("echo", large),
      ...Array.from({ length: 200 }, () => counter.call("add", 1)),
    ]);
    expect(Buffer.compare(echo as Uint8Array, large)).toBe(0);
    expect(sums).toEqual(Array.from({ length: 200 }, (_, n) => n + 1));
  });

  test("answer a small call that was made after one of 20 MB before that one", async () => {
    const sent: Frame[] = [];
    const [a] = await pair({}, recording(sent));
    const [one, two] = [
      await a.startOn("b", Counter, { start: 0 }),
      await a.startOn("b", Counter, { start: 0 }),
    ];
    const order: string[] = [];
    const large = new Uint8Array(20 << 20).fill(9);
    const before = sent.length;
    const echo = one.call("echo", large).finally(() => order.push("large"));
    const first = two.call("add", 1).finally(() => order.push("small"));
    expect(await first).toBe(1);
    // By now much of the large one is on its way, and more of it waits.
    const second = two.call("add", 1).finally(() => order.push("small"));
    expect(await second).toBe(2);
    expect(Buffer.compare((await echo) as Uint8Array, large)).toBe(0);
    expect(order).toEqual(["small", "small", "large"]);
    const frames = sent.slice(before);
    const lane = processLane(two.address.id);
    const ahead = frames.slice(
      0,
      frames.findIndex((frame) => frame.lane === lane),
    );
    expect(ahead.reduce((bytes, { body }) => bytes + body.length, 0)).toBeLessThan(64 * 1024);
    expect(frames.filter((frame) => frame.lane !== lane).length).toBeGreaterThan(320);
  });

  test("send all of a large message before they leave", async () => {
    const [a, b] = await pair();
    const heard = new Promise<number>((resolve) => {
      b.channel("x").onMessage((_from, { length }) => resolve(length));
    });
    const down = event(b, "nodedown");
    expect(a.channel("x").send("b", new Uint8Array(20 << 20))).toBe(true);
    await a.shutdown();
    expect(await heard).toBe(20 << 20);
    expect(await down).toMatchObject({ reason: "left" });
  });

  test("notice a goodbye at once, and find the node again when it is restarted", async () => {
    const [a, b] = await pair();
    const port = Number(new URL(b.url as string).port);
    const old = await a.startOn("b", Counter, { start: 0 });
    const down = event(a, "nodedown");
    await b.shutdown();
    expect(await down).toMatchObject({ name: "b", incarnation: b.incarnation, reason: "left" });
    await expect(old.call("add", 1)).rejects.toMatchObject({
      code: "ERR_CONNECTION_LOST",
      outcome: "not_run",
    });
    const up = event(a, "nodeup");
    const again = await start({ name: "b", listen: { port } });
    expect(await up).toMatchObject({ name: "b", incarnation: again.incarnation });
    expect(again.incarnation).toBeGreaterThan(b.incarnation);
    await expect(old.call("add", 1)).rejects.toMatchObject({ code: "ERR_NO_PROCESS" });
  });

  test("refuse each other with different keys, and nobody is any the wiser", async () => {
    const b = await start({ name: "b", keys: ["right"] });
    const refused = event(b, "refused");
    const a = await start({
      name: "a",
      keys: ["wrong"],
      discovery: [staticSeeds([b.url as string])],
    });
    expect(await refused).toMatchObject({ reason: "auth" });
    expect([a.nodes(), b.nodes()]).toEqual([[], []]);
  });
});

describe("listening:", () => {
  test("a port in use is one clear line", async () => {
    const first = await start({ name: "a" });
    const port = Number(new URL(first.url as string).port);
    await expect(createNode({ name: "b", listen: { port } })).rejects.toMatchObject({
      code: "ERR_LISTEN",
      outcome: "not_run",
      message: `cannot listen on 127.0.0.1:${port}: the port is in use`,
    });
  });

  test("an address that is not ours is one clear line", async () => {
    const key = "a key of good length";
    const refused = createNode({ name: "b", listen: { host: "192.0.2.1", port: 0 }, keys: [key] });
    await expect(refused).rejects.toMatchObject({ code: "ERR_LISTEN" });
  });

  test("the port is free once the node has stopped", async () => {
    const first = await start({ name: "a" });
    const port = Number(new URL(first.url as string).port);
    await first.shutdown();
    const second = await start({ name: "a", listen: { port } });
    expect(second.url).toBe(first.url);
  });
});

describe("strangers:", () => {
  const dialRaw = async (node: Node, path = "/cluster"): Promise<WebSocket> => {
    const ws = new WebSocket(`${node.url}${path}`, ["troupe-cluster.1"]);
    ws.on("error", () => {});
    await once(ws, "open");
    return ws;
  };
  const dialTcp = async (node: Node): Promise<TcpSocket> => {
    const socket = createConnection(Number(new URL(node.url as string).port), "127.0.0.1");
    socket.on("error", () => {});
    await once(socket, "connect");
    return socket;
  };

  test("compression is never agreed to", async () => {
    const node = await start({ name: "a" });
    const ws = await dialRaw(node);
    expect(ws.extensions).toBe("");
    ws.terminate();
  });

  test("text, rubbish and too much of anything close the socket, and the node lives on", async () => {
    const node = await start({ name: "a" });
    const rubbish = [
      "text",
      Buffer.alloc(0),
      Buffer.from([0xee, 0, 0, 0, 0, 0, 0, 0]),
      Buffer.alloc(100_000, 1),
      encodeFrame(FrameKind.call, 9, 0, Buffer.alloc(50)),
    ];
    for (const message of rubbish) {
      const ws = await dialRaw(node);
      ws.send(message);
      await once(ws, "close");
    }
    expect(node.nodes()).toEqual([]);
    const other = await start({ name: "b", discovery: [staticSeeds([node.url as string])] });
    await event(other, "nodeup");
  });

  test("a stranger who says nothing is shown out", async () => {
    const node = await start({ name: "a", handshakeTimeoutMs: 50 });
    const ws = await dialRaw(node);
    await once(ws, "close");
    const tcp = await dialTcp(node);
    await once(tcp, "close");
  });

  test("when there are more than allowed at a time, the oldest has to go", async () => {
    const node = await start({ name: "a", limits: { maxUnauthenticated: 2 } });
    const one = await dialTcp(node);
    const closed = once(one, "close");
    const others = [await dialTcp(node), await dialTcp(node)];
    await closed;
    const b = await start({ name: "b", discovery: [staticSeeds([node.url as string])] });
    await event(b, "nodeup");
    for (const other of others) other.destroy();
  });

  test("another path, another protocol, a browser's page, and plain HTTP are refused", async () => {
    const node = await start({ name: "a" });
    const refused = async (path: string, protocols: string[], options = {}) => {
      const [error] = await once(new WebSocket(`${node.url}${path}`, protocols, options), "error");
      return String(error);
    };
    expect(await refused("/elsewhere", ["troupe-cluster.1"])).toContain("400");
    expect(await refused("/cluster", [])).toContain("400");
    expect(await refused("/cluster", ["chat"])).toContain("400");
    const page = { origin: "https://evil.example" };
    expect(await refused("/cluster", ["troupe-cluster.1"], page)).toContain("403");
    const response = await fetch((node.url as string).replace("ws:", "http:"));
    expect(response.status).toBe(426);
  });
});

describe("the transport alone:", () => {
  /** A listener for one stranger at a time, and what it has accepted. */
  async function door() {
    const transport = webSocketTransport({ ...transportOptions, maxUnauthenticated: 1 });
    const accepted: Socket[] = [];
    const listener = await transport.listen({ host: "127.0.0.1", port: 0 }, (socket) => {
      accepted.push(socket);
    });
    onTestFinished(() => {
      for (const socket of accepted) socket.terminate();
      return listener.close();
    });
    const never = new AbortController().signal;
    return { accepted, url: listener.url, dial: (url: string) => transport.dial(url, never) };
  }

  test("who has proven itself and waits is pushed out by nobody, and may say but little", async () => {
    const { accepted, url, dial } = await door();
    const patient = await dial(url);
    const waiting = accepted[0] as Socket;
    let heard: () => void = () => {};
    let ended: () => void = () => {};
    const message = new Promise<void>((resolve) => {
      heard = resolve;
    });
    const end = new Promise<void>((resolve) => {
      ended = resolve;
    });
    waiting.open({ message: () => heard(), closed: () => ended() });
    waiting.proven?.();
    for (let n = 0; n < 3; n++) await dial(url);
    patient.send(Buffer.from("still here"));
    await message;
    for (let n = 0; n < 20; n++) patient.send(Buffer.alloc(1024));
    await end;
  });

  test("only WebSocket addresses are dialled", async () => {
    const { accepted, url, dial } = await door();
    const { host } = new URL(url);
    const others = [`http://${host}/`, `https://${host}/`, "ws+unix:///tmp/x:/", "wss+unix:///x:/"];
    for (const other of others) {
      await expect(dial(other)).rejects.toMatchObject({
        code: "ERR_CONNECTION_LOST",
        outcome: "not_run",
        message: expect.stringContaining(`not at ${new URL(other).protocol}`),
      });
    }
    expect(accepted).toEqual([]);
  });
});

describe("a peer that stops reading", () => {
  const hardOutboxBytes = 4 << 20;

  /** A node called sleeper that answers one lookup with a ref to itself and then reads no more. */
  async function sleeper(node: Node): Promise<{ ws: WebSocket; ref: AnyRef }> {
    const ws = new WebSocket(`${node.url}/cluster`, ["troupe-cluster.1"]);
    ws.on("error", () => {});
    const handshake = new DialerHandshake({
      cluster: "troupe",
      self: {
        name: "sleeper",
        incarnation: 1,
        boot: "55".repeat(16),
        url: undefined,
        heartbeatMs: 60_000,
        maxMessageBytes: 32 << 20,
      },
      keys: [],
      randomBytes: (size) => Buffer.alloc(size, 7),
    });
    const frames: Frame[] = [];
    let wake: () => void = () => {};
    ws.on("message", (message: Buffer) => {
      readFrames(
        message,
        () => MAX_BODY_BYTES,
        (frame) => frames.push(frame) > 0,
      );
      wake();
    });
    const next = async (kind: FrameKind): Promise<Frame> => {
      for (;;) {
        const at = frames.findIndex((frame) => frame.kind === kind);
        if (at >= 0) return frames.splice(at, 1)[0] as Frame;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    };
    await once(ws, "open");
    const up = event(node, "nodeup");
    ws.send(handshake.start());
    handshake.receive(await next(FrameKind.challenge));
    ws.send(handshake.prove());
    await up;
    const found = node.refOn("sleeper", "any");
    const { correlation } = readLookup(await next(FrameKind.lookup));
    const address: RefAddress = {
      kind: "process",
      node: "sleeper",
      incarnation: 1,
      id: 1,
      actor: "counter",
    };
    const ref = { toAddress: () => address, fromAddress: () => undefined };
    const value = new Codec({ ref }).encode(new RemoteRef(address, undefined as never));
    ws.send(replyFrame({ correlation, isError: false, value }));
    const made = await found;
    ws.pause();
    return { ws, ref: made };
  }

  test("costs its sender no more than the limit, and everybody is told", async () => {
    const limits = { softOutboxBytes: 1 << 20, hardOutboxBytes };
    const node = await start({ name: "b", limits, heartbeatMs: 60_000 });
    const { ws, ref } = await sleeper(node);
    const congested = event(node, "congested");
    const letters: NodeDeadLetter[] = [];
    node.events.on("deadLetter", (letter) => letters.push(letter));
    const payload = new Uint8Array(200_000);
    const before = process.memoryUsage().arrayBuffers;
    const outcomes: Promise<unknown>[] = [];
    let refused: ActorError | undefined;
    // The kernel takes some megabytes before it takes no more.
    while (refused === undefined) {
      for (let n = 0; n < 50; n++) {
        const call = ref.call("echo", payload);
        outcomes.push(
          call.catch((error: ActorError) => {
            if (error.code === "ERR_OVERLOADED") refused ??= error;
            return error.outcome;
          }),
        );
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(refused).toMatchObject({ code: "ERR_OVERLOADED", outcome: "not_run" });
    expect(refused.data).toMatchObject({ node: "sleeper" });
    const { queuedBytes } = refused.data as { queuedBytes: number };
    expect(queuedBytes).toBeGreaterThan(hardOutboxBytes - 2 * payload.length);
    expect(queuedBytes).toBeLessThanOrEqual(hardOutboxBytes);
    expect(await congested).toMatchObject({ node: "sleeper" });
    // Between two turns the kernel may have taken a little more.
    while (letters.length === 0) ref.cast("set", payload);
    expect(letters).toMatchObject([
      { kind: "cast", reason: "mailbox_full", error: { code: "ERR_OVERLOADED" } },
    ]);
    expect(node.undelivered).toBe(1);
    const grown = process.memoryUsage().arrayBuffers - before;
    expect(grown).toBeLessThan(2 * hardOutboxBytes + outcomes.length);
    ws.terminate();
    const all = await Promise.all(outcomes);
    // What was taken may have run, as far as anybody can tell.
    expect(new Set(all)).toEqual(new Set(["unknown", "not_run"]));
  });

  test("does not keep its node from stopping, nor what it did not read", async () => {
    const node = await start({ name: "b", closeTimeoutMs: 50, heartbeatMs: 60_000 });
    const { ws } = await sleeper(node);
    const channel = node.channel("x");
    while (channel.send("sleeper", new Uint8Array(1 << 20)));
    await node.shutdown();
    const closed = once(ws, "close");
    ws.resume();
    await closed;
  });
});
