/** Sessions that are repeated, lost, evicted or begun anew (I47–I52). */
import { describe, expect, test } from "vitest";
import { clientId } from "../support/entries.ts";
import { groupOf } from "../support/scenario/scenario.ts";

describe("eviction", () => {
  test("of a session with a call in the pipeline: the call runs, and its reply is not kept (I51)", () => {
    const group = groupOf(3, { sessionsMax: 2, batchRequestsMax: 1 });
    group.call("x");
    group.client("b").call("of b");
    const held = group.hold("prepare_ok");
    group.client("c").call("of c");
    group.call("in the pipeline");
    held.release();
    // The registration of c evicted a, which had been idle for longest, before a's call was run.
    group.client("a").expectAnswered("1:x");
    expect(group.client("a").evicted).toEqual(["in the pipeline"]);
    group.client("c").expectAnswered("3:of c");
    group.expectOneGroup();
  });

  test("takes the same session on every replica, also on one that catches up later", () => {
    const group = groupOf(3, { sessionsMax: 2 });
    group.call("x");
    group.replica(2).crash();
    group.client("b").call("of b");
    group.client("c").call("of c");
    group.client("d").call("of d");
    group.replica(2).restart();
    group.ticks(20);
    const tables = group.replicas.map(({ state }) => JSON.stringify(state.clients.snapshot()));
    expect(new Set(tables).size).toBe(1);
    group.replica(2).expect({ sessions: 2 });
    group.expectOneGroup();
  });

  test("five in a row: each client comes back with a session of its own", () => {
    const group = groupOf(3, { sessionsMax: 1 });
    for (const [i, name] of ["a", "b", "c", "d", "e"].entries()) {
      group.client(name).call(`${i} of ${name}`);
      group.client(name).expectAnswered(`${i + 1}:${i} of ${name}`);
    }
    group.client("a").call("a again");
    // It was told, and nothing of it ran: the session is asked for anew by the next call.
    expect(group.client("a").evicted).toEqual(["a again"]);
    group.client("a").call("a at last");
    group.client("a").expectAnswered("1:0 of a", "6:a at last");
    group.expectOneGroup();
  });

  test("said by a primary of an older view is not believed by a client of a newer one", () => {
    const group = groupOf(3);
    group.call("x");
    group.replica(0).isolate("both");
    group.ticksUntil(() => group.replica(1).state.isPrimary && group.replica(1).state.isSettled);
    group.cut("b", 0);
    group.client("b").call("young");
    group.ticks(15);
    group.client("b").expectAnswered("2:young");
    // Replica 0 leads view 0 still and has never heard of b's session.
    const session = group.replica(1).state.clients.sessionOf(clientId("b0")) ?? 0;
    const client = clientId("b0");
    group.say(0, "b", { type: "eviction", view: 0, client, session });
    group.client("b").call("still the same");
    expect(group.client("b").evicted).toEqual([]);
    group.expectOneGroup();
  });

  test("is no way back in for an old registration: the session that it makes is nobody's", () => {
    const group = groupOf(3, { sessionsMax: 2 });
    group.call("x");
    group.client("b").call("of b");
    group.client("c").call("of c");
    const [register] = group.copiesOf("request").from("a").to(0).all;
    if (register === undefined) throw new Error("a never registered");
    group.say("a", 0, register.message);
    group.client("a").call("with the old session");
    expect(group.client("a").evicted).toEqual(["with the old session"]);
    expect(group.laws.history.flatMap(({ calls }) => calls)).not.toContain("with the old session");
    group.expectOneGroup();
  });
});

describe("a call", () => {
  test("that is sent again to every replica, over and over, runs once (I49)", () => {
    const group = groupOf(3);
    group.call("x");
    group.drop("reply");
    group.call("y");
    group.ticks(60);
    expect(group.copiesOf("request").from("a").to(0, 1, 2).count).toBeGreaterThan(10);
    group.primary.expect({ ran: ["x", "y"], op: 3 });
    group.expectOneGroup();
  });

  test("that comes again in the middle of a view change is answered from what was inherited", () => {
    const group = groupOf(3);
    group.call("x");
    group.drop("reply").from(0);
    group.call("y");
    group.replica(0).crash();
    group.ticksUntil(() => group.replica(1).state.view === 1);
    for (const { message } of group.copiesOf("request").from("a").all) group.say("a", 1, message);
    group.ticks(20);
    group.replica(1).expect({ op: 3, ran: ["x", "y"] });
    group.client().expectAnswered("1:x", "2:y");
    group.expectOneGroup();
  });

  test("that is in the inherited, uncommitted log is not prepared a second time", () => {
    const group = groupOf(3);
    group.call("x");
    group.drop("prepare_ok").to(0);
    group.call("y");
    group.replica(0).crash();
    const oks = group.hold("prepare_ok").ofView(1);
    group.ticksUntil(() => group.replica(1).state.isPrimary);
    group.ticks(25);
    group.replica(1).expect({ op: 3, commit: 2, calls: ["x", "y"] });
    oks.release();
    group.ticks(15);
    group.replica(1).expect({ op: 3, calls: ["x", "y"] });
    group.client().expectAnswered("1:x", "2:y");
    group.expectOneGroup();
  });

  test("made before its session is registered waits for that, in order", () => {
    const group = groupOf(3);
    const lost = group.drop("reply").to("a");
    group.call("x", "y", "z");
    group.replica(0).expect({ op: 1, sessions: 1 });
    lost.stop();
    group.ticks(12);
    group.client().expectAnswered("1:x", "2:y", "3:z");
    group.expectOneGroup();
  });

  test("of a client that crashed and came back never gets the answer of an earlier one (I50)", () => {
    const group = groupOf(3);
    const lost = group.drop("reply").to("a");
    group.client().call("x");
    group.client().crash();
    lost.stop();
    group.client().call("y");
    group.copiesOf("reply").to("a").arrive();
    group.client().expectAnswered("1:y");
    group.expectOneGroup();
  });

  test("that overtakes the one before it waits for it", () => {
    const group = groupOf(3);
    group.call("x");
    group.together(() => group.call("y", "z"));
    group.lastFirst = true;
    const late = group.hold("request").to(0);
    group.call("u", "v", "w");
    group.lastFirst = false;
    late.release("last first");
    group.ticks(12);
    group.client().expectAnswered("1:x", "2:y", "3:z", "4:u", "5:v", "6:w");
    group.expectOneGroup();
  });
});

describe("a client that was told of a view", () => {
  test("that never begins does not hear of it from one that left for it alone", () => {
    const group = groupOf(3);
    group.call("x");
    group.replica(2).isolate("both");
    group.say(1, 2, { type: "start_view_change", view: 1, left: true });
    group.replica(2).expect({ view: 1, status: "view_change" });
    group.drop("request").from("a").to(0, 1);
    group.call("y");
    group.ticks(12);
    expect(group.client().view).toBe(0);
    group.replica(0).expect({ view: 0, leads: true });
    group.heal();
    group.replica(2).isolate("both");
    group.ticks(25);
    group.client().expectAnswered("1:x", "2:y");
    group.expectViews(0, 0, 1);
    group.expectOneGroup();
  });

  test("that never begins hears of its eviction in the one that goes on", () => {
    const group = groupOf(3, { sessionsMax: 1 });
    group.call("x");
    group.replica(2).isolate("both");
    group.say(1, 2, { type: "start_view_change", view: 1, left: true });
    group.drop("request").from("a").to(0, 1);
    group.call("y");
    group.ticks(12);
    group.client("b").call("z");
    group.heal();
    group.replica(2).isolate("both");
    group.ticks(25);
    group.client().expectWaiting();
    group.expectViews(0, 0, 1);
    group.expectOneGroup();
  });

  test("that has ended finds its way through any number of them, by asking everybody", () => {
    const group = groupOf(5);
    group.call("x");
    group.cut("a", 1);
    group.cut("a", 2);
    for (const index of [0, 1]) {
      group.replica(index).crash();
      group.ticksUntilNormal(index + 1);
    }
    group.call("y");
    group.ticks(25);
    group.client().expectWaiting("y");
    expect(group.client().view).toBe(2);
    group.heal();
    group.ticks(12);
    group.client().expectAnswered("1:x", "2:y");
    group.expectOneGroup();
  });
});

describe("a window", () => {
  test("of calls is answered in order though every acknowledgement comes late", () => {
    const group = groupOf(3, { batchRequestsMax: 1, pipelineMax: 2 });
    group.call("x");
    const late = group.hold("prepare_ok");
    group.call("1", "2", "3", "4");
    group.replica(0).expect({ op: 4, commit: 2 });
    late.release("last first");
    group.client().expectAnswered("1:x", "2:1", "3:2", "4:3", "5:4");
    group.expectOneGroup();
  });

  test("that is full when the primary dies is asked for again, in order, and runs once", () => {
    const group = groupOf(3, { sessionWindow: 4 });
    group.call("x");
    group.drop("prepare_ok");
    group.call("1", "2", "3", "4", "5", "6");
    group.client().expectWaiting("1", "2", "3", "4", "5", "6");
    group.replica(0).crash();
    group.heal();
    group.ticks(80);
    group.client().expectAnswered("1:x", "2:1", "3:2", "4:3", "5:4", "6:5", "7:6");
    group.expectOneGroup();
  });
});
