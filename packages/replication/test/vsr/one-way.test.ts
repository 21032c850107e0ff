/** Links that carry one direction only: who hears nobody is replaced, and disturbs nobody (I30). */
import { describe, expect, test } from "vitest";
import { TestGroup as Group, type TestGroup, ticks } from "../support/test-group.ts";

function groupOfAnn(replicaCount = 3): TestGroup {
  const group = new Group({ replicaCount });
  expect(group.register("a")).toBe(1);
  group.tick(ticks.heartbeat);
  return group;
}

/** It can send and not receive. */
function deafen(group: TestGroup, index: number): void {
  for (const other of group.replicas)
    if (other.index !== index) group.cutOneWay(other.index, index);
}

/** It can receive and not send. */
function mute(group: TestGroup, index: number): void {
  for (const other of group.replicas)
    if (other.index !== index) group.cutOneWay(index, other.index);
}

/** From its last good word to the next primary, at most. */
const replacedWithin = 2 * ticks.abdicate + 3 * ticks.primarySilence;

describe.each([3, 4, 5, 7])("in a group of %i, a primary that can send and not receive", (n) => {
  const isReplaced = (group: TestGroup) =>
    group.replicas.some(({ index, state }) => index !== 0 && state.isPrimary);

  test("is replaced while a call waits", () => {
    const group = groupOfAnn(n);
    deafen(group, 0);
    group.run("a", 1, "x");
    group.tickUntil(() => isReplaced(group), replacedWithin);
    expect(group.answers("a", 1).length).toBeLessThan(2);
  });

  test("is replaced while a query waits, and never answers it", () => {
    const group = groupOfAnn(n);
    deafen(group, 0);
    group.step(0, group.query("a", 1));
    group.tickUntil(() => isReplaced(group), replacedWithin);
    expect(group.queryAnswers("a", 1)).toEqual([]);
  });

  test("is replaced while nobody asks it for anything: it could not hear them", () => {
    const group = groupOfAnn(n);
    deafen(group, 0);
    group.tickUntil(() => isReplaced(group), replacedWithin);
    group.heal();
    group.tick(200);
    group.expectAgreement();
    expect(group.state(0).view).toBeGreaterThan(0);
  });
});

describe.each([2, 3, 7])("an idle group of %i", (n) => {
  test("stays in its view while its primary is heard, which asks whether it is", () => {
    const group = groupOfAnn(n);
    group.tick(3 * replacedWithin);
    expect(group.replicas.map(({ state }) => state.view)).toEqual(new Array(n).fill(0));
    expect(group.sentOf(0, "read_round").length).toBeGreaterThan(0);
  });
});

describe("a replica that is alone", () => {
  test("asks nobody whether it is heard", () => {
    const group = groupOfAnn(1);
    group.tick(3 * replacedWithin);
    expect(group.state(0)).toMatchObject({ view: 0, round: 0, isUnheard: false });
  });
});

describe.each([
  ["hears nobody", deafen],
  ["is heard by nobody", mute],
])("a backup that %s", (_, cut) => {
  test("disturbs nobody, whether there is work or not", () => {
    const group = groupOfAnn();
    cut(group, 2);
    group.tick(300);
    for (const number of [1, 2, 3]) {
      group.run("a", number, `x${number}`);
      group.tick(100);
    }
    expect(group.answers("a", 3)).toEqual(["3:x3"]);
    expect([group.state(0).view, group.state(1).view]).toEqual([0, 0]);
    group.heal();
    group.tick(100);
    group.expectAgreement();
    expect(group.state(2).view).toBe(0);
  });

  test("disturbs nobody when it has been left behind in an older view", () => {
    const group = groupOfAnn();
    group.isolate(2);
    group.crash(0);
    group.restart(0);
    group.tick(200);
    group.heal();
    cut(group, 2);
    group.tickUntil(() => group.state(1).isPrimary || group.state(0).isPrimary, 1000);
    const { view } = group.primary.state;
    group.tick(500);
    expect([group.state(0).view, group.state(1).view]).toEqual([view, view]);
  });
});

describe("a candidate that hears nobody", () => {
  test("holds the group up no longer than until the next view", () => {
    const group = groupOfAnn();
    deafen(group, 1);
    group.crash(0);
    group.restart(0);
    group.tickUntil(() => group.state(2).isPrimary || group.state(0).isPrimary, 1000);
    group.tick(300);
    const { view } = group.primary.state;
    group.tick(300);
    expect(group.primary.state.view).toBe(view);
  });
});
