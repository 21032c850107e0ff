import { ManualClock } from "@troupe/actor/testing";
import { expect, test } from "vitest";
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
  });
  const times = () => dials.splice(0).map((dial) => Number(dial.split(" ")[0]));
  const down = (name: string, left = false) => {
    connected.delete(name);
    dialer.nodeDown(name, left);
  };
  return { clock, dialer, dials, refusals, connected, signals, times, down };
}

test("an address is dialled at once, and then for ever, ever more slowly up to the cap", async () => {
  const { clock, dialer, times } = bench();
  dialer.propose(["ws://a:1"]);
  await clock.advanceAsync(15_000);
  expect(times()).toEqual([0, 100, 300, 700, 1500, 3100, 6100, 9100, 12_100]);
  await clock.advanceAsync(3_600_000);
  expect(times().length).toBeGreaterThan(1000);
});

test("an address is one address, however it is written and how often it is proposed", async () => {
  const { dialer, dials } = bench(() => ({ kind: "connected", peer: peer("a") }));
  dialer.propose(["ws://a:1", "ws://a:1/", "WS://A:1", "not an address"]);
  dialer.propose(["ws://a:1"]);
  expect(dials).toEqual(["0 ws://a:1/"]);
});

test("nobody is dialled while connected, and soon again when the connection was a good one", async () => {
  const { clock, dialer, times, down } = bench(() => ({ kind: "connected", peer: peer("a") }));
  dialer.propose(["ws://a:1"]);
  await clock.advanceAsync(20_000);
  expect(times()).toEqual([0]);
  down("a");
  await clock.advanceAsync(20_000);
  expect(times()).toEqual([20_100]);
});

test("a connection that does not last does not begin the backoff anew", async () => {
  const { clock, dialer, times, down } = bench(() => ({ kind: "connected", peer: peer("a") }));
  dialer.propose(["ws://a:1"]);
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

test("our own address is not dialled again, even if it is proposed again", async () => {
  const self: GreetingOutcome = { kind: "refused", reason: "self", peer: peer("me") };
  const { clock, dialer, dials, refusals } = bench(() => self);
  dialer.propose(["ws://a:1"]);
  await clock.advanceAsync(60_000);
  dialer.propose(["ws://a:1"]);
  await clock.advanceAsync(60_000);
  expect(dials).toHaveLength(1);
  expect(refusals).toEqual([]);
});

test("a refusal that needs a human is retried at the cap", async () => {
  const { clock, dialer, times, refusals } = bench(() => ({
    kind: "refused",
    reason: "auth",
    peer: undefined,
  }));
  dialer.propose(["ws://a:1"]);
  await clock.advanceAsync(9000);
  expect(times()).toEqual([0, 3000, 6000, 9000]);
  expect(refusals).toEqual(["auth", "auth", "auth", "auth"]);
});

test("a refusal because both dialled at once is forgotten when the other dial has won", async () => {
  const { clock, dialer, dials, connected } = bench(() => ({
    kind: "refused",
    reason: "simultaneous",
    peer: peer("a"),
  }));
  dialer.propose(["ws://a:1"]);
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
  dialer.propose(["ws://a:1"]);
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
  dialer.propose(["ws://seed:1"]);
  await clock.advanceAsync(20_000);
  down("a");
  await clock.advanceAsync(60_000);
  expect(dials).toEqual(["0 ws://seed:1/", "20100 ws://seed:1/"]);
});

test("what strangers tell is kept up to a number", async () => {
  const { clock, dialer, dials, down } = bench();
  for (let n = 0; n < 1000; n++) dialer.nodeUp(`n${n}`, `ws://n${n}:1`);
  for (let n = 0; n < 1000; n++) down(`n${n}`);
  await clock.advanceAsync(100);
  expect(dials).toHaveLength(256);
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
  });
  dialer.propose(["ws://a:1"]);
  await clock.advanceAsync(4999);
  expect(dials).toBe(1);
  await clock.advanceAsync(1);
  expect(dials).toBe(2);
});

test("a stopped dialer aborts what is under way and never dials again", async () => {
  const { clock, dialer, dials, signals, down } = bench();
  dialer.propose(["ws://a:1"]);
  dialer.nodeUp("b", "ws://b:1");
  dialer.stop();
  expect(signals[0]?.aborted).toBe(true);
  dialer.propose(["ws://c:1"]);
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
  dialer.propose(["ws://a:1"]);
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
