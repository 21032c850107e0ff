/**
 * moleculer's side: two brokers on its TCP transporter, with its default JSON serializer and a
 * request timeout of 5000 ms. It has no cast between nodes that is sure to have been handled, so it
 * has no row for that.
 */
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { serve } from "../sides/serve.ts";
import { startBroker } from "./moleculer-broker.ts";
import { type RemoteCounter, type RemoteSide, remoteRows } from "./remote-loads.ts";
import { ServerProcess } from "./server-process.ts";

async function freePort(): Promise<number> {
  const server = createServer().listen({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Two brokers find each other in some seconds, so that all rows of a program share a pair. */
let connected: Promise<RemoteCounter> | undefined;

const moleculer: RemoteSide = {
  counter() {
    connected ??= connect();
    return connected;
  },
};

async function connect(): Promise<RemoteCounter> {
  const ports = { server: await freePort(), client: await freePort() };
  await ServerProcess.start("moleculer-server", String(ports.server), String(ports.client));
  const broker = await startBroker("client", ports, []);
  await broker.waitForServices("counter", 20_000);
  const payloads = new Map<number, string>();
  const add = (n: number) => broker.call<number, { n: number }>("counter.add", { n });
  return {
    call: () => add(1),
    cast: () => {},
    sum: () => add(0),
    async echo(bytes) {
      const payload = payloads.get(bytes) ?? "x".repeat(bytes);
      payloads.set(bytes, payload);
      return (await broker.call<string, object>("counter.echo", { payload })).length;
    },
  };
}

await serve(moleculer, remoteRows);
