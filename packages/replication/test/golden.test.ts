/**
 * Whole exchanges, told line by line in `golden/`: what is sent, written and run, and in which
 * order. A change of the protocol shows here as a difference that can be read against the paper;
 * `npx vitest run -u test/golden.test.ts` accepts it.
 *
 * `r0 → r1` arrives, `r0 ✗ r1` is lost, `r0 … r1` is held back.
 */
import { expect, test } from "vitest";
import { entryEnvelopeBytes } from "../src/vsr/config.ts";
import { timeoutTicksDefaults } from "../src/vsr/index.ts";
import { groupOf, type Scenario } from "./support/scenario/scenario.ts";

const { heartbeat, primarySilence } = timeoutTicksDefaults;

async function reads(group: Scenario, name: string): Promise<void> {
  await expect(group.transcript.text).toMatchFileSnapshot(`golden/${name}.txt`);
  group.expectOneGroup();
}

test("normal operation: calls that come together share an op, and an idle primary says commit", async () => {
  const group = groupOf(3);
  const { transcript } = group;
  transcript.begin("a client registers, and makes its first call");
  group.call("x");
  transcript.heading("three calls come in one turn");
  group.together(() => group.call("u", "v", "w"));
  transcript.heading("nothing more comes, so a heartbeat tells what is committed");
  group.ticks(heartbeat);
  await reads(group, "normal-operation");
});

test("a view change: the primary dies with a call that one backup of two holds", async () => {
  const group = groupOf(3);
  const { transcript } = group;
  group.call("x");
  transcript.begin("the prepare of y reaches replica 1 alone, and then replica 0 dies");
  group.drop("prepare").to(2);
  group.hold("prepare_ok").from(1);
  group.call("y");
  group.replica(0).crash();
  group.heal();
  transcript.heading("the backups have heard nothing for too long");
  group.ticksUntil(() => group.replica(1).state.isPrimary && group.replica(1).state.isSettled);
  transcript.heading("the client makes its next call");
  group.call("z");
  group.ticks(heartbeat);
  await reads(group, "view-change");
});

test("a backup restarts: it keeps its view and its log, and asks for what it has missed", async () => {
  const group = groupOf(3);
  const { transcript } = group;
  group.call("x");
  group.replica(2).crash();
  group.call("y");
  transcript.begin("replica 2 comes back, and hears the next heartbeat");
  group.replica(2).restart();
  group.ticks(heartbeat);
  await reads(group, "restarted-backup");
});

test("a primary restarts: it does not resume its view, and leads no one until the next", async () => {
  const group = groupOf(3);
  const { transcript } = group;
  group.call("x");
  transcript.begin("replica 0 dies and comes back at once, with all it had written");
  group.replica(0).crash();
  group.replica(0).restart();
  transcript.heading("the others miss its heartbeats as if it were dead");
  group.ticksUntilNormal(1);
  await reads(group, "restarted-primary");
});

test("catching up: a replica outside its view takes what is committed before it takes the view", async () => {
  const group = groupOf(3, { batchRequestsMax: 1, newStateBytesMax: 2 * entryEnvelopeBytes });
  const { transcript } = group;
  group.call("x");
  group.replica(0).isolate("both");
  group.call("mine");
  group.client("a").crash();
  group.cut("b", 0);
  group.ticksUntil(() => group.replica(1).state.isPrimary && group.replica(1).state.isSettled);
  group.client("b").call("theirs 1", "theirs 2");
  group.ticks(12);
  transcript.begin("replica 0, which has prepared something else, is back among the others");
  group.heal();
  group.ticksUntilNormal(1);
  await reads(group, "catching-up");
});

test("a read round: two queries share one, and those that come meanwhile share the next", async () => {
  const group = groupOf(3);
  const { transcript } = group;
  group.call("x");
  transcript.begin("two queries come together, and the round's answers are slow");
  const late = group.hold("read_round_ok");
  group.together(() => {
    group.query();
    group.client("b").query();
  });
  transcript.heading("a third comes meanwhile");
  group.client("c").query();
  transcript.heading("the answers arrive");
  late.release();
  await reads(group, "read-round");
});

test("an eviction: the table is full, and the longest idle gives way", async () => {
  const group = groupOf(3, { sessionsMax: 2, batchRequestsMax: 1 });
  const { transcript } = group;
  group.call("x");
  group.client("b").call("y");
  transcript.begin("a third client registers, and the first one's call is prepared behind that");
  const held = group.hold("prepare_ok");
  group.client("c").call("z");
  group.call("w");
  transcript.heading("both are committed: the session of the call is gone");
  held.release();
  await reads(group, "eviction");
});

test("a duel: the old primary, cut off, prepares; the new one commits; they meet", async () => {
  const group = groupOf(3);
  const { transcript } = group;
  group.call("x");
  group.client("b").call("y");
  group.ticks(heartbeat);
  group.replica(0).isolate("both");
  group.drop("request").from("a").to(1, 2);
  group.drop("request").from("b").to(0);
  transcript.begin("replica 0 is cut off, and does not know it");
  group.call("old");
  // It says so again and again; the rest is told without what is lost.
  transcript.tellsLosses = false;
  group.ticks(primarySilence - 1);
  transcript.heading("the others begin view 1");
  group.ticksUntil(() => group.replica(1).state.isPrimary);
  transcript.heading("client b finds the new primary");
  group.client("b").call("new");
  group.ticks(12);
  transcript.heading("client a dies, and replica 0 is back among the others");
  group.client("a").crash();
  group.heal();
  group.ticksUntilNormal(1);
  await reads(group, "duel");
});
