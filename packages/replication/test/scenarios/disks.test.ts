/** Crashes, restarts and disks: what is durable counts, and nothing else does. */
import { describe, expect, test } from "vitest";
import { timeoutTicksDefaults } from "../../src/vsr/index.ts";
import { groupOf } from "../support/scenario/scenario.ts";

const { primarySilence } = timeoutTicksDefaults;

describe("when all crash at once", () => {
  test("everything that was answered is there afterwards", () => {
    const group = groupOf(5);
    group.call("x", "y");
    group.client("b").call("z");
    group.crashAll();
    group.restartAll();
    group.ticksUntilNormal();
    group.primary.expect({ ran: ["x", "y", "z"] });
    group.expectOneGroup();
  });

  test("in the middle of a call: it is kept if a quorum comes back that has it, and runs once", () => {
    const group = groupOf(3);
    group.call("x");
    group.drop("prepare_ok");
    group.call("y");
    group.crashAll();
    group.heal();
    group.restartAll();
    group.ticksUntilNormal();
    group.primary.expect({ calls: ["x", "y"] });
    group.ticks(20);
    group.client().expectAnswered("1:x", "2:y");
    group.expectOneGroup();
  });

  test("before anybody has written it, a call is gone, and asked for again", () => {
    const group = groupOf(3);
    group.call("x");
    for (const replica of group.replicas) replica.slowDisk();
    group.call("y");
    group.crashAll();
    for (const replica of group.replicas) replica.quickDisk();
    group.restartAll();
    for (const replica of group.replicas) replica.expect({ calls: ["x"] });
    group.ticks(4 * primarySilence);
    group.client().expectAnswered("1:x", "2:y");
    group.expectOneGroup();
  });

  test("in the middle of a view change, they finish it or begin another one", () => {
    const group = groupOf(3);
    group.call("x");
    group.replica(0).crash();
    group.hold("do_view_change");
    group.ticksUntil(() => group.replica(2).state.view === 1);
    group.crashAll();
    group.heal();
    group.restartAll();
    group.replica(1).expect({ view: 1, status: "view_change", log_view: 0 });
    group.ticksUntilNormal();
    group.primary.expect({ ran: ["x"] });
    group.expectOneGroup();
  });

  test("twice, with only some of them back in between", () => {
    const group = groupOf(5);
    group.call("x");
    group.crashAll();
    for (const index of [2, 3, 4]) group.replica(index).restart();
    group.ticksUntilNormal();
    group.call("y");
    group.ticks(15);
    group.client().expectAnswered("1:x", "2:y");
    group.crashAll();
    for (const index of [0, 1, 4]) group.replica(index).restart();
    // Of those that hold y only 4 has come back.
    group.ticksUntilNormal();
    group.primary.expect({ ran: ["x", "y"] });
    group.expectOneGroup();
  });
});

describe("a primary that restarts", () => {
  test("does not resume its view, though nobody has missed it (I14)", () => {
    const group = groupOf(3);
    group.call("x");
    group.replica(0).crash();
    group.replica(0).restart();
    group.replica(0).expect({ view: 0, status: "view_change", leads: false });
    group.call("y");
    group.client().expectWaiting("y");
    group.ticks(2 * primarySilence);
    expect(group.copiesOf("prepare").ofView(0).from(0).all.at(-1)?.message).toMatchObject({
      entry: { op: 2 },
    });
    group.replica(1).expect({ leads: true, view: 1, ran: ["x", "y"] });
    group.expectOneGroup();
  });

  test("having prepared and not written an op cannot give that op another content", () => {
    const group = groupOf(3);
    group.call("x");
    group.replica(0).slowDisk();
    const oks = group.hold("prepare_ok");
    group.call("first");
    group.replica(0).crash();
    group.replica(0).quickDisk();
    group.client("a").crash();
    oks.stop();
    group.replica(0).restart();
    group.replica(0).expect({ calls: ["x"] });
    group.client("b").call("second");
    group.ticks(4 * primarySilence);
    const { log } = group.primary.state;
    expect(log.get(3)).toMatchObject({ view: 0, op: 3 });
    group.primary.expect({ calls: ["x", "first", "second"] });
    group.expectOneGroup();
  });

  test("comes back as a backup of the view that began without it", () => {
    const group = groupOf(3);
    group.call("x");
    group.replica(0).crash();
    group.ticksUntilNormal(1);
    group.call("y");
    group.replica(0).restart();
    group.ticks(20);
    group.replica(0).expect({ view: 1, status: "normal", leads: false, ran: ["x", "y"] });
    group.expectViews(1, 1, 1);
    group.expectOneGroup();
  });
});

describe("a backup that restarts", () => {
  test("goes on in its view, with what its disk has", () => {
    const group = groupOf(3);
    group.call("x");
    group.replica(2).crash();
    group.call("y");
    group.replica(2).restart();
    group.replica(2).expect({ view: 0, status: "normal", calls: ["x"] });
    group.ticks(15);
    group.replica(2).expect({ ran: ["x", "y"] });
    group.expectViews(0, 0, 0);
    group.expectOneGroup();
  });

  test("does not forget that it has left for a view", () => {
    const group = groupOf(3);
    group.call("x");
    group.drop("do_view_change");
    group.replica(0).isolate("both");
    group.ticksUntil(() => group.replica(2).state.view === 1);
    group.replica(2).crash();
    group.heal();
    group.replica(2).restart();
    group.replica(2).expect({ view: 1, log_view: 0, status: "view_change" });
    group.copiesOf("prepare", "commit").from(0).to(2).arrive();
    group.replica(2).expect({ view: 1, op: 2 });
    group.expectOneGroup();
  });

  test("over and over, while calls go on, holds nobody up and misses nothing", () => {
    const group = groupOf(3);
    for (let i = 1; i <= 6; i++) {
      group.replica(2).crash();
      group.call(`${i}`);
      group.replica(2).restart();
      group.ticks(3);
    }
    group.client().expectAnswered("1:1", "2:2", "3:3", "4:4", "5:5", "6:6");
    group.expectViews(0, 0, 0);
    group.expectOneGroup();
  });
});

describe("a slow disk", () => {
  test("of a backup is not waited for", () => {
    const group = groupOf(3);
    group.replica(2).slowDisk();
    group.call("x", "y");
    group.client().expectAnswered("1:x", "2:y");
    expect(group.copiesOf("prepare_ok").from(2).count).toBe(0);
    group.expectOneGroup();
  });

  test("of the primary does not hold up a commit that the others' disks have made safe", () => {
    const group = groupOf(3);
    group.call("x");
    group.replica(0).slowDisk();
    group.call("y");
    group.client().expectAnswered("1:x", "2:y");
    expect(group.replica(0).disk.entries).toHaveLength(2);
    group.expectOneGroup();
  });

  test("of two of three holds up the answer, not the view", () => {
    const group = groupOf(3);
    group.call("x");
    for (const index of [1, 2]) group.replica(index).slowDisk();
    group.call("y");
    group.ticks(3 * primarySilence);
    group.client().expectWaiting("y");
    group.expectViews(0, 0, 0);
    group.replica(1).quickDisk();
    group.client().expectAnswered("1:x", "2:y");
    group.expectOneGroup();
  });

  test("of a replica that leaves keeps its vote back until the leaving is written", () => {
    const group = groupOf(3);
    group.call("x");
    group.replica(2).slowDisk();
    group.replica(0).crash();
    group.ticksUntil(() => group.replica(2).state.view === 1);
    expect(group.copiesOf("do_view_change").from(2).count).toBe(0);
    expect(group.copiesOf("start_view").from(1).count).toBe(0);
    group.replica(2).quickDisk();
    expect(group.copiesOf("do_view_change").from(2).count).toBe(1);
    group.replica(1).expect({ leads: true, view: 1 });
    group.expectOneGroup();
  });

  test("that is done when its replica has left the view acknowledges nothing in that view (I12)", () => {
    const group = groupOf(3);
    group.call("x");
    group.replica(2).slowDisk();
    group.call("y");
    group.replica(0).isolate("send");
    group.ticksUntil(() => group.replica(2).state.view === 1);
    const oks = group.copiesOf("prepare_ok").ofView(0).from(2).count;
    group.replica(2).quickDisk();
    expect(group.copiesOf("prepare_ok").ofView(0).from(2).count).toBe(oks);
    group.replica(2).expect({ view: 1, status: "normal", calls: ["x", "y"] });
    group.expectOneGroup();
  });

  test("that had got so far when the power went keeps exactly that much", () => {
    for (const kept of [0, 1, 2]) {
      const group = groupOf(3, { batchRequestsMax: 1 });
      group.call("x");
      group.replica(2).slowDisk();
      group.call("y");
      group.call("z");
      group.replica(2).crash(kept);
      group.replica(2).quickDisk();
      group.replica(2).restart();
      group.replica(2).expect({ calls: ["x", "y", "z"].slice(0, kept + 1) });
      group.expectOneGroup();
    }
  });
});

describe("a process that is stopped for a while", () => {
  test("as a primary wakes deposed, and prepares nothing in its old view", () => {
    const group = groupOf(3);
    group.call("x");
    group.replica(0).pause();
    group.call("y");
    group.ticks(3 * primarySilence);
    group.client().expectAnswered("1:x", "2:y");
    const prepared = group.copiesOf("prepare").from(0).count;
    group.replica(0).resume();
    group.replica(0).expect({ leads: false, view: 1 });
    const since = group.copiesOf("prepare").from(0).all.slice(prepared);
    expect(since.filter(({ message }) => "view" in message && message.view > 0)).toEqual([]);
    group.expectOneGroup();
  });

  test("as a backup wakes to all that it has missed, and suspects nobody", () => {
    const group = groupOf(3);
    group.call("x");
    group.replica(2).pause();
    group.call("y");
    group.ticks(6 * primarySilence);
    group.replica(2).resume();
    expect(group.copiesOf("start_view_change").from(2).count).toBe(0);
    group.replica(2).expect({ view: 0, ran: ["x", "y"] });
    group.expectOneGroup();
  });
});
