/**
 * Troupe's side between two nodes. Calls have their timeout of 5000 ms on, links are proven with a
 * key and heartbeats run, as for every user.
 */
import { once } from "node:events";
import { createNode, type Node, staticSeeds } from "@troupe/cluster";
import { serve } from "../sides/serve.ts";
import { CountingProxy } from "./counting-proxy.ts";
import { benchKeys, RemoteCounterActor } from "./remote-counter-actor.ts";
import { type RemoteSide, remoteRows } from "./remote-loads.ts";
import { ServerProcess } from "./server-process.ts";

/** A node that is linked to the one at a url; it listens nowhere, so that nobody dials it. */
async function linked(name: string, url: string): Promise<Node> {
  const discovery = [staticSeeds([url])];
  const node = await createNode({ name, cluster: "bench", keys: benchKeys, discovery });
  if (node.nodes().length === 0) await once(node.events as never, "nodeup");
  return node;
}

const troupe: RemoteSide = {
  async counter() {
    const server = await ServerProcess.start("troupe-server");
    const node = await linked("client", server.address);
    const counter = await node.startOn("server", RemoteCounterActor);
    const payloads = new Map<number, string>();
    return {
      call: () => counter.call("add", 1),
      cast: () => counter.cast("add", 1),
      sum: () => counter.query("get", undefined, { timeout: 60_000 }),
      async echo(bytes) {
        const payload = payloads.get(bytes) ?? "x".repeat(bytes);
        payloads.set(bytes, payload);
        return (await counter.call("echo", payload)).length;
      },
    };
  },

  async idleBytes(links) {
    const server = await ServerProcess.start("troupe-server");
    // The first link loads what is loaded once.
    await linked("first", server.address);
    const before = await server.usedBytes();
    const nodes: Node[] = [];
    for (let i = 0; i < links; i += 1) nodes.push(await linked(`n${i}`, server.address));
    const after = await server.usedBytes();
    for (const node of nodes) await node.shutdown();
    return (after - before) / links;
  },

  async idleTraffic(seconds) {
    const server = await ServerProcess.start("troupe-server");
    const proxy = await CountingProxy.start(new URL(server.address));
    await linked("client", proxy.url);
    return proxy.bytesPerSecond(seconds);
  },
};

await serve(troupe, remoteRows);
