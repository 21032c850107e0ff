/**
 * The transport of real clusters: one WebSocket per connection. The only file that knows `ws`.
 *
 * A message is never compressed: zlib would cost memory per socket and guard nothing. A socket
 * that has not proven itself is cheap to have and quick to lose: few at a time, few bytes each,
 * and a deadline, counted from the TCP connection and not from the upgrade.
 */
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { Clock } from "@troupe/actor";
import { nodeEventLoop } from "@troupe/actor/runtime";
import { WebSocket, WebSocketServer } from "ws";
import { ConnectionLostError, ListenError } from "../errors.ts";
import type { ListenAddress, Listener, Socket, SocketListener, Transport } from "./transport.ts";

/** Where node links are served; other paths are left for what may come. */
const PATH = "/cluster";

/** How long a closing handshake may take before the socket is destroyed. */
const CLOSE_TIMEOUT_MS = 2000;

/** A message of ours is one WebSocket fragment; whoever sends many has something else in mind. */
const MAX_FRAGMENTS = 64;

/** What an unproven socket may send after the upgrade. */
const MAX_UNPROVEN_BYTES = 8 * 1024;

export interface WebSocketTransportOptions {
  readonly clock: Clock;
  /** The largest message, both ways. */
  readonly maxMessageBytes: number;
  /** Sockets that have not proven themselves, at a time. */
  readonly maxUnauthenticated: number;
  /** How long a socket may remain unproven, and a dial unanswered. */
  readonly handshakeTimeoutMs: number;
}

/** Makes the transport. */
export function webSocketTransport(options: WebSocketTransportOptions): Transport {
  const { maxMessageBytes, handshakeTimeoutMs } = options;
  const socketOptions = {
    perMessageDeflate: false,
    maxPayload: maxMessageBytes,
    maxFragments: MAX_FRAGMENTS,
    closeTimeout: CLOSE_TIMEOUT_MS,
  };
  return {
    defer: (flush) => nodeEventLoop.later(flush),
    dial: (url, signal) =>
      dial(url, signal, {
        ...socketOptions,
        handshakeTimeout: handshakeTimeoutMs,
        // The mask guards proxies from scripts of browsers. It costs both ends a loop over each
        // byte; the key of zeros, which `ws` takes as none, costs neither anything.
        generateMask: () => {},
      }),
    listen(address, accept) {
      const upgrades = new WebSocketServer({
        ...socketOptions,
        noServer: true,
        path: PATH,
        clientTracking: false,
      });
      return new Gate(options, upgrades, accept).listen(address);
    },
  };
}

/** The server side: admits TCP connections, and keeps account of those not proven. */
class Gate {
  readonly #options: WebSocketTransportOptions;
  readonly #upgrades: WebSocketServer;
  readonly #accept: (socket: Socket) => void;
  readonly #server: Server;
  /** What ends the probation of a raw socket. */
  readonly #unproven = new Map<Duplex, () => void>();

  constructor(
    options: WebSocketTransportOptions,
    upgrades: WebSocketServer,
    accept: (socket: Socket) => void,
  ) {
    this.#options = options;
    this.#upgrades = upgrades;
    this.#accept = accept;
    this.#server = createServer((_request, response) => {
      response.writeHead(426, { connection: "close" }).end();
    });
    this.#server.on("connection", (socket) => this.#onConnection(socket));
    this.#server.on("upgrade", (request, socket, head) => this.#onUpgrade(request, socket, head));
  }

  listen({ host, port }: ListenAddress): Promise<Listener> {
    const server = this.#server;
    return new Promise((resolve, reject) => {
      const refuse = (error: NodeJS.ErrnoException) => {
        reject(new ListenError(host, port, describe(error)));
      };
      server.once("error", refuse);
      server.listen(port, host, () => {
        server.off("error", refuse);
        // Accepting can fail later, for want of file descriptors; the node lives on.
        server.on("error", () => {});
        const { port: taken } = server.address() as AddressInfo;
        const literal = host.includes(":") ? `[${host}]` : host;
        resolve({ url: `ws://${literal}:${taken}`, close: () => this.#close() });
      });
    });
  }

  async #close(): Promise<void> {
    this.#server.close();
    for (const socket of [...this.#unproven.keys()]) socket.destroy();
  }

  #onConnection(socket: Duplex): void {
    const { clock, maxUnauthenticated, handshakeTimeoutMs } = this.#options;
    if (this.#unproven.size >= maxUnauthenticated) {
      socket.destroy();
      return;
    }
    const deadline = clock.setTimer(handshakeTimeoutMs, () => socket.destroy());
    const release = () => {
      if (this.#unproven.delete(socket)) clock.clearTimer(deadline);
    };
    this.#unproven.set(socket, release);
    socket.once("close", release);
  }

  #onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#upgrades.handleUpgrade(request, socket, head, (upgraded) => {
      const raw = request.socket;
      const start = raw.bytesRead - head.length;
      const count = () => {
        if (raw.bytesRead - start > MAX_UNPROVEN_BYTES) raw.destroy();
      };
      raw.on("data", count);
      const admit = () => {
        raw.off("data", count);
        this.#unproven.get(raw)?.();
      };
      this.#accept(new WebSocketSocket(upgraded, admit));
    });
  }
}

/** A `ws` socket as the port wants it. */
class WebSocketSocket implements Socket {
  readonly #ws: WebSocket;
  readonly #admit: () => void;

  constructor(ws: WebSocket, admit: () => void) {
    this.#ws = ws;
    this.#admit = admit;
    // Without a listener an error would be thrown; a `close` follows every one of them.
    ws.on("error", () => {});
  }

  get bufferedBytes(): number {
    return this.#ws.bufferedAmount;
  }

  open(listener: SocketListener): void {
    this.#ws.on("message", (data, isBinary) => {
      if (isBinary && Buffer.isBuffer(data)) listener.message(data);
      else this.terminate();
    });
    if (this.#ws.readyState === WebSocket.CLOSED) nodeEventLoop.soon(() => listener.closed());
    else this.#ws.once("close", () => listener.closed());
  }

  send(message: Uint8Array, sent?: () => void): void {
    if (this.#ws.readyState === WebSocket.OPEN) this.#ws.send(message, sent);
  }

  admit(): void {
    this.#admit();
  }

  close(): void {
    this.#ws.close(1000);
  }

  terminate(): void {
    this.#ws.terminate();
  }
}

function dial(url: string, signal: AbortSignal, options: WebSocket.ClientOptions): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const refuse = (why: string) => reject(new ConnectionLostError(url, "not_run", why));
    if (signal.aborted) {
      refuse("the dial was aborted");
      return;
    }
    let ws: WebSocket;
    try {
      const target = new URL(url);
      if (target.pathname === "/") target.pathname = PATH;
      ws = new WebSocket(target, options);
    } catch (error) {
      refuse(error instanceof Error ? error.message : String(error));
      return;
    }
    const abort = () => ws.terminate();
    signal.addEventListener("abort", abort, { once: true });
    const forget = () => signal.removeEventListener("abort", abort);
    ws.once("open", () => {
      forget();
      ws.off("error", onError);
      resolve(new WebSocketSocket(ws, () => {}));
    });
    const onError = (error: Error) => {
      forget();
      // More errors may follow the first; nobody is interested in them.
      ws.on("error", () => {});
      refuse(error.message);
    };
    ws.once("error", onError);
  });
}

function describe(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case "EADDRINUSE":
      return "the port is in use";
    case "EACCES":
      return "the port may not be taken by this user";
    case "EADDRNOTAVAIL":
      return "this machine has no such address";
    default:
      return error.message;
  }
}
