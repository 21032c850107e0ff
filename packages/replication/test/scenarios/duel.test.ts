/** Two that believe that they lead, or would like to, at the same time. */
import { describe, expect, test } from "vitest";
import { timeoutTicksDefaults } from "../../src/vsr/index.ts";
import { groupOf, type Scenario } from "../support/scenario/scenario.ts";

const { primarySilence } = timeoutTicksDefaults;

/** Replica 0 leads view 0 alone, and replica 1 leads view 1 with the rest; a client each. */
function twoPrimaries(replicas = 3): Scenario {
  const group = groupOf(replicas);
  group.call("x");
  group.client("b").call("of b");
  group.ticks(4);
  group.replica(0).isolate("both");
  // Client a does not hear of the new view yet.
  group.ticksUntil(() => group.replica(1).state.isSettled && group.replica(1).state.isPrimary);
  expect(group.up.filter(({ state }) => state.isPrimary).map(({ index }) => index)).toEqual([0, 1]);
  return group;
}

describe("two primaries", () => {
  test("commit no two things: the one without a quorum commits nothing", () => {
    const group = twoPrimaries();
    group.cut("b", 0);
    group.call("to the old one");
    group.client("b").call("to the new one");
    group.ticks(15);
    group.replica(0).expect({ leads: true, view: 0, commit: 4 });
    group.replica(1).expect({ leads: true, view: 1 });
    expect(group.replica(1).ran).toContain("to the new one");
    group.expectOneGroup();
  });

  test("prepare different things at one op, and only the newer view's is ever run", () => {
    const group = twoPrimaries();
    group.drop("request").from("a").to(1, 2);
    group.drop("request").from("b").to(0);
    group.call("old");
    group.client("b").call("new");
    group.ticks(12);
    const [old, now] = [0, 1].map((index) => group.replica(index).state.log.get(5));
    expect(old).toMatchObject({ op: 5, view: 0 });
    expect(now).toMatchObject({ op: 5, view: 1 });
    group.client("a").crash();
    group.heal();
    group.ticks(20);
    group.replica(0).expect({ leads: false, calls: ["x", "of b", "new"] });
    group.expectOneGroup();
  });

  test("that see each other: the older one steps down at the first word, with all its queue", () => {
    const group = twoPrimaries();
    group.call("held");
    group.query();
    group.client().expectWaiting("held");
    group.client("a").crash();
    group.heal();
    group.ticks(5);
    const { state } = group.replica(0);
    expect(state.isPrimary).toBe(false);
    expect(state.queue.length + state.roundQueries.length + state.newQueries.length).toBe(0);
    expect(state.inFlight.size).toBe(0);
    group.client("a").expectRead();
    expect(group.laws.history.flatMap(({ calls }) => calls)).not.toContain("held");
    group.client().query();
    group.expectOneGroup();
  });

  test("hear each other's backups: an acknowledgement goes to the primary of today's view", () => {
    const group = twoPrimaries(5);
    group.client("b").call("new");
    group.ticks(12);
    group.copiesOf("prepare").from(0).to(2, 3, 4).arrive();
    expect(group.copiesOf("prepare_ok").ofView(1).to(0).count).toBe(0);
    expect(group.copiesOf("prepare_ok").ofView(1).to(1).count).toBeGreaterThan(0);
    group.expectOneGroup();
  });

  test("and a third, when the second is cut off as well", () => {
    const group = twoPrimaries(5);
    group.call("to 0");
    group.replica(1).isolate("both");
    group.ticksUntil(() => group.replica(2).state.isPrimary && group.replica(2).state.isSettled);
    group.client("b").call("to the last");
    group.ticks(20);
    group.replica(0).expect({ leads: true, view: 0 });
    group.replica(1).expect({ leads: true, view: 1 });
    group.replica(2).expect({ leads: true, view: 2 });
    group.expectOneGroup();
  });
});

describe("two candidates", () => {
  test("of which the first is slow: the later view takes over and the earlier never begins", () => {
    const group = groupOf(3);
    group.call("x");
    group.replica(0).isolate("both");
    group.replica(1).slowDisk();
    group.ticksUntil(() => group.replica(2).state.view === 2);
    group.heal();
    group.ticksUntil(() => group.replica(2).state.isPrimary);
    group.replica(1).quickDisk();
    group.ticks(10);
    expect(group.copiesOf("start_view").ofView(1).count).toBe(0);
    expect(group.up.every(({ state }) => state.view === 2)).toBe(true);
    group.expectOneGroup();
  });

  test("one ahead of the other by timing: votes for different views meet in the higher one", () => {
    const group = groupOf(5);
    group.call("x");
    group.replica(0).crash();
    group.drop("start_view_change").from(3, 4);
    // 1 and 2 want view 1 and do not get a third vote, and 3 is a whole timeout ahead of them.
    group.replica(3).ticks(primarySilence);
    group.ticks(primarySilence + 5);
    group.heal();
    group.ticksUntilNormal();
    const views = new Set(group.up.map(({ state }) => state.view));
    expect(views.size).toBe(1);
    group.call("y");
    group.client().expectAnswered("1:x", "2:y");
    group.expectOneGroup();
  });

  test("a vote that was taken back is not counted with one that comes later", () => {
    const group = groupOf(5);
    group.call("x");
    group.drop("commit").to(3);
    group.replica(3).ticks(primarySilence);
    group.heal();
    group.ticks(5);
    // 3 has heard the primary again. Its wish is forgotten by the time that two others have one.
    group.replica(3).expect({ view: 0, status: "normal" });
    group.ticks(timeoutTicksDefaults.voteWindow);
    group.cut(0, 1);
    group.cut(0, 2);
    group.ticks(3 * primarySilence);
    group.expectViews(0, 0, 0, 0, 0);
    group.expectOneGroup();
  });
});
