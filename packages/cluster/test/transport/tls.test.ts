/** TLS between real nodes, with certificates that are made here. It waits for events only. */
import { once } from "node:events";
import { request } from "node:https";
import type { AddressInfo } from "node:net";
import { connect, createServer } from "node:tls";
import { generate } from "selfsigned";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { createNode } from "../../src/create-node.ts";
import { staticSeeds } from "../../src/discovery/static.ts";
import type { Node } from "../../src/node.ts";
import type { NodeOptions } from "../../src/options.ts";
import { namesIn, type TlsOptions } from "../../src/transport/tls.ts";
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

/** The status with which a node answers over HTTPS. */
async function ask(node: Node, path: string, tls: object, headers: object = {}): Promise<number> {
  const { hostname, port } = new URL(node.url as string);
  const asked = request({
    hostname,
    port,
    path,
    ...tls,
    headers: headers as never,
    checkServerIdentity: () => undefined,
  });
  const [response] = await once(asked.end(), "response");
  response.resume();
  return response.statusCode;
}

/** What an upgrade to a link says. */
const linked = {
  connection: "upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
  "sec-websocket-protocol": "troupe-cluster.1",
};

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

  test("one whose certificate another authority has signed is refused by both", async () => {
    const b = await start("b", await mutual([dns("b")]));
    const other = await issue(strangerAuthority, "node", [dns("a")]);
    // It believes our authority, and we do not believe its.
    const believer = await start("a", { ...other, ca: authority.cert }, seeds(b));
    const url = `${b.url}/`;
    expect(await event(believer, "refused")).toMatchObject({ reason: "certificate", url });
    const unbeliever = await start("a2", { ...other, ca: strangerAuthority.cert }, seeds(b));
    expect(await event(unbeliever, "refused")).toMatchObject({ reason: "certificate", url });
    expect(b.nodes()).toEqual([]);
  });

  test("one without a certificate is refused a link and the metrics, and may probe", async () => {
    const b = await start("b", await mutual([dns("b")]), { http: { metrics: true } });
    const c = await start("c", undefined, { ...seeds(b), listen: { port: 0 } });
    // It has no authority of ours, and Node.js knows it just as little.
    expect(await event(c, "refused")).toMatchObject({ reason: "certificate" });
    const anybody = { ca: authority.cert };
    expect(await ask(b, "/livez", anybody)).toBe(200);
    expect(await ask(b, "/readyz", anybody)).toBe(200);
    expect(await ask(b, "/metrics", anybody)).toBe(403);
    const strange = await issue(strangerAuthority, "node", [dns("a")]);
    expect(await ask(b, "/metrics", { ...anybody, ...strange })).toBe(403);
    expect(await ask(b, "/cluster", anybody, linked)).toBe(403);
    expect(await ask(b, "/cluster", { ...anybody, ...strange }, linked)).toBe(403);
    const scraper = await issue(authority, "scraper", [dns("prometheus")]);
    expect(await ask(b, "/metrics", { ...anybody, ...scraper })).toBe(200);
    expect(b.nodes()).toEqual([]);
  });

  test("somebody in the middle with good certificates cannot pass the proofs on", async () => {
    const b = await start("b", await mutual([dns("b")]));
    // It has a certificate for both names, as one who has broken into the authority would.
    const both = await mutual([dns("a"), dns("b")]);
    const relay = createServer({ ...both, requestCert: true }, (near) => {
      const { hostname: host, port } = new URL(b.url as string);
      const far = connect({
        ...both,
        host,
        port: Number(port),
        checkServerIdentity: () => undefined,
      });
      for (const end of [near, far]) end.on("error", () => {});
      near.pipe(far).pipe(near);
    });
    relay.listen(0, "127.0.0.1");
    await once(relay, "listening");
    onTestFinished(() => {
      relay.close();
    });
    const { port } = relay.address() as AddressInfo;
    const through = { discovery: [staticSeeds([`wss://127.0.0.1:${port}`])] };
    const refusals = [event(b, "refused")];
    const a = await start("a", await mutual([dns("a")]), through);
    refusals.push(event(a, "refused"));
    expect(await Promise.all(refusals)).toMatchObject([{ reason: "auth" }, { reason: "auth" }]);
    expect([a.nodes(), b.nodes()]).toEqual([[], []]);
  });

  test("a flood of strangers keeps nobody out", async () => {
    const limits = { maxUnauthenticated: 8, maxUnauthenticatedPerAddress: 8 };
    const b = await start("b", await mutual([dns("b")]), { limits });
    const { hostname: host, port } = new URL(b.url as string);
    let flooding = true;
    const flood = () => {
      if (!flooding) return;
      const socket = connect({ host, port: Number(port), rejectUnauthorized: false });
      // Each that is shown out is followed by another: all places are always taken.
      socket.on("error", () => {}).once("close", flood);
      onTestFinished(() => {
        socket.destroy();
      });
    };
    for (let n = 0; n < 8; n += 1) flood();
    const a = await start("a", await mutual([dns("a")]), seeds(b));
    await event(a, "nodeup");
    flooding = false;
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

test("what goes wrong with TLS is told to people, with what is behind it", async () => {
  const b = await start("b", { ...(await issue(authority, "b", [dns("elsewhere")])) });
  const warnings: string[] = [];
  const note = (message: string) => warnings.push(message);
  const logger = { debug() {}, info() {}, warn: note, error() {} };
  const tls = { ...(await issue(authority, "a")), ca: authority.cert, mutual: false };
  const a = await start("a", tls, { ...seeds(b), logger: logger as never });
  expect(await event(a, "refused")).toMatchObject({ reason: "certificate" });
  expect(warnings).toEqual([
    expect.stringMatching(/^our connection to wss:.* was refused: .*IP: 127.0.0.1 is not in the/),
  ]);
});

test("a certificate that is none is one clear line that shows no key", async () => {
  const good = await issue(authority, "a");
  const { private: locked } = await generate([], { keyType: "ec", passphrase: "open" } as never);
  const bad: [object, string][] = [
    [{ cert: "nonsense", key: good.key }, "tls.cert: expected a certificate"],
    [{ ...good, cert: undefined }, "tls.cert: expected PEM"],
    [{ ...good, key: authority.key }, "tls.key: expected the private key of tls.cert"],
    [{ cert: good.cert, key: "" }, "tls.key: expected PEM"],
    [{ cert: good.cert, key: good.cert }, "tls.key: expected a private key"],
    [{ cert: good.cert, key: locked }, "tls.key: expected a private key"],
    [{ cert: good.cert, key: locked, passphrase: "shut" }, "a key that tls.passphrase opens"],
    [{ ...good, passphrase: 12345 }, "tls.passphrase: expected a string"],
    // OpenSSL would take this one without a word, and then believe nobody.
    [{ ...good, ca: "nonsense" }, "tls.ca: expected a certificate"],
    [{ ...good, mutual: true }, "tls.ca: expected the certificate of who signs"],
    [{ ...good, minVersion: "SSLv3" }, "tls.minVersion"],
  ];
  for (const [tls, message] of bad) {
    const refused = await createNode({ name: "a", tls: tls as TlsOptions }).catch((e) => e);
    expect(refused.message).toContain(message);
    expect(refused).toMatchObject({ code: "ERR_INVALID_OPTION", outcome: "not_run" });
    expect(refused.message).not.toMatch(/PRIVATE|12345|shut/);
  }
});

test.each([
  [undefined, []],
  ["DNS:a, URI:troupe://shop/b, IP Address:127.0.0.1", ["a", "troupe://shop/b"]],
  ['DNS:"a, DNS:b", DNS:c', ["a, DNS:b", "c"]],
  ['URI:"troupe://shop/a\\u002cb", email:DNS@x', ["troupe://shop/a,b"]],
  ['othername:"<DNS:a>", DirName:"CN=x, DNS:b", DNS:c', ["c"]],
])("in %j stand the names %j", (text, names) => {
  expect(namesIn(text)).toEqual(names);
});
