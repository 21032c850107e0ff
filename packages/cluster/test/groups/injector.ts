/** A node whose link a test can put bytes on, as a node with a bug or a bad intent would. */
import { ByteWriter } from "../../src/bytes.ts";
import { encodeFrame, FrameKind } from "../../src/link/frame.ts";
import { channelLane } from "../../src/link/lanes.ts";
import type { Socket, Transport } from "../../src/transport/transport.ts";

export class Injector {
  readonly transport: Transport;
  readonly #sockets: Socket[] = [];

  /** The node must be the one that dials. */
  constructor(inner: Transport) {
    this.transport = {
      defer: (flush) => inner.defer(flush),
      later: (flush) => inner.later(flush),
      listen: (address, accept) => inner.listen(address, accept),
      dial: async (url, signal) => {
        const socket = await inner.dial(url, signal);
        this.#sockets.push(socket);
        return socket;
      },
    };
  }

  /** Sends a payload, in hex, on a channel over the last link that was dialled. */
  send(channel: string, hex: string): void {
    const head = new ByteWriter(2 + Buffer.byteLength(channel)).text16(channel).done();
    const body = Buffer.concat([head, Buffer.from(hex, "hex")]);
    this.#sockets.at(-1)?.send(encodeFrame(FrameKind.channel, channelLane(channel), 0, body));
  }
}
