/** Replicas that have missed something, and how they get it (VRR §5.2, I40, I41). */
import { describe, expect, test } from "vitest";
import { entryEnvelopeBytes } from "../../src/vsr/config.ts";
import { timeoutTicksDefaults } from "../../src/vsr/index.ts";
import { groupOf, type Scenario } from "../support/scenario/scenario.ts";

const { primarySilence } = timeoutTicksDefaults;

/** So many calls that nobody but one replica misses; one entry each. */
function missedBy(index: number, calls: number, replicas = 3, changes = {}): Scenario {
  const group = groupOf(replicas, { batchRequestsMax: 1, ...changes });
  group.call("x");
  group.replica(index).isolate("both");
  for (let i = 1; i <= calls; i++) group.call(`missed ${i}`);
  group.replica(index).expect({ op: 2 });
  return group;
}

describe("a backup that has missed calls", () => {
  test("gets them in pieces, when they are more than one message may hold", () => {
    const group = missedBy(2, 12, 3, { newStateBytesMax: 2 * entryEnvelopeBytes });
    group.heal();
    group.ticks(30);
    expect(group.copiesOf("new_state").to(2).count).toBeGreaterThan(3);
    group.replica(2).expect({ op: 14, commit: 14 });
    group.expectOneGroup();
  });

  test("does not acknowledge what it has not got, however far the others are", () => {
    const group = missedBy(2, 4);
    group.heal();
    const held = group.hold("new_state");
    group.call("now");
    group.ticks(10);
    const acked = group
      .copiesOf("prepare_ok")
      .from(2)
      .to(0)
      .all.map(({ message }) => message);
    expect(acked.every((message) => message.type === "prepare_ok" && message.op <= 2)).toBe(true);
    held.release();
    group.ticks(10);
    group.replica(2).expect({ op: 7 });
    group.expectOneGroup();
  });

  test("takes pieces that come in the wrong order, and twice", () => {
    const group = missedBy(2, 10, 3, { newStateBytesMax: 2 * entryEnvelopeBytes });
    group.heal();
    group.duplicate("new_state");
    const held = group.hold("new_state").to(2);
    group.ticks(40);
    held.release("last first");
    group.ticks(60);
    group.replica(2).expect({ op: 12, commit: 12 });
    group.expectOneGroup();
  });

  test("and then becomes primary has everything before it leads", () => {
    const group = missedBy(1, 5);
    group.replica(0).crash();
    group.heal();
    const held = group.hold("new_state").to(1);
    group.ticksUntil(() => group.replica(1).state.catchUp !== undefined);
    group.replica(1).expect({ leads: false, log_view: 0 });
    held.release();
    group.ticksUntil(() => group.replica(1).state.isPrimary);
    group.replica(1).expect({ view: 1, op: 7 });
    group.expectOneGroup();
  });

  test("and dies while it catches up for a view keeps what it had, and its old log_view", () => {
    const group = missedBy(1, 5, 3, { newStateBytesMax: 1 });
    group.replica(0).crash();
    group.heal();
    const held = group.hold("new_state").to(1);
    group.ticksUntil(() => group.replica(1).state.catchUp !== undefined);
    held.release();
    group.replica(1).crash();
    expect(group.replica(1).disk).toMatchObject({ view: 1 });
    group.replica(1).restart();
    group.ticksUntilNormal();
    group.primary.expect({ op: 7 });
    group.expectOneGroup();
  });
});

describe("a replica outside its view", () => {
  test("does not take what is not committed there, even if it is offered", () => {
    const group = groupOf(3);
    group.call("x");
    group.replica(0).isolate("both");
    group.ticksUntil(() => group.replica(1).state.isPrimary && group.replica(1).state.isSettled);
    group.cut("b", 0);
    group.client("b").call("theirs");
    group.ticks(12);
    group.heal();
    const held = group.hold("new_state").to(0);
    group.ticks(6);
    expect(group.replica(0).state.catchUp).toMatchObject({ target: 4 });
    const entry = group.replica(1).state.log.get(3);
    group.say(1, 0, { type: "new_state", view: 1, commit: 2, entries: [entry] });
    group.replica(0).expect({ view: 1, status: "view_change", log_view: 0, op: 2 });
    held.release();
    group.replica(0).expect({ view: 1, status: "normal", calls: ["x", "theirs"] });
    group.expectOneGroup();
  });

  test("keeps its own longer log until the new view's is whole, over a crash too (I40)", () => {
    const group = groupOf(3, { batchRequestsMax: 1 });
    group.call("x");
    group.replica(0).isolate("both");
    group.call("mine 1", "mine 2");
    group.client("a").crash();
    group.cut("b", 0);
    group.ticksUntil(() => group.replica(1).state.isPrimary && group.replica(1).state.isSettled);
    group.client("b").call("theirs 1");
    group.ticks(12);
    group.client("b").call("theirs 2");
    group.heal();
    const held = group.hold("new_state").to(0);
    group.ticks(6);
    group.replica(0).expect({ view: 1, log_view: 0, status: "view_change", op: 4 });
    group.replica(0).crash();
    group.replica(0).restart();
    group.replica(0).expect({ view: 1, log_view: 0, op: 4, calls: ["x", "mine 1", "mine 2"] });
    held.stop();
    group.ticks(4 * primarySilence);
    group.primary.expect({ calls: ["x", "theirs 1", "theirs 2"] });
    group.expectOneGroup();
  });

  test("takes what is committed from whoever has it, if the one it asked has died", () => {
    const group = missedBy(1, 5, 5);
    group.replica(0).crash();
    group.heal();
    group.drop("get_state").from(1);
    group.ticksUntil(() => group.replica(1).state.catchUp !== undefined);
    const from = group.replica(1).state.catchUp?.from ?? 0;
    group.replica(from).crash();
    group.heal();
    group.ticksUntilNormal();
    group.primary.expect({ op: 7 });
    group.expectOneGroup();
  });
});

describe("answers to a question", () => {
  test("that was asked in an earlier view do no harm in a later one", () => {
    const group = missedBy(2, 4);
    group.heal();
    const late = group.hold("new_state").to(2);
    group.ticks(5);
    group.replica(0).crash();
    group.ticksUntil(() => group.replica(1).state.isPrimary);
    group.ticks(5);
    late.release("last first");
    group.ticks(10);
    group.replica(2).expect({ view: 1, op: 6 });
    group.expectOneGroup();
  });

  test("are taken up to the first entry that is damaged, and the rest is asked for again", () => {
    const group = missedBy(2, 4);
    group.heal();
    group.drop("new_state").to(2);
    group.ticks(6);
    const { log } = group.replica(0).state;
    const damaged = { ...log.get(5), body: Uint8Array.from([1, 2, 3]) };
    const entries = [log.get(3), log.get(4), damaged, log.get(6)];
    group.say(0, 2, { type: "new_state", view: 0, commit: 6, entries });
    group.replica(2).expect({ op: 4 });
    group.heal();
    group.ticks(15);
    group.replica(2).expect({ op: 6, commit: 6 });
    group.expectOneGroup();
  });
});
