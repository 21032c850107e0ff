/**
 * The rules of "Viewstamped Replication Revisited" (Liskov, Cowling 2012), one test for each that
 * is implemented, under its section and step. Where Troupe departs from the paper, the title says
 * so.
 */
import { describe, expect, test } from "vitest";
import { quorumOf } from "../src/vsr/index.ts";
import { ofType, TestGroup } from "./support/test-group.ts";

function groupOfAnn(replicaCount = 3): TestGroup {
  const group = new TestGroup({ replicaCount });
  expect(group.register("a")).toBe(1);
  return group;
}

/** The group has left its first primary behind and is in view 1. */
function inViewOne(group: TestGroup): void {
  group.tickUntil(() => group.state(1).isPrimary && group.state(2).isBackup);
}

describe("§4.1 normal operation", () => {
  test("replicas process messages of their own view only; older ones are dropped", () => {
    const group = groupOfAnn();
    group.crash(0);
    inViewOne(group);
    const { head } = group.state(2).log;
    const checksum = group.state(2).log.headChecksum;
    group.inject({
      from: 0,
      to: 2,
      message: { type: "commit", view: 0, commit: head + 5, checksum },
    });
    expect(group.state(2).commitMax).toBe(group.state(2).commitMin);
  });

  test("a replica that hears of a later view gets that view's state before it goes on", () => {
    const group = groupOfAnn();
    group.isolate(0);
    inViewOne(group);
    group.run("a", 1, "x");
    group.heal();
    const cut = group.lose(ofType("start_view"));
    group.tick(5);
    expect(group.state(0)).toMatchObject({ view: 1, status: "view_change" });
    cut();
    group.tick(12);
    expect(group.state(0)).toMatchObject({ view: 1, status: "normal" });
    group.expectAgreement();
  });

  test("step 1: the client's request goes to the primary; a backup does not take it", () => {
    const group = groupOfAnn();
    group.step(1, group.call("a", 1, "x"));
    group.settle();
    expect(group.history).toHaveLength(1);
    expect(group.replies.at(-1)).toMatchObject({ type: "not_primary", view: 0 });
  });

  test("step 2: a request that is not new is dropped, and its reply sent again", () => {
    const group = groupOfAnn();
    group.run("a", 1, "x");
    group.run("a", 1, "x");
    expect(group.answers("a", 1)).toEqual(["1:x", "1:x"]);
    expect(group.state(0).log.head).toBe(2);
  });

  test("step 2: a request that is under way is dropped, and answered once", () => {
    const group = groupOfAnn();
    group.step(0, group.call("a", 1, "x"));
    group.step(0, group.call("a", 1, "x"));
    group.settle();
    expect(group.answers("a", 1)).toEqual(["1:x"]);
    expect(group.state(0).log.head).toBe(2);
  });

  test("step 3: the primary appends it at the next op and sends view, op and commit", () => {
    const group = groupOfAnn();
    group.step(0, group.call("a", 1, "x"));
    const { entry } = { entry: group.state(0).log.get(2) };
    const sent = group.sentOf(0, "prepare").slice(-2);
    expect(sent.map(({ to }) => to)).toEqual([1, 2]);
    for (const { message } of sent) {
      expect(message).toEqual({ type: "prepare", view: 0, commit: 1, entry });
    }
  });

  test("step 3, departing: the client table changes at commit, not when it is prepared", () => {
    const group = groupOfAnn();
    group.isolate(0);
    group.step(0, group.call("a", 1, "x"));
    expect(group.state(0).log.head).toBe(2);
    expect(group.state(0).clients.lastOf("a".padStart(32, "0"))).toBe(0);
  });

  test("step 4: backups take prepares in order, and acknowledge none before all before it", () => {
    const group = groupOfAnn();
    group.stepAll(0, [group.call("a", 1, "x")]);
    const second = group.packets.filter(({ to }) => to === 1);
    group.drop(({ to }) => to === 1);
    group.stepAll(0, [group.call("a", 2, "y")]);
    const oks = group.sentOf(1, "prepare_ok").length;
    group.deliver(({ to }) => to === 1);
    group.sync(1);
    expect(group.state(1).log.head).toBe(1);
    expect(group.sentOf(1, "prepare_ok")).toHaveLength(oks);
    for (const packet of second) group.inject(packet);
    group.sync(1);
    const ok = group.sentOf(1, "prepare_ok").at(-1);
    expect(ok).toMatchObject({ to: 0, message: { view: 0, op: 2 } });
  });

  test("step 5: f acknowledgements commit the op and all before it; the reply follows", () => {
    for (const replicaCount of [3, 5, 7]) {
      const group = groupOfAnn(replicaCount);
      const needed = quorumOf(replicaCount) - 1;
      const heal = group.lose(ofType("prepare_ok"));
      group.run("a", 1, "x");
      group.run("a", 2, "y");
      heal();
      const oks = [1, 2, 3, 4, 5, 6]
        .slice(0, needed)
        .flatMap((from) => group.sentOf(from, "prepare_ok").slice(-1));
      for (const ok of oks.slice(1)) group.inject(ok);
      expect(group.answers("a", 2)).toEqual([]);
      for (const ok of oks) group.inject(ok);
      expect([1, 2].map((number) => group.answers("a", number))).toEqual([["1:x"], ["2:y"]]);
    }
  });

  test("step 5: the same backup's acknowledgement counts once (I5)", () => {
    const group = groupOfAnn(5);
    const heal = group.lose(ofType("prepare_ok"));
    group.run("a", 1, "x");
    heal();
    const [ok] = group.sentOf(1, "prepare_ok").slice(-1);
    if (ok === undefined) throw new Error("1 did not acknowledge");
    for (let i = 0; i < 5; i++) group.inject(ok);
    expect(group.answers("a", 1)).toEqual([]);
  });

  test("step 6: the next prepare tells of the commit", () => {
    const group = groupOfAnn();
    group.run("a", 1, "x");
    expect(group.replica(1).ran).toEqual([]);
    group.run("a", 2, "y");
    expect(group.sentOf(0, "prepare").at(-1)?.message).toMatchObject({ commit: 2 });
    expect(group.replica(1).ran).toEqual(["x"]);
  });

  test("step 6: without a next request, a commit message does", () => {
    const group = groupOfAnn();
    group.run("a", 1, "x");
    group.tick(4);
    expect(group.sentOf(0, "commit").at(-1)?.message).toMatchObject({ view: 0, commit: 2 });
    expect(group.replica(2).ran).toEqual(["x"]);
  });

  test("step 7: a backup runs what is committed in order, once it has it, and does not reply", () => {
    const group = groupOfAnn();
    const heal = group.lose((packet) => packet.to === 2 && ofType("prepare", "new_state")(packet));
    group.run("a", 1, "x");
    group.tick(4);
    expect(group.state(2)).toMatchObject({ commitMin: 1, commitMax: 2 });
    heal();
    group.tick(10);
    expect(group.replica(2).ran).toEqual(["x"]);
    expect(group.replies.filter(({ type, from }) => type === "reply" && from !== 0)).toEqual([]);
  });
});

describe("§4.2 view changes", () => {
  test("step 1: a replica that does not hear the primary says so to all others", () => {
    const group = groupOfAnn();
    group.crash(0);
    group.lose(ofType("start_view_change"));
    group.tick(25);
    const wishes = group.sentOf(1, "start_view_change");
    expect(wishes.map(({ to }) => to)).toEqual([0, 2]);
    expect(wishes[0]?.message).toMatchObject({ view: 1, left: false });
  });

  test("step 1, departing: it stays in its view until a quorum wants to leave", () => {
    const group = groupOfAnn();
    group.isolate(1);
    group.tick(40);
    expect(group.state(1)).toMatchObject({ view: 0, status: "normal", wantsView: 1 });
  });

  test("step 2: with f others' wishes it sends log, view and last normal view to the next primary", () => {
    const group = groupOfAnn();
    group.run("a", 1, "x");
    group.crash(0);
    group.tick(30);
    const [vote, ...others] = group.sentOf(2, "do_view_change");
    expect(others).toEqual([]);
    expect(vote).toMatchObject({ to: 1, message: { view: 1, log_view: 0, op: 2, commit: 1 } });
  });

  test("step 2: a wish for another view does not count towards this one", () => {
    const group = groupOfAnn(5);
    group.inject({ from: 3, to: 2, message: { type: "start_view_change", view: 1, left: false } });
    group.inject({ from: 4, to: 2, message: { type: "start_view_change", view: 2, left: false } });
    group.inject({ from: 3, to: 2, message: { type: "start_view_change", view: 1, left: false } });
    expect(group.state(2).view).toBe(0);
  });

  test("step 3: the new primary waits for f + 1, itself among them", () => {
    const group = groupOfAnn(5);
    group.crash(0);
    group.lose((packet) => ofType("do_view_change")(packet) && packet.from !== 2);
    group.tick(30);
    expect(group.state(1)).toMatchObject({ status: "view_change", logView: 0 });
    expect(group.state(1).doViewChanges.size).toBe(2);
    group.heal();
    group.tick(10);
    expect(group.state(1).isPrimary).toBe(true);
  });

  test("step 3: it takes the log with the latest normal view, and the longest of those", () => {
    const group = groupOfAnn(5);
    // 2 alone has op 3; 3 and 4 stop at op 2, and 1 at op 1.
    group.lose((packet) => ofType("prepare")(packet) && packet.to === 1);
    group.run("a", 1, "x");
    group.lose((packet) => ofType("prepare")(packet) && packet.to !== 2);
    group.run("a", 2, "y");
    expect([1, 2, 3, 4].map((index) => group.state(index).log.head)).toEqual([1, 3, 2, 2]);
    group.crash(0);
    group.heal();
    inViewOne(group);
    group.tick(20);
    expect(group.replica(1).ran).toEqual(["x", "y"]);
    group.expectAgreement();
  });

  test("step 3: it takes the highest commit that it was told of", () => {
    const group = groupOfAnn();
    group.cutOneWay(0, 1);
    group.run("a", 1, "x");
    group.tick(4);
    expect([1, 2].map((index) => group.state(index).commitMin)).toEqual([0, 2]);
    group.crash(0);
    group.heal();
    group.lose(ofType("prepare_ok"));
    inViewOne(group);
    expect(group.state(1).commitMin).toBe(2);
  });

  test("step 4: it runs what it had not run, answers it, and then takes requests", () => {
    const group = groupOfAnn();
    group.lose(ofType("prepare_ok"));
    group.run("a", 1, "x");
    group.crash(0);
    group.heal();
    inViewOne(group);
    group.tick(10);
    expect(group.answers("a", 1)).toEqual(["1:x"]);
    group.run("a", 2, "y");
    expect(group.answers("a", 2)).toEqual(["2:y"]);
  });

  test("step 5: the others take the new log, and acknowledge what is not committed in it", () => {
    const group = groupOfAnn();
    group.lose((packet) => packet.to !== 1);
    group.run("a", 1, "x");
    group.crash(0);
    group.heal();
    inViewOne(group);
    expect(group.state(2)).toMatchObject({ status: "normal", view: 1, logView: 1 });
    const ok = group.sentOf(2, "prepare_ok").at(-1);
    expect(ok).toMatchObject({ to: 1, message: { view: 1, op: 2 } });
    group.tick(10);
    expect(group.replica(2).ran).toEqual(["x"]);
  });

  test("an op keeps the view that it was prepared in, through any number of views (I29)", () => {
    const group = groupOfAnn();
    group.lose((packet) => packet.to !== 1);
    group.run("a", 1, "x");
    group.crash(0);
    group.heal();
    inViewOne(group);
    group.tick(10);
    expect(group.state(1).log.get(2)).toMatchObject({ view: 0, op: 2 });
  });
});

describe("§4.3 recovery", () => {
  test("departing: view and log are on disk, so that a replica keeps its promises and its vote", () => {
    const group = groupOfAnn();
    group.crash(0);
    inViewOne(group);
    group.run("a", 1, "x");
    group.crash(1);
    group.crash(2);
    group.restart(2);
    expect(group.state(2)).toMatchObject({ view: 1, logView: 1 });
    expect(group.state(2).log.head).toBe(2);
  });
});

describe("§5.2 state transfer", () => {
  /** Replica 2 has missed two ops; what it asks is not yet delivered. */
  function lagging(): TestGroup {
    const group = groupOfAnn();
    const heal = group.lose((packet) => packet.to === 2);
    group.run("a", 1, "x");
    group.run("a", 2, "y");
    group.tick(4);
    heal();
    const cut = group.lose(ofType("get_state"));
    group.tick(4);
    expect(group.state(2).commitMax).toBe(3);
    cut();
    return group;
  }

  test("a replica that lags in its view asks for what comes after its own op", () => {
    const group = lagging();
    expect(group.sentOf(2, "get_state").at(-1)).toMatchObject({
      to: 0,
      message: { view: 0, op: 1 },
    });
  });

  test("one that has it answers with the entries and its commit, and they are appended and run", () => {
    const group = lagging();
    group.tick(10);
    const answer = group.sentOf(0, "new_state").at(-1);
    expect(answer).toMatchObject({ to: 2, message: { view: 0, commit: 3 } });
    expect(group.replica(2).ran).toEqual(["x", "y"]);
    group.expectAgreement();
  });

  test("one that has nothing more does not answer", () => {
    const group = groupOfAnn();
    group.inject({ from: 2, to: 1, message: { type: "get_state", view: 0, op: 1 } });
    expect(group.sentOf(1, "new_state")).toEqual([]);
  });

  test("departing: one in another view gives what is committed, and nothing beyond", () => {
    const group = groupOfAnn();
    group.run("a", 1, "x");
    group.lose(ofType("prepare"));
    group.step(0, group.call("a", 2, "y"));
    expect(group.state(0)).toMatchObject({ commitMin: 2 });
    group.inject({ from: 2, to: 0, message: { type: "get_state", view: 9, op: 0 } });
    const answer = group.sentOf(0, "new_state").at(-1)?.message;
    expect(answer?.type === "new_state" && answer.entries.map(({ op }) => op)).toEqual([1, 2]);
  });

  test("departing: after a view change the log is not cut to the commit before the new one is here", () => {
    const group = groupOfAnn();
    group.isolate(0);
    group.stepAll(0, [group.call("a", 1, "mine")]);
    group.sync(0);
    inViewOne(group);
    group.run("a", 1, "theirs");
    group.heal();
    group.lose(ofType("new_state"));
    group.tick(12);
    expect(group.state(0)).toMatchObject({ view: 1, logView: 0, status: "view_change" });
    expect(group.state(0).log.head).toBe(2);
    expect(group.replica(0).durable.some(({ truncate }) => truncate !== undefined)).toBe(false);
    group.heal();
    group.tick(12);
    group.expectAgreement();
  });

  test("entries that do not continue what is committed are not taken", () => {
    const group = lagging();
    const entries = [group.state(0).log.get(3)];
    group.inject({ from: 0, to: 2, message: { type: "new_state", view: 0, commit: 3, entries } });
    expect(group.state(2).log.head).toBe(1);
    group.tick(10);
    group.expectAgreement();
  });
});
