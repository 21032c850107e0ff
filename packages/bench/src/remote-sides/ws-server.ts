/**
 * The server that the raw `ws` side talks to. A message is its first byte, `c`all, `a`dd or `e`cho,
 * and for a call its number, which comes back with the sum; an echo comes back as it is.
 */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { WebSocketServer } from "ws";
import { serveSide } from "./server-process.ts";

const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: false });
let sum = 0;
server.on("connection", (socket) => {
  socket.on("message", (data) => {
    const message = data as Buffer;
    const kind = message[0];
    if (kind === 0x65) {
      socket.send(message);
      return;
    }
    sum += message.readUInt8(1);
    if (kind === 0x61) return;
    message.writeDoubleBE(sum, 6);
    socket.send(message);
  });
});
await once(server, "listening");
serveSide(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
