/** The probes and the metrics of a real node, asked over real sockets. */
import { once } from "node:events";
import { request } from "node:http";
import { connect } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { createNode } from "../../src/create-node.ts";
import { staticSeeds } from "../../src/discovery/static.ts";
import type { Node } from "../../src/node.ts";
import type { NodeOptions } from "../../src/options.ts";
import { Counter } from "../support.ts";

async function start(options: Partial<NodeOptions> = {}): Promise<Node> {
  const node = await createNode({ name: "a", listen: { port: 0 }, logger: false, ...options });
  onTestFinished(() => node.shutdown());
  return node;
}

async function ask(node: Node, path: string, method = "GET") {
  const url = (node.url as string).replace(/^ws:/, "http:").replace("0.0.0.0", "127.0.0.1");
  const response = await fetch(`${url}${path}`, { method });
  const { status, headers } = response;
  return { status, connection: headers.get("connection"), body: await response.text() };
}

test("a node that runs is alive and ready", async () => {
  const node = await start();
  expect(await ask(node, "/livez")).toEqual({ status: 200, connection: "close", body: "ok\n" });
  expect(await ask(node, "/readyz?verbose")).toMatchObject({ status: 200, body: "ok\n" });
  expect(await ask(node, "/readyz", "HEAD")).toMatchObject({ status: 200, body: "" });
});

test("a check that fails makes it unready, by name and reason, and alive still", async () => {
  const node = await start();
  let reason: string | boolean = "the database is closed";
  const remove = node.addReadyCheck("database", () => reason);
  node.addReadyCheck("broken", () => {
    throw new TypeError("no check");
  });
  expect(await ask(node, "/readyz")).toMatchObject({
    status: 503,
    body: "database: the database is closed\nbroken: no check\n",
  });
  expect(await ask(node, "/livez")).toMatchObject({ status: 200 });
  reason = false;
  expect(node.notReady()).toEqual(["database", "broken: no check"]);
  reason = true;
  expect(node.notReady()).toEqual(["broken: no check"]);
  remove();
  expect(() => node.addReadyCheck("broken", () => true)).toThrow("a name not used before");
});

test("metrics tell of links, processes and refusals", async () => {
  const node = await start({ keys: ["the key of this cluster"], actors: [Counter] });
  const common = { listen: { port: 0 }, discovery: [staticSeeds([node.url as string])] };
  const wrong = await start({ ...common, name: "w", keys: ["another key, a wrong one"] });
  const b = await start({ ...common, name: "b", keys: ["the key of this cluster"] });
  await Promise.all([
    new Promise((resolve) => b.events.once("nodeup", resolve)),
    new Promise((resolve) => wrong.events.once("refused", resolve)),
  ]);
  const counter = await b.startOn("a", Counter, { start: 0 });
  await Promise.all([counter.call("add", 1), counter.query("get")]);
  const { status, body } = await ask(node, "/metrics");
  expect(status).toBe(200);
  const labels = 'node="a",cluster="troupe"';
  for (const line of [
    `troupe_links{${labels}} 1`,
    `troupe_links_up_total{${labels}} 1`,
    `troupe_processes{${labels}} 1`,
    `troupe_ready{${labels}} 1`,
    `troupe_mailbox_messages{${labels}} 0`,
    `troupe_queued_bytes{peer="b",${labels}} 0`,
    `troupe_calls_total{direction="in",${labels}} 2`,
    `troupe_calls_total{direction="out",${labels}} 0`,
  ]) {
    expect(body).toContain(line);
  }
  expect(body).toMatch(/troupe_handshakes_refused_total\{reason="auth",node="a".*\} [1-9]/);
  expect(body).toContain("# TYPE troupe_links_down_total counter");
  const theirs = await b.metrics();
  expect(theirs).toContain('troupe_links{node="b"');
  expect(theirs).toMatch(/troupe_calls_total\{direction="out",.*\} 2/);
  for (const name of ["frames", "frame_bytes"]) {
    for (const way of ["in", "out"]) {
      expect(body).toMatch(new RegExp(`troupe_${name}_total\\{direction="${way}",.*\\} [1-9]`));
    }
  }
  // A frame has a header of eight bytes at least.
  const read = (name: string) => Number(new RegExp(`${name}\\{.*\\} (\\d+)`).exec(theirs)?.[1]);
  expect(read("troupe_frame_bytes_total")).toBeGreaterThan(read("troupe_frames_total") * 8);
});

test("other paths and methods are refused, and what is switched off is not there", async () => {
  const node = await start({ http: { probes: false } });
  expect(await ask(node, "/livez")).toMatchObject({ status: 426 });
  expect(await ask(node, "/metrics", "POST")).toMatchObject({ status: 405 });
  expect(await ask(node, "/__proto__")).toMatchObject({ status: 426 });
  const open = await start({
    name: "b",
    keys: ["the key of this cluster"],
    listen: { host: "0.0.0.0", port: 0 },
  });
  expect(await ask(open, "/livez")).toMatchObject({ status: 200 });
  expect(await ask(open, "/metrics")).toMatchObject({ status: 426 });
});

test("a request that never ends, or has huge headers, is cut off, and others are answered", async () => {
  const node = await start({ handshakeTimeoutMs: 100 });
  const port = Number(new URL(node.url as string).port);
  const slow = connect(port, "127.0.0.1");
  slow.on("error", () => {});
  slow.write("GET /livez HTTP/1.1\r\nhost: a\r\nx-slow: ");
  const huge = request({ port, host: "127.0.0.1", headers: { "x-huge": "x".repeat(20_000) } });
  const [response] = await once(huge.end(), "response");
  expect(response.statusCode).toBe(431);
  await once(slow, "close");
  expect(await ask(node, "/livez")).toMatchObject({ status: 200 });
});
