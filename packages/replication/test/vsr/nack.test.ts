/** What becomes of an uncommitted entry that the canonical log's owner has lost (I34). */
import { describe, expect, test } from "vitest";
import { DamagedLogError, nackQuorum } from "../../src/vsr/index.ts";
import type { DoViewChangeMessage } from "../../src/vsr/message.ts";
import { assembleLog, isComplete } from "../../src/vsr/nack.ts";
import type { DamagedSlot, Prepare } from "../../src/vsr/types.ts";
import { chain, entryAfter, root } from "../support/entries.ts";
import { ofType, TestGroup, ticks } from "../support/test-group.ts";

const log = chain(["one", "two", "three", "four", "five"]);
const at = (op: number) => log[op - 1] as Prepare;
const slot = (op: number): DamagedSlot => ({ op, checksum: at(op).checksum });

/** A vote whose log is these entries, without the damaged ones. */
function vote(
  entries: readonly Prepare[],
  damaged: readonly DamagedSlot[] = [],
  more: Partial<DoViewChangeMessage> = {},
): DoViewChangeMessage {
  const lost = new Set(damaged.map(({ op }) => op));
  return {
    type: "do_view_change",
    view: 3,
    log_view: 2,
    op: entries.at(-1)?.op ?? 0,
    commit: 0,
    commit_checksum: root,
    entries: entries.filter(({ op }) => !lost.has(op)),
    damaged,
    ...more,
  };
}

function assemble(
  votes: readonly DoViewChangeMessage[],
  { replicas = 3, floor = 0, own = [] as readonly Prepare[] } = {},
) {
  const [canonical] = votes;
  if (canonical === undefined) throw new Error("a quorum of nobody");
  return assembleLog(canonical, {
    doViewChanges: new Map(votes.map((message, from) => [from, message])),
    floor,
    nackQuorum: nackQuorum(replicas),
    find: (op, checksum) => own.find((entry) => entry.op === op && entry.checksum === checksum),
  });
}

describe("a nack quorum", () => {
  test("meets every quorum that commits, and is no larger than that takes (I4)", () => {
    const sizes = [1, 2, 3, 4, 5, 6, 7].map((n) => nackQuorum(n));
    expect(sizes).toEqual([1, 1, 2, 2, 3, 3, 4]);
  });
});

describe("the canonical log", () => {
  test("is taken as it is where nothing of it is damaged", () => {
    const { entries, head, missing } = assemble([vote(log), vote([])]);
    expect([entries, head, missing]).toEqual([log, 5, []]);
  });

  test("gets what is damaged from another vote, of whatever view", () => {
    const older = vote(log.slice(0, 4), [], { log_view: 1 });
    const { entries, missing } = assemble([vote(log, [slot(3), { op: 4 }]), older]);
    expect([entries, missing]).toEqual([log, []]);
  });

  test("gets it from the candidate's own disk, or from what was supplied since", () => {
    const { entries, missing } = assemble([vote(log, [{ op: 3 }]), vote([])], { own: [at(3)] });
    expect([entries, missing]).toEqual([log, []]);
  });

  test("waits for an entry that fewer than a nack quorum deny (I34)", () => {
    const { missing } = assemble([vote(log, [slot(3)]), vote(log.slice(0, 2))]);
    expect(missing).toEqual([slot(3)]);
  });

  test("ends before an entry that a nack quorum denies, and keeps what stands before it", () => {
    const votes = [vote(log, [slot(3)]), vote(log.slice(0, 2)), vote(log.slice(0, 1))];
    const { entries, head, missing } = assemble(votes);
    expect([entries, head, missing]).toEqual([log.slice(0, 2), 2, []]);
  });

  test("takes no damaged slot for a denial: it may have been acknowledged", () => {
    const votes = [vote(log, [slot(3)]), vote(log.slice(0, 4), [slot(3)]), vote([])];
    expect(assemble(votes).missing).toEqual([slot(3)]);
  });

  test("takes another entry at that op for one, but only if it is there", () => {
    const other = entryAfter(at(2), "another three", 1);
    const old = { log_view: 1 };
    const three = [...log.slice(0, 2), other];
    const four = [...three, entryAfter(other, "another four", 1)];
    const canonical = vote(log, [slot(3)]);
    expect(assemble([canonical, vote(three, [], old), vote([])]).head).toBe(2);
    const lost = vote(four, [{ op: 3, checksum: other.checksum }], old);
    expect(assemble([canonical, lost, vote([])]).missing).toEqual([slot(3)]);
  });

  test("counts denials of this very entry: where its checksum is not known, of the op alone", () => {
    const other = entryAfter(at(2), "another three", 1);
    const three = vote([...log.slice(0, 2), other], [], { log_view: 1 });
    const canonical = vote(log, [{ op: 3 }, { op: 4 }]);
    expect(assemble([canonical, three, vote([])]).missing).toEqual([{ op: 3 }, slot(4)]);
    expect(assemble([canonical, vote(log.slice(0, 2)), vote([])]).head).toBe(2);
  });

  test("drops nothing that anybody knows to be committed", () => {
    const votes = [vote(log, [slot(3)]), vote(log.slice(0, 2)), vote([])];
    expect(assemble(votes, { floor: 3 }).missing).toEqual([slot(3)]);
  });

  test("does not end before a denied entry while an earlier one must be waited for", () => {
    const votes = [vote(log, [slot(2), slot(4)]), vote(log.slice(0, 3), [slot(2)]), vote([])];
    expect(assemble(votes).missing).toEqual([slot(2), slot(4)]);
  });

  test("is told whole: one slot for each op, and the head intact", () => {
    expect(isComplete(vote(log, [slot(2), slot(3)]))).toBe(true);
    expect(isComplete(vote([]))).toBe(true);
    expect(isComplete(vote(log, [slot(5)]))).toBe(false);
    expect(isComplete(vote([at(1), at(2), at(4), at(5)]))).toBe(false);
    expect(isComplete(vote(log, [], { op: 6 }))).toBe(false);
    expect(isComplete({ ...vote(log), entries: [at(1), at(1), at(2), at(4), at(5)] })).toBe(false);
  });
});

/** Replica 0 leads; replica 1 holds three calls of which nobody knows that they are committed. */
function groupWithTail(): TestGroup {
  const group = new TestGroup({ batchRequestsMax: 1 });
  expect(group.register("a")).toBe(1);
  group.tick(ticks.heartbeat);
  group.isolate(2);
  group.lose(ofType("prepare_ok"));
  return group;
}

function makeTail(group: TestGroup): void {
  for (const number of [1, 2, 3]) group.run("a", number, `x${number}`);
  expect(group.replicas.map(({ state }) => state.log.head)).toEqual([4, 4, 1]);
}

function restartDamaged(group: TestGroup, index: number, ops: number[]) {
  group.crash(index);
  group.damage(index, ops);
  group.restart(index);
}

describe("a view change with a damaged tail", () => {
  test("waits for the one that has the entry, and loses nothing that may be committed", () => {
    const group = groupWithTail();
    makeTail(group);
    group.crash(0);
    restartDamaged(group, 1, [3]);
    group.heal();
    group.tick(300);
    expect(group.replicas.map(({ replica }) => replica?.state.isPrimary)).toEqual([
      undefined,
      false,
      false,
    ]);
    group.restart(0);
    group.tickUntil(() => group.replicas.every(({ state }) => state.commitMin === 4), 3000);
    group.tick(20);
    group.expectAgreement();
    expect(group.replica(2).ran).toEqual(["x1", "x2", "x3"]);
  });

  test("goes on without an entry that nobody else ever had, and what came after it", () => {
    const group = groupWithTail();
    group.replica(0).diskHeld = true;
    makeTail(group);
    group.crash(0);
    group.replica(0).diskHeld = false;
    restartDamaged(group, 1, [3]);
    group.restart(0);
    group.heal();
    expect(group.state(0).log.head).toBe(1);
    group.tickUntil(() => group.replicas.some(({ state }) => state.isPrimary), 3000);
    group.tick(50);
    group.expectAgreement();
    expect(group.replica(2).ran).toEqual(["x1"]);
    group.run("a", 2, "again");
    expect(group.answers("a", 2)).toEqual(["2:again"]);
  });

  test("stops the candidate, loudly, when all have spoken and an entry is lost for good", () => {
    const group = new TestGroup({ batchRequestsMax: 1 });
    expect(group.register("a")).toBe(1);
    group.tick(ticks.heartbeat);
    group.lose(ofType("prepare_ok"));
    for (const number of [1, 2, 3]) group.run("a", number, `x${number}`);
    for (const index of [0, 1, 2]) group.crash(index);
    for (const index of [0, 1, 2]) group.damage(index, [3]);
    for (const index of [0, 1, 2]) group.restart(index);
    group.heal();
    expect(() => group.tick(1000)).toThrow(DamagedLogError);
    expect(() => group.tick(1000)).toThrow("damaged at op 3");
  });

  test("is repaired by one that could not vote, because its own head is damaged", () => {
    const group = groupWithTail();
    makeTail(group);
    group.heal();
    group.lose(ofType("prepare_ok"));
    group.crash(0);
    group.damage(0, [4]);
    restartDamaged(group, 1, [3]);
    group.restart(0);
    expect(group.state(0).status).toBe("recovering_head");
    group.tickUntil(() => group.replicas.some(({ state }) => state.isPrimary), 3000);
    group.heal();
    group.tick(100);
    group.expectAgreement();
    expect(group.replica(2).ran).toEqual(["x1", "x2", "x3"]);
  });
});
