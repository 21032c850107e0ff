/**
 * Addresses of things that are no nodes of ours, over real sockets: what comes of them is waited
 * for.
 */
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { createNode } from "../../src/create-node.ts";
import { staticSeeds } from "../../src/discovery/static.ts";
import type { Node } from "../../src/node.ts";
import type { NodeOptions } from "../../src/options.ts";

async function listen(server: Server): Promise<string> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function start(name: string, options: Partial<NodeOptions> = {}): Promise<Node> {
  const node = await createNode({ name, listen: { port: 0 }, logger: false, ...options });
  onTestFinished(() => node.shutdown());
  return node;
}

test("a node is found among a silent port, two servers, a stranger, ourselves and nobody", async () => {
  const silent = await listen(createServer());
  const web = await listen(createHttpServer((_request, response) => response.end("hello")));
  const rude = await listen(createServer((socket) => socket.end("220 mail ready\r\n")));
  const stranger = await start("stranger", { cluster: "other" });
  const thief = await start("thief", { keys: ["guess"] });
  const honest = await start("honest", { keys: ["secret"] });
  const own = createServer();
  const ownUrl = await listen(own);
  own.close();
  await once(own, "close");
  const node = await start("node", {
    keys: ["secret"],
    listen: { port: Number(new URL(ownUrl).port) },
    handshakeTimeoutMs: 300,
    reconnectMaxMs: 50,
    discovery: [
      staticSeeds([
        silent,
        web,
        rude,
        "ws://127.0.0.1:1",
        ownUrl,
        ownUrl.replace("127.0.0.1", "localhost"),
        stranger.url as string,
        thief.url as string,
        honest.url as string,
      ]),
    ],
  });
  const refused = new Set<string>();
  const wanted = ["auth", "cluster"];
  await new Promise<void>((resolve) => {
    const look = () => {
      const isFound = node.nodes().some(({ name }) => name === "honest");
      if (isFound && wanted.every((reason) => refused.has(reason))) resolve();
    };
    node.events.on("nodeup", look);
    node.events.on("refused", ({ reason }) => {
      refused.add(reason);
      look();
    });
    look();
  });
  expect(node.nodes().map(({ name }) => name)).toEqual(["honest"]);
  expect(honest.nodes().map(({ name }) => name)).toEqual(["node"]);
  expect([stranger.nodes(), thief.nodes()]).toEqual([[], []]);
});
