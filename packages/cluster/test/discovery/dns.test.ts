import { describe, expect, test } from "vitest";
import { type DnsSeedsOptions, dnsSeeds } from "../../src/discovery/dns.ts";
import { discoveryContract, type FailingBench } from "../contract/discovery.ts";
import { MemoryDns, pass, srv, Watch } from "./support.ts";

const NAME = "_cluster._tcp.shop";

function bench(): FailingBench {
  const dns = new MemoryDns();
  dns.srvRecords = [srv("b.shop", 7401), srv("a.shop", 7400)];
  return {
    source: dnsSeeds({ name: NAME, type: "SRV", resolver: () => dns }),
    names: ["ws://a.shop:7400", "ws://b.shop:7401"],
    look: (watch) => pass(watch, 6000),
    fail: () => {
      dns.srvRecords = new Error(`querySrv ENOTFOUND ${NAME}`);
    },
    recover: () => {
      dns.srvRecords = [srv("c.shop", 7400)];
      return ["ws://c.shop:7400"];
    },
    open: () => 0,
    end: () => {},
  };
}

discoveryContract("names, from memory,", bench, bench);

async function first(dns: MemoryDns, options: Partial<DnsSeedsOptions>): Promise<Watch> {
  const source = dnsSeeds({ name: NAME, type: "SRV", resolver: () => dns, ...options });
  const watch = new Watch(source);
  await watch.until(() => watch.snapshots.length > 0);
  return watch;
}

describe("SRV records", () => {
  test("name host and port; a trailing dot is not part of the host", async () => {
    const dns = new MemoryDns();
    dns.srvRecords = [srv("b.shop.", 7400), srv("a.shop", 7401)];
    const { last } = await first(dns, { scheme: "wss" });
    expect(last).toEqual(["wss://a.shop:7401", "wss://b.shop:7400"]);
    expect(dns.asked).toEqual([`SRV ${NAME}`]);
  });

  test("say by a dot, or by port zero, that there is no such service", async () => {
    const dns = new MemoryDns();
    dns.srvRecords = [srv(".", 7400), srv("", 7400), srv("a.shop", 0), srv("b.shop", 1)];
    expect((await first(dns, {})).last).toEqual(["ws://b.shop:1"]);
  });

  test("that name no host are passed over", async () => {
    const dns = new MemoryDns();
    dns.srvRecords = [srv("a b", 1), srv("a^b", 2), srv("c.shop", 3)];
    expect((await first(dns, {})).last).toEqual(["ws://c.shop:3"]);
  });

  test("are cut to the most preferred ones", async () => {
    const dns = new MemoryDns();
    const many = Array.from({ length: 2000 }, (_, n) => srv(`n${n}.shop`, 7400, 2000 - n));
    dns.srvRecords = many;
    const { last } = await first(dns, {});
    expect([last?.length, last?.includes("ws://n1999.shop:7400")]).toEqual([256, true]);
    expect(last?.includes("ws://n0.shop:7400")).toBe(false);
  });

  test("have their hosts resolved by the servers that were given, whom alone they know", async () => {
    const dns = new MemoryDns();
    dns.srvRecords = [srv("a.consul", 1), srv("b.consul", 2), srv("none.consul", 3)];
    dns.hosts.set("a.consul", ["10.0.0.1", "10.0.0.2"]);
    dns.hosts6.set("b.consul", ["fd00::b"]);
    const { last } = await first(dns, { servers: ["10.0.0.53:8600"] });
    expect(last).toEqual(["ws://10.0.0.1:1", "ws://10.0.0.2:1", "ws://[fd00::b]:2"]);
    const named = await first(dns, { servers: ["10.0.0.53"], resolveTargets: false });
    expect(named.last).toContain("ws://none.consul:3");
  });
});

test("A and AAAA records name hosts, all at one port", async () => {
  const dns = new MemoryDns();
  dns.hosts.set("shop", ["10.0.0.2", "10.0.0.1"]);
  dns.hosts6.set("shop", ["fd00::1"]);
  const four = await first(dns, { name: "shop", type: "A", port: 7400 });
  expect(four.last).toEqual(["ws://10.0.0.1:7400", "ws://10.0.0.2:7400"]);
  const six = await first(dns, { name: "shop", type: "AAAA", port: 7400 });
  expect(six.last).toEqual(["ws://[fd00::1]:7400"]);
});

test("answers in another order are no news", async () => {
  const dns = new MemoryDns();
  dns.srvRecords = [srv("a", 1), srv("b", 1)];
  const watch = await first(dns, {});
  dns.srvRecords = [srv("b", 1), srv("a", 1)];
  await pass(watch, 20_000);
  expect([watch.snapshots.length, dns.asked.length > 3]).toEqual([1, true]);
});

test("an empty answer counts as stale, and what was there before stands", async () => {
  const dns = new MemoryDns();
  dns.srvRecords = [srv("a", 1)];
  const source = dnsSeeds({ name: NAME, type: "SRV", resolver: () => dns });
  const watch = new Watch(source);
  await watch.until(() => watch.snapshots.length > 0);
  dns.srvRecords = [];
  await pass(watch, 5500);
  expect(watch.snapshots).toHaveLength(1);
  expect(watch.warnings).toEqual([`discovery "dns SRV ${NAME}": the answer has no address`]);
  expect(source.counters).toEqual({ looks: 2, stale: 1 });
});

test("a question that is under way is cancelled at the end, and none follows it", async () => {
  const dns = new MemoryDns();
  dns.srvRecords = [srv("a.consul", 1)];
  const rejects: ((error: Error) => void)[] = [];
  dns.a = (name) => {
    dns.asked.push(`A ${name}`);
    return new Promise((_, reject) => rejects.push(reject));
  };
  const source = dnsSeeds({ name: NAME, type: "SRV", resolveTargets: true, resolver: () => dns });
  const watch = new Watch(source);
  const before = dns.cancelled;
  await pass(watch, 1);
  watch.abort();
  expect(dns.cancelled).toBe(before + 1);
  for (const reject of rejects) reject(new Error("ECANCELLED"));
  await watch.ended;
  await pass(watch, 60_000);
  expect(dns.asked).toEqual([`SRV ${NAME}`, "A a.consul"]);
});

describe("a bad option is refused by name:", () => {
  const good = { name: NAME, type: "SRV" as const };
  const cases: [string, object, RegExp][] = [
    ["no name", { name: undefined }, /invalid option name/],
    ["another type", { type: "MX" }, /option type: expected one of "SRV", "A", "AAAA", got "MX"/],
    ["no port for A", { type: "A" }, /invalid option port/],
    ["a port that is none", { type: "A", port: 65_536 }, /port: expected a port of 1 to 65535/],
    ["a port for SRV", { port: 7400 }, /port: expected no port, because SRV records name it/],
    ["another scheme", { scheme: "http" }, /option scheme: expected one of "ws", "wss"/],
    ["an interval of zero", { intervalMs: 0 }, /invalid option intervalMs/],
    ["a timeout of zero", { timeoutMs: 0 }, /invalid option timeoutMs/],
    ["no servers", { servers: [] }, /invalid option servers/],
    ["a server that is no text", { servers: [53] }, /invalid option servers\[0\]/],
    ["a server that is a name", { servers: ["dns.shop"] }, /servers: expected addresses such as/],
    ["what is neither true nor false", { resolveTargets: 1 }, /invalid option resolveTargets/],
    ["what makes no resolver", { resolver: {} }, /invalid option resolver/],
    ["a slip of the pen", { timeout: 5 }, /invalid option timeout: expected no such option/],
  ];
  test.each(cases)("%s", (_title, options, message) => {
    expect(() => dnsSeeds({ ...good, ...options })).toThrow(message);
  });
});
