import { ManualClock, settle } from "@troupe/actor/testing";
import { describe, expect, test } from "vitest";
import { type MulticastSeedsOptions, multicastSeeds } from "../../src/discovery/multicast.ts";
import { discoveryContract, type FailingBench } from "../contract/discovery.ts";
import { MemoryLan, pass, START, Watch } from "./support.ts";

const keys = ["secret"];

/** A machine of the network that announces a node. */
function machine(
  lan: MemoryLan,
  name: string,
  clock: ManualClock,
  options: Partial<MulticastSeedsOptions> & { url?: string; cluster?: string } = {},
): Watch {
  const { cluster = "shop", ...given } = options;
  const seed = [...name].reduce((sum, letter) => sum * 31 + letter.charCodeAt(0), 7);
  const source = multicastSeeds({ keys, datagrams: lan.machine(`10.0.0.${seed % 256}`), ...given });
  return new Watch(source, { clock, seed, self: { name, cluster, url: `ws://${name}:7400` } });
}

function bench(): FailingBench {
  const lan = new MemoryLan();
  const other = machine(lan, "b", new ManualClock({ now: START }));
  const names = ["ws://b:7400/"];
  return {
    source: multicastSeeds({ keys, datagrams: lan.machine("10.0.0.9") }),
    options: { self: { name: "a", url: undefined } },
    names,
    look: async (watch) => {
      await pass(watch, 7000);
      await pass(other, 7000);
    },
    fail: () => lan.fail(new Error("ENETDOWN")),
    recover: () => {
      lan.fault = undefined;
      return names;
    },
    // The other machine's own socket does not count.
    open: () => [...lan.stations].length - (other.context.signal.aborted ? 0 : 1),
    end: () => other.abort(),
  };
}

discoveryContract("multicast in memory", bench, bench);

test("nodes that were started together find each other, and not themselves", async () => {
  const lan = new MemoryLan();
  const clock = new ManualClock({ now: START });
  const [a, b, c] = ["a", "b", "c"].map((name) => machine(lan, name, clock));
  await clock.advanceAsync(7000);
  expect(a?.last).toEqual(["ws://b:7400/", "ws://c:7400/"]);
  expect(b?.last).toEqual(["ws://a:7400/", "ws://c:7400/"]);
  expect(c?.last).toEqual(["ws://a:7400/", "ws://b:7400/"]);
});

test("a node that comes later is heard of by its first word", async () => {
  const lan = new MemoryLan();
  const clock = new ManualClock({ now: START });
  const a = machine(lan, "a", clock);
  await clock.advanceAsync(600_000);
  machine(lan, "b", clock);
  await settle();
  expect(a.last).toEqual(["ws://b:7400/"]);
});

test("it announces at its interval, give or take a quarter", async () => {
  const lan = new MemoryLan();
  const clock = new ManualClock({ now: START });
  machine(lan, "a", clock);
  await clock.advanceAsync(600_000);
  expect(lan.sent.length).toBeGreaterThan(600 / 6.25);
  expect(lan.sent.length).toBeLessThan(600 / 3.75 + 1);
  expect(new Set(lan.sent.map((bytes) => Buffer.from(bytes).toString("hex"))).size).toBe(
    lan.sent.length,
  );
});

test("a node that is silent for twelve intervals is forgotten", async () => {
  const lan = new MemoryLan();
  const clock = new ManualClock({ now: START });
  const a = machine(lan, "a", clock);
  const b = machine(lan, "b", clock);
  await clock.advanceAsync(7000);
  b.abort();
  await clock.advanceAsync(52_000);
  expect(a.last).toEqual(["ws://b:7400/"]);
  await clock.advanceAsync(9000);
  expect(a.last).toEqual([]);
});

test("clusters of one network, and those without the key, do not hear each other", async () => {
  const lan = new MemoryLan();
  const clock = new ManualClock({ now: START });
  const a = machine(lan, "a", clock);
  machine(lan, "foreign", clock, { cluster: "bank" });
  machine(lan, "thief", clock, { keys: ["guess"] });
  lan.broadcast(Buffer.from('{"name":"b","url":"ws://evil:1"}'), "10.0.0.66");
  await clock.advanceAsync(60_000);
  expect([a.snapshots, a.warnings]).toEqual([[[]], []]);
});

test("keys are exchanged one node at a time", async () => {
  const lan = new MemoryLan();
  const clock = new ManualClock({ now: START });
  const a = machine(lan, "a", clock, { keys: ["new", "old"] });
  const b = machine(lan, "b", clock, { keys: ["old", "new"] });
  await clock.advanceAsync(7000);
  expect([a.last, b.last]).toEqual([["ws://b:7400/"], ["ws://a:7400/"]]);
});

test("what was recorded and is sent again later names nobody", async () => {
  const lan = new MemoryLan();
  const clock = new ManualClock({ now: START });
  const b = machine(lan, "b", clock);
  await settle();
  b.abort();
  const recorded = [...lan.sent];
  await clock.advanceAsync(31_000);
  const a = machine(lan, "a", clock);
  await settle();
  for (const bytes of recorded) lan.broadcast(bytes, "10.0.0.66");
  await clock.advanceAsync(1000);
  expect([recorded.length, a.snapshots]).toEqual([1, [[]]]);
});

test("another address may be announced than the node's own, and none is by one that has none", async () => {
  const lan = new MemoryLan();
  const clock = new ManualClock({ now: START });
  const a = machine(lan, "a", clock, { url: "public.example.com:7400" });
  const silent = new Watch(multicastSeeds({ keys, datagrams: lan.machine("10.0.0.3") }), {
    clock,
    seed: 99,
    self: { url: undefined },
  });
  await clock.advanceAsync(20_000);
  expect(silent.last).toEqual(["ws://public.example.com:7400/"]);
  expect(a.snapshots).toEqual([[]]);
});

test("an address that is too long is reported, and the others are still heard", async () => {
  const lan = new MemoryLan();
  const clock = new ManualClock({ now: START });
  const a = machine(lan, "a", clock, { url: `ws://${"a".repeat(1200)}:1` });
  machine(lan, "b", clock);
  await clock.advanceAsync(7000);
  expect(a.last).toEqual(["ws://b:7400/"]);
  expect(new Set(a.warnings)).toEqual(new Set([expect.stringMatching(/too long to be announced/)]));
});

test("a network that cannot be reached to send is heard all the same", async () => {
  const lan = new MemoryLan();
  const clock = new ManualClock({ now: START });
  const port = lan.machine("10.0.0.1");
  const deaf = {
    open: async (...given: Parameters<typeof port.open>) => ({
      ...(await port.open(...given)),
      send: () => Promise.reject(new Error("ENETUNREACH")),
    }),
  };
  const a = machine(lan, "a", clock, { datagrams: deaf });
  const b = machine(lan, "b", clock);
  await clock.advanceAsync(7000);
  expect([a.last, b.last]).toEqual([["ws://b:7400/"], []]);
  expect(a.warnings[0]).toBe('discovery "multicast 239.255.73.84:7373": ENETUNREACH');
});

describe("a bad option is refused by name:", () => {
  const cases: [string, object, RegExp][] = [
    ["no keys", { keys: undefined }, /invalid option keys: expected a list/],
    ["an empty list of keys", { keys: [] }, /keys: expected a key, because anybody on the network/],
    ["an absent key", { keys: [undefined] }, /invalid option keys\[0\]/],
    ["an empty key", { keys: ["a", ""] }, /invalid option keys\[1\]: expected a non-empty string/],
    ["a group that is a name", { group: "all" }, /option group: expected a multicast address/],
    ["a group that is one machine", { group: "10.0.0.1" }, /invalid option group/],
    ["a group of the other kind", { group: "fe80::1" }, /invalid option group/],
    ["port zero", { port: 0 }, /invalid option port/],
    ["a port that is none", { port: 65_536 }, /option port: expected an integer of 1 to 65535/],
    ["a reach of zero", { ttl: 0 }, /invalid option ttl/],
    ["a reach beyond all", { ttl: 256 }, /option ttl: expected an integer of 1 to 255/],
    ["an interval of zero", { intervalMs: 0 }, /invalid option intervalMs/],
    ["a URL that is none", { url: "here" }, /invalid option url/],
    ["an interface that is a name", { interface: "eth0" }, /invalid option interface/],
    ["no datagrams", { datagrams: {} }, /invalid option datagrams.open/],
    ["a slip of the pen", { key: "secret" }, /invalid option key: expected no such option/],
  ];
  test.each(cases)("%s", (_title, options, message) => {
    expect(() => multicastSeeds({ keys, ...options })).toThrow(message);
  });

  test("a key is never shown", () => {
    expect(() => multicastSeeds({ keys: [12345 as never] })).toThrow(/^(?!.*12345)/);
    expect(() => multicastSeeds({ keys: "s3cret" as never })).toThrow(/^(?!.*s3cret)/);
  });
});
