import { ManualClock, seededRandom } from "@troupe/actor/testing";
import { expect, test } from "vitest";
import {
  type Announcement,
  announcementKey,
  encodeAnnouncement,
} from "../../src/discovery/announcement.ts";
import { HeardNodes, heardCounters } from "../../src/discovery/heard-nodes.ts";
import { START } from "./support.ts";

const key = announcementKey("secret");

function bench(seed = 1) {
  const clock = new ManualClock({ now: START });
  const counters = heardCounters();
  const context = {
    signal: new AbortController().signal,
    clock,
    random: seededRandom(seed),
    self: { name: "me", cluster: "shop", url: undefined },
    warn: () => {},
  };
  const heard = new HeardNodes({ context, keys: [key], expiryMs: 60_000, counters });
  let count = 0;
  const make = (url: string, changed: Partial<Announcement> = {}) => {
    const nonce = Buffer.alloc(16, 0xee);
    nonce.writeUInt32BE((count += 1), 8);
    const announcement = { cluster: "shop", name: "a", url, sentAt: clock.now(), nonce };
    return encodeAnnouncement({ ...announcement, ...changed }, key) as Uint8Array;
  };
  const hear = (url: string, from = "10.0.0.5") => heard.hear(make(url), from);
  return { clock, counters, heard, make, hear };
}

test("a node is heard of once, and again without news", () => {
  const { heard, hear, counters } = bench();
  expect([hear("ws://b:1"), hear("ws://a:1"), hear("ws://b:1")]).toEqual([true, true, false]);
  expect(heard.urls()).toEqual(["ws://a:1/", "ws://b:1/"]);
  expect(counters).toEqual({ ...heardCounters(), accepted: 3 });
});

test("a datagram counts once, however often it comes", () => {
  const { clock, heard, make, counters } = bench();
  const datagram = make("ws://a:1");
  expect(heard.hear(datagram, "x")).toBe(true);
  for (let n = 0; n < 40; n += 1) {
    clock.advance(1000);
    expect(heard.hear(Uint8Array.from(datagram), "y")).toBe(false);
  }
  // For half a minute because it was heard before, and after that because it is old.
  expect(counters).toMatchObject({ accepted: 1, replayed: 30, expired: 10 });
});

test("one that is stamped ahead of our clock cannot be heard again either", () => {
  const { clock, heard, make, counters } = bench();
  const datagram = make("ws://a:1", { sentAt: START + 30_000 });
  expect(heard.hear(datagram, "x")).toBe(true);
  clock.advance(59_999);
  heard.hear(datagram, "x");
  clock.advance(2);
  heard.hear(datagram, "x");
  expect(counters).toMatchObject({ accepted: 1, replayed: 1, expired: 1 });
});

test("a node is forgotten a minute after it was last heard of", () => {
  const { clock, heard, hear } = bench();
  hear("ws://a:1");
  clock.advance(30_000);
  hear("ws://b:1");
  expect(heard.expiresInMs()).toBe(30_000);
  clock.advance(29_999);
  hear("ws://b:1");
  expect(heard.urls()).toHaveLength(2);
  clock.advance(1);
  expect(heard.urls()).toEqual(["ws://b:1/"]);
  clock.advance(60_000);
  expect([heard.urls(), heard.expiresInMs()]).toEqual([[], undefined]);
});

test("our own announcements are nobody's", () => {
  const { heard, make, counters } = bench();
  for (const count of [1, 2, 3]) {
    heard.hear(make("ws://me:1", { nonce: heard.ownNonce(count) }), "10.0.0.9");
  }
  expect([heard.urls(), counters.own]).toEqual([[], 3]);
  const [one, other] = [bench(1).heard.ownNonce(1), bench(2).heard.ownNonce(1)];
  expect(Buffer.from(one).equals(Buffer.from(other))).toBe(false);
});

test("a node that listens everywhere is to be found where it spoke from", () => {
  const { heard, hear } = bench();
  hear("ws://0.0.0.0:7400", "10.0.0.5");
  hear("ws://[::]:7400", "fe80::1%eth0");
  hear("ws://10.0.0.7:7400", "10.0.0.8");
  expect(heard.urls()).toEqual([
    "ws://10.0.0.5:7400/",
    "ws://10.0.0.7:7400/",
    "ws://[fe80::1]:7400/",
  ]);
});

test("an address that is none is dropped, though its sender has a key", () => {
  const { heard, hear, counters } = bench();
  expect(hear("not an address")).toBe(false);
  expect([heard.urls(), counters.malformed]).toEqual([[], 1]);
});

test("neither table grows beyond its limit, and those that are known stay", () => {
  const { clock, heard, hear, counters } = bench();
  for (let n = 0; n < 1500; n += 1) hear(`ws://n${n}:1`);
  expect([heard.urls().length, counters.overflow]).toEqual([1024, 476]);
  expect(hear("ws://n0:1")).toBe(false);
  expect(counters.accepted).toBe(1025);
  for (let n = 0; n < 5000; n += 1) hear("ws://n0:1");
  expect(counters.accepted).toBe(4096);
  clock.advance(60_000);
  expect(hear("ws://late:1")).toBe(true);
  expect(heard.urls()).toEqual(["ws://late:1/"]);
});

test("what is not proven leaves no trace but its count", () => {
  const { heard, make, counters } = bench();
  const forged = Uint8Array.from(make("ws://a:1"));
  forged[60] = (forged[60] as number) ^ 1;
  const foreign = make("ws://a:1", { cluster: "other" });
  const old = make("ws://a:1", { sentAt: START - 40_000 });
  for (const bytes of [forged, foreign, old, Buffer.alloc(0), Buffer.alloc(2000)]) {
    expect(heard.hear(bytes, "10.0.0.66")).toBe(false);
  }
  expect(heard.urls()).toEqual([]);
  expect(counters).toEqual({
    ...heardCounters(),
    unproven: 1,
    foreign: 1,
    expired: 1,
    malformed: 2,
  });
});
