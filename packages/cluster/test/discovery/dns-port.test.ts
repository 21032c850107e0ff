/** A real name server on loopback, and Node's resolver: their answers are waited for. */
import { settle } from "@troupe/actor/testing";
import DNS from "dns2";
import { expect, onTestFinished, test } from "vitest";
import { dnsSeeds } from "../../src/discovery/dns.ts";
import { systemDns } from "../../src/discovery/dns-port.ts";
import { discoveryContract, type FailingBench } from "../contract/discovery.ts";
import { pass, Watch } from "./support.ts";

const { Packet } = DNS;
type Resource = (typeof Packet.prototype.answers)[number];

const NAME = "_cluster._tcp.shop.example";

/** What the server does with a question. */
type Mood = "answers" | "nxdomain" | "servfail" | "empty" | "garbage" | "noise" | "silent";

class NameServer {
  mood: Mood = "answers";
  records: { name: string; port: number }[] = [];
  asked = 0;
  readonly #server = DNS.createUDPServer((request, send) => {
    this.asked += 1;
    const answer = this.#answer(request);
    if (answer !== undefined) void send(answer as typeof request);
  });

  async listen(): Promise<string> {
    await this.#server.listen(0, "127.0.0.1");
    return `127.0.0.1:${this.#server.address().port}`;
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  #answer(request: InstanceType<typeof Packet>): unknown {
    const answer = Packet.createResponseFromRequest(request);
    const [question] = request.questions;
    const { name, type } = question ?? { name: "", type: 0 };
    switch (this.mood) {
      case "silent":
        return undefined;
      case "garbage":
        return Buffer.from("this is no answer");
      case "noise": {
        const noise = Buffer.alloc(400, 0xff);
        noise.writeUInt16BE(request.header.id, 0);
        return noise;
      }
      case "nxdomain":
        answer.header.rcode = 3;
        return answer;
      case "servfail":
        answer.header.rcode = 2;
        return answer;
      case "empty":
        return answer;
      case "answers":
        for (const record of this.records)
          answer.answers.push(resource(name, type, record) as Resource);
        return answer;
    }
  }
}

function resource(name: string, type: number, record: { name: string; port: number }) {
  const common = { name, type, class: Packet.CLASS.IN, ttl: 1 };
  if (type === Packet.TYPE.SRV) {
    return { ...common, priority: 0, weight: 1, port: record.port, target: record.name };
  }
  return { ...common, address: type === Packet.TYPE.A ? `10.0.0.${record.port % 256}` : "fd00::1" };
}

async function serve(): Promise<{ server: NameServer; servers: string[] }> {
  const server = new NameServer();
  const servers = [await server.listen()];
  server.records = [
    { name: "a.shop.example", port: 7401 },
    { name: "b.shop.example", port: 7402 },
  ];
  return { server, servers };
}

async function bench(): Promise<FailingBench> {
  const { server, servers } = await serve();
  const source = dnsSeeds({ name: NAME, type: "SRV", servers, resolveTargets: false });
  return {
    source,
    names: ["ws://a.shop.example:7401", "ws://b.shop.example:7402"],
    look: async (watch) => {
      const { looks } = source.counters as { looks: number };
      await pass(watch, 6000);
      while (source.counters?.looks === looks) await settle();
    },
    fail: () => {
      server.mood = "servfail";
    },
    recover: () => {
      server.mood = "answers";
      server.records = [{ name: "c.shop.example", port: 7403 }];
      return ["ws://c.shop.example:7403"];
    },
    open: () => 0,
    end: () => server.close(),
  };
}

discoveryContract("a name server", bench, bench);

test.each(["A", "AAAA", "SRV"] as const)("%s records are read", async (type) => {
  const { server, servers } = await serve();
  onTestFinished(() => server.close());
  server.records = [{ name: "a.shop.example", port: 7401 }];
  const port = type === "SRV" ? {} : { port: 7400 };
  const watch = new Watch(dnsSeeds({ name: "shop.example", type, servers, ...port }));
  await watch.until(() => watch.snapshots.length > 0);
  const address = { A: "10.0.0.233:7400", AAAA: "[fd00::1]:7400", SRV: "10.0.0.233:7401" }[type];
  expect(watch.last).toEqual([`ws://${address}`]);
});

test.each([
  ["nxdomain", /ENOTFOUND/],
  ["servfail", /ESERVFAIL/],
  ["empty", /ENODATA/],
  ["garbage", /EBADRESP|ETIMEOUT/],
  ["noise", /EBADRESP|ESERVFAIL|EFORMERR|ENOTIMP|ETIMEOUT|EREFUSED/],
  ["silent", /ETIMEOUT/],
] as const)("a server that %s costs nothing but a warning", async (mood, warning) => {
  const { server, servers } = await serve();
  onTestFinished(() => server.close());
  const timeoutMs = 50;
  const source = dnsSeeds({ name: NAME, type: "SRV", servers, timeoutMs, resolveTargets: false });
  const watch = new Watch(source);
  await watch.until(() => watch.snapshots.length > 0);
  server.mood = mood;
  await pass(watch, 6000);
  await watch.until(() => watch.warnings.length > 0);
  expect(watch.warnings).toEqual([expect.stringMatching(warning)]);
  expect([watch.snapshots.length, watch.last?.length, source.counters?.stale]).toEqual([1, 2, 1]);
});

test("a question to a server that is silent ends with the source, and none follows it", async () => {
  const { server, servers } = await serve();
  onTestFinished(() => server.close());
  server.mood = "silent";
  const watch = new Watch(dnsSeeds({ name: NAME, type: "SRV", servers }));
  while (server.asked === 0) await settle();
  watch.abort();
  await watch.ended;
  await pass(watch, 60_000);
  expect([server.asked, watch.clock.pending]).toEqual([1, 0]);
});

test("a server that is not there costs nothing but a warning", async () => {
  const { server, servers } = await serve();
  await server.close();
  const watch = new Watch(dnsSeeds({ name: NAME, type: "SRV", servers, timeoutMs: 50 }));
  await watch.until(() => watch.warnings.length > 0);
  expect(watch.warnings[0]).toMatch(/ECONNREFUSED|ETIMEOUT/);
  expect(watch.snapshots.flat()).toEqual([]);
});

test("a name server has to be an address", () => {
  expect(() => systemDns({ servers: ["localhost"], timeoutMs: 100 })).toThrow();
});
