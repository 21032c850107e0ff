import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { quorumOf } from "../../src/vsr/config.ts";
import { AckedOps, ViewVotes } from "../../src/vsr/quorum.ts";

describe("acknowledged ops", () => {
  test("count for a quorum only when that many different replicas hold the op", () => {
    const acked = new AckedOps(3, 2);
    acked.add(0, 4);
    expect(acked.quorumOp).toBe(0);
    acked.add(2, 3);
    expect(acked.quorumOp).toBe(3);
    acked.add(1, 9);
    expect(acked.quorumOp).toBe(4);
  });

  test("count once, however often a replica repeats itself (I5)", () => {
    const acked = new AckedOps(5, 3);
    expect(acked.add(1, 7)).toBe(true);
    expect(acked.add(1, 7)).toBe(false);
    expect(acked.add(1, 7)).toBe(false);
    expect(acked.quorumOp).toBe(0);
  });

  test("never fall back when an older acknowledgement comes late", () => {
    const acked = new AckedOps(1, 1);
    acked.add(0, 5);
    expect(acked.add(0, 2)).toBe(false);
    expect(acked.of(0)).toBe(5);
    expect(acked.quorumOp).toBe(5);
  });

  test("are refused from outside the group", () => {
    expect(() => new AckedOps(3, 2).add(3, 1)).toThrow("ack from replica 3");
    expect(() => new AckedOps(3, 2).add(-1, 1)).toThrow("not of the group");
  });

  test("reach an op with a quorum exactly if a quorum has acknowledged at least it", () => {
    const acks = fc.array(fc.tuple(fc.nat({ max: 6 }), fc.nat({ max: 20 })), { maxLength: 40 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 7 }), acks, (size, votes) => {
        const acked = new AckedOps(size, quorumOf(size));
        const highest = new Array<number>(size).fill(0);
        for (const [from, op] of votes) {
          if (from >= size) continue;
          acked.add(from, op);
          highest[from] = Math.max(highest[from] ?? 0, op);
        }
        const holders = (op: number) => highest.filter((held) => held >= op).length;
        const { quorumOp } = acked;
        expect(quorumOp === 0 || holders(quorumOp) >= quorumOf(size)).toBe(true);
        expect(holders(quorumOp + 1)).toBeLessThan(quorumOf(size));
      }),
    );
  });
});

describe("votes for a view", () => {
  test("count for exactly the view that they name (I7)", () => {
    const votes = new ViewVotes();
    votes.set(0, 3);
    votes.set(1, 4);
    votes.set(2, 4);
    expect([2, 3, 4, 5].map((view) => votes.count(view))).toEqual([0, 1, 2, 0]);
  });

  test("count once per replica, and the last one counts", () => {
    const votes = new ViewVotes();
    votes.set(1, 4);
    votes.set(1, 4);
    expect(votes.count(4)).toBe(1);
    votes.set(1, 5);
    expect(votes.count(4)).toBe(0);
    expect(votes.count(5)).toBe(1);
  });

  test("can be taken back by one replica, or forgotten altogether", () => {
    const votes = new ViewVotes();
    votes.set(0, 2);
    votes.set(1, 2);
    votes.delete(0);
    expect(votes.count(2)).toBe(1);
    votes.clear();
    expect(votes.count(2)).toBe(0);
  });

  test("tell the highest view that anybody wants, and -1 if nobody wants any", () => {
    const votes = new ViewVotes();
    expect(votes.highest).toBe(-1);
    votes.set(2, 8);
    votes.set(0, 3);
    expect(votes.highest).toBe(8);
  });
});
