/** View changes, moved by hand: who leaves, what the new view holds, and who may not disturb. */
import { describe, expect, test } from "vitest";
import type { ReplicaMessage } from "../../src/vsr/message.ts";
import { ofType, TestGroup, viewOf } from "../support/test-group.ts";

function groupOfAnn(changes: ConstructorParameters<typeof TestGroup>[0] = {}): TestGroup {
  const group = new TestGroup(changes);
  expect(group.register("a")).toBe(1);
  return group;
}

/** Everybody that is up has got to that view and takes part in it. */
function arrivedIn(group: TestGroup, view: number): boolean {
  return group.replicas.every(
    ({ replica }) =>
      replica === undefined || (replica.state.view === view && replica.state.status === "normal"),
  );
}

describe("when the primary dies", () => {
  test("the next in order takes over, with everything that was acknowledged", () => {
    const group = groupOfAnn();
    for (const number of [1, 2, 3]) group.run("a", number, `x${number}`);
    group.crash(0);
    group.tickUntil(() => arrivedIn(group, 1));
    expect(group.primary.index).toBe(1);
    group.run("a", 4, "x4");
    group.tick(4);
    expect(group.answers("a", 4)).toEqual(["4:x4"]);
    expect(group.replica(2).ran).toEqual(["x1", "x2", "x3", "x4"]);
  });

  test("what one backup holds and nobody has acknowledged is kept", () => {
    const group = groupOfAnn();
    group.lose((packet) => packet.to === 2 || packet.to === 0);
    group.run("a", 1, "x");
    expect(group.answers("a", 1)).toEqual([]);
    const { checksum } = group.state(1).log.get(2);
    group.crash(0);
    group.heal();
    group.tickUntil(() => arrivedIn(group, 1));
    group.tick(10);
    expect(group.history[1]).toBe(checksum);
    expect(group.state(2).log.get(2).view).toBe(0);
    expect(group.replica(2).ran).toEqual(["x"]);
  });

  test("what nobody else holds is gone, and cut off the old primary when it comes back", () => {
    const group = groupOfAnn();
    group.lose(ofType("prepare"));
    group.run("a", 1, "x");
    expect(group.state(0).log.head).toBe(2);
    group.crash(0);
    group.heal();
    group.tickUntil(() => arrivedIn(group, 1));
    expect(group.state(1).log.head).toBe(1);
    group.run("a", 1, "other");
    group.restart(0);
    expect(group.state(0).log.head).toBe(2);
    group.tick(30);
    group.expectAgreement();
    expect(group.replica(0).ran).toEqual(["other"]);
    expect(group.replica(0).durable.some((write) => write.truncate === 1)).toBe(true);
  });

  test("a repeated call is answered from the table, not run again", () => {
    const group = groupOfAnn();
    group.run("a", 1, "x");
    group.crash(0);
    group.tickUntil(() => arrivedIn(group, 1));
    group.tick(10);
    group.replies.length = 0;
    group.run("a", 1, "x");
    expect(group.answers("a", 1)).toEqual(["1:x"]);
    expect(group.replica(1).ran).toEqual(["x"]);
    expect(group.history).toHaveLength(2);
  });

  test("requests wait until the new primary has committed what it inherited (I27)", () => {
    const group = groupOfAnn();
    group.lose((packet) => packet.to !== 1);
    group.run("a", 1, "x");
    group.crash(0);
    group.heal();
    group.lose((packet) => packet.message.type === "prepare_ok" && packet.message.view === 1);
    group.tickUntil(() => arrivedIn(group, 1));
    expect(group.state(1).isSettled).toBe(false);
    group.step(1, group.call("a", 2, "y"));
    group.settle();
    expect(group.state(1).log.head).toBe(2);
    expect(group.state(1).queue).toHaveLength(1);
    group.heal();
    group.tick(10);
    expect(group.state(1).log.get(3).view).toBe(1);
    expect([1, 2].map((number) => group.answers("a", number))).toEqual([["1:x"], ["2:y"]]);
  });

  test("queries wait for that as well, and then see what was inherited", () => {
    const group = groupOfAnn();
    group.lose((packet) => packet.to !== 1);
    group.run("a", 1, "x");
    group.crash(0);
    group.heal();
    group.lose((packet) => packet.message.type === "prepare_ok" && packet.message.view === 1);
    group.tickUntil(() => arrivedIn(group, 1));
    group.step(1, group.query("a", 1));
    group.settle();
    expect(group.queryAnswers("a", 1)).toEqual([]);
    group.heal();
    group.tick(10);
    expect(group.queryAnswers("a", 1)).toEqual(["x"]);
  });

  test("the log of the latest view wins, not the longest (I32)", () => {
    const group = groupOfAnn();
    // Replica 0 alone prepares three ops in view 0 …
    group.isolate(0);
    for (const number of [1, 2, 3]) {
      group.step(0, group.call("a", number, `lost${number}`));
      group.sync(0);
    }
    expect(group.state(0).log.head).toBe(4);
    // … meanwhile the others commit one in view 1, and 1, which leads it, dies.
    group.tickUntil(() => group.state(1).isPrimary && group.state(2).isBackup);
    group.run("a", 1, "kept");
    expect(group.answers("a", 1)).toEqual(["1:kept"]);
    group.crash(1);
    group.heal();
    group.tickUntil(() => arrivedIn(group, 2));
    group.tick(10);
    expect(group.replica(0).ran).toEqual(["kept"]);
    expect(group.replica(2).ran).toEqual(["kept"]);
  });

  test("a view whose primary is dead as well is passed over", () => {
    const group = groupOfAnn({ replicaCount: 5 });
    group.run("a", 1, "x");
    group.crash(0);
    group.crash(1);
    group.tickUntil(() => arrivedIn(group, 2));
    group.run("a", 2, "y");
    expect(group.answers("a", 2)).toEqual(["2:y"]);
  });
});

describe("a candidate", () => {
  test("that lags catches up before it leads", () => {
    const group = groupOfAnn();
    group.isolate(1);
    for (const number of [1, 2, 3]) group.run("a", number, `x${number}`);
    group.tick(4);
    group.crash(0);
    group.heal();
    const cut = group.lose(ofType("get_state"));
    group.tickUntil(() => group.state(1).catchUp !== undefined);
    expect(group.state(1).isPrimary).toBe(false);
    expect(group.state(1).logView).toBe(0);
    expect(group.sentOf(1, "start_view")).toEqual([]);
    cut();
    group.tickUntil(() => arrivedIn(group, 1));
    expect(group.primary.index).toBe(1);
    expect(group.replica(1).ran).toEqual(["x1", "x2", "x3"]);
  });

  test("does not say that the view has begun before its log is durable (I35)", () => {
    const group = groupOfAnn();
    group.crash(0);
    group.lose(ofType("start_view"));
    group.replica(1).diskHeld = true;
    group.tickUntil(() => group.state(2).status === "view_change");
    group.sync(1);
    group.settle();
    expect(group.state(1).logView).toBe(1);
    expect(group.replica(1).pending.at(-1)).toMatchObject({ view: 1, log_view: 1 });
    expect(group.sentOf(1, "start_view")).toEqual([]);
    expect(group.state(1).isPrimary).toBe(false);
    group.sync(1);
    group.settle();
    expect(group.state(1).isPrimary).toBe(true);
    expect(group.sentOf(1, "start_view").length).toBeGreaterThan(0);
  });

  test("does not vote before it has written that it left (I9, I10)", () => {
    const group = groupOfAnn();
    group.crash(0);
    group.replica(2).diskHeld = true;
    group.tick(30);
    expect(group.state(2).view).toBe(1);
    expect(group.sentOf(2, "do_view_change")).toEqual([]);
    expect(group.state(1).isPrimary).toBe(false);
    group.sync(2);
    group.settle();
    expect(group.sentOf(2, "do_view_change")).toHaveLength(1);
  });

  test("does not vote any more for a view that began before its vote could leave (I12)", () => {
    const group = groupOfAnn();
    group.step(0, group.call("a", 1, "x"));
    const prepare = group.packets.find(({ to, message }) => to === 2 && message.type === "prepare");
    const left = { type: "start_view_change", view: 1, left: true } as const;
    const commit_checksum = group.state(2).log.headChecksum;
    const began = {
      type: "start_view",
      view: 1,
      nonce: 0,
      op: 1,
      commit: 1,
      commit_checksum,
    } as const;
    // All in one turn: the op that the vote would bring is thrown away before it was ever written.
    group.stepAll(2, [
      { type: "message", from: 0, message: prepare?.message ?? left },
      { type: "message", from: 1, message: left },
      { type: "message", from: 1, message: { ...began, entries: [] } },
    ]);
    expect(group.state(2).log.head).toBe(1);
    group.sync(2);
    expect(group.sentOf(2, "prepare_ok").at(-1)?.message).toMatchObject({ view: 1, op: 1 });
    expect(group.sentOf(2, "do_view_change")).toEqual([]);
  });

  test("sends the same do_view_change for a view however often it sends it (I11)", () => {
    const group = groupOfAnn();
    group.run("a", 1, "x");
    group.crash(0);
    group.lose((packet) => packet.to === 1 && ofType("do_view_change")(packet));
    group.tick(60);
    const sent = group.sentOf(2, "do_view_change").filter(({ message }) => viewOf(message) === 1);
    expect(sent.length).toBeGreaterThan(1);
    for (const { message } of sent) expect(message).toEqual(sent[0]?.message);
  });
});

describe("messages of another view", () => {
  /** A group in view 1 that has run x in view 0 and y in view 1; replica 0 is up again. */
  function inViewOne(): TestGroup {
    const group = groupOfAnn();
    group.run("a", 1, "x");
    group.isolate(0);
    group.tickUntil(() => group.state(1).isPrimary);
    group.run("a", 2, "y");
    group.heal();
    group.tickUntil(() => arrivedIn(group, 1));
    group.tick(10);
    group.expectAgreement();
    return group;
  }

  test("a start_view that comes again, and is stale by now, changes nothing (I39)", () => {
    const group = inViewOne();
    const before = group.replica(2).log;
    for (const packet of group.sentOf(1, "start_view")) if (packet.to === 2) group.inject(packet);
    group.settle();
    expect(group.replica(2).log).toEqual(before);
    expect(group.state(2).status).toBe("normal");
    group.expectAgreement();
  });

  test("a prepare of an older view is neither taken nor acknowledged (I8)", () => {
    const group = inViewOne();
    const old = group.sentOf(0, "prepare").filter((packet) => packet.to === 2);
    const sent = group.sentOf(2, "prepare_ok").length;
    for (const packet of old) group.inject(packet);
    group.settle();
    expect(old.length).toBeGreaterThan(0);
    expect(group.sentOf(2, "prepare_ok")).toHaveLength(sent);
    group.expectAgreement();
  });

  test("an acknowledgement of an older view counts for nothing (I5)", () => {
    const group = inViewOne();
    group.lose(ofType("prepare_ok"));
    group.run("a", 3, "z");
    const [ok] = group.sentOf(2, "prepare_ok").slice(-1);
    if (ok === undefined) throw new Error("2 did not acknowledge");
    group.inject({ ...ok, message: { ...ok.message, view: 0 } as ReplicaMessage });
    expect(group.answers("a", 3)).toEqual([]);
    group.inject(ok);
    expect(group.answers("a", 3)).toHaveLength(1);
  });

  test("a round that was confirmed in an older view confirms none of this one (I55)", () => {
    const group = inViewOne();
    group.lose(ofType("read_round"));
    group.step(1, group.query("a", 1));
    const { round } = group.state(1);
    group.inject({ from: 2, to: 1, message: { type: "read_round_ok", view: 0, round } });
    expect(group.queryAnswers("a", 1)).toEqual([]);
    group.inject({ from: 2, to: 1, message: { type: "read_round_ok", view: 1, round } });
    expect(group.queryAnswers("a", 1)).toEqual(["x,y"]);
  });

  test("a sign of a newer view makes a backup ask for its log before it takes part (I8)", () => {
    const group = groupOfAnn();
    group.isolate(0);
    group.tickUntil(() => group.state(1).isPrimary);
    group.run("a", 1, "y");
    group.heal();
    const cut = group.lose(ofType("start_view"));
    group.tick(5);
    expect(group.state(0)).toMatchObject({ view: 1, status: "view_change", logView: 0 });
    expect(group.sentOf(0, "request_start_view").length).toBeGreaterThan(0);
    expect(group.sentOf(0, "prepare_ok")).toEqual([]);
    cut();
    group.tick(12);
    group.expectAgreement();
  });

  test("a view that has begun is not joined on the word of one that does not lead it (I3)", () => {
    const group = groupOfAnn();
    const checksum = group.state(0).log.headChecksum;
    group.inject({ from: 2, to: 0, message: { type: "commit", view: 1, commit: 1, checksum } });
    group.inject({ from: 1, to: 2, message: { type: "request_start_view", view: 4, nonce: 0 } });
    expect(group.replicas.map(({ state }) => state.view)).toEqual([0, 0, 0]);
  });
});

describe("a suffix that differs", () => {
  test("from the group's is replaced by it when the one that held it comes back", () => {
    const group = groupOfAnn();
    group.isolate(0);
    group.stepAll(0, [group.call("a", 1, "mine")]);
    group.stepAll(0, [group.call("a", 2, "mine too")]);
    group.sync(0);
    group.tickUntil(() => group.state(1).isPrimary);
    group.run("a", 1, "theirs");
    group.heal();
    group.tickUntil(() => arrivedIn(group, 1));
    group.tick(10);
    group.expectAgreement();
    expect(group.replica(0).ran).toEqual(["theirs"]);
  });

  test("is kept, with its old log_view, until all before the new view's tail has come (I40)", () => {
    const group = groupOfAnn();
    group.isolate(0);
    group.stepAll(0, [group.call("a", 1, "mine")]);
    group.sync(0);
    group.tickUntil(() => group.state(1).isPrimary);
    group.run("a", 1, "theirs");
    group.heal();
    const cut = group.lose(ofType("get_state"));
    group.tick(12);
    expect(group.state(0)).toMatchObject({ view: 1, logView: 0, status: "view_change" });
    expect(group.state(0).pendingStartView).toBeDefined();
    expect(group.state(0).log.head).toBe(2);
    cut();
    group.tick(12);
    group.expectAgreement();
  });
});

describe("a replica that is alone", () => {
  test("does not disturb the others, however long it is cut off: votes need a quorum (I30)", () => {
    const group = groupOfAnn();
    group.isolate(2);
    group.tick(300);
    expect(group.state(2).view).toBe(0);
    group.heal();
    group.run("a", 1, "x");
    group.tick(20);
    expect(group.replicas.map(({ state }) => state.view)).toEqual([0, 0, 0]);
    group.expectAgreement();
  });

  test("in having left for a view is followed by those who stayed", () => {
    const group = groupOfAnn();
    // 1 and 2 stop hearing 0, but only 2 gets to know of both votes, and what it says is lost.
    group.cutOneWay(0, 1);
    group.cutOneWay(0, 2);
    group.cutOneWay(2, 1);
    group.cutOneWay(2, 0);
    group.tickUntil(() => group.state(2).view === 1);
    expect(group.state(1).view).toBe(0);
    group.heal();
    group.lose((packet) => packet.from === 2);
    group.tick(20);
    // 1 hears the primary again and stays: without 2 saying that it left, 2 would be lost to them.
    expect(group.state(1)).toMatchObject({ view: 0, status: "normal", wantsView: undefined });
    group.heal();
    group.lose((packet) => ofType("do_view_change")(packet) && packet.from === 2);
    group.tick(20);
    const wishes = group.sentOf(2, "start_view_change").map(({ message }) => message);
    expect(wishes).toContainEqual({ type: "start_view_change", view: 1, left: true });
    expect([0, 1].map((index) => group.state(index).view)).toEqual([1, 1]);
    group.heal();
    group.tickUntil(() => arrivedIn(group, 1));
    group.run("a", 1, "x");
    group.tick(4);
    group.expectAgreement();
  });

  test("as a primary that can send and not receive falls silent and is replaced (I30)", () => {
    const group = groupOfAnn();
    group.cutOneWay(1, 0);
    group.cutOneWay(2, 0);
    group.step(0, group.call("a", 1, "x"));
    group.settle();
    group.tick(90);
    expect(group.state(0).isUnheard).toBe(false);
    expect(group.replicas.map(({ state }) => state.view)).toEqual([0, 0, 0]);
    group.tick(60);
    expect(group.state(1).isPrimary).toBe(true);
    expect(group.history).toHaveLength(2);
    expect(group.replica(1).ran).toEqual(["x"]);
    const beats = group.sentOf(0, "commit", "prepare").length;
    group.tick(30);
    expect(group.sentOf(0, "commit", "prepare")).toHaveLength(beats);
  });

  test("as an idle primary is replaced as well: it would hear no request either", () => {
    const group = groupOfAnn();
    group.cutOneWay(1, 0);
    group.cutOneWay(2, 0);
    group.tick(300);
    expect(group.replicas.map(({ state }) => state.view)).toEqual([0, 1, 1]);
  });
});
