/** The rules of the membership, one node at a time and in groups; see `group.ts`. */
import { seededRandom } from "@troupe/actor/testing";
import { describe, expect, test } from "vitest";
import type { News } from "../../src/membership/gossip.ts";
import { firstRecord, type MemberRecord, type MemberStatus } from "../../src/membership/member.ts";
import type { Membership } from "../../src/membership/membership.ts";
import { Group, membership, said, told, url } from "./group.ts";

const identity = (name: string, incarnation = 100) => ({
  name,
  incarnation,
  url: url(name),
  heartbeatMs: 1000,
});

function record(name: string, status: MemberStatus, version = 100, incarnation = 100) {
  return { ...firstRecord(identity(name, incarnation)), status, version };
}

const gossip = (...records: MemberRecord[]) => ({
  kind: "gossip" as const,
  news: records.map((item): News => ({ record: item, accusers: [] })),
});

const sync = (...records: MemberRecord[]) => ({
  kind: "sync" as const,
  news: gossip(...records).news,
  answer: false,
});

/** A node `a` that is linked to some others, with what came of that fetched already. */
function linked(names: string[], options = {}): Membership {
  const node = membership("a", 100, options);
  for (const name of names) node.linkUp(identity(name));
  node.take();
  return node;
}

/** A round in which all of these are heard. */
function round(node: Membership, ...heard: string[]): void {
  for (const name of heard) node.heard(name);
  node.round(false);
}

describe("a link", () => {
  test("brings a member, and the whole table is told to it", () => {
    const node = membership("a");
    node.linkUp(identity("b"));
    const { sends, events, learnt } = node.take();
    expect(said(sends)).toEqual(["b: sync a alive 100, b alive 100"]);
    expect(told(events)).toEqual(["b/100 - > alive"]);
    expect(learnt).toEqual([{ name: "b", url: url("b") }]);
    expect(node.isLinked({ name: "b", incarnation: 100 })).toBe(true);
    expect(node.isLinked({ name: "b", incarnation: 101 })).toBe(false);
    expect(node.isLinked({ name: "a", incarnation: 100 })).toBe(true);
  });

  test("that ends with a goodbye ends with a member that has left, and is not looked for", () => {
    const node = linked(["b"]);
    node.linkDown("b", true);
    const { events, forgotten } = node.take();
    expect(told(events)).toEqual(["b/100 alive > left"]);
    expect(forgotten).toEqual(["b"]);
    expect(node.mayReturn("b", 99)).toBe(true);
  });

  test("that is lost changes nothing at first", () => {
    const node = linked(["b"]);
    node.linkDown("b", false);
    node.linkDown("b", false);
    expect(node.take()).toMatchObject({ events: [], sends: [] });
    expect(node.get("b")?.status).toBe("alive");
  });

  test("to a next life ends the one before, which is told first", () => {
    const node = linked(["b"]);
    node.linkDown("b", false);
    node.linkUp(identity("b", 200));
    expect(told(node.take().events)).toEqual(["b/100 alive > down", "b/200 - > alive"]);
  });

  test("to a life that was given up is how the member hears of it, and refutes", () => {
    const node = linked(["b", "c"]);
    node.linkDown("b", false);
    node.receive("c", gossip(record("b", "down")));
    node.take();
    node.linkUp(identity("b"));
    expect(said(node.take().sends)).toEqual([
      "b: sync a alive 100, c alive 100",
      "b: gossip b down 100",
    ]);
    // Once more with every round, until it has refuted.
    round(node, "b", "c");
    expect(said(node.take().sends)).toContain("b: gossip b down 100");
    node.receive("b", gossip(record("b", "alive", 101)));
    expect(told(node.take().events)).toEqual(["b/100 down > alive"]);
    round(node, "b", "c");
    expect(said(node.take().sends)).not.toContain("b: gossip b down 100");
  });
});

describe("about itself a node", () => {
  test.each([
    ["suspected", record("a", "suspect"), 101],
    ["given up", record("a", "down", 103), 104],
    ["said to have left", record("a", "left", 100), 101],
    ["taken for an earlier life with a higher number", record("a", "down", 900, 900), 901],
    ["taken for an earlier life that lives", record("a", "alive", 900, 900), 901],
  ])("that is %s outbids it, answers at once, and tells everybody", (_how, bad, version) => {
    const node = linked(["b", "c"]);
    node.receive("b", gossip(bad));
    const { sends, events } = node.take();
    expect(said(sends)).toEqual([`b: gossip a alive ${version}`]);
    expect(events).toEqual([]);
    expect(node.own).toEqual(record("a", "alive", version));
    round(node, "b", "c");
    const spread = said(node.take().sends).filter((line) => line.startsWith("c: gossip"));
    expect(spread.join()).toContain(`a alive ${version}`);
  });

  test("doubts itself when it is accused, but not when its namesake of an earlier life is", () => {
    const node = linked(["b"]);
    node.receive("b", gossip(record("a", "down", 900, 900)));
    expect(node.doubt).toBe(0);
    node.receive("b", gossip(record("a", "suspect", 901)));
    expect(node.doubt).toBe(1);
  });

  test("hears nothing new in what it has refuted, and only says so again", () => {
    const node = linked(["b"]);
    node.receive("b", gossip(record("a", "suspect")));
    node.take();
    node.receive("b", gossip(record("a", "suspect")));
    expect(said(node.take().sends)).toEqual(["b: gossip a alive 101"]);
    node.receive("b", gossip(record("a", "alive")));
    expect(node.take().sends).toEqual([]);
    expect(node.own.version).toBe(101);
  });

  test("that is leaving cannot be suspected, and says that it is leaving when it is given up", () => {
    const node = linked(["b"]);
    node.leave("leaving");
    const { sends, events } = node.take();
    expect(said(sends)).toEqual(["b: gossip a leaving 101"]);
    expect(told(events)).toEqual(["a/100 alive > leaving"]);
    node.receive("b", gossip(record("a", "suspect", 101)));
    expect(node.own.version).toBe(101);
    node.receive("b", gossip(record("a", "down", 101)));
    expect(said(node.take().sends).at(-1)).toBe("b: gossip a leaving 102");
    node.leave("left");
    expect(said(node.take().sends)).toEqual(["b: gossip a left 102"]);
  });
});

describe("a report", () => {
  test("is believed if it is later than what is held, and told on; an old one is not", () => {
    const node = linked(["b", "c"]);
    node.receive("b", gossip(record("x", "alive", 105)));
    node.receive("b", gossip(record("x", "suspect", 104), record("x", "alive", 100)));
    expect(node.get("x")).toMatchObject({ status: "alive", version: 105 });
    const { events, sends, learnt } = node.take();
    expect(told(events)).toEqual(["x/100 - > alive"]);
    expect(sends).toEqual([]);
    expect(learnt).toEqual([{ name: "x", url: url("x") }]);
    round(node, "b", "c");
    const spread = said(node.take().sends).filter((line) => line.startsWith("c: gossip"));
    expect(spread.join()).toContain("x alive 105");
  });

  test("that somebody unknown is gone is no news: else nobody could be forgotten", () => {
    const node = linked(["b"]);
    node.receive("b", gossip(record("x", "down"), record("y", "left")));
    expect(node.records().map(({ name }) => name)).toEqual(["a", "b"]);
  });

  test("of a next life ends the one before", () => {
    const node = linked(["b"]);
    node.receive("b", gossip(record("x", "alive")));
    node.receive("b", gossip(record("x", "alive", 200, 200)));
    node.receive("b", gossip(record("x", "left", 200, 200)));
    node.receive("b", gossip(record("x", "alive", 300, 300)));
    const { events, learnt, forgotten } = node.take();
    expect(told(events)).toEqual([
      "x/100 - > alive",
      "x/100 alive > down",
      "x/200 - > alive",
      "x/200 alive > left",
      "x/300 - > alive",
    ]);
    expect(forgotten).toEqual(["x"]);
    expect(learnt.map(({ name }) => name)).toEqual(["x", "x"]);
  });

  test("of a life with a lower number and a higher version is a clock that was set back", () => {
    const node = linked(["b"]);
    node.receive("b", gossip(record("x", "alive", 900, 900), record("x", "down", 900, 900)));
    node.receive("b", gossip(record("x", "alive", 100, 100)));
    expect(node.get("x")).toMatchObject({ incarnation: 900 });
    node.receive("b", gossip(record("x", "alive", 901, 100)));
    expect(node.get("x")).toMatchObject({ incarnation: 100, status: "alive" });
  });

  test("that a heard member is down is not believed, but passed on to it", () => {
    const node = linked(["b", "c"]);
    for (const message of [gossip(record("c", "down")), sync(record("c", "down"))]) {
      node.receive("b", message);
      const { sends, events } = node.take();
      expect(said(sends)).toEqual(["c: gossip c down 100"]);
      expect(events).toEqual([]);
    }
    expect(node.get("c")?.status).toBe("alive");
    // That it has left is its own word.
    node.receive("b", gossip(record("c", "left")));
    expect(node.get("c")?.status).toBe("left");
  });

  test("that a silent member is down is believed, linked or not", () => {
    const node = linked(["b", "c"]);
    for (let n = 0; n < 4; n++) round(node, "b");
    node.receive("b", gossip(record("c", "down")));
    expect(node.get("c")?.status).toBe("down");
  });

  test("that a heard member is suspect is believed and passed on to it, and it is not given up", () => {
    const node = linked(["b", "c"]);
    node.receive("b", gossip(record("c", "suspect")));
    for (let n = 0; n < 30; n++) {
      round(node, "b", "c");
      expect(said(node.take().sends)).toContain("c: gossip c suspect 100");
    }
    expect(node.get("c")?.status).toBe("suspect");
    node.receive("c", gossip(record("c", "alive", 101)));
    expect(node.get("c")?.status).toBe("alive");
  });

  test("of an earlier life of who is linked is passed on to it, so that it outbids it", () => {
    const node = linked(["b"]);
    node.linkUp(identity("c", 50));
    node.receive("b", gossip(record("c", "alive", 900, 40)));
    expect(said(node.take().sends)).toContain("c: gossip c alive 900");
    expect(node.get("c")).toMatchObject({ incarnation: 50, version: 50 });
  });

  test("that does not fit a full table is dropped, unless somebody is gone", () => {
    const node = linked(["b"], { maxMembers: 3 });
    node.receive("b", gossip(record("x", "alive"), record("y", "alive")));
    expect(node.get("y")).toBeUndefined();
    node.receive("b", gossip(record("x", "down")));
    node.take();
    node.receive("b", gossip(record("y", "alive")));
    expect([node.get("x"), node.get("y")?.status]).toEqual([undefined, "alive"]);
    expect(node.take().forgotten).toEqual(["x"]);
  });
});

describe("silence", () => {
  test("makes a member suspect, then down, and its link is to be closed in between", () => {
    const node = linked(["b", "c"]);
    const seen: string[] = [];
    for (let n = 0; n < 20; n++) {
      round(node, "b");
      const { events, dead } = node.take();
      seen.push(...told(events).map((event) => `${n}: ${event}`));
      for (const name of dead) {
        seen.push(`${n}: ${name} is silent`);
        node.linkDown(name, false);
      }
    }
    expect(seen).toEqual([
      "3: c/100 alive > suspect",
      "5: c is silent",
      "15: c/100 suspect > down",
    ]);
  });

  test("is told to the others with who says so, and a second accuser makes it shorter", () => {
    const node = linked(["b", "c"]);
    for (let n = 0; n < 4; n++) round(node, "b");
    expect(said(node.take().sends)).toContain("b: gossip c suspect 100 by a");
    node.receive("b", {
      kind: "gossip",
      news: [{ record: record("c", "suspect"), accusers: ["b"] }],
    });
    round(node, "b");
    expect(said(node.take().sends)).toContain("b: gossip c suspect 100 by a+b");
    for (let n = 0; n < 2; n++) round(node, "b");
    expect(node.get("c")?.status).toBe("suspect");
    round(node, "b");
    expect(node.get("c")?.status).toBe("down");
  });

  test("of who is suspected by another is one accuser more", () => {
    const node = linked(["b", "c", "d"]);
    node.receive("b", {
      kind: "gossip",
      news: [{ record: record("c", "suspect"), accusers: ["b"] }],
    });
    for (let n = 0; n < 4; n++) round(node, "b", "d");
    expect(said(node.take().sends)).toContain("d: gossip c suspect 100 by b+a");
  });

  test("of a member that is leaving ends it as down, without calling it suspect", () => {
    const node = linked(["b", "c"]);
    node.receive("c", gossip(record("c", "leaving", 101)));
    node.take();
    const seen: string[] = [];
    for (let n = 0; n < 20; n++) {
      round(node, "b");
      const { events, dead } = node.take();
      seen.push(...told(events));
      for (const name of dead) node.linkDown(name, false);
    }
    expect(seen).toEqual(["c/100 leaving > down"]);
  });

  test("that came in late rounds counts for nothing, nor does it for a suspicion", () => {
    const node = linked(["b", "c"]);
    for (let n = 0; n < 4; n++) round(node, "b");
    node.linkDown("c", false);
    expect(node.get("c")?.status).toBe("suspect");
    for (let n = 0; n < 9; n++) {
      node.round(true);
      node.heard("b");
      node.round(false);
    }
    // It lasts for twelve rounds, and nine of these eighteen have counted.
    expect(node.get("c")?.status).toBe("suspect");
    expect(node.get("b")?.status).toBe("alive");
  });

  test("is forgotten in the end, and so is the member", () => {
    const node = linked(["b", "c"], { forgetAfterRounds: 50 });
    node.linkDown("c", true);
    node.take();
    for (let n = 0; n < 49; n++) round(node, "b");
    expect(node.get("c")?.status).toBe("left");
    expect(node.take().forgotten).toEqual([]);
    round(node, "b");
    expect(node.get("c")).toBeUndefined();
    expect(node.take().forgotten).toEqual(["c"]);
    expect([node.mayReturn("c", 99), node.mayReturn("b", 99)]).toEqual([true, false]);
    expect(node.mayReturn("b", 100)).toBe(true);
  });
});

describe("tables are compared", () => {
  test("by a digest every ten rounds, and nothing is said when they are the same", () => {
    const [a, b] = [membership("a"), membership("b")];
    a.linkUp(b.own);
    b.linkUp(a.own);
    for (let n = 0; n < 10; n++) {
      round(a, "b");
      round(b, "a");
    }
    a.take();
    b.take();
    const sent: string[] = [];
    for (let n = 0; n < 30; n++) {
      round(a, "b");
      const { sends } = a.take();
      sent.push(...said(sends));
      for (const { message } of sends) b.receive("a", message);
    }
    expect(sent).toEqual(["b: digest", "b: digest", "b: digest"]);
    expect(b.take().sends).toEqual([]);
  });

  test("in full when they differ, in both directions", () => {
    const node = linked(["b"]);
    node.receive("b", { kind: "digest", digest: 1 });
    const [send] = node.take().sends;
    expect(send?.message).toMatchObject({ kind: "sync", answer: true });
    node.receive("b", { kind: "sync", news: [], answer: true });
    expect(said(node.take().sends)).toEqual(["b: sync a alive 100, b alive 100"]);
  });

  test("and who is told old news answers with what is newer, also that somebody is gone", () => {
    const node = linked(["b"]);
    node.receive("b", gossip(record("x", "alive"), record("y", "alive", 105)));
    node.receive("b", gossip(record("x", "left", 107)));
    node.take();
    node.receive(
      "b",
      sync(record("x", "alive"), record("y", "alive"), record("a", "alive", 99, 99)),
    );
    expect(said(node.take().sends)).toEqual(["b: gossip x left 107, y alive 105, a alive 100"]);
    node.receive("b", gossip(record("x", "alive"), record("y", "alive")));
    expect(node.take().sends).toEqual([]);
  });
});

describe("a group", () => {
  const names = ["a", "b", "c", "d", "e"];

  test("of five agrees that a killed one is down, and nobody else was ever suspected", () => {
    const group = new Group(names);
    group.rounds(5);
    group.kill("c");
    group.rounds(3 + 12 + 2);
    expect(group.views("c")).toEqual(["down", "down", "down", "down"]);
    const worse = group.log.filter((line) => /> (suspect|down)/.test(line));
    expect(worse.every((line) => line.includes(": c/100"))).toBe(true);
    // Each of the four gives it up once.
    expect(worse.filter((line) => line.endsWith("> down"))).toHaveLength(4);
  });

  test("finds a killed one down sooner, the more accuse it", () => {
    const roundsUntilDown = (size: number) => {
      const group = new Group(names.slice(0, size));
      group.rounds(5);
      group.kill("a");
      for (let n = 1; n < 40; n++) {
        group.rounds(1);
        if (group.views("a").every((status) => status === "down")) return n;
      }
      return Number.POSITIVE_INFINITY;
    };
    expect(roundsUntilDown(5)).toBeLessThanOrEqual(9);
    expect(roundsUntilDown(2)).toBeLessThanOrEqual(9);
  });

  test("of which one was paused for long hears no accusation from it when it wakes", () => {
    const group = new Group(names);
    group.rounds(5);
    group.pause("c");
    group.rounds(40);
    expect(group.views("c")).toEqual(["down", "down", "down", "down"]);
    const before = group.log.length;
    // The others have closed their links, which it finds out now.
    group.resume("c");
    for (const name of names) if (name !== "c") group.link("c", name);
    group.rounds(10);
    expect(group.views("c")).toEqual(["alive", "alive", "alive", "alive"]);
    const accusations = group.log.slice(before).filter((line) => /> (suspect|down)/.test(line));
    expect(accusations).toEqual([]);
    expect(names.flatMap((name) => group.views(name))).not.toContain("suspect");
  });

  test("of which one does not reach another: it is suspected, refutes, and nobody is given up", () => {
    const group = new Group(names);
    group.rounds(5);
    group.cut("a", "b");
    group.rounds(200);
    expect(group.isLinked("a", "b")).toBe(false);
    expect(group.log.filter((line) => line.endsWith("> down"))).toEqual([]);
    const suspicions = group.log.filter((line) => /^b: a\/100 .*> suspect/.test(line));
    // Ever more rarely: after 3 rounds, then 6, 12, 24, 48 and 96.
    expect(suspicions.length).toBeGreaterThan(0);
    expect(suspicions.length).toBeLessThanOrEqual(6);
    group.heal("a", "b");
    group.link("a", "b");
    group.rounds(5);
    expect(names.flatMap((name) => group.views(name))).toEqual(Array(20).fill("alive"));
  });

  test("that is parted gives each other up, and is one again when it is healed", () => {
    const group = new Group(names);
    group.rounds(5);
    const halves = [
      ["a", "b"],
      ["c", "d", "e"],
    ] as const;
    for (const a of halves[0]) for (const b of halves[1]) group.cut(a, b);
    for (const a of halves[0]) for (const b of halves[1]) group.cut(b, a);
    group.rounds(40);
    for (const a of halves[0]) for (const b of halves[1]) expect(group.status(b, a)).toBe("down");
    for (const a of halves[0]) for (const b of halves[1]) expect(group.status(a, b)).toBe("down");
    expect([group.status("b", "a"), group.status("d", "e")]).toEqual(["alive", "alive"]);
    for (const a of halves[0]) for (const b of halves[1]) group.heal(a, b);
    for (const a of halves[0]) for (const b of halves[1]) group.heal(b, a);
    // One link is enough for everybody to hear of it.
    group.link("a", "e");
    group.rounds(12);
    expect(names.flatMap((name) => group.views(name))).toEqual(Array(20).fill("alive"));
  });

  test("takes a next life of a member whose wall clock was set back", () => {
    const group = new Group(names);
    group.rounds(5);
    group.kill("c");
    group.rounds(30);
    expect(group.views("c")).toEqual(["down", "down", "down", "down"]);
    group.start("c", 50);
    group.link("a", "c");
    group.rounds(12);
    expect(group.views("c")).toEqual(["alive", "alive", "alive", "alive"]);
    expect(names.filter((name) => name !== "c").map((name) => group.get(name).get("c"))).toEqual(
      Array(4).fill(expect.objectContaining({ incarnation: 50, version: 101 })),
    );
  });

  test.each(Array.from({ length: 25 }, (_, seed) => seed + 1))(
    "agrees that everybody is alive after any cuts, pauses and restarts are over, run %i",
    (seed) => {
      const random = seededRandom(seed);
      const group = new Group(names);
      const anybody = () => names[Math.floor(random() * names.length)] as string;
      const out = new Map<string, "paused" | "dead">();
      const incarnations = new Map(names.map((name) => [name, 100]));
      const bringBack = (name: string) => {
        if (out.get(name) === "dead") {
          // Also with a clock that was set back.
          const life = (incarnations.get(name) as number) + (random() < 0.3 ? -7 : 7);
          incarnations.set(name, life);
          for (const other of names) if (other !== name) group.unlink(name, other);
          group.start(name, life);
        } else group.resume(name);
        out.delete(name);
      };
      for (let step = 0; step < 60; step++) {
        const [a, b] = [anybody(), anybody()];
        const dice = random();
        if (a === b) group.rounds(1 + Math.floor(random() * 20));
        else if (dice < 0.3) group.cut(a, b);
        else if (dice < 0.5) group.heal(a, b);
        else if (dice < 0.6) group.unlink(a, b);
        else if (out.has(a)) bringBack(a);
        else if (dice < 0.7 && !out.has(b)) group.link(a, b);
        else if (dice < 0.85) {
          group.pause(a);
          out.set(a, "paused");
        } else {
          group.kill(a);
          out.set(a, "dead");
        }
      }
      for (const name of [...out.keys()]) bringBack(name);
      for (const a of names) for (const b of names) group.heal(a, b);
      for (const a of names) for (const b of names) if (a < b) group.link(a, b);
      group.rounds(15);
      expect(names.flatMap((name) => group.views(name))).toEqual(Array(20).fill("alive"));
      expect(new Set(names.map((name) => group.get(name).digest())).size).toBe(1);
      for (const name of names) {
        const lives = names.map((at) => group.get(at).get(name)?.incarnation);
        expect(lives).toEqual(Array(5).fill(incarnations.get(name)));
      }
    },
  );

  test("agrees to the digit once nothing happens any more", () => {
    const group = new Group(names);
    group.rounds(5);
    for (const name of ["a", "b", "c"]) {
      group.pause(name);
      group.rounds(9);
      group.resume(name);
      for (const other of names) if (other !== name) group.link(name, other);
      group.rounds(30);
    }
    expect(new Set(names.map((name) => group.get(name).digest())).size).toBe(1);
  });
});
