import { ManualClock } from "@troupe/actor/testing";
import { describe, expect, test } from "vitest";
import type { RefusalReason } from "../../src/errors.ts";
import { Dialer } from "../../src/link/dialer.ts";
import type { GreetingOutcome } from "../../src/link/greeting.ts";
import type { Peer } from "../../src/link/handshake.ts";

const peer = (name: string): Peer => ({
  name,
  incarnation: 1,
  boot: name,
  url: undefined,
  heartbeatMs: 1000,
  maxMessageBytes: 1 << 20,
  version: 1,
  features: 0,
});

/** A dialer whose every wait is the longest that its jitter allows. */
function bench(answer: (url: string) => GreetingOutcome = () => ({ kind: "lost" })) {
  const clock = new ManualClock();
  const connected = new Set<string>();
  const dials: string[] = [];
  const refusals: string[] = [];
  const signals: AbortSignal[] = [];
  const warnings: string[] = [];
  const dialer = new Dialer({
    clock,
    random: () => 0.999999,
    backoff: { minMs: 100, maxMs: 3000 },
    dialTimeoutMs: 5000,
    dial: async (url, signal) => {
      dials.push(`${clock.monotonic()} ${url}`);
      signals.push(signal);
      const outcome = answer(url);
      if (outcome.kind === "connected") connected.add(outcome.peer.name);
      return outcome;
    },
    isConnected: (name) => connected.has(name),
    refused: (_url, reason) => refusals.push(reason),
    warn: (message) => warnings.push(message),
  });
  const times = () => dials.splice(0).map((dial) => Number(dial.split(" ")[0]));
  const down = (name: string, left = false) => {
    connected.delete(name);
    dialer.nodeDown(name, left);
  };
  const up = (name: string, url?: string) => {
    connected.add(name);
    dialer.nodeUp(name, url);
  };
  return { clock, dialer, dials, refusals, connected, signals, warnings, times, down, up };
}

test("an address is dialled at once, and then for ever, ever more slowly up to the cap", async () => {
  const { clock, dialer, times } = bench();
  dialer.propose("seeds", ["ws://a:1"]);
  await clock.advanceAsync(15_000);
  expect(times()).toEqual([0, 100, 300, 700, 1500, 3100, 6100, 9100, 12_100]);
  await clock.advanceAsync(3_600_000);
  expect(times().length).toBeGreaterThan(1000);
});

test("an address is one address, however it is written and how often it is proposed", async () => {
  const { dialer, dials } = bench(() => ({ kind: "connected", peer: peer("a") }));
  dialer.propose("seeds", ["ws://a:1", "ws://a:1/", "WS://A:1", "not an address"]);
  dialer.propose("seeds", ["ws://a:1"]);
  expect(dials).toEqual(["0 ws://a:1/"]);
});

test("nobody is dialled while connected, and soon again when the connection was a good one", async () => {
  const { clock, dialer, times, down } = bench(() => ({ kind: "connected", peer: peer("a") }));
  dialer.propose("seeds", ["ws://a:1"]);
  await clock.advanceAsync(20_000);
  expect(times()).toEqual([0]);
  down("a");
  await clock.advanceAsync(20_000);
  expect(times()).toEqual([20_100]);
});

test("a connection that does not last does not begin the backoff anew", async () => {
  const { clock, dialer, times, down } = bench(() => ({ kind: "connected", peer: peer("a") }));
  dialer.propose("seeds", ["ws://a:1"]);
  const waits: number[] = [];
  for (let n = 0; n < 6; n++) {
    await clock.advanceAsync(0);
    times();
    const lostAt = clock.monotonic();
    down("a");
    while (times().length === 0) await clock.advanceAsync(100);
    waits[n] = clock.monotonic() - lostAt;
  }
  expect(waits).toEqual([100, 200, 400, 800, 1600, 3000]);
});

test("our own address is dialled again once a minute only: it may be another node's by then", async () => {
  let answer: GreetingOutcome = { kind: "refused", reason: "self", peer: peer("me") };
  const { clock, dialer, times, refusals, connected } = bench(() => answer);
  dialer.propose("seeds", ["ws://a:1"]);
  await clock.advanceAsync(100_000);
  dialer.propose("seeds", ["ws://a:1"]);
  await clock.advanceAsync(79_999);
  expect(times()).toEqual([0, 60_000, 120_000]);
  expect(refusals).toEqual([]);
  answer = { kind: "connected", peer: peer("b") };
  await clock.advanceAsync(600_000);
  expect([times(), connected.has("b")]).toEqual([[180_000], true]);
});

test.each(["auth", "version", "cluster", "protocol"] as const)(
  "an address that is refused for what only a human can change (%s) is tried twice a minute",
  async (reason) => {
    const { clock, dialer, times, refusals } = bench(() => ({
      kind: "refused",
      reason,
      peer: undefined,
    }));
    dialer.propose("seeds", ["ws://a:1"]);
    await clock.advanceAsync(90_000);
    expect(times()).toEqual([0, 30_000, 60_000, 90_000]);
    expect(refusals).toEqual([reason, reason, reason, reason]);
  },
);

test("a node that is too old, or one too many of its name, is tried at the cap", async () => {
  let reason: RefusalReason = "stale_incarnation";
  const { clock, dialer, times } = bench(() => ({ kind: "refused", reason, peer: peer("a") }));
  dialer.propose("seeds", ["ws://a:1"]);
  await clock.advanceAsync(6000);
  reason = "duplicate";
  await clock.advanceAsync(6000);
  expect(times()).toEqual([0, 3000, 6000, 9000, 12_000]);
});

test("the backoff of a wrong key ends with the wrong key", async () => {
  let answer: GreetingOutcome = { kind: "refused", reason: "auth", peer: undefined };
  const { clock, dialer, times } = bench(() => answer);
  dialer.propose("seeds", ["ws://a:1"]);
  await clock.advanceAsync(29_000);
  answer = { kind: "lost" };
  await clock.advanceAsync(10_000);
  expect(times()).toEqual([0, 30_000, 33_000, 36_000, 39_000]);
});

test("a refusal because both dialled at once is forgotten when the other dial has won", async () => {
  const { clock, dialer, dials, connected } = bench(() => ({
    kind: "refused",
    reason: "simultaneous",
    peer: peer("a"),
  }));
  dialer.propose("seeds", ["ws://a:1"]);
  connected.add("a");
  await clock.advanceAsync(60_000);
  expect(dials).toHaveLength(1);
});

test("an address that a peer told is dialled once the peer is lost, but not if it has left", async () => {
  const { clock, dialer, dials, connected, down } = bench();
  for (const name of ["a", "b"]) {
    connected.add(name);
    dialer.nodeUp(name, `ws://${name}:1`);
  }
  await clock.advanceAsync(20_000);
  expect(dials).toEqual([]);
  down("a");
  down("b", true);
  await clock.advanceAsync(100);
  expect(dials).toEqual(["20100 ws://a:1/"]);
});

test("an address that was proposed is dialled even if its node has left", async () => {
  const { clock, dialer, times, down } = bench(() => ({ kind: "connected", peer: peer("a") }));
  dialer.propose("seeds", ["ws://a:1"]);
  await clock.advanceAsync(20_000);
  down("a", true);
  await clock.advanceAsync(100);
  expect(times()).toEqual([0, 20_100]);
});

test("one node is not dialled at two addresses once one of them has worked", async () => {
  const { clock, dialer, dials, connected, down } = bench(() => ({
    kind: "connected",
    peer: peer("a"),
  }));
  connected.add("a");
  dialer.nodeUp("a", "ws://told:1");
  connected.delete("a");
  dialer.propose("seeds", ["ws://seed:1"]);
  await clock.advanceAsync(20_000);
  down("a");
  await clock.advanceAsync(60_000);
  expect(dials).toEqual(["0 ws://seed:1/", "20100 ws://seed:1/"]);
});

test("what strangers tell is kept up to a number, and that is said once", async () => {
  const { clock, dialer, dials, down, warnings } = bench();
  for (let n = 0; n < 1000; n++) dialer.nodeUp(`n${n}`, `ws://n${n}:1`);
  for (let n = 0; n < 1000; n++) down(`n${n}`);
  await clock.advanceAsync(100);
  expect([dials.length, warnings.length]).toEqual([256, 1]);
});

test("a dial that takes too long is aborted, and tried again", async () => {
  const clock = new ManualClock();
  let dials = 0;
  const dialer = new Dialer({
    clock,
    random: () => 0,
    backoff: { minMs: 100, maxMs: 3000 },
    dialTimeoutMs: 5000,
    dial: (_url, signal) => {
      dials += 1;
      return new Promise((resolve) => {
        signal.addEventListener("abort", () => resolve({ kind: "lost" }));
      });
    },
    isConnected: () => false,
    refused: () => {},
    warn: () => {},
  });
  dialer.propose("seeds", ["ws://a:1"]);
  await clock.advanceAsync(4999);
  expect(dials).toBe(1);
  await clock.advanceAsync(1);
  expect(dials).toBe(2);
});

test("a stopped dialer aborts what is under way and never dials again", async () => {
  const { clock, dialer, dials, signals, down } = bench();
  dialer.propose("seeds", ["ws://a:1"]);
  dialer.nodeUp("b", "ws://b:1");
  dialer.stop();
  expect(signals[0]?.aborted).toBe(true);
  dialer.propose("seeds", ["ws://c:1"]);
  down("b");
  await clock.advanceAsync(60_000);
  expect(dials).toHaveLength(1);
  expect(clock.pending).toBe(0);
});

test("a member that others told of is dialled after a first wait, and no more once it is forgotten", async () => {
  const { clock, dialer, times } = bench();
  dialer.learn("a", "ws://a:1");
  dialer.learn("a", "ws://a:1/");
  dialer.learn("a", "no address");
  expect(times()).toEqual([]);
  await clock.advanceAsync(1000);
  expect(times()).toEqual([100, 300, 700]);
  dialer.forget("a");
  await clock.advanceAsync(60_000);
  expect(times()).toEqual([]);
});

test("a member that is connected already is dialled only when it is lost", async () => {
  const { clock, dialer, times, connected, down } = bench();
  connected.add("a");
  dialer.learn("a", "ws://a:1");
  await clock.advanceAsync(10_000);
  expect(times()).toEqual([]);
  down("a");
  await clock.advanceAsync(200);
  expect(times()).toEqual([10_100]);
});

test("an address that was proposed is not forgotten with the member that lived there", async () => {
  const { clock, dialer, times } = bench(() => ({
    kind: "refused",
    reason: "stopping",
    peer: peer("a"),
  }));
  dialer.propose("static", ["ws://a:1"]);
  await clock.advanceAsync(0);
  dialer.forget("a");
  await clock.advanceAsync(60_000);
  expect(times().length).toBeGreaterThan(10);
});

test("a member that has moved is dialled where it lives now", async () => {
  const { clock, dialer, dials } = bench();
  dialer.learn("a", "ws://a:1");
  await clock.advanceAsync(1000);
  dials.length = 0;
  dialer.learn("a", "ws://a:2");
  await clock.advanceAsync(10_000);
  expect(new Set(dials.map((dial) => dial.split(" ")[1]))).toEqual(new Set(["ws://a:2/"]));
});
test("a source replaces what it named: what never led to a node is dropped, dial and all", async () => {
  const { clock, dialer, dials, signals } = bench();
  dialer.propose("dns", ["ws://a:1", "ws://b:1"]);
  await clock.advanceAsync(1000);
  dials.splice(0);
  dialer.propose("dns", ["ws://b:1"]);
  await clock.advanceAsync(60_000);
  expect(dials.filter((dial) => dial.includes("//a"))).toEqual([]);
  expect([dialer.size, signals.length > 0]).toEqual([1, true]);
  dialer.propose("dns", []);
  expect([dialer.size, clock.pending]).toEqual([0, 0]);
});

test("answers that change all the time fill no memory, and arm no timers that stay", async () => {
  const { clock, dialer } = bench();
  for (let n = 0; n < 5000; n += 8) {
    dialer.propose(
      "dns",
      Array.from({ length: 8 }, (_, k) => `ws://n${n + k}:1`),
    );
    await clock.advanceAsync(10);
  }
  expect(dialer.size).toBe(8);
  expect(clock.pending).toBeLessThanOrEqual(8);
});

test("what two sources name stays until both have dropped it", async () => {
  const { clock, dialer, times } = bench();
  dialer.propose("dns", ["ws://a:1"]);
  dialer.propose("file", ["ws://a:1/"]);
  dialer.propose("dns", []);
  await clock.advanceAsync(100_000);
  expect(times().length).toBeGreaterThan(30);
  dialer.propose("file", []);
  expect([dialer.size, clock.pending]).toEqual([0, 0]);
});

test("nobody is disconnected by a source, and where a node was met it is looked for when lost", async () => {
  const { clock, dialer, times, down, up } = bench(() => ({ kind: "connected", peer: peer("a") }));
  dialer.propose("dns", ["ws://a:1"]);
  up("a");
  await clock.advanceAsync(20_000);
  dialer.propose("dns", []);
  expect(dialer.size).toBe(1);
  down("a");
  await clock.advanceAsync(100);
  expect(times()).toEqual([0, 20_100]);
});

test("an address that no source names any more is forgotten when its node leaves", async () => {
  const { clock, dialer, dials, down, up } = bench(() => ({ kind: "connected", peer: peer("a") }));
  dialer.propose("dns", ["ws://a:1"]);
  up("a");
  await clock.advanceAsync(20_000);
  dialer.propose("dns", []);
  down("a", true);
  await clock.advanceAsync(60_000);
  expect([dials.length, dialer.size, clock.pending]).toEqual([1, 0, 0]);
});

test("a node that is forgotten while it is lost is not looked for any more", async () => {
  const { clock, dialer, dials, down, up } = bench();
  up("a", "ws://a:1");
  down("a");
  await clock.advanceAsync(10_000);
  dials.splice(0);
  dialer.forget("a");
  await clock.advanceAsync(60_000);
  expect([dials, dialer.size, clock.pending]).toEqual([[], 0, 0]);
});

test("a member that was heard of is dialled no more often for being told again", async () => {
  const { clock, dialer, times } = bench();
  for (let n = 0; n < 100; n += 1) {
    dialer.learn("a", "ws://a:1");
    await clock.advanceAsync(30);
  }
  expect(times()).toEqual([100, 300, 700, 1500]);
});

test("a member that is connected is dialled where it was said to be only once it is lost", async () => {
  const { clock, dialer, dials, down, up } = bench();
  up("a", "ws://old:1");
  dialer.learn("a", "ws://new:1");
  await clock.advanceAsync(20_000);
  expect(dials).toEqual([]);
  down("a");
  await clock.advanceAsync(100);
  expect(dials).toEqual(["20100 ws://new:1/"]);
});

test("a member that has moved is dialled at its new address beside the one where it was met", async () => {
  const { clock, dialer, dials, down, up } = bench((url) =>
    url === "ws://seed:1/" && clockIsYoung() ? connectedAs("a") : { kind: "lost" },
  );
  const clockIsYoung = () => clock.monotonic() < 1000;
  dialer.propose("seeds", ["ws://seed:1"]);
  up("a", "ws://told:1");
  await clock.advanceAsync(20_000);
  down("a");
  await clock.advanceAsync(100);
  dials.splice(0);
  dialer.learn("a", "ws://moved:1");
  await clock.advanceAsync(1000);
  const urls = new Set(dials.map((dial) => dial.split(" ")[1]));
  expect(urls).toEqual(new Set(["ws://seed:1/", "ws://moved:1/"]));
});

test("a node that came back under another name at its address is found, and its old name sought", async () => {
  let lives = "a";
  const { clock, dialer, dials, connected, down, up } = bench((url) =>
    url === "ws://x:1/" ? connectedAs(lives) : { kind: "lost" },
  );
  dialer.propose("seeds", ["ws://x:1"]);
  up("a", "ws://a-told:1");
  await clock.advanceAsync(20_000);
  lives = "b";
  down("a");
  await clock.advanceAsync(1000);
  expect([...connected]).toEqual(["b"]);
  // Where the seed led is no address of the old name any more; what that one said itself may be.
  expect(dials.filter((dial) => dial.includes("a-told")).length).toBeGreaterThan(1);
  dialer.nodeUp("b", undefined);
  down("b");
  await clock.advanceAsync(200);
  expect(dials.filter((dial) => dial.includes("//x")).length).toBe(3);
});

test("two nodes that say they live at one address share it, and neither is harmed", async () => {
  let lives = "a";
  const { clock, dialer, times, connected, down, up } = bench(() => connectedAs(lives));
  up("a", "ws://nat:1");
  up("b", "ws://nat:1");
  await clock.advanceAsync(20_000);
  expect(times()).toEqual([]);
  // Only one of them is to be found there; the other one is looked for now and then.
  down("b");
  await clock.advanceAsync(60_000);
  expect(times()).toEqual([20_100]);
  expect([...connected]).toEqual(["a"]);
  lives = "b";
  await clock.advanceAsync(300_000);
  expect([times(), [...connected]]).toEqual([[320_100], ["a", "b"]]);
  expect(dialer.size).toBe(1);
});

test("a node behind several addresses is settled by one link, and the others are quiet", async () => {
  const { clock, dialer, dials, refusals, connected, down, up } = bench(() =>
    connected.has("a")
      ? { kind: "refused", reason: "already_connected", peer: peer("a") }
      : connectedAs("a"),
  );
  dialer.propose("seeds", ["ws://one:1", "ws://two:1", "ws://three:1"]);
  up("a", "ws://one:1");
  await clock.advanceAsync(299_000);
  expect(dials).toEqual(["0 ws://one:1/", "0 ws://two:1/", "0 ws://three:1/"]);
  // They are looked at now and then: one of them may be another node's by then.
  await clock.advanceAsync(2000);
  expect(dials.slice(3)).toEqual(["300000 ws://two:1/", "300000 ws://three:1/"]);
  expect(refusals).toEqual([]);
  dials.splice(0);
  down("a");
  await clock.advanceAsync(1000);
  expect([dials, [...connected]]).toEqual([["301100 ws://one:1/"], ["a"]]);
});

test("an address that somebody only claims to live at is dropped with its source", async () => {
  const { dialer, clock, up } = bench(() => ({
    kind: "refused",
    reason: "already_connected",
    peer: peer("a"),
  }));
  up("a", "ws://a:1");
  for (let n = 0; n < 500; n += 1) {
    dialer.propose("lies", [`ws://lie${n}:1`]);
    await clock.advanceAsync(1);
  }
  dialer.propose("lies", []);
  expect(dialer.size).toBe(0);
});

test("a second node of a name is reported, though the first one is connected", async () => {
  const { clock, dialer, times, refusals, up } = bench(() => ({
    kind: "refused",
    reason: "duplicate",
    peer: peer("a"),
  }));
  up("a", "ws://a:1");
  dialer.propose("seeds", ["ws://impostor:1"]);
  await clock.advanceAsync(299_000);
  expect([times(), refusals]).toEqual([[0], ["duplicate"]]);
});

describe("addresses of other things", () => {
  /** Dials that hang until they are aborted, as at a port that accepts and says nothing. */
  function silent() {
    const clock = new ManualClock();
    let under = 0;
    let most = 0;
    const begun: string[] = [];
    const warnings: string[] = [];
    const dialer = new Dialer({
      clock,
      random: () => 0.5,
      backoff: { minMs: 100, maxMs: 10_000 },
      dialTimeoutMs: 5000,
      dial: (url, signal) => {
        under += 1;
        most = Math.max(most, under);
        begun.push(url);
        return new Promise((resolve) => {
          signal.addEventListener("abort", () => {
            under -= 1;
            resolve({ kind: "lost" });
          });
        });
      },
      isConnected: () => false,
      refused: () => {},
      warn: (message) => warnings.push(message),
    });
    return { clock, dialer, begun, warnings, most: () => most, under: () => under };
  }

  const lies = Array.from({ length: 3000 }, (_, n) => `ws://lie${n}:1`);

  test("cost sixteen dials at a time, however many there are", async () => {
    const { clock, dialer, begun, warnings, most } = silent();
    dialer.propose("lies", lies);
    await clock.advanceAsync(60_000);
    expect([most(), dialer.size]).toEqual([16, 1024]);
    expect(begun.length).toBeLessThanOrEqual(16 * 13);
    dialer.propose("lies", lies);
    expect(warnings).toEqual([expect.stringMatching(/more than 1024 addresses were named/)]);
    dialer.stop();
    await clock.advanceAsync(0);
    expect([clock.pending, dialer.size]).toEqual([0, 0]);
  });

  test("do not keep those of another source waiting, nor push them out", async () => {
    const { clock, dialer, begun } = silent();
    dialer.propose("lies", lies);
    dialer.propose("honest", ["ws://honest:1", "ws://honest:2"]);
    await clock.advanceAsync(5000);
    expect(begun).toContain("ws://honest:1/");
    expect(begun).toContain("ws://honest:2/");
    expect(dialer.size).toBe(1024);
  });

  test("do not keep a node waiting that was lost", async () => {
    const { clock, dialer, begun } = silent();
    dialer.nodeUp("a", "ws://a:1");
    dialer.propose("lies", lies);
    await clock.advanceAsync(10_000);
    dialer.nodeDown("a", false);
    await clock.advanceAsync(5100);
    expect(begun).toContain("ws://a:1/");
  });

  test("are dropped while they are dialled, and make room at once", async () => {
    const { clock, dialer, begun, under } = silent();
    dialer.propose("dns", lies);
    await clock.advanceAsync(0);
    expect(under()).toBe(16);
    dialer.propose("dns", ["ws://real:1"]);
    await clock.advanceAsync(0);
    expect([under(), begun.at(-1), dialer.size]).toEqual([1, "ws://real:1/", 1]);
  });
});

test("a dial that ends late brings back nothing that was dropped or stopped", async () => {
  const clock = new ManualClock();
  const ends: ((outcome: GreetingOutcome) => void)[] = [];
  const refusals: string[] = [];
  const dialer = new Dialer({
    clock,
    random: () => 0.5,
    backoff: { minMs: 100, maxMs: 10_000 },
    dialTimeoutMs: 5000,
    dial: () => new Promise((resolve) => ends.push(resolve)),
    isConnected: () => false,
    refused: (url) => refusals.push(url),
    warn: () => {},
  });
  dialer.propose("seeds", ["ws://a:1", "ws://b:1"]);
  dialer.propose("seeds", []);
  dialer.propose("seeds", ["ws://c:1"]);
  dialer.stop();
  for (const end of ends) end({ kind: "refused", reason: "auth", peer: peer("a") });
  await clock.advanceAsync(600_000);
  expect([dialer.size, clock.pending, refusals, ends.length]).toEqual([0, 0, [], 3]);
});

test("what is no address is passed over", async () => {
  const { dialer, dials } = bench();
  const odd = ["", "a", `ws://${"a".repeat(2048)}:1`, 5, null, {}, ["ws://x:1"]];
  dialer.propose("seeds", [...odd, "ws://a:1"] as string[]);
  dialer.learn("b", "nowhere");
  expect([dials, dialer.size]).toEqual([["0 ws://a:1/"], 1]);
});

function connectedAs(name: string): GreetingOutcome {
  return { kind: "connected", peer: peer(name) };
}
