/** Views that end, begin, fail to begin, and are heard of too late. */
import { describe, expect, test } from "vitest";
import { timeoutTicksDefaults } from "../../src/vsr/index.ts";
import { groupOf, type Scenario } from "../support/scenario/scenario.ts";

const { primarySilence } = timeoutTicksDefaults;

/** Replica 0 is dead, and the others have begun view 1. */
function inViewOne(replicas = 3): Scenario {
  const group = groupOf(replicas);
  group.call("x");
  group.replica(0).crash();
  group.ticksUntilNormal(1);
  return group;
}

describe("when a primary dies", () => {
  test("before anybody has its prepare, the call is asked for again and runs once", () => {
    const group = groupOf(3);
    group.call("x");
    group.drop("prepare");
    group.call("y");
    group.replica(0).crash();
    group.heal();
    group.ticksUntilNormal(1);
    group.ticks(20);
    group.client().expectAnswered("1:x", "2:y");
    // It is not what replica 0 prepared, which nobody has any more.
    expect(group.replica(1).state.log.get(3)).toMatchObject({ view: 1, op: 3 });
    group.expectOneGroup();
  });

  test("after one backup of two has its prepare, the call is kept, in its old clothes", () => {
    const group = groupOf(3);
    group.call("x");
    group.drop("prepare").to(1);
    group.drop("prepare_ok").from(2);
    group.call("y");
    group.replica(0).crash();
    group.heal();
    group.ticksUntilNormal(1);
    group.replica(1).expect({ leads: true, calls: ["x", "y"] });
    expect(group.replica(1).state.log.get(3)).toMatchObject({ view: 0, op: 3 });
    group.expectOneGroup();
  });

  test("after the commit and before the reply, the next one answers", () => {
    const group = groupOf(3);
    group.call("x");
    group.cut(0, "a");
    group.call("y");
    group.replica(0).expect({ ran: ["x", "y"] });
    group.client().expectWaiting("y");
    group.replica(0).crash();
    group.ticks(60);
    group.client().expectAnswered("1:x", "2:y");
    group.replica(1).expect({ ran: ["x", "y"], op: 3 });
    group.expectOneGroup();
  });

  test("one after the other, each view keeps what the views before it committed", () => {
    const group = groupOf(5);
    group.call("x");
    group.replica(0).crash();
    group.ticksUntilNormal(1);
    group.call("y");
    group.replica(1).crash();
    group.ticksUntilNormal(2);
    group.call("z");
    group.client().expectAnswered("1:x", "2:y", "3:z");
    group.replica(2).expect({ leads: true, view: 2, ran: ["x", "y", "z"] });
    group.expectOneGroup();
  });
});

describe("a primary with a dirty log", () => {
  test("gives up what it prepared alone, though its log is longer than the group's", () => {
    const group = groupOf(3, { batchRequestsMax: 1 });
    group.call("x");
    group.replica(0).isolate("both");
    group.call("mine 1", "mine 2", "mine 3");
    group.replica(0).expect({ op: 5, commit: 2 });
    group.client("b").call("theirs");
    // The client's first session is deaf now: what it asked is not asked for again.
    group.client("a").crash();
    group.ticks(2 * primarySilence);
    group.client("b").expectAnswered("2:theirs");
    group.heal();
    group.ticks(20);
    group.replica(0).expect({ leads: false, calls: ["x", "theirs"], ran: ["x", "theirs"] });
    group.expectOneGroup();
  });

  test("gives it up also after a restart from the disk that holds it", () => {
    const group = groupOf(3);
    group.call("x");
    group.replica(0).isolate("both");
    group.call("mine");
    group.client("a").crash();
    group.replica(0).crash();
    group.ticksUntilNormal(1);
    group.client("b").call("theirs");
    group.heal();
    group.replica(0).restart();
    group.replica(0).expect({ calls: ["x", "mine"], leads: false });
    group.ticks(30);
    group.replica(0).expect({ calls: ["x", "theirs"], ran: ["x", "theirs"] });
    group.expectOneGroup();
  });

  test("is not believed over a shorter log of a later view, also when it is the candidate", () => {
    const group = groupOf(3, { batchRequestsMax: 1 });
    group.call("x");
    group.replica(0).isolate("both");
    group.call("mine 1", "mine 2", "mine 3");
    group.client("a").crash();
    group.ticksUntil(() => group.replica(1).state.isPrimary);
    group.client("b").call("theirs");
    group.ticks(20);
    // View 1 dies with what it committed on 1 and 2; of those only 2 meets 0, which leads view 3.
    group.replica(1).crash();
    group.heal();
    group.drop("do_view_change").to(2);
    group.ticksUntil(() => group.replica(0).state.isPrimary && group.replica(0).state.view === 3);
    group.ticks(10);
    group.replica(0).expect({ calls: ["x", "theirs"], ran: ["x", "theirs"] });
    group.client("b").expectAnswered("2:theirs");
    group.expectOneGroup();
  });
});

describe("a start_view", () => {
  test("that comes late, after its view has moved on, takes nothing back", () => {
    const group = groupOf(3);
    group.call("x");
    group.replica(0).crash();
    const late = group.duplicate("start_view");
    group.ticksUntilNormal(1);
    late.stop();
    group.call("y", "z");
    group.replica(2).expect({ calls: ["x", "y", "z"] });
    group.copiesOf("start_view").to(2).arrive();
    group.replica(2).expect({ status: "normal", view: 1, calls: ["x", "y", "z"] });
    group.expectOneGroup();
  });

  test("of a view that has been left is not followed back", () => {
    const group = groupOf(3);
    group.call("x");
    const late = group.hold("start_view").ofView(1);
    group.replica(0).crash();
    group.ticksUntil(() => group.replica(2).state.view === 2);
    group.replica(0).restart();
    group.ticksUntil(() => group.replica(2).state.isPrimary);
    late.release();
    group.ticks(5);
    expect(group.up.every(({ state }) => state.view >= 2)).toBe(true);
    group.expectOneGroup();
  });

  test("that never comes is asked for", () => {
    const group = groupOf(3);
    group.call("x");
    const lost = group.drop("start_view").to(2);
    group.replica(0).crash();
    group.ticksUntil(() => group.replica(1).state.isPrimary);
    group.ticks(10);
    group.replica(2).expect({ view: 1, status: "view_change", log_view: 0 });
    lost.stop();
    group.ticks(10);
    group.replica(2).expect({ view: 1, status: "normal", log_view: 1 });
    group.expectOneGroup();
  });

  test("from one that does not lead the view is not believed", () => {
    const group = groupOf(3);
    group.call("x");
    const { log } = group.replica(0).state;
    const { headChecksum: commit_checksum, head: op } = log;
    const message = {
      type: "start_view",
      nonce: 0,
      op,
      commit: op,
      commit_checksum,
      entries: [],
    } as const;
    group.say(2, 1, { ...message, view: 4 });
    group.expectViews(0, 0, 0);
    group.expectOneGroup();
  });
});

describe("a candidate", () => {
  test("that dies when its new log is durable and nobody has heard of it is replaced", () => {
    const group = groupOf(5);
    group.call("x");
    group.drop("start_view");
    group.replica(0).crash();
    group.ticksUntil(() => group.replica(1).disk.log_view === 1);
    group.replica(1).crash();
    group.heal();
    group.ticksUntilNormal(2);
    group.call("y");
    group.client().expectAnswered("1:x", "2:y");
    group.replica(1).restart();
    group.replica(1).expect({ leads: false });
    group.expectOneGroup();
  });

  test("that comes back with the log of a view that it began says so in its next vote", () => {
    const group = groupOf(3);
    group.call("x");
    group.drop("start_view").ofView(1);
    group.replica(0).crash();
    group.ticksUntil(() => group.replica(1).disk.log_view === 1);
    group.replica(1).crash();
    group.replica(1).restart();
    group.ticksUntilNormal(2);
    const votes = group.copiesOf("do_view_change").from(1).ofView(2).all;
    expect(votes[0]?.message).toMatchObject({ log_view: 1, op: 2 });
    group.expectOneGroup();
  });

  test("to whom a vote comes twice counts it once", () => {
    const group = groupOf(5);
    group.call("x");
    group.drop("do_view_change").from(3, 4).to(1);
    group.replica(0).crash();
    group.ticksUntil(() => group.copiesOf("do_view_change").from(2).to(1).count > 0);
    group.copiesOf("do_view_change").from(2).to(1).arrive();
    group.copiesOf("do_view_change").from(2).to(1).arrive();
    group.replica(1).expect({ view: 1, leads: false, log_view: 0 });
    group.expectOneGroup();
  });

  test("does not begin with the votes of the others alone: its own leaving must be written", () => {
    const group = groupOf(5);
    group.call("x");
    group.replica(1).slowDisk();
    group.replica(0).crash();
    group.ticksUntil(() => group.copiesOf("do_view_change").to(1).ofView(1).count >= 3);
    expect([...group.replica(1).state.doViewChanges.keys()].sort()).toEqual([2, 3, 4]);
    group.replica(1).expect({ view: 1, log_view: 0, status: "view_change" });
    group.replica(1).quickDisk();
    group.replica(1).expect({ view: 1, log_view: 1, leads: true });
    group.expectOneGroup();
  });

  test("does not lead with the votes of another view", () => {
    const group = groupOf(5);
    group.call("x");
    group.drop("do_view_change").to(1);
    group.replica(0).crash();
    group.ticksUntil(() => group.replica(1).state.view > 1);
    group.heal();
    group.copiesOf("do_view_change").ofView(1).to(1).arrive();
    expect(group.copiesOf("start_view").ofView(1).count).toBe(0);
    group.expectOneGroup();
  });
});

describe("messages of an old view", () => {
  test("that were held back for a whole view change change nothing when they come", () => {
    const group = groupOf(3);
    group.call("x");
    const late = group.hold("prepare", "commit").from(0);
    group.call("y");
    group.ticks(primarySilence - 5);
    group.replica(0).crash();
    group.ticksUntil(() => group.replica(1).state.isPrimary);
    group.ticks(20);
    group.client().expectAnswered("1:x", "2:y");
    const { log } = group.replica(2).state;
    const before = log.headChecksum;
    late.release("last first");
    expect(log.headChecksum).toBe(before);
    expect(group.copiesOf("prepare_ok").ofView(0).from(2).to(0).all.at(-1)?.message).toMatchObject({
      op: 2,
    });
    group.expectOneGroup();
  });

  test("such as wishes for a view that has begun are not answered with another one", () => {
    const group = inViewOne();
    group.copiesOf("start_view_change").to(1, 2).arrive();
    group.ticks(4);
    group.replica(1).expect({ view: 1, status: "normal" });
    group.replica(2).expect({ view: 1, status: "normal" });
    group.expectOneGroup();
  });

  test("such as acknowledgements do not commit what the new view holds at that op", () => {
    const group = groupOf(3);
    group.call("x");
    group.replica(1).isolate("both");
    const late = group.hold("prepare_ok").from(2);
    group.call("y");
    group.replica(0).crash();
    group.heal();
    group.ticksUntil(() => group.replica(1).state.isPrimary);
    group.hold("prepare_ok").from(2);
    group.ticks(2);
    const { commitMin } = group.replica(1).state;
    late.release();
    for (const { message } of late.held) group.say(2, 1, message);
    expect(group.replica(1).state.commitMin).toBe(commitMin);
    group.expectOneGroup();
  });
});
