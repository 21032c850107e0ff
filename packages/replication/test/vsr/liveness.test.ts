/** Groups that could stand still: views that fail, primaries that few answer, long tails. */
import { describe, expect, test } from "vitest";
import { ofType, TestGroup, ticks } from "../support/test-group.ts";

function groupOfAnn(changes: ConstructorParameters<typeof TestGroup>[0] = {}): TestGroup {
  const group = new TestGroup(changes);
  expect(group.register("a")).toBe(1);
  return group;
}

describe("a view that never becomes normal", () => {
  /** How many ticks a replica spends in each of its next views, none of which becomes normal. */
  function ticksPerView(group: TestGroup, index: number, views: number): number[] {
    return Array.from({ length: views }, () => {
      const { view } = group.state(index);
      let waited = 0;
      group.tickUntil(() => group.state(index).view > view || !++waited, 1000);
      return waited;
    });
  }

  const once = ticks.primarySilence;

  test("is waited for twice as long as the one before it, up to 32 times", () => {
    const group = groupOfAnn();
    group.crash(0);
    group.lose(ofType("do_view_change"));
    group.tickUntil(() => group.state(1).view === 1);
    const factors = [1, 2, 4, 8, 16, 32, 32, 32];
    expect(ticksPerView(group, 1, factors.length)).toEqual(factors.map((factor) => factor * once));
  });

  test("is forgotten once one is: the next is waited for no longer than the first", () => {
    const group = groupOfAnn();
    const heal = group.lose(ofType("do_view_change"));
    group.crash(0);
    group.tickUntil(() => group.state(1).view === 3);
    heal();
    group.restart(0);
    group.tickUntil(() => group.replicas.every(({ state }) => state.status === "normal"));
    const { view, primary } = group.state(1);
    expect(view).toBeGreaterThanOrEqual(3);
    group.lose(ofType("do_view_change"));
    group.crash(primary);
    const other = primary === 1 ? 2 : 1;
    group.tickUntil(() => group.state(other).view > view);
    expect(ticksPerView(group, other, 3)).toEqual([once, 2 * once, 4 * once]);
  });
});

describe("a primary", () => {
  test("that all hear, and that hears one of four, is replaced though that one repeats itself (I30)", () => {
    const group = groupOfAnn({ replicaCount: 5 });
    group.run("a", 1, "x");
    group.tick(4);
    for (const deaf of [2, 3, 4]) group.cutOneWay(deaf, 0);
    group.step(0, group.query("a", 1));
    group.tick(ticks.abdicate - 10);
    expect(group.replicas.map(({ state }) => state.view)).toEqual([0, 0, 0, 0, 0]);
    expect(group.sentOf(1, "read_round_ok").length).toBeGreaterThan(5);
    group.tick(60);
    expect(group.queryAnswers("a", 1)).toEqual([]);
    expect(group.state(1)).toMatchObject({ view: 1, isPrimary: true });
    group.step(1, group.query("a", 1));
    group.settle();
    expect(group.queryAnswers("a", 1)).toEqual(["x"]);
  });

  test("that inherits more than its own pipeline may hold leads, and then keeps to its limit", () => {
    const group = groupOfAnn({ pipelineMax: 4, batchRequestsMax: 1 });
    group.lose(ofType("prepare_ok"));
    for (const number of [1, 2, 3, 4]) group.run("a", number, `x${number}`);
    expect(group.replicas.map(({ state }) => state.log.head)).toEqual([5, 5, 5]);
    for (const index of [0, 1, 2]) group.crash(index);
    // Whoever looks after the group has made the pipeline shorter meanwhile.
    Object.assign(group.config, { pipelineMax: 2 });
    for (const index of [0, 1, 2]) group.restart(index);
    group.tickUntil(() => group.replicas.some(({ state }) => state.isPrimary));
    const { state } = group.primary;
    expect([state.view, state.inheritedHead, state.commitMin]).toEqual([1, 5, 1]);
    group.stepAll(
      1,
      [5, 6, 7].map((number) => group.call("a", number, `x${number}`)),
    );
    group.settle();
    group.heal();
    const most = { own: 0 };
    group.tickUntil(() => {
      most.own = Math.max(most.own, state.log.head - Math.max(state.commitMin, 5));
      return state.commitMin === 8;
    });
    group.tick(10);
    group.expectAgreement();
    expect(group.replica(2).ran).toEqual([1, 2, 3, 4, 5, 6, 7].map((number) => `x${number}`));
    expect(most.own).toBeLessThanOrEqual(2);
  });
});

describe("a replica that catches up", () => {
  test("asks on after an answer that brings something, not after a copy of it", () => {
    const group = groupOfAnn({ newStateBytesMax: 1 });
    group.crash(2);
    for (const number of [1, 2, 3, 4]) group.run("a", number, `call ${number}`);
    group.restart(2);
    group.lose(ofType("new_state", "prepare"));
    group.tickUntil(() => group.sentOf(0, "new_state").length > 0);
    const asked = () => group.sentOf(2, "get_state").length;
    const [answer] = group.sentOf(0, "new_state");
    expect(answer).toBeDefined();
    const before = asked();
    const head = group.state(2).log.head;
    for (let copy = 0; copy < 6; copy++) if (answer !== undefined) group.inject(answer);
    expect(group.state(2).log.head).toBe(head + 1);
    expect(asked()).toBe(before + 1);
  });
});
