/** Slots behind the head whose entries the disk has lost: never vouched for, and fetched again. */
import { describe, expect, test } from "vitest";
import { DamagedLogError } from "../../src/vsr/index.ts";
import { entryAfter } from "../support/entries.ts";
import { ofType, type Packet, TestGroup, ticks } from "../support/test-group.ts";

/** A group that has run `calls` calls, at the ops 2, 3, … */
function groupThatRan(calls: number, changes: ConstructorParameters<typeof TestGroup>[0] = {}) {
  const group = new TestGroup({ batchRequestsMax: 1, sessionWindow: 32, ...changes });
  expect(group.register("a")).toBe(1);
  for (let number = 1; number <= calls; number++) group.run("a", number, `x${number}`);
  group.tick(ticks.heartbeat);
  group.expectAgreement();
  return group;
}

/** Comes back on a disk that has lost these ops. */
function restartDamaged(group: TestGroup, index: number, ops: number[], lost?: "body" | "all") {
  group.crash(index);
  group.damage(index, ops, lost);
  group.restart(index);
}

function asked(group: TestGroup, from: number): (number | string)[][] {
  return group
    .sentOf(from, "request_prepare")
    .map(({ to, message }) => (message.type === "request_prepare" ? [to, message.op] : []));
}

describe("a backup with a damaged slot", () => {
  test("fetches the entry, writes it, and runs it and what is behind it", () => {
    const group = groupThatRan(4);
    restartDamaged(group, 2, [3]);
    expect(group.state(2)).toMatchObject({ status: "normal", commitMin: 2, commitHeld: 4 });
    group.settle();
    expect(group.state(2).commitMin).toBe(4);
    group.tick(ticks.heartbeat);
    group.expectAgreement();
    expect(group.replica(2).ran).toEqual(["x1", "x2", "x3", "x4"]);
    group.crash(2);
    group.restart(2);
    expect(group.state(2).log.damaged).toEqual([]);
    expect(group.state(2).log.head).toBe(5);
  });

  test("acknowledges nothing from there on, but takes what follows", () => {
    const group = groupThatRan(4);
    const heal = group.lose(ofType("requested_prepare"));
    restartDamaged(group, 2, [3, 4]);
    const before = group.sent.length;
    group.run("a", 5, "x5");
    group.run("a", 6, "x6");
    const acks = () =>
      group.sent.slice(before).flatMap(({ from, message }) => {
        return from === 2 && message.type === "prepare_ok" ? [message.op] : [];
      });
    expect(group.state(2).log.head).toBe(7);
    expect(new Set(acks())).toEqual(new Set([2]));
    expect(group.state(2).commitMin).toBe(2);
    heal();
    group.tickUntil(() => group.state(2).commitMin === 7);
    expect(acks().at(-1)).toBe(7);
    group.expectAgreement();
  });

  test("is not counted for what is behind it: its group commits by the others alone", () => {
    const group = groupThatRan(4);
    const heal = group.lose(ofType("requested_prepare"));
    restartDamaged(group, 2, [3]);
    group.crash(1);
    group.run("a", 5, "x5");
    expect(group.answers("a", 5)).toEqual([]);
    expect(group.state(0).commitMin).toBe(5);
    heal();
    group.tickUntil(() => group.answers("a", 5).length > 0);
    expect(group.replica(2).ran).toEqual(["x1", "x2", "x3", "x4", "x5"].slice(0, -1));
  });

  test("asks one replica after the other, since the first may have lost it too", () => {
    const group = groupThatRan(4);
    group.crash(1);
    const heal = group.lose(ofType("requested_prepare"));
    restartDamaged(group, 2, [3]);
    group.tick(3 * ticks.resend);
    expect(asked(group, 2).map(([to]) => to)).toEqual(
      [0, 1, 0, 1].slice(0, asked(group, 2).length),
    );
    expect(asked(group, 2).length).toBeGreaterThan(2);
    heal();
    group.tickUntil(() => group.state(2).commitMin === 5);
  });

  test("learns from the end of a run of them which entries it has lost", () => {
    const group = groupThatRan(6);
    restartDamaged(group, 2, [2, 3, 4]);
    group.settle();
    expect(asked(group, 2)).toEqual([
      [0, 4],
      [0, 3],
      [0, 2],
    ]);
    group.tick(ticks.heartbeat);
    group.expectAgreement();
  });

  test("asks for a few at a time, and on at once where it was answered", () => {
    const group = groupThatRan(20);
    const many = Array.from({ length: 18 }, (_, i) => i + 2);
    restartDamaged(group, 2, many, "body");
    expect(asked(group, 2)).toHaveLength(8);
    group.settle();
    expect(asked(group, 2)).toHaveLength(18);
    expect(new Set(asked(group, 2).map(([to]) => to))).toEqual(new Set([0]));
    group.tick(ticks.heartbeat);
    group.expectAgreement();
  });

  test("believes nothing but what stood there, and nobody's copy of it twice", () => {
    const group = groupThatRan(4);
    const heal = group.lose(ofType("requested_prepare"));
    restartDamaged(group, 2, [3]);
    group.settle();
    const right = group.state(0).log.get(3);
    const other = entryAfter(group.state(0).log.get(2), "forged", 7);
    const repair = (entry: typeof right): Packet => {
      return { from: 1, to: 2, message: { type: "requested_prepare", entry } };
    };
    for (const wrong of [other, { ...right, body: other.body }, group.state(0).log.get(5)]) {
      group.inject(repair(wrong));
      expect(group.state(2).log.damaged.map(({ op }) => op)).toEqual([3]);
    }
    heal();
    group.inject(repair(right));
    const { pending } = group.replica(2);
    expect(pending.flatMap(({ entries }) => entries)).toEqual([right]);
    group.inject(repair(right));
    expect(pending).toHaveLength(1);
    group.tick(ticks.heartbeat);
    group.expectAgreement();
  });

  test("answers for what it has, and for no other entry at that op", () => {
    const group = groupThatRan(4);
    const heal = group.lose(ofType("requested_prepare"));
    restartDamaged(group, 2, [3]);
    group.settle();
    const request = (op: number, checksum = group.state(0).log.get(op).checksum): Packet => {
      return { from: 0, to: 2, message: { type: "request_prepare", op, checksum } };
    };
    for (const packet of [request(3), request(4, "e".repeat(32)), request(4)]) group.inject(packet);
    const answers = group.sentOf(2, "requested_prepare").map(({ message }) => message);
    expect(answers).toEqual([{ type: "requested_prepare", entry: group.state(0).log.get(4) }]);
    heal();
  });

  test("is repaired outside its view as well", () => {
    const group = groupThatRan(4);
    group.lose(ofType("start_view"));
    restartDamaged(group, 2, [3]);
    group.drop();
    group.crash(0);
    group.tickUntil(() => group.state(2).status === "view_change");
    group.tickUntil(() => group.state(2).commitMin === 4);
    expect(group.state(2)).toMatchObject({ status: "view_change", logView: 0 });
  });
});

describe("a replica that catches up", () => {
  test("asks another where the first does not answer", () => {
    const group = groupThatRan(2, { replicaCount: 5 });
    group.isolate(4);
    for (const number of [3, 4, 5]) group.run("a", number, `x${number}`);
    group.crash(0);
    group.lose((packet) => packet.from === 1 && ofType("new_state")(packet));
    group.heal();
    group.lose((packet) => packet.from === 1 && ofType("new_state")(packet));
    group.tickUntil(() => group.state(1).isPrimary);
    group.tickUntil(() => group.state(4).commitMin === 6);
    const from = group.sent.filter(({ to, message }) => to === 4 && message.type === "new_state");
    expect(new Set(from.map((packet) => packet.from)).size).toBeGreaterThan(1);
  });
});

describe("a replica that is alone", () => {
  test("does not begin on a damaged log, and says which ops it has lost", () => {
    const group = groupThatRan(3, { replicaCount: 1 });
    group.crash(0);
    group.damage(0, [2, 4], "body");
    const start = () => group.restart(0);
    expect(start).toThrow(DamagedLogError);
    expect(start).toThrow("damaged at 2 ops from op 2 on, and no replica of the group has it");
  });
});
