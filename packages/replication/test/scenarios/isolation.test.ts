/** Replicas and clients that are cut off, wholly or one way only. */
import { describe, expect, test } from "vitest";
import { timeoutTicksDefaults } from "../../src/vsr/index.ts";
import { groupOf } from "../support/scenario/scenario.ts";

const { abdicate, primarySilence } = timeoutTicksDefaults;

describe("a backup", () => {
  test("that is cut off both ways disturbs nobody, and catches up when it is back (I30)", () => {
    const group = groupOf(3);
    group.call("x");
    group.replica(2).isolate("both");
    group.ticks(10 * primarySilence);
    group.call("y", "z");
    group.replica(2).expect({ view: 0, status: "normal", calls: ["x"] });
    group.heal();
    group.ticks(15);
    group.expectViews(0, 0, 0);
    group.replica(2).expect({ ran: ["x", "y", "z"] });
    group.expectOneGroup();
  });

  test("that can only receive takes everything in, and the group does not need its word", () => {
    const group = groupOf(3);
    group.replica(1).isolate("send");
    group.call("x", "y");
    group.ticks(2 * primarySilence);
    group.client().expectAnswered("1:x", "2:y");
    group.replica(1).expect({ view: 0, ran: ["x", "y"] });
    group.expectViews(0, 0, 0);
    group.expectOneGroup();
  });

  test("that can only send asks for the next view again and again, and moves nobody", () => {
    const group = groupOf(3);
    group.call("x");
    group.replica(1).isolate("receive");
    group.ticks(10 * primarySilence);
    expect(group.copiesOf("start_view_change").from(1).count).toBeGreaterThan(10);
    group.expectViews(0, 0, 0);
    group.call("y");
    group.client().expectAnswered("1:x", "2:y");
    group.expectOneGroup();
  });

  test("that hears the other backup and not the primary does not take the primary down", () => {
    const group = groupOf(3);
    group.cut(0, 1);
    group.call("x");
    group.ticks(6 * primarySilence);
    group.expectViews(0, 0, 0);
    group.client().expectAnswered("1:x");
    group.expectOneGroup();
  });
});

describe("a primary", () => {
  test("that is cut off both ways is replaced, and answers nothing that it cannot commit", () => {
    const group = groupOf(3);
    group.call("x");
    group.replica(0).isolate("both");
    group.call("y");
    group.client().expectWaiting("y");
    group.replica(0).expect({ leads: true, commit: 2, calls: ["x", "y"] });
    group.ticks(2 * primarySilence);
    group.replica(1).expect({ leads: true, view: 1 });
    group.client().expectAnswered("1:x", "2:y");
    expect(group.client().view).toBe(1);
    group.expectOneGroup();
  });

  test("that can only send is followed for a while, abdicates, and loses nothing", () => {
    const group = groupOf(3);
    group.call("x");
    group.replica(0).isolate("receive");
    group.call("y");
    group.ticks(abdicate - 5);
    group.expectViews(0, 0, 0);
    group.client().expectWaiting("y");
    group.ticks(5 + 2 * primarySilence);
    group.replica(1).expect({ leads: true, view: 1, ran: ["x", "y"] });
    group.client().expectAnswered("1:x", "2:y");
    group.expectOneGroup();
  });

  test("that can only receive is replaced as if it were dead", () => {
    const group = groupOf(3);
    group.replica(0).isolate("send");
    group.call("x");
    group.ticks(2 * primarySilence);
    group.replica(1).expect({ leads: true, view: 1 });
    group.client().expectAnswered("1:x");
    group.expectOneGroup();
  });

  test("that can only receive hears of the new view, and waits for its log without a word", () => {
    const group = groupOf(3);
    group.call("x");
    group.replica(0).isolate("send");
    group.ticks(2 * primarySilence);
    group.replica(0).expect({ view: 1, leads: false, status: "normal", calls: ["x"] });
    group.call("y");
    group.ticks(4);
    group.replica(0).expect({ ran: ["x", "y"] });
    group.expectOneGroup();
  });

  test("that reaches one backup of two goes on with it", () => {
    const group = groupOf(3);
    group.split([0], [2]);
    group.call("x");
    group.ticks(4 * primarySilence);
    group.expectViews(0, 0, 0);
    group.client().expectAnswered("1:x");
    group.expectOneGroup();
  });

  test("of five that reaches one backup only steps down for one that reaches three", () => {
    const group = groupOf(5);
    group.call("x");
    group.split([0, 1], [2, 3, 4]);
    group.call("y");
    group.client().expectWaiting("y");
    // Replica 1 would lead view 1, and is on the wrong side: view 2 is the one that begins.
    group.ticksUntil(() => group.primary.index === 2);
    group.ticks(10);
    group.client().expectAnswered("1:x", "2:y");
    group.replica(2).expect({ leads: true, view: 2 });
    group.replica(0).expect({ view: 0, leads: true, commit: 2 });
    group.expectOneGroup();
  });
});

describe("the link between a client and the primary", () => {
  test("that loses every request costs time, not the call: it is asked for again", () => {
    const group = groupOf(3);
    const rule = group.drop("request").to(0);
    group.call("x");
    group.client().expectWaiting("x");
    group.ticks(30);
    group.client().expectWaiting("x");
    rule.stop();
    group.ticks(25);
    group.client().expectAnswered("1:x");
    group.expectOneGroup();
  });

  test("that loses replies does not make a call run twice", () => {
    const group = groupOf(3);
    group.call("x");
    const rule = group.drop("reply").to("a");
    group.call("y");
    group.ticks(40);
    group.client().expectWaiting("y");
    group.replica(0).expect({ ran: ["x", "y"], op: 3 });
    rule.stop();
    group.ticks(10);
    group.client().expectAnswered("1:x", "2:y");
    group.replica(0).expect({ ran: ["x", "y"], op: 3 });
    group.expectOneGroup();
  });

  test("that is cut does not stop the calls of others", () => {
    const group = groupOf(3);
    group.call("x");
    group.cut("a", 0);
    group.call("y");
    group.client("b").call("of b");
    group.client("b").expectAnswered("2:of b");
    group.client("a").expectWaiting("y");
    group.expectOneGroup();
  });

  test("to whom a backup alone answers learns from it who leads, and nothing else", () => {
    const group = groupOf(3);
    group.call("x");
    group.replica(0).isolate("both");
    group.ticks(2 * primarySilence);
    group.cut("a", 0);
    group.cut(1, "a");
    group.call("y");
    group.ticks(25);
    expect(group.copiesOf("not_primary").from(2).to("a").count).toBeGreaterThan(0);
    expect(group.client().view).toBe(1);
    group.client().expectWaiting("y");
    group.replica(1).expect({ ran: ["x", "y"] });
    group.expectOneGroup();
  });
});
