/** A network that repeats, delays and turns around whatever it carries. */
import { describe, expect, test } from "vitest";
import { timeoutTicksDefaults } from "../../src/vsr/index.ts";
import type { MessageType } from "../support/scenario/packets.ts";
import { groupOf, type Scenario } from "../support/scenario/scenario.ts";

const { primarySilence } = timeoutTicksDefaults;

/** A story in which every kind of message has its part. */
function story(group: Scenario): void {
  group.call("u");
  group.replica(2).isolate("both");
  group.call("v", "w");
  group.client("b").query();
  group.heal();
  group.ticks(12);
  group.client("b").call("x");
  group.drop("start_view").to(2);
  group.replica(0).crash();
  group.ticks(2 * primarySilence);
  group.client("c").call("y");
  group.heal();
  group.ticks(20);
  group.replica(0).restart();
  group.ticks(30);
  group.query();
  group.call("z");
}

const everyType: readonly MessageType[] = [
  "prepare",
  "prepare_ok",
  "commit",
  "start_view_change",
  "do_view_change",
  "start_view",
  "request_start_view",
  "get_state",
  "new_state",
  "read_round",
  "read_round_ok",
  "request",
  "query",
  "reply",
  "query_reply",
];

test("the story has a part for every message, so that what follows is about all of them", () => {
  const group = groupOf(3);
  story(group);
  for (const type of everyType) {
    expect([type, group.copiesOf(type).count > 0]).toEqual([type, true]);
  }
  group.expectOneGroup();
});

describe("every message", () => {
  test("comes twice", () => {
    const group = groupOf(3);
    group.duplicate();
    story(group);
    group.expectOneGroup();
  });

  test("overtakes those before it", () => {
    const group = groupOf(3);
    group.lastFirst = true;
    story(group);
    group.expectOneGroup();
  });

  test("comes again when the story is over, from the last to the first", () => {
    const group = groupOf(3);
    story(group);
    const logs = group.replicas.map(({ state }) => state.log.headChecksum);
    const ran = group.laws.history.length;
    group.copiesOf().arrive("last first");
    group.ticks(5);
    expect(group.replicas.map(({ state }) => state.log.headChecksum)).toEqual(logs);
    expect(group.laws.history).toHaveLength(ran);
    group.expectOneGroup();
  });
});

describe.each(everyType)("%s", (type) => {
  test("comes twice, and the copy last", () => {
    const group = groupOf(3);
    group.duplicate(type);
    story(group);
    group.expectOneGroup();
  });

  test("is held back while a view ends, and comes in the next one, the last one first", () => {
    const group = groupOf(3);
    group.call("x");
    const held = group.hold(type);
    group.call("y");
    group.query();
    group.ticks(10);
    group.replica(0).crash();
    group.ticks(2 * primarySilence);
    group.replica(0).restart();
    group.ticks(2 * primarySilence);
    held.release("last first");
    group.ticks(10);
    group.expectOneGroup();
  });

  test("is lost for as long as the story lasts, and no longer", () => {
    const group = groupOf(3);
    group.call("t");
    const lost = group.drop(type);
    group.call("u");
    group.query();
    group.ticks(3 * primarySilence);
    lost.stop();
    group.expectOneGroup();
    expect(group.laws.told).toContain("u");
  });
});

describe("a burst", () => {
  test("of stale messages of five views leaves the sixth as it is", () => {
    const group = groupOf(3);
    for (const call of ["u", "v", "w", "x", "y"]) {
      group.call(call);
      const { index } = group.primary;
      group.replica(index).crash();
      group.ticksUntil(() => group.up.some(({ state }) => state.isPrimary && state.isSettled));
      group.ticks(12);
      group.replica(index).restart();
      group.ticksUntilNormal();
    }
    const views = group.replicas.map(({ state }) => state.view);
    expect(Math.min(...views)).toBeGreaterThanOrEqual(5);
    for (let view = 0; view < 5; view++) group.copiesOf().ofView(view).arrive("last first");
    group.expectViews(...views);
    group.expectOneGroup();
  });

  test("of calls fills the pipeline and the queue, and what does not fit is asked for again", () => {
    const group = groupOf(3, { pipelineMax: 1, queueMax: 2, batchRequestsMax: 1 });
    group.call("x");
    const late = group.hold("prepare_ok");
    group.call("1", "2", "3", "4", "5", "6");
    group.replica(0).expect({ op: 3 });
    expect(group.replica(0).state.queue).toHaveLength(2);
    late.release();
    group.ticks(60);
    group.client().expectAnswered("1:x", "2:1", "3:2", "4:3", "5:4", "6:5", "7:6");
    group.expectOneGroup();
  });
});
