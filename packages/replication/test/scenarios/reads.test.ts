/** Queries: what they must have seen, and who may answer them (I55). */
import { describe, expect, test } from "vitest";
import { timeoutTicksDefaults } from "../../src/vsr/index.ts";
import { groupOf } from "../support/scenario/scenario.ts";

const { primarySilence } = timeoutTicksDefaults;

describe("a query", () => {
  test("of a primary that is being deposed is answered by the next one", () => {
    const group = groupOf(3);
    group.call("x");
    group.replica(0).isolate("both");
    group.query();
    group.client().expectRead();
    group.client("b").call("y");
    group.replica(0).expect({ leads: true, view: 0 });
    group.ticks(2 * primarySilence);
    group.client("b").expectAnswered("2:y");
    expect(group.copiesOf("query_reply").from(0).count).toBe(0);
    group.client("a").expectRead("x");
    group.client("a").query();
    group.client("a").expectRead("x", "x,y");
    group.expectOneGroup();
  });

  test("of an old primary is not answered by rounds that were confirmed before it fell", () => {
    const group = groupOf(3);
    group.call("x");
    for (const index of [1, 2]) {
      group.cut("a", index);
      group.cut(index, "a");
      group.cut("b", 0);
    }
    const late = group.hold("read_round_ok").to(0);
    group.query();
    group.replica(0).isolate("both");
    group.ticksUntil(() => group.replica(1).state.isSettled && group.replica(1).state.isPrimary);
    group.client("b").call("y");
    group.ticks(15);
    group.client("b").expectAnswered("2:y");
    // A second query, made after y was answered. The old round is for the first one only.
    group.query();
    expect(late.held).toHaveLength(2);
    late.release();
    group.replica(0).expect({ leads: true, view: 0 });
    group.client("a").expectRead("x");
    expect(group.client("a").unread).toBe(1);
    group.heal();
    group.ticks(12);
    group.client("a").expectRead("x", "x,y");
    group.expectOneGroup();
  });

  test("whose round is confirmed twice by one backup of four waits for another", () => {
    const group = groupOf(5);
    group.call("x");
    group.drop("read_round_ok").from(2, 3, 4);
    group.duplicate("read_round_ok").from(1);
    group.query();
    group.client().expectRead();
    group.ticks(20);
    group.client().expectRead();
    group.heal();
    group.ticks(10);
    group.client().expectRead("x");
    group.expectOneGroup();
  });

  test("sees every call that was answered before it, also another client's (I55)", () => {
    const group = groupOf(3);
    group.call("x");
    group.client("b").call("y");
    group.client("c").query();
    group.client("c").expectRead("x,y");
    group.expectOneGroup();
  });

  test("does not see a call that is prepared and not committed", () => {
    const group = groupOf(3);
    group.call("x");
    const late = group.hold("prepare_ok");
    group.call("y");
    group.query();
    group.client().expectRead("x");
    late.release();
    group.query();
    group.client().expectRead("x", "x,y");
    group.expectOneGroup();
  });

  test("at a new primary waits until it has committed what it inherited", () => {
    const group = groupOf(3);
    group.call("x");
    group.cut(0, "a");
    group.call("y");
    group.replica(0).crash();
    const late = group.hold("prepare_ok").ofView(1);
    group.ticksUntil(() => group.replica(1).state.isPrimary);
    group.client("b").query();
    group.ticks(12);
    group.client("b").expectRead();
    late.release();
    group.ticks(10);
    group.client("b").expectRead("x,y");
    group.expectOneGroup();
  });

  test("writes nothing, and moves no op", () => {
    const group = groupOf(3);
    group.call("x");
    const disks = group.replicas.map(({ disk }) => disk.entries.length);
    for (let i = 0; i < 5; i++) group.query();
    expect(group.replicas.map(({ disk }) => disk.entries.length)).toEqual(disks);
    group.client().expectRead("x", "x", "x", "x", "x");
    group.expectOneGroup();
  });

  test("that a backup gets is sent to the primary, and read there once", () => {
    const group = groupOf(3);
    group.call("x");
    const lost = group.drop("query").to(0);
    group.query();
    group.ticks(12);
    expect(group.copiesOf("not_primary").to("a").count).toBeGreaterThan(0);
    group.client().expectRead();
    lost.stop();
    group.ticks(12);
    group.client().expectRead("x");
    group.expectOneGroup();
  });

  test("that no quorum confirms deposes a primary that has nothing else to do", () => {
    const group = groupOf(3);
    group.call("x");
    group.replica(0).isolate("receive");
    group.query();
    group.ticks(timeoutTicksDefaults.abdicate + 2 * primarySilence);
    group.replica(1).expect({ leads: true, view: 1 });
    group.client().expectRead("x");
    group.expectOneGroup();
  });
});
