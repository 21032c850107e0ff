/**
 * The port through which datagrams are sent to a group and heard from it, and the sockets of Node:
 * their one door.
 */
import { createSocket } from "node:dgram";
import { isIPv6 } from "node:net";
import { DiscoveryError } from "../errors.ts";

export interface DatagramOptions {
  readonly group: string;
  readonly port: number;
  /** How many routers a datagram may pass; 1 is the local network. */
  readonly ttl: number;
  /** The address of this machine that is used; undefined leaves it to the system. */
  readonly interface: string | undefined;
}

export interface DatagramListener {
  /** A datagram arrived, and the system says that it comes from that address. */
  message(bytes: Uint8Array, from: string): void;
  /** The socket has failed and is closed; nothing follows. Not called for `close`. */
  failed(error: Error): void;
}

export interface DatagramSocket {
  /** Sends to the group, our own socket included. Rejects if the system refuses it. */
  send(bytes: Uint8Array): Promise<void>;
  close(): void;
}

export interface DatagramPort {
  /** Joins a group. Rejects if it cannot be joined, and then leaves nothing open. */
  open(options: DatagramOptions, listener: DatagramListener): Promise<DatagramSocket>;
}

export const systemDatagrams: DatagramPort = {
  open(options, listener) {
    const { group, port, ttl } = options;
    const socket = createSocket({ type: isIPv6(group) ? "udp6" : "udp4", reuseAddr: true });
    let open = true;
    const close = () => {
      if (open) socket.close();
      open = false;
    };
    return new Promise((resolve, reject) => {
      const fail = (error: Error) => {
        close();
        reject(error);
      };
      socket.once("error", fail);
      socket.on("message", (bytes, { address }) => listener.message(bytes, address));
      // Exclusive: in a worker of node:cluster the socket would else be shared, and others would
      // take what was sent to us.
      socket.bind({ port, exclusive: true }, () => {
        try {
          socket.addMembership(group, options.interface);
          socket.setMulticastTTL(ttl);
          socket.setMulticastLoopback(true);
          if (options.interface !== undefined) socket.setMulticastInterface(options.interface);
        } catch (error) {
          return fail(error as Error);
        }
        socket.off("error", fail);
        socket.on("error", (error) => {
          close();
          listener.failed(error);
        });
        resolve({ send, close });
      });
    });

    function send(bytes: Uint8Array): Promise<void> {
      return new Promise((resolve, reject) => {
        if (!open) return reject(new DiscoveryError("the socket is closed"));
        socket.send(bytes, port, group, (error) => (error ? reject(error) : resolve()));
      });
    }
  },
};
