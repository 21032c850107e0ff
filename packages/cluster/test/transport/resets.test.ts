/**
 * Connections that are reset at the worst moment: whoever does that, the node must not notice. An
 * error of a socket to which nobody listens would end the process. It waits for events only.
 */
import { once } from "node:events";
import { connect } from "node:net";
import { generate } from "selfsigned";
import { expect, onTestFinished, test } from "vitest";
import { createNode } from "../../src/create-node.ts";
import { staticSeeds } from "../../src/discovery/static.ts";
import type { NodeOptions } from "../../src/options.ts";

async function start(options: Partial<NodeOptions> = {}) {
  const node = await createNode({ name: "a", listen: { port: 0 }, logger: false, ...options });
  onTestFinished(() => node.shutdown());
  return { node, port: Number(new URL(node.url as string).port) };
}

/** Errors that nobody has caught while the test ran. */
function uncaught(): unknown[] {
  const errors: unknown[] = [];
  const note = (error: unknown) => errors.push(error);
  process.on("uncaughtException", note);
  onTestFinished(() => {
    process.off("uncaughtException", note);
  });
  return errors;
}

/** Says something and resets the connection, at once or when it was answered. */
async function reset(port: number, text: string, after: "nothing" | "answer"): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  await once(socket, "connect");
  if (text !== "") await new Promise<void>((resolve) => socket.write(text, () => resolve()));
  if (after === "answer") await once(socket, "data");
  socket.resetAndDestroy();
  await once(socket, "close");
}

const upgrade = (path: string, more = "") =>
  `GET ${path} HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n${more}\r\n`;

const linked = [
  "sec-websocket-version: 13",
  "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
  "sec-websocket-protocol: troupe-cluster.1",
  "",
].join("\r\n");

test.each([
  ["before a word", "", "nothing"],
  ["in the middle of a header", "GET /livez HTTP/1.1\r\nhos", "nothing"],
  ["in the middle of a body", "POST / HTTP/1.1\r\ncontent-length: 9\r\n\r\nabc", "nothing"],
  ["after a question", "GET /livez HTTP/1.1\r\nhost: a\r\n\r\n", "nothing"],
  ["after a tunnel was asked for", "CONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n", "nothing"],
  ["after an upgrade to another path", upgrade("/elsewhere"), "nothing"],
  ["after an upgrade without the protocol", upgrade("/cluster"), "nothing"],
  ["after a page's upgrade", upgrade("/cluster", "origin: http://e\r\n"), "nothing"],
  ["after an upgrade that is no WebSocket", upgrade("/cluster", linked.slice(27)), "nothing"],
  ["after an upgrade", upgrade("/cluster", linked), "nothing"],
  ["when it is upgraded", upgrade("/cluster", linked), "answer"],
] as const)("a connection that is reset %s harms nobody", async (_name, text, after) => {
  const errors = uncaught();
  const { node, port } = await start();
  for (let n = 0; n < 10; n += 1) await reset(port, text, after);
  const b = await start({ name: "b", discovery: [staticSeeds([node.url as string])] });
  await new Promise((resolve) => b.node.events.once("nodeup", resolve));
  expect(errors).toEqual([]);
});

test("nor does one that is reset under a TLS handshake, or is no TLS", async () => {
  const errors = uncaught();
  const { cert, private: key } = await generate([], { keyType: "ec", algorithm: "sha256" });
  const { port } = await start({ tls: { cert, key, ca: cert } });
  const begun = Buffer.from("16030100050100000100", "hex").toString("latin1");
  for (const text of ["", "hello", upgrade("/cluster", linked), begun]) {
    for (let n = 0; n < 5; n += 1) await reset(port, text, "nothing");
  }
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.end("no TLS at all\r\n\r\n");
  socket.resume();
  await once(socket, "close");
  expect(errors).toEqual([]);
});
