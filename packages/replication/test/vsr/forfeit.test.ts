/** A candidate that would have to catch up far lets another one lead (I37). */
import { describe, expect, test } from "vitest";
import { pipelinesToForfeit } from "../../src/vsr/forfeit.ts";
import { ofType, TestGroup } from "../support/test-group.ts";

const most = 2 * pipelinesToForfeit;

/** Replica 1, the next to lead, lacks so many committed ops; then the primary is gone. */
function groupWithLaggard(lacking: number, replicaCount = 3): TestGroup {
  const group = new TestGroup({ replicaCount, pipelineMax: 2, newStateBytesMax: 1 });
  expect(group.register("a")).toBe(1);
  group.isolate(1);
  for (let number = 1; number <= lacking + 1; number++) {
    group.step(0, group.call("a", number, `x${number}`, 1, number));
    group.settle();
  }
  expect(group.state(2).commitMin).toBe(lacking + 1);
  group.crash(0);
  group.heal();
  return group;
}

describe("a candidate", () => {
  test("that lacks more than it may gives way at once, to one that has what it lacks", () => {
    const group = groupWithLaggard(most + 1);
    group.tickUntil(() => group.state(1).view > 0);
    const votes = group.sentOf(1, "start_view_change").map(({ message }) => message);
    expect(votes.slice(-1)).toEqual([{ type: "start_view_change", view: 2, left: true }]);
    const asked = group
      .sentOf(1, "get_state")
      .filter(({ message }) => message.type === "get_state" && message.view < 2);
    expect(asked).toEqual([]);
    group.tickUntil(() => group.state(2).isPrimary, 2);
    expect(group.state(2).view).toBe(2);
    group.tickUntil(() => group.state(1).commitMin === group.state(2).commitMin);
    group.restart(0);
    group.tick(300);
    group.expectAgreement();
  });

  test("that lacks no more than it may catches up, and leads", () => {
    const group = groupWithLaggard(most - 1);
    group.tickUntil(() => group.state(1).isPrimary);
    expect(group.state(1).view).toBe(1);
    group.tick(20);
    group.expectAgreement();
  });

  test("skips the views of those that have not spoken, and of those that lag as well", () => {
    const group = new TestGroup({ replicaCount: 5, pipelineMax: 1, newStateBytesMax: 1 });
    expect(group.register("a")).toBe(1);
    group.crash(1);
    group.crash(2);
    for (let number = 1; number <= pipelinesToForfeit + 3; number++) {
      group.step(0, group.call("a", number, `x${number}`, 1, number));
      group.settle();
    }
    group.tick(4);
    group.crash(0);
    group.restart(1);
    group.restart(2);
    group.tickUntil(() => group.replicas.some(({ replica }) => replica?.state.isPrimary === true));
    expect([group.primary.index, group.primary.state.view]).toEqual([3, 3]);
    expect(group.sentOf(1, "do_view_change").map(({ message }) => message)).toMatchObject([
      // Its vote for its own view stays with it.
      { view: 3 },
    ]);
  });

  test("catches up after all if those to whom it gave way do not lead", () => {
    const group = groupWithLaggard(most + 1);
    group.lose((packet) => packet.to === 2 && ofType("do_view_change")(packet));
    group.lose((packet) => packet.to === 2 && ofType("start_view")(packet));
    group.tickUntil(() => group.state(1).view === 2);
    group.tickUntil(() => group.state(1).isPrimary, 2000);
    expect(group.state(1).commitMin).toBe(most + 2);
  });
});
