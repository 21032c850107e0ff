/** Groups of one, two and four replicas: the sizes at which a majority is not what one expects. */
import { describe, expect, test } from "vitest";
import { TestGroup } from "../support/test-group.ts";

function groupOf(replicaCount: number): TestGroup {
  const group = new TestGroup({ replicaCount });
  expect(group.register("a")).toBe(1);
  return group;
}

describe("a group of one", () => {
  test("commits what it has written, and nothing before", () => {
    const group = groupOf(1);
    group.replica(0).diskHeld = true;
    group.step(0, group.call("a", 1, "x"));
    group.settle();
    expect(group.answers("a", 1)).toEqual([]);
    group.sync(0);
    expect(group.answers("a", 1)).toEqual(["1:x"]);
  });

  test("answers queries without asking anybody", () => {
    const group = groupOf(1);
    group.step(0, group.query("a", 1));
    expect(group.queryAnswers("a", 1)).toEqual([""]);
    expect(group.sent).toEqual([]);
  });

  test("comes back in a view of its own with everything that it had written (I14)", () => {
    const group = groupOf(1);
    group.run("a", 1, "x");
    group.crash(0);
    group.restart(0);
    group.tickUntil(() => group.state(0).isPrimary);
    expect(group.state(0).view).toBe(1);
    group.run("a", 2, "y");
    expect(group.replica(0).ran).toEqual(["x", "y"]);
    expect(group.answers("a", 2)).toEqual(["2:y"]);
  });
});

describe("a group of two", () => {
  test("needs both for a commit", () => {
    const group = groupOf(2);
    group.isolate(1);
    group.run("a", 1, "x");
    group.tick(20);
    expect(group.answers("a", 1)).toEqual([]);
    group.heal();
    group.tick(20);
    expect(group.primary.ran).toEqual(["x"]);
  });

  test("does not change its view while one is down, and goes on when it is back", () => {
    const group = groupOf(2);
    group.crash(0);
    group.tick(200);
    expect(group.state(1).view).toBe(0);
    group.restart(0);
    group.tickUntil(() => group.replicas.every(({ state }) => state.status === "normal"));
    group.tick(10);
    group.step(group.primary.index, group.call("a", 1, "x"));
    group.tick(10);
    expect(group.answers("a", 1)).toEqual(["1:x"]);
    group.expectAgreement();
  });

  test("does not stay stuck when a primary that could not receive is heard again", () => {
    const group = groupOf(2);
    group.cutOneWay(1, 0);
    group.step(0, group.call("a", 1, "x"));
    group.tick(250);
    expect(group.answers("a", 1)).toEqual([]);
    group.heal();
    group.tickUntil(() =>
      group.replicas.every(({ state, ran }) => state.status === "normal" && ran.length === 1),
    );
    group.tick(10);
    group.expectAgreement();
    group.run("a", 2, "y");
    expect(group.answers("a", 2)).toEqual(["2:y"]);
  });

  test("does not stay stuck when a primary that could not send is heard again", () => {
    const group = groupOf(2);
    group.cutOneWay(0, 1);
    group.step(0, group.call("a", 1, "x"));
    group.tick(250);
    group.heal();
    group.tickUntil(() => group.replicas.every(({ state }) => state.status === "normal"));
    group.tick(20);
    group.run("a", 1, "x");
    group.tick(10);
    expect(group.primary.ran).toEqual(["x"]);
    group.expectAgreement();
  });
});

describe("a group of four", () => {
  test("commits with three, and not with two", () => {
    const group = groupOf(4);
    group.partition([0, 1], [2, 3]);
    group.run("a", 1, "x");
    expect(group.answers("a", 1)).toEqual([]);
    group.heal();
    group.isolate(3);
    group.tick(10);
    expect(group.answers("a", 1)).toEqual(["1:x"]);
  });

  test("split into halves, has no half that goes on, and is whole again afterwards", () => {
    const group = groupOf(4);
    group.partition([0, 1], [2, 3]);
    group.tick(200);
    expect(group.replicas.map(({ state }) => state.view)).toEqual([0, 0, 0, 0]);
    group.heal();
    group.tick(50);
    group.run("a", 1, "x");
    group.tick(10);
    group.expectAgreement();
    expect(group.primary.ran).toEqual(["x"]);
  });

  test("survives the loss of one, the primary too", () => {
    const group = groupOf(4);
    group.run("a", 1, "x");
    group.crash(0);
    group.tickUntil(() => group.replica(1).state.isPrimary);
    group.run("a", 2, "y");
    expect(group.answers("a", 2)).toEqual(["2:y"]);
    expect(group.replica(1).ran).toEqual(["x", "y"]);
  });
});
