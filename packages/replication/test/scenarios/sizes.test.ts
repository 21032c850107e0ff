/** Groups of one to seven: what each size can lose, and what it must not do beyond that. */
import { describe, expect, test } from "vitest";
import { timeoutTicksDefaults } from "../../src/vsr/index.ts";
import { groupOf } from "../support/scenario/scenario.ts";

const { abdicate, primarySilence } = timeoutTicksDefaults;

describe("one replica", () => {
  test("answers when its own disk has the call, and asks nobody", () => {
    const group = groupOf(1);
    group.call("x");
    group.replica(0).slowDisk();
    group.call("y");
    group.client().expectAnswered("1:x");
    group.replica(0).quickDisk();
    group.client().expectAnswered("1:x", "2:y");
    expect(group.copiesOf().from(0).to(0).count).toBe(0);
    group.expectOneGroup();
  });

  test("forgets at a crash what it had not answered, keeps what it had, in a new view", () => {
    const group = groupOf(1);
    group.call("x");
    group.replica(0).slowDisk();
    group.call("y");
    group.replica(0).crash();
    group.replica(0).quickDisk();
    group.replica(0).restart();
    group.replica(0).expect({ calls: ["x"] });
    group.ticks(5);
    group.replica(0).expect({ leads: true, view: 1 });
    group.ticks(20);
    group.client().expectAnswered("1:x", "2:y");
    group.expectOneGroup();
  });

  test("comes to lead again however often it is killed, one view higher each time", () => {
    const group = groupOf(1);
    for (const call of ["u", "v", "w"]) {
      group.call(call);
      group.replica(0).crash();
      group.replica(0).restart();
      group.ticks(10);
    }
    group.replica(0).expect({ leads: true, view: 3, ran: ["u", "v", "w"] });
    group.expectOneGroup();
  });
});

describe("two replicas", () => {
  test("cannot do without either, and lose nothing by waiting", () => {
    const group = groupOf(2);
    group.call("x");
    group.replica(0).crash();
    group.ticks(10 * primarySilence);
    group.replica(1).expect({ view: 0, leads: false });
    group.call("y");
    group.client().expectWaiting("y");
    group.replica(0).restart();
    group.ticks(6 * primarySilence);
    group.client().expectAnswered("1:x", "2:y");
    group.expectOneGroup();
  });

  test("whose backup missed the start_view are not locked: it asks", () => {
    const group = groupOf(2);
    group.call("x");
    const lost = group.drop("start_view");
    group.replica(0).crash();
    group.replica(0).restart();
    group.ticksUntil(() => group.replica(1).state.view === 1);
    group.ticks(10);
    lost.stop();
    group.ticksUntilNormal();
    group.call("y");
    group.client().expectAnswered("1:x", "2:y");
    group.expectOneGroup();
  });

  test("of which the primary cannot receive get out of it: both want the next view", () => {
    const group = groupOf(2);
    group.call("x");
    group.replica(0).isolate("receive");
    group.call("y");
    group.ticks(abdicate + 2 * primarySilence);
    group.client().expectWaiting("y");
    group.heal();
    group.ticks(2 * primarySilence);
    group.client().expectAnswered("1:x", "2:y");
    group.expectOneGroup();
  });

  test("both killed at once: what one had and the other had not is kept if it can be", () => {
    const group = groupOf(2);
    group.call("x");
    group.replica(0).slowDisk();
    group.call("y");
    group.replica(1).expect({ calls: ["x", "y"] });
    group.client().expectWaiting("y");
    group.crashAll();
    group.replica(0).quickDisk();
    group.restartAll();
    group.ticksUntilNormal();
    group.replica(0).expect({ calls: ["x", "y"] });
    group.ticks(20);
    group.client().expectAnswered("1:x", "2:y");
    group.expectOneGroup();
  });
});

describe("four replicas", () => {
  test("two against two: neither half commits, and neither half moves", () => {
    const group = groupOf(4);
    group.call("x");
    group.split([0, 1], [2, 3]);
    group.call("y");
    group.ticks(10 * primarySilence);
    group.client().expectWaiting("y");
    group.expectViews(0, 0, 0, 0);
    group.heal();
    group.ticks(20);
    group.client().expectAnswered("1:x", "2:y");
    group.expectOneGroup();
  });

  test("two against two with the old primary alone in the know: what it committed is not lost", () => {
    const group = groupOf(4);
    group.drop("commit", "prepare").to(3);
    group.call("x", "y");
    group.client().expectAnswered("1:x", "2:y");
    group.replica(0).crash();
    group.heal();
    // 3 has nothing and 1 and 2 do not know that it is committed.
    group.ticksUntilNormal(1);
    group.replica(3).expect({ ran: ["x", "y"] });
    group.expectOneGroup();
  });

  test("two against two across the primary's death: two are not three", () => {
    const group = groupOf(4);
    group.call("x");
    group.replica(0).crash();
    group.split([1, 2], [3]);
    group.ticks(10 * primarySilence);
    group.replica(1).expect({ view: 0, status: "normal" });
    group.replica(2).expect({ view: 0, status: "normal" });
    group.heal();
    group.ticksUntilNormal(1);
    group.expectOneGroup();
  });
});

describe("six replicas", () => {
  test("three against three: nothing happens until they meet", () => {
    const group = groupOf(6);
    group.call("x");
    group.split([0, 1, 2], [3, 4, 5]);
    group.call("y");
    group.ticks(8 * primarySilence);
    group.client().expectWaiting("y");
    group.expectViews(0, 0, 0, 0, 0, 0);
    group.heal();
    group.ticks(20);
    group.client().expectAnswered("1:x", "2:y");
    group.expectOneGroup();
  });

  test("lose two, the primary among them, and go on; the third is one too many", () => {
    const group = groupOf(6);
    group.call("x");
    group.replica(0).crash();
    group.replica(5).crash();
    group.ticksUntilNormal(1);
    group.call("y");
    group.client().expectAnswered("1:x", "2:y");
    group.replica(4).crash();
    group.call("z");
    group.ticks(30);
    group.client().expectWaiting("z");
    group.replica(5).restart();
    group.ticks(40);
    group.client().expectAnswered("1:x", "2:y", "3:z");
    group.expectOneGroup();
  });
});

describe("seven replicas", () => {
  test("lose three primaries in a row", () => {
    const group = groupOf(7);
    for (const [index, call] of ["u", "v", "w"].entries()) {
      group.call(call);
      group.replica(index).crash();
      group.ticksUntilNormal(index + 1);
    }
    group.call("x");
    group.client().expectAnswered("1:u", "2:v", "3:w", "4:x");
    group.replica(3).expect({ leads: true, view: 3, ran: ["u", "v", "w", "x"] });
    group.expectOneGroup();
  });

  test("three at once, of those that hold a call: the fourth tells (I38)", () => {
    const group = groupOf(7);
    group.call("x");
    group.drop("prepare").to(4, 5, 6);
    group.call("y");
    group.client().expectAnswered("1:x", "2:y");
    // 0 to 3 hold y. Only 3 stays.
    for (const index of [0, 1, 2]) group.replica(index).crash();
    group.heal();
    group.ticksUntilNormal();
    group.primary.expect({ calls: ["x", "y"] });
    group.expectOneGroup();
  });
});
