/** TLS between real nodes, with certificates that are made here. It waits for events only. */
import { once } from "node:events";
import { connect as connectTls } from "node:tls";
import { generate } from "selfsigned";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { createNode } from "../../src/create-node.ts";
import { staticSeeds } from "../../src/discovery/static.ts";
import type { Node } from "../../src/node.ts";
import type { NodeOptions } from "../../src/options.ts";
import type { TlsOptions } from "../../src/transport/tls.ts";
import { Counter } from "../support.ts";

interface Certificate {
  readonly cert: string;
  readonly key: string;
}

let authority: Certificate;
let strangerAuthority: Certificate;

async function issue(by: Certificate | undefined, commonName: string, names: object[] = []) {
  const { cert, private: key } = await generate([{ name: "commonName", value: commonName }], {
    keyType: "ec",
    algorithm: "sha256",
    extensions: [
      { name: "basicConstraints", cA: by === undefined, critical: true },
      ...(names.length > 0 ? [{ name: "subjectAltName", altNames: names }] : []),
    ],
    ...(by && { ca: by }),
  } as never);
  return { cert, key };
}

const dns = (value: string) => ({ type: 2, value });
const uri = (value: string) => ({ type: 6, value });
const loopback = { type: 7, ip: "127.0.0.1" };

beforeAll(async () => {
  authority = await issue(undefined, "the authority");
  strangerAuthority = await issue(undefined, "another authority");
});

async function start(name: string, tls: TlsOptions | undefined, more: Partial<NodeOptions> = {}) {
  const node = await createNode({
    name,
    cluster: "shop",
    keys: ["a key of the whole cluster"],
    listen: { port: 0 },
    actors: [Counter],
    logger: false,
    reconnectMaxMs: 200,
    ...(tls && { tls }),
    ...more,
  });
  onTestFinished(() => node.shutdown());
  return node;
}

const event = (node: Node, name: "nodeup" | "refused") =>
  new Promise((resolve) => node.events.once(name, resolve));

const seeds = (node: Node) => ({ discovery: [staticSeeds([node.url as string])] });

describe("with certificates on both sides", () => {
  const mutual = async (names: object[]) => {
    return { ...(await issue(authority, "node", names)), ca: authority.cert };
  };

  test("nodes that their certificates name talk, each over wss", async () => {
    const b = await start("b", await mutual([dns("b")]));
    expect(b.url).toMatch(/^wss:/);
    const a = await start("a", await mutual([uri("troupe://shop/a")]), seeds(b));
    await event(a, "nodeup");
    const counter = await a.startOn("b", Counter, { start: 1 });
    expect(await counter.call("add", 1)).toBe(2);
  });

  test("they need no key, not even beyond loopback", async () => {
    const tls = await mutual([dns("b")]);
    const b = await start("b", tls, { keys: [], listen: { host: "0.0.0.0", port: 0 } });
    const url = (b.url as string).replace("0.0.0.0", "127.0.0.1");
    const discovery = [staticSeeds([url])];
    const a = await start("a", await mutual([dns("a")]), { keys: [], discovery });
    await event(a, "nodeup");
    const plain = createNode({
      name: "c",
      listen: { host: "0.0.0.0", port: 0 },
      tls: {
        ...tls,
        mutual: false,
      },
    });
    await expect(plain).rejects.toMatchObject({ code: "ERR_INVALID_OPTION" });
  });

  test("one that uses another's name is refused by whom it dials", async () => {
    const b = await start("b", await mutual([dns("b")]));
    const refusals = [event(b, "refused")];
    const c = await start("a", await mutual([dns("c")]), seeds(b));
    refusals.push(event(c, "refused"));
    expect(await Promise.all(refusals)).toMatchObject([
      { reason: "certificate", name: "a" },
      { reason: "certificate" },
    ]);
    expect([b.nodes(), c.nodes()]).toEqual([[], []]);
  });

  test("one that uses another's name is refused by who dials it", async () => {
    const b = await start("b", await mutual([dns("elsewhere"), uri("troupe://other/b")]));
    const a = await start("a", await mutual([dns("a")]), seeds(b));
    expect(await event(a, "refused")).toMatchObject({ reason: "certificate", name: "b" });
  });

  test("one whose certificate another authority has signed gets nowhere", async () => {
    const b = await start("b", await mutual([dns("b")]));
    const stranger = await issue(strangerAuthority, "node", [dns("a")]);
    const port = Number(new URL(b.url as string).port);
    const socket = connectTls({
      port,
      host: "127.0.0.1",
      ca: authority.cert,
      ...stranger,
      checkServerIdentity: () => undefined,
    });
    socket.on("error", () => {});
    // In TLS 1.3 the client learns of the refusal only when it reads.
    socket.resume();
    await once(socket, "close");
    expect(socket.bytesRead).toBeLessThan(4096);
    expect(b.nodes()).toEqual([]);
  });
});

describe("with a certificate of the server alone", () => {
  test("the dialled node's certificate has to name the host, and a key proves who is who", async () => {
    const b = await start("b", { ...(await issue(authority, "b", [loopback])) });
    const tls = { ...(await issue(authority, "a", [loopback])), ca: authority.cert, mutual: false };
    const a = await start("a", tls, seeds(b));
    await event(a, "nodeup");
    const wrong = await start("w", tls, { ...seeds(b), keys: ["another key of some length"] });
    expect(await event(wrong, "refused")).toMatchObject({ reason: "auth" });
  });
});

test("a node with TLS dials nothing that is not encrypted", async () => {
  const plain = await start("b", undefined);
  const tls = { ...(await issue(authority, "a", [dns("a")])), ca: authority.cert };
  const a = await start("a", tls, { ...seeds(plain), listen: { port: 0 } });
  const c = await start("c", undefined, seeds(plain));
  await event(c, "nodeup");
  expect(a.nodes()).toEqual([]);
});

test("a certificate that is none is one clear line that shows no key", async () => {
  const good = await issue(authority, "a");
  const bad = [
    { cert: "nonsense", key: good.key },
    { cert: good.cert, key: strangerAuthority.key },
    { cert: good.cert, key: "" },
    { ...good, mutual: true },
    { ...good, minVersion: "SSLv3" as never },
  ];
  for (const tls of bad) {
    const refused = await createNode({ name: "a", tls }).catch((error) => error);
    expect(refused).toMatchObject({ code: "ERR_INVALID_OPTION", outcome: "not_run" });
    expect(refused.message).not.toContain("PRIVATE");
  }
});
