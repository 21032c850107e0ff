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

describe("quorums", () => {
  /** Every set of replicas of a group of that size, as a list of indexes. */
  function subsets(size: number): number[][] {
    return Array.from({ length: 2 ** size }, (_, bits) =>
      Array.from({ length: size }, (_, index) => index).filter((index) => bits & (1 << index)),
    );
  }

  test.each([1, 2, 3, 4, 5, 6, 7])("of %i replicas: any two of them share one (I4)", (size) => {
    const quorums = subsets(size).filter((set) => set.length === quorumOf(size));
    for (const a of quorums) {
      for (const b of quorums) expect(a.some((index) => b.includes(index))).toBe(true);
    }
  });

  test.each([1, 2, 3, 4, 5, 6, 7])("of %i replicas: one fewer would not always do so", (size) => {
    const tooFew = subsets(size).filter((set) => set.length === quorumOf(size) - 1);
    const apart = tooFew.some((a) => tooFew.some((b) => !a.some((index) => b.includes(index))));
    // In a group of an odd size two sets of one fewer need not meet; in an even one they may be
    // the two halves.
    expect(apart).toBe(true);
  });

  test("leave a group of 2f + 1 the loss of f, and one more replica changes nothing", () => {
    for (const f of [0, 1, 2, 3]) expect(2 * f + 1 - quorumOf(2 * f + 1)).toBe(f);
    for (const f of [0, 1, 2]) expect(2 * f + 2 - quorumOf(2 * f + 2)).toBe(f);
  });

  test("of acknowledgements and of votes for a view always have a witness in common", () => {
    const group = fc.integer({ min: 1, max: 7 }).chain((size) => {
      const some = fc.uniqueArray(fc.nat({ max: size - 1 }), { maxLength: size });
      return fc.tuple(fc.constant(size), some, some);
    });
    fc.assert(
      fc.property(group, ([size, acks, votes]) => {
        const quorum = quorumOf(size);
        const acked = new AckedOps(size, quorum);
        const wanted = new ViewVotes();
        for (const index of acks) acked.add(index, 5);
        for (const index of votes) wanted.set(index, 1);
        const both = acked.quorumOp >= 5 && wanted.count(1) >= quorum;
        expect(!both || acks.some((index) => votes.includes(index))).toBe(true);
      }),
    );
  });

  test("of votes follow what each replica said last, whatever was said before", () => {
    const said = fc.array(
      fc.record({
        who: fc.nat({ max: 6 }),
        view: fc.option(fc.nat({ max: 4 }), { nil: undefined }),
      }),
    );
    fc.assert(
      fc.property(said, (history) => {
        const votes = new ViewVotes();
        const model = new Map<number, number>();
        for (const { who, view } of history) {
          if (view === undefined) {
            votes.delete(who);
            model.delete(who);
          } else {
            votes.set(who, view);
            model.set(who, view);
          }
          const wanted = [...model.values()];
          for (const one of [0, 1, 2, 3, 4]) {
            expect(votes.count(one)).toBe(wanted.filter((other) => other === one).length);
          }
          expect(votes.highest).toBe(Math.max(-1, ...wanted));
        }
      }),
    );
  });
});
