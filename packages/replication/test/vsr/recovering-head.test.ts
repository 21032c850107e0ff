/** A replica that does not know what it acknowledged last says nothing until it is told a log. */
import { describe, expect, test } from "vitest";
import type { StartViewMessage } from "../../src/vsr/message.ts";
import { ofType, type Packet, TestGroup, ticks } from "../support/test-group.ts";

function groupThatRan(calls: number, changes: ConstructorParameters<typeof TestGroup>[0] = {}) {
  const group = new TestGroup({ batchRequestsMax: 1, ...changes });
  let drawn = 0;
  group.random = () => (drawn++ % 97) / 100;
  expect(group.register("a")).toBe(1);
  for (let number = 1; number <= calls; number++) group.run("a", number, `x${number}`);
  group.tick(ticks.heartbeat);
  return group;
}

function restartDamaged(group: TestGroup, index: number, ops: number[], lost?: "body" | "all") {
  group.crash(index);
  group.damage(index, ops, lost);
  group.restart(index);
}

function startViews(group: TestGroup, to: number): (Packet & { message: StartViewMessage })[] {
  return group.sent.filter((packet): packet is Packet & { message: StartViewMessage } => {
    return packet.to === to && packet.message.type === "start_view";
  });
}

describe.each(["all", "body"] as const)("a head of which the disk has lost: %s", (lost) => {
  test("is replaced by the log of the view that there is, and the replica takes part again", () => {
    const group = groupThatRan(3);
    restartDamaged(group, 2, [4], lost);
    expect(group.state(2)).toMatchObject({ status: "recovering_head", view: 0, commitMin: 3 });
    group.settle();
    group.expectAgreement();
    group.crash(1);
    group.run("a", 4, "x4");
    expect(group.answers("a", 4)).toEqual(["4:x4"]);
  });

  test("keeps the replica silent: no vote, no ack, no do_view_change", () => {
    const group = groupThatRan(3);
    group.isolate(0);
    group.lose(ofType("start_view"));
    const before = group.sent.length;
    restartDamaged(group, 2, [4], lost);
    group.tick(400);
    const said = group.sent.slice(before).filter(({ from }) => from === 2);
    expect(new Set(said.map(({ message }) => message.type))).toEqual(
      new Set(["request_start_view"]),
    );
    expect(new Set(said.map(({ to }) => to))).toEqual(new Set([0, 1]));
    expect(group.state(1).status).toBe("normal");
    expect(group.state(2)).toMatchObject({ view: 0, logView: 0, status: "recovering_head" });
  });
});

describe("a replica with a damaged head", () => {
  test("waits for the other holder of a committed op rather than help to lose it", () => {
    const group = groupThatRan(2);
    group.isolate(2);
    group.run("a", 3, "x3");
    expect(group.answers("a", 3)).toEqual(["3:x3"]);
    group.crash(0);
    group.heal();
    restartDamaged(group, 1, [4]);
    group.tick(500);
    expect([group.state(1).status, group.state(2).isPrimary]).toEqual(["recovering_head", false]);
    group.restart(0);
    group.tickUntil(() => group.replicas.every(({ state }) => state.status === "normal"));
    group.tick(20);
    group.expectAgreement();
    expect(group.replica(2).ran).toEqual(["x1", "x2", "x3"]);
  });

  test("believes no start_view of its own view but the answer to its own question", () => {
    const group = groupThatRan(3);
    // A life before, it asked as well; that answer is older than what it acknowledged since.
    restartDamaged(group, 2, [4]);
    group.settle();
    const [stale] = startViews(group, 2).slice(-1);
    expect(stale?.message.nonce).toBeGreaterThan(0);
    group.run("a", 4, "x4");
    group.lose(ofType("start_view"));
    restartDamaged(group, 2, [5]);
    group.settle();
    for (const nonce of [stale?.message.nonce ?? 0, 0]) {
      if (stale !== undefined) group.inject({ ...stale, message: { ...stale.message, nonce } });
      expect(group.state(2).status).toBe("recovering_head");
    }
    group.heal();
    group.tickUntil(() => group.state(2).status === "normal");
    group.tick(20);
    group.expectAgreement();
    expect(group.state(2).log.head).toBe(5);
  });

  test("believes a view that is newer than any that it took part in, asked or not", () => {
    const group = groupThatRan(3);
    group.crash(2);
    group.damage(2, [4]);
    group.crash(0);
    group.restart(0);
    group.tickUntil(() => group.state(1).isPrimary && group.state(0).status === "normal");
    group.isolate(2);
    group.restart(2);
    const { log, commitMin: commit } = group.state(1);
    const message: StartViewMessage = {
      type: "start_view",
      view: 1,
      nonce: 0,
      op: log.head,
      commit,
      commit_checksum: log.get(commit).checksum,
      entries: [],
    };
    group.inject({ from: 0, to: 2, message });
    expect(group.state(2).status).toBe("recovering_head");
    group.inject({ from: 1, to: 2, message });
    group.heal();
    group.tickUntil(() => group.state(2).status === "normal");
    group.tick(20);
    group.expectAgreement();
  });

  test("catches up first where the view's log begins behind what it has (I40)", () => {
    const group = groupThatRan(3, { newStateBytesMax: 1 });
    group.isolate(2);
    for (const number of [4, 5, 6]) group.run("a", number, `x${number}`);
    group.tick(ticks.heartbeat);
    group.heal();
    const heal = group.lose(ofType("new_state"));
    restartDamaged(group, 2, [3, 4]);
    group.tick(20);
    expect(group.state(2)).toMatchObject({ status: "recovering_head", logView: 0, commitMin: 2 });
    expect(group.state(2).log.damaged.map(({ op }) => op)).toEqual([3, 4]);
    heal();
    group.tickUntil(() => group.state(2).status === "normal");
    group.tick(20);
    group.expectAgreement();
  });

  test("takes the others along to a view that it alone had left for", () => {
    const group = groupThatRan(3);
    const heal = group.lose(({ from, to }) => from === 2 || to === 2);
    group.tickUntil(() => group.state(2).wantsView === 1);
    // Replica 1 wanted the view as well, for a moment: then it heard the primary again.
    const message = { type: "start_view_change", view: 1, left: false } as const;
    group.inject({ from: 1, to: 2, message });
    group.settle();
    expect(group.state(2)).toMatchObject({ status: "view_change", view: 1, logView: 0 });
    expect(group.state(1)).toMatchObject({ status: "normal", view: 0 });
    group.crash(2);
    heal();
    group.damage(2, [4]);
    group.restart(2);
    expect(group.state(2)).toMatchObject({ status: "recovering_head", view: 1 });
    group.tickUntil(() => group.state(2).status === "normal");
    group.tick(20);
    group.expectAgreement();
    group.run("a", 4, "x4");
    expect(group.answers("a", 4)).toEqual(["4:x4"]);
  });

  test("that led the view waits for the next one", () => {
    const group = groupThatRan(3);
    restartDamaged(group, 0, [4]);
    expect(group.state(0).status).toBe("recovering_head");
    group.tickUntil(() => group.replicas.every(({ state }) => state.status === "normal"));
    expect(group.state(0).view).toBe(1);
    group.tick(20);
    group.expectAgreement();
  });
});
