/**
 * The transport of real clusters: one WebSocket per connection. The only file that knows `ws`.
 *
 * A message is never compressed: zlib would cost memory per socket and guard nothing. A socket
 * that has not proven itself is cheap to have and quick to lose: few at a time, few bytes each,
 * and a deadline, counted from the TCP connection and not from the upgrade.
 */
import type { IncomingMessage } from "node:http";
import type { Socket as TcpSocket } from "node:net";
import { TLSSocket } from "node:tls";
import type { Clock } from "@troupe/actor";
import { assert, nodeEventLoop } from "@troupe/actor/runtime";
import { WebSocket, WebSocketServer } from "ws";
import { ConnectionLostError, HandshakeError } from "../errors.ts";
import { Gate } from "./gate.ts";
import { LINK_PATH, listenHttp, type OnUpgrade, SUBPROTOCOL } from "./http-server.ts";
import { bindingOf, isDistrust, namesOf, type ResolvedTls } from "./tls.ts";
import type { Socket, SocketListener, Transport } from "./transport.ts";

/** How long a closing handshake may take before the socket is destroyed. */
const CLOSE_TIMEOUT_MS = 2000;

/** A message of ours is one WebSocket fragment; whoever sends many has something else in mind. */
const MAX_FRAGMENTS = 64;

/** What an unproven socket may send after the upgrade. */
const MAX_UNPROVEN_BYTES = 8 * 1024;

/**
 * A message up to this length is copied behind its header and leaves in one piece: the call that
 * hands two pieces to the system costs more than all the rest of a small message.
 */
const COPIED_BYTES = 4000;

/** The two bytes in front of a short message: final and binary, and its length or this mark. */
const FINAL_BINARY = 0x82;
const TWO_BYTE_LENGTH = 126;
const MASKED = 0x80;
const MASK_BYTES = 4;

export interface WebSocketTransportOptions {
  readonly clock: Clock;
  /** The largest message, both ways. */
  readonly maxMessageBytes: number;
  /** Sockets that have not proven themselves, at a time. */
  readonly maxUnauthenticated: number;
  /** The same, from one address. */
  readonly maxUnauthenticatedPerAddress: number;
  /** How long a socket may remain unproven, and a dial unanswered. */
  readonly handshakeTimeoutMs: number;
  /** Encrypts: listens for `wss://` alone, and dials nothing else. */
  readonly tls?: ResolvedTls | undefined;
}

/** Makes the transport. */
export function webSocketTransport(options: WebSocketTransportOptions): Transport {
  const { clock, maxMessageBytes, handshakeTimeoutMs, tls } = options;
  const socketOptions = {
    perMessageDeflate: false,
    maxPayload: maxMessageBytes,
    maxFragments: MAX_FRAGMENTS,
    closeTimeout: CLOSE_TIMEOUT_MS,
  };
  const clientOptions: WebSocket.ClientOptions = {
    ...socketOptions,
    ...tlsClientOptions(tls),
    handshakeTimeout: handshakeTimeoutMs,
    // The mask guards proxies from scripts of browsers. It costs both ends a loop over each
    // byte; the key of zeros, which `ws` takes as none, costs neither anything.
    generateMask: () => {},
  };
  return {
    // A tick comes after every promise reaction of the turn, and before the loop would poll: the
    // replies to what one read brought leave together, and none waits for another round.
    defer: (flush) => process.nextTick(flush),
    later: (flush) => nodeEventLoop.later(flush),
    dial: (url, signal) => dial(url, signal, clientOptions, tls),
    listen(address, accept, answer) {
      const upgrades = new WebSocketServer({
        ...socketOptions,
        noServer: true,
        clientTracking: false,
        handleProtocols: () => SUBPROTOCOL,
      });
      const gate = new Gate({ ...options, clock, deadlineMs: handshakeTimeoutMs });
      const upgrade = upgrader(upgrades, gate, tls, accept);
      return listenHttp(address, { gate, tls, answer, upgrade });
    },
  };
}

/** The schemes of the addresses that are dialled. */
export function dialledSchemes(tls: ResolvedTls | undefined): readonly string[] {
  return tls === undefined ? ["ws:", "wss:"] : ["wss:"];
}

/** With certificates on both sides, who is dialled is checked by the handshake and by name. */
function tlsClientOptions(tls: ResolvedTls | undefined): WebSocket.ClientOptions {
  if (tls === undefined) return {};
  const { context, mutual, servername } = tls;
  return {
    ...context,
    rejectUnauthorized: true,
    ...(servername !== undefined && { servername }),
    ...(mutual && { checkServerIdentity: () => undefined as never }),
  };
}

function upgrader(
  upgrades: WebSocketServer,
  gate: Gate,
  tls: ResolvedTls | undefined,
  accept: (socket: Socket) => void,
): OnUpgrade {
  return (request, raw, head) => {
    upgrades.handleUpgrade(request, raw, head, (upgraded) => {
      const start = raw.bytesRead - head.length;
      const count = () => {
        if (raw.bytesRead - start > MAX_UNPROVEN_BYTES) raw.destroy();
      };
      raw.on("data", count);
      const admit = () => {
        raw.off("data", count);
        gate.admit(raw);
      };
      const socket = new WebSocketSocket(upgraded, raw, 0, admit, tls);
      // The gate forgets it; what it may send stays little until it is let in.
      socket.proven = () => gate.admit(raw);
      accept(socket);
    });
  };
}

/** A `ws` socket as the port wants it. */
class WebSocketSocket implements Socket {
  readonly binding: Uint8Array | undefined;
  readonly peerNames: readonly string[] | undefined;
  /** Of one that was accepted. */
  proven?: () => void;
  readonly #ws: WebSocket;
  readonly #raw: TcpSocket;
  /** The bit that says that a mask follows, on the side that has to send one. */
  readonly #masked: number;
  readonly #admit: () => void;

  constructor(
    ws: WebSocket,
    raw: TcpSocket,
    masked: number,
    admit: () => void,
    tls: ResolvedTls | undefined,
  ) {
    this.#ws = ws;
    this.#raw = raw;
    this.#masked = masked;
    this.#admit = admit;
    const encrypted = raw instanceof TLSSocket ? raw : undefined;
    this.binding = encrypted && bindingOf(encrypted);
    this.peerNames = tls?.mutual && encrypted ? namesOf(encrypted) : undefined;
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
    if (this.#ws.readyState !== WebSocket.OPEN) return;
    // Without compression `ws` too writes a whole message at once, so that none gets into another.
    if (message.length > COPIED_BYTES) this.#ws.send(message, sent);
    else this.#raw.write(shortMessage(message, this.#masked), sent);
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

/** A whole WebSocket message of less than 64 KiB: header, mask of zeros if any, and bytes. */
function shortMessage(bytes: Uint8Array, masked: number): Buffer {
  const { length } = bytes;
  const isTiny = length < TWO_BYTE_LENGTH;
  const start = (isTiny ? 2 : 4) + (masked === 0 ? 0 : MASK_BYTES);
  const message = Buffer.allocUnsafe(start + length);
  message[0] = FINAL_BINARY;
  message[1] = masked | (isTiny ? length : TWO_BYTE_LENGTH);
  if (!isTiny) message.writeUInt16BE(length, 2);
  if (masked !== 0) message.writeUInt32BE(0, start - MASK_BYTES);
  message.set(bytes, start);
  return message;
}

function dial(
  url: string,
  signal: AbortSignal,
  options: WebSocket.ClientOptions,
  tls: ResolvedTls | undefined,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const refuse = (why: string) => reject(new ConnectionLostError(url, "not_run", why));
    const distrust = (why: string) => reject(new HandshakeError(url, "certificate", why));
    if (signal.aborted) {
      refuse("the dial was aborted");
      return;
    }
    let ws: WebSocket;
    try {
      const target = new URL(url);
      // `ws` also takes addresses of the web, and of sockets in the file system.
      if (!dialledSchemes(undefined).includes(target.protocol)) {
        refuse(`a node is dialled at ws:// or wss://, not at ${target.protocol}`);
        return;
      }
      if (tls !== undefined && target.protocol !== "wss:") {
        distrust("this node has TLS on and dials only wss://");
        return;
      }
      if (target.pathname === "/") target.pathname = LINK_PATH;
      ws = new WebSocket(target, [SUBPROTOCOL], options);
    } catch (error) {
      refuse(error instanceof Error ? error.message : String(error));
      return;
    }
    const abort = () => ws.terminate();
    signal.addEventListener("abort", abort, { once: true });
    const forget = () => signal.removeEventListener("abort", abort);
    let raw: TcpSocket | undefined;
    ws.once("upgrade", (response: IncomingMessage) => {
      raw = response.socket;
    });
    ws.once("open", () => {
      forget();
      ws.off("error", onError);
      assert(raw !== undefined, "an open WebSocket has been upgraded");
      resolve(new WebSocketSocket(ws, raw, MASKED, () => {}, tls));
    });
    ws.once("unexpected-response", (_request, { statusCode = 0 }: IncomingMessage) => {
      if (statusCode === FORBIDDEN && ws.url.startsWith("wss:")) {
        distrust("the other side asks for another certificate");
      } else refuse(`it answered with the HTTP status ${statusCode}`);
      ws.terminate();
    });
    const onError = (error: Error) => {
      forget();
      // More errors may follow the first; nobody is interested in them.
      ws.on("error", () => {});
      if (isDistrust(error)) distrust(error.message);
      else refuse(error.message);
    };
    ws.once("error", onError);
  });
}

/** How a node that asks for certificates answers an upgrade without one. */
const FORBIDDEN = 403;
