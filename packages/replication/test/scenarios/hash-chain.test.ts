/** Entries that are not what they should be: the chain and the checksums stand in their way. */
import { describe, expect, test } from "vitest";
import { checksum } from "../../src/checksum.ts";
import { encodeBatch, type Prepare, sealPrepare } from "../../src/vsr/index.ts";
import { bytes, call, clientId } from "../support/entries.ts";
import { groupOf, type Scenario } from "../support/scenario/scenario.ts";

/** An entry that nobody in the group has made, with a checksum that is right. */
function forged(parent: Prepare, view = parent.view): Prepare {
  const { op, timestamp } = parent;
  const body = encodeBatch([call(clientId("f"), 1, { body: bytes("forged") })]);
  const fields = { view, op: op + 1, timestamp: timestamp + 1, parent: parent.checksum, body };
  return sealPrepare(fields, checksum);
}

function headOf(group: Scenario, index: number): Prepare {
  const { log } = group.replica(index).state;
  return log.get(log.head);
}

describe("a prepare", () => {
  test("whose bytes were damaged on the way is not taken, and comes again intact", () => {
    const group = groupOf(3);
    group.call("x");
    const lost = group.drop("prepare").to(2);
    group.call("y");
    const entry = headOf(group, 0);
    const body = Uint8Array.from(entry.body, (byte, i) => (i === 8 ? byte ^ 4 : byte));
    group.say(0, 2, { type: "prepare", view: 0, commit: 2, entry: { ...entry, body } });
    group.replica(2).expect({ op: 2 });
    lost.stop();
    group.ticks(12);
    group.replica(2).expect({ op: 3, ran: ["x", "y"] });
    group.expectOneGroup();
  });

  test("from one that does not lead is not taken, though it fits", () => {
    const group = groupOf(3);
    group.call("x");
    const entry = forged(headOf(group, 2));
    group.say(1, 2, { type: "prepare", view: 0, commit: 2, entry });
    group.replica(2).expect({ op: 2, calls: ["x"] });
    group.expectOneGroup();
  });

  test("that leaves a gap is not taken, and what is missing is fetched (I22)", () => {
    const group = groupOf(3, { batchRequestsMax: 1 });
    group.call("x");
    const lost = group.drop("prepare").to(2);
    group.call("y");
    lost.stop();
    const held = group.hold("new_state");
    group.call("z");
    group.replica(2).expect({ op: 2 });
    held.release();
    group.ticks(12);
    group.replica(2).expect({ op: 4 });
    group.expectOneGroup();
  });

  test("of the primary that does not continue the log stops the backup: it has been lied to", () => {
    const group = groupOf(3);
    group.call("x");
    const fork = forged({ ...headOf(group, 2), checksum: "0".repeat(32) });
    group.replica(2).mayStop = true;
    group.say(0, 2, { type: "prepare", view: 0, commit: 2, entry: fork });
    expect(String(group.replica(2).failure)).toContain("forks its log (I21)");
    expect(group.replica(2).isUp).toBe(false);
    group.call("y");
    group.client().expectAnswered("1:x", "2:y");
    group.expectOneGroup();
  });

  test("of another content at an op that is held stops the backup before it answers", () => {
    const group = groupOf(3);
    group.call("x");
    const { log } = group.replica(2).state;
    const other = forged(log.get(1));
    const oks = group.copiesOf("prepare_ok").from(2).count;
    group.replica(2).mayStop = true;
    group.say(0, 2, { type: "prepare", view: 0, commit: 1, entry: other });
    expect(String(group.replica(2).failure)).toContain("two entries at op 2");
    expect(group.copiesOf("prepare_ok").from(2).count).toBe(oks);
    group.expectOneGroup();
  });
});

describe("a commit", () => {
  test("with the checksum of another entry stops the backup rather than let it go on (I26)", () => {
    const group = groupOf(3);
    group.call("x");
    group.replica(2).mayStop = true;
    group.say(0, 2, { type: "commit", view: 0, commit: 2, checksum: "1".repeat(32) });
    expect(String(group.replica(2).failure)).toContain("committed op 2 differs here (I26)");
    group.expectOneGroup();
  });

  test("beyond what a backup holds is kept in mind, and run when the log is there", () => {
    const group = groupOf(3);
    group.call("x");
    group.drop("prepare", "new_state").to(2);
    group.call("y");
    group.ticks(4);
    const { commitMin, commitMax } = group.replica(2).state;
    expect([commitMin, commitMax]).toEqual([2, 3]);
    group.heal();
    group.ticks(10);
    group.replica(2).expect({ ran: ["x", "y"] });
    group.expectOneGroup();
  });
});

describe("an acknowledgement", () => {
  test("of another entry than the primary's stops the primary before it counts (I12)", () => {
    const group = groupOf(3);
    group.call("x");
    group.drop("prepare_ok");
    group.call("y");
    group.replica(0).mayStop = true;
    group.say(2, 0, { type: "prepare_ok", view: 0, op: 3, checksum: "2".repeat(32) });
    expect(String(group.replica(0).failure)).toContain("replica 2 holds another op 3");
    group.client().expectWaiting("y");
    group.heal();
    group.ticksUntilNormal(1);
    group.expectOneGroup();
  });
});

describe("a broken chain", () => {
  test("in a do_view_change is as good as none: the candidate waits for a whole one", () => {
    const group = groupOf(3);
    group.call("x");
    group.replica(1).isolate("both");
    group.call("y");
    group.replica(0).crash();
    group.heal();
    const held = group.hold("do_view_change").from(2);
    group.ticksUntil(() => held.held.length > 0);
    const vote = held.held[0]?.message;
    if (vote?.type !== "do_view_change") throw new Error("2 did not vote");
    const entries = vote.entries.map((entry) => ({ ...entry, body: bytes("damaged") }));
    expect(entries.length).toBeGreaterThan(0);
    group.say(2, 1, { ...vote, entries });
    group.replica(1).expect({ view: 1, leads: false, log_view: 0 });
    held.release();
    group.replica(1).expect({ leads: true, calls: ["x", "y"] });
    group.expectOneGroup();
  });

  test("in a start_view is not taken, and the view is asked for again", () => {
    const group = groupOf(3);
    group.call("x");
    group.drop("prepare").to(2);
    group.call("y");
    const held = group.hold("start_view").to(2);
    group.replica(0).crash();
    group.ticksUntil(() => held.held.length > 0);
    const begin = held.held[0]?.message;
    if (begin?.type !== "start_view") throw new Error("1 did not begin");
    const entries = begin.entries.map((entry) => ({ ...entry, body: bytes("damaged") }));
    expect(entries.length).toBeGreaterThan(0);
    group.say(1, 2, { ...begin, entries });
    group.replica(2).expect({ view: 1, status: "view_change", calls: ["x"] });
    held.stop();
    group.ticks(12);
    group.replica(2).expect({ view: 1, status: "normal", calls: ["x", "y"] });
    group.expectOneGroup();
  });

  test("within one view does not hold up those that have it whole", () => {
    const group = groupOf(5, { batchRequestsMax: 1 });
    group.call("x");
    // 3 and 4 each miss another entry, and neither asks: what they hold ends before the gap.
    const missing = [group.drop("prepare").to(3), group.drop("get_state").from(3, 4)];
    group.call("y");
    missing[0]?.stop();
    group.drop("prepare").to(4);
    group.call("z");
    group.client().expectAnswered("1:x", "2:y", "3:z");
    group.replica(3).expect({ calls: ["x"] });
    group.replica(4).expect({ calls: ["x", "y"] });
    group.heal();
    group.ticks(15);
    group.replica(3).expect({ ran: ["x", "y", "z"] });
    group.expectOneGroup();
  });
});
