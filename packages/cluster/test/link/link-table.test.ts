import { describe, expect, test, vi } from "vitest";
import type { Peer } from "../../src/link/handshake.ts";
import { LinkTable } from "../../src/link/link-table.ts";

const peer = (name: string, incarnation = 10, boot = `${name}${incarnation}`): Peer => ({
  name,
  incarnation,
  boot,
  url: undefined,
  heartbeatMs: 1000,
  maxMessageBytes: 1 << 20,
  version: 1,
  features: 0,
});

const link = (who: Peer) => ({ peer: who });
const table = (name = "m") => new LinkTable<{ peer: Peer }>(peer(name));

test("a stranger is let in", () => {
  expect(table().judgeAccepted(peer("x"), undefined)).toEqual({
    kind: "admit",
    replaces: undefined,
  });
});

test("oneself is recognised by the boot, and a namesake refused", () => {
  const links = table("m");
  expect(links.judgeDialled(peer("m"), undefined)).toMatchObject({ reason: "self" });
  expect(links.judgeAccepted(peer("m", 99), undefined)).toMatchObject({ reason: "duplicate" });
});

test("the same life that comes again replaces its link only if that is silent", () => {
  const links = table();
  const old = link(peer("x"));
  links.set(old);
  const probe = { kind: "probe", incumbent: old, ifAlive: "already_connected" };
  expect(links.judgeAccepted(peer("x"), undefined)).toEqual(probe);
  expect(links.judgeAccepted(peer("x"), old)).toEqual({ kind: "admit", replaces: old });
});

test("our own dial to a connected life goes no further", () => {
  const links = table();
  links.set(link(peer("x")));
  expect(links.judgeDialled(peer("x"), undefined)).toMatchObject({ reason: "already_connected" });
});

describe("another life of a connected name", () => {
  test("is let in only once the incumbent was silent", () => {
    const links = table();
    const old = link(peer("x", 10));
    links.set(old);
    const admission = links.judgeAccepted(peer("x", 11), undefined);
    expect(admission).toEqual({ kind: "probe", incumbent: old, ifAlive: "duplicate" });
    expect(links.judgeAccepted(peer("x", 11), old)).toEqual({ kind: "admit", replaces: old });
  });

  test("is let in although it is older once the later one is known to be over", () => {
    let gone = false;
    const links = new LinkTable<{ peer: Peer }>(peer("m"), (name) => name === "x" && gone);
    const old = link(peer("x", 10));
    links.set(old);
    links.remove(old);
    const stale = { kind: "refuse", reason: "stale_incarnation" };
    expect(links.judgeAccepted(peer("x", 9), undefined)).toEqual(stale);
    gone = true;
    expect(links.judgeAccepted(peer("x", 9), undefined)).toMatchObject({ kind: "admit" });
  });

  test("is stale if it is older", () => {
    const links = table();
    links.set(link(peer("x", 10)));
    expect(links.judgeAccepted(peer("x", 9), undefined)).toMatchObject({
      reason: "stale_incarnation",
    });
  });

  test("is a duplicate if it claims the same incarnation", () => {
    const links = table();
    const old = link(peer("x", 10));
    links.set(old);
    const twin = peer("x", 10, "other boot");
    expect(links.judgeAccepted(twin, undefined)).toMatchObject({ reason: "duplicate" });
    expect(links.judgeAccepted(twin, old)).toMatchObject({ reason: "duplicate" });
  });
});

describe("a life older than one that was seen", () => {
  const seen = (mayReturn?: (name: string, incarnation: number) => boolean) => {
    const links = new LinkTable<{ peer: Peer }>(peer("m"), mayReturn);
    const newer = link(peer("x", 10));
    links.set(newer);
    return { links, newer };
  };

  test("is let in once the other is not connected, if nobody knows better", () => {
    const { links, newer } = seen();
    expect(links.judgeAccepted(peer("x", 9), undefined)).toMatchObject({
      reason: "stale_incarnation",
    });
    links.remove(newer);
    expect(links.judgeAccepted(peer("x", 9), undefined)).toMatchObject({ kind: "admit" });
    expect(links.judgeDialled(peer("x", 9), undefined)).toMatchObject({ kind: "admit" });
  });

  test("is stale for as long as the other is not gone for good", () => {
    const gone = new Set<string>();
    const { links, newer } = seen((name) => gone.has(name));
    links.remove(newer);
    expect(links.judgeAccepted(peer("x", 9), undefined)).toMatchObject({
      reason: "stale_incarnation",
    });
    gone.add("x");
    expect(links.judgeAccepted(peer("x", 9), undefined)).toMatchObject({ kind: "admit" });
  });

  test("is let in if it is the one that others know by now", () => {
    const { links, newer } = seen((_name, incarnation) => incarnation === 9);
    links.remove(newer);
    expect(links.judgeAccepted(peer("x", 9), undefined)).toMatchObject({ kind: "admit" });
    expect(links.judgeAccepted(peer("x", 8), undefined)).toMatchObject({
      reason: "stale_incarnation",
    });
  });

  test("does not harm one that is said to be gone and answers all the same", () => {
    const { links, newer } = seen(() => true);
    const probe = { kind: "probe", incumbent: newer, ifAlive: "duplicate" };
    expect(links.judgeAccepted(peer("x", 9), undefined)).toEqual(probe);
    expect(links.judgeAccepted(peer("x", 9), newer)).toEqual({ kind: "admit", replaces: newer });
  });

  test("is the one that counts once it is in", () => {
    const { links, newer } = seen();
    links.remove(newer);
    links.set(link(peer("x", 9)));
    expect(links.judgeAccepted(peer("x", 9, "other boot"), undefined)).toMatchObject({
      reason: "duplicate",
    });
    expect(links.judgeAccepted(peer("x", 8), undefined)).toMatchObject({
      reason: "stale_incarnation",
    });
  });
});

describe("when both dial at once", () => {
  const dialTo = (who: Peer) => ({ peer: who, abandon: vi.fn() });

  test("the greater name refuses the other's dial and goes on with its own", () => {
    const links = table("m");
    const dial = dialTo(peer("a"));
    links.dialChallenged(dial);
    expect(links.judgeAccepted(peer("a"), undefined)).toMatchObject({ reason: "simultaneous" });
    expect(dial.abandon).not.toHaveBeenCalled();
  });

  test("the lesser name abandons its own dial and takes the other's", () => {
    const links = table("m");
    const dial = dialTo(peer("z"));
    links.dialChallenged(dial);
    expect(links.judgeAccepted(peer("z"), undefined)).toMatchObject({ kind: "admit" });
    expect(dial.abandon).toHaveBeenCalledOnce();
  });

  test("a dial to an earlier life of the name does not count", () => {
    const links = table("m");
    links.dialChallenged(dialTo(peer("a", 10)));
    expect(links.judgeAccepted(peer("a", 11), undefined)).toMatchObject({ kind: "admit" });
  });

  test("a dial that has ended does not count", () => {
    const links = table("m");
    const dial = dialTo(peer("a"));
    links.dialChallenged(dial);
    links.dialEnded(dial);
    expect(links.judgeAccepted(peer("a"), undefined)).toMatchObject({ kind: "admit" });
  });

  test("two dials of ours to one node do not go on together", () => {
    const links = table("m");
    links.dialChallenged(dialTo(peer("a")));
    expect(links.judgeDialled(peer("a"), undefined)).toMatchObject({ reason: "simultaneous" });
  });
});

test("a link is removed only if it is still the one", () => {
  const links = table();
  const old = link(peer("x", 10));
  links.set(old);
  links.remove(old);
  const newer = link(peer("x", 11));
  links.set(newer);
  expect(links.remove(old)).toBe(false);
  expect(links.get("x")).toBe(newer);
});

test("what is remembered about the gone is bounded", () => {
  const links = table();
  for (let n = 0; n < 5000; n++) {
    const one = link(peer(`n${n}`));
    links.set(one);
    links.remove(one);
  }
  expect(links.hasSeen("n0")).toBe(false);
  expect(links.hasSeen("n4999")).toBe(true);
});
