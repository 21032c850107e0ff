/**
 * A raw `ws` socket as the limit: one message of 32 bytes a call, no codec, no mailbox, no timeout,
 * no heartbeat, nothing batched. Its replies come in order, so that a queue is all it needs.
 */
import { once } from "node:events";
import { WebSocket } from "ws";
import { serve } from "../sides/serve.ts";
import { type RemoteSide, remoteRows } from "./remote-loads.ts";
import { ServerProcess } from "./server-process.ts";

async function open(url: string): Promise<WebSocket> {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  await once(socket, "open");
  return socket;
}

function message(kind: string, bytes: number, n: number): Buffer {
  const text = Buffer.alloc(bytes);
  text.write(kind, "latin1");
  text.writeUInt8(n, 1);
  return text;
}

const ws: RemoteSide = {
  async counter() {
    const server = await ServerProcess.start("ws-server");
    const socket = await open(server.address);
    const waiting: ((reply: Buffer) => void)[] = [];
    let answered = 0;
    socket.on("message", (data) => {
      const resolve = waiting[answered++];
      if (answered === 4096) waiting.splice(0, answered);
      answered %= 4096;
      resolve?.(data as Buffer);
    });
    const ask = (request: Buffer): Promise<Buffer> =>
      new Promise((resolve) => {
        waiting.push(resolve);
        socket.send(request);
      });
    return {
      call: async () => (await ask(message("c", 32, 1))).readDoubleBE(6),
      cast: () => socket.send(message("a", 32, 1)),
      sum: async () => (await ask(message("c", 32, 0))).readDoubleBE(6),
      echo: async (bytes) => (await ask(message("e", bytes, 0))).length,
    };
  },

  async idleBytes(links) {
    const server = await ServerProcess.start("ws-server");
    await open(server.address);
    const before = await server.usedBytes();
    const sockets: WebSocket[] = [];
    for (let i = 0; i < links; i += 1) sockets.push(await open(server.address));
    const after = await server.usedBytes();
    for (const socket of sockets) socket.terminate();
    return (after - before) / links;
  },
};

await serve(ws, remoteRows);
