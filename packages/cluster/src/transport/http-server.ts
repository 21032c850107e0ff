/**
 * The HTTP or HTTPS server on whose port nodes meet: it answers plain requests, and hands upgrades
 * on once they are such as a node sends. It knows no WebSocket.
 *
 * Whatever a stranger does here costs little: the gate bounds how many there are and for how long,
 * headers are bounded in size, and a request gets one answer and then the end of the connection.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket as TcpSocket } from "node:net";
import { TLSSocket } from "node:tls";
import { ListenError } from "../errors.ts";
import type { Gate } from "./gate.ts";
import { hasValidCertificate, type ResolvedTls } from "./tls.ts";
import type { AnswerHttp, HttpQuestion, ListenAddress, Listener } from "./transport.ts";

/** Where node links are served; other paths are for people and probes. */
export const LINK_PATH = "/cluster";

/** What both sides of a link have to offer: a WebSocket of something else is turned away. */
export const SUBPROTOCOL = "troupe-cluster.1";

/** All headers of a request together. */
const MAX_HEADER_BYTES = 8 * 1024;

export type OnUpgrade = (request: IncomingMessage, socket: TcpSocket, head: Buffer) => void;

export interface HttpServerPorts {
  readonly gate: Gate;
  readonly tls: ResolvedTls | undefined;
  readonly answer: AnswerHttp | undefined;
  /** An upgrade to a link, by something that is no browser. */
  readonly upgrade: OnUpgrade;
}

/** Listens. Rejects with ListenError. */
export function listenHttp(address: ListenAddress, ports: HttpServerPorts): Promise<Listener> {
  const { gate, tls, upgrade } = ports;
  const { host, port } = address;
  const server = makeServer(ports);
  server.on("connection", (socket: TcpSocket) => gate.enter(socket));
  server.on("upgrade", (request: IncomingMessage, socket: TcpSocket, head: Buffer) => {
    // From here on the socket is nobody's: a reset that nobody listened to would end the process.
    socket.on("error", () => {});
    const refusal = refusalOf(request, tls);
    if (refusal === undefined) upgrade(request, socket, head);
    else {
      socket.once("finish", () => socket.destroy());
      socket.end(`HTTP/1.1 ${refusal}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
    }
  });
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
      resolve({
        url: `${tls === undefined ? "ws" : "wss"}://${literal}:${taken}`,
        async close() {
          server.close();
          gate.close();
        },
      });
    });
  });
}

function makeServer({ tls, answer }: HttpServerPorts): Server {
  const isTrusted = (request: IncomingMessage) => showsCertificate(request, tls);
  const options = { maxHeaderSize: MAX_HEADER_BYTES };
  const respond = (request: IncomingMessage, response: ServerResponse) => {
    void respondTo(request, response, (question) =>
      answer?.({ ...question, isTrusted: isTrusted(request) }),
    );
  };
  if (tls === undefined) return createServer(options, respond);
  const { context, mutual } = tls;
  // Who shows no certificate, or a strange one, gets as far as the probes: what asks whether a
  // node is alive has none, in Kubernetes for one. A link is refused to it at the upgrade.
  const server = createTlsServer(
    { ...options, ...context, requestCert: mutual, rejectUnauthorized: false },
    respond,
  );
  // A stranger who speaks no TLS: the connection ends by itself.
  server.on("tlsClientError", () => {});
  return server;
}

/** Why an upgrade is turned away; undefined when it is not. */
function refusalOf(request: IncomingMessage, tls: ResolvedTls | undefined): string | undefined {
  const { url = "", headers } = request;
  if (pathOf(url) !== LINK_PATH) return "400 Bad Request";
  // Only a browser says where its script comes from, and no page has any business here.
  if (headers.origin !== undefined) return "403 Forbidden";
  const offered = String(headers["sec-websocket-protocol"] ?? "").split(/\s*,\s*/);
  if (!offered.includes(SUBPROTOCOL)) return "400 Bad Request";
  return showsCertificate(request, tls) ? undefined : "403 Forbidden";
}

/** Whether the other side has a certificate of ours, or nobody is asked for one. */
function showsCertificate({ socket }: IncomingMessage, tls: ResolvedTls | undefined): boolean {
  return tls?.mutual !== true || (socket instanceof TLSSocket && hasValidCertificate(socket));
}

async function respondTo(
  request: IncomingMessage,
  response: ServerResponse,
  answer: (question: Pick<HttpQuestion, "method" | "path">) => ReturnType<AnswerHttp>,
): Promise<void> {
  const { method = "", url = "" } = request;
  let status = 426;
  let headers: Readonly<Record<string, string>> = {};
  let body = "";
  try {
    const answered = await answer({ method, path: pathOf(url) });
    if (answered !== undefined) ({ status, headers, body } = answered);
  } catch {
    // What answers is ours or the application's; its fault is not the questioner's to see.
    status = 500;
  }
  response.writeHead(status, { ...headers, connection: "close" });
  response.end(method === "HEAD" ? undefined : body);
}

function pathOf(url: string): string {
  return url.split("?", 1)[0] ?? "";
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
