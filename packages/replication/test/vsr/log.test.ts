import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ReplicaInvariantError } from "../../src/vsr/assert.ts";
import { entryEnvelopeBytes } from "../../src/vsr/config.ts";
import { Log } from "../../src/vsr/log.ts";
import type { Prepare } from "../../src/vsr/types.ts";
import { chain, entryAfter, root } from "../support/entries.ts";

const entries = chain(["one", "two", "three"]);
const at = (op: number) => entries[op - 1] as Prepare;

describe("an empty log", () => {
  test("ends at op 0 in its root, and its time is before all others", () => {
    const log = new Log(root);
    expect([log.head, log.headChecksum, log.headTimestamp]).toEqual([0, root, 0]);
    expect(log.checksumAt(0)).toBe(root);
    expect(log.checksumAt(1)).toBeUndefined();
  });

  test("is continued by an entry of its own root only", () => {
    const log = new Log(root);
    expect(log.connects(at(1))).toBe(true);
    expect(log.connects(at(2))).toBe(false);
    expect(new Log("f".repeat(32)).connects(at(1))).toBe(false);
  });
});

describe("a log", () => {
  test("begins with the entries that it is given", () => {
    const log = new Log(root, entries);
    expect(log.head).toBe(3);
    expect(log.headChecksum).toBe(at(3).checksum);
    expect(log.headTimestamp).toBe(at(3).timestamp);
    expect(log.get(2)).toBe(at(2));
    expect(log.checksumAt(2)).toBe(at(2).checksum);
  });

  test("refuses an entry that leaves a gap", () => {
    const log = new Log(root);
    expect(() => log.append(at(2))).toThrow("op 2 appended to a log that ends at 0");
  });

  test("refuses an entry of another history (I21)", () => {
    const log = new Log(root, entries.slice(0, 1));
    const other = entryAfter({ op: 1, checksum: "e".repeat(32), timestamp: 5 }, "two");
    expect(() => log.append(other)).toThrow("op 2 does not continue this log");
  });

  test("refuses an entry that is not later than the one before it (I28)", () => {
    const log = new Log(root, entries.slice(0, 1));
    const { op, checksum, timestamp } = at(1);
    const early = entryAfter({ op, checksum, timestamp: timestamp - 1 }, "two");
    expect(early.timestamp).toBe(timestamp);
    expect(() => log.append(early)).toThrow("time runs backwards at op 2");
  });

  test("throws the error of a broken protocol, not an ordinary one", () => {
    expect(() => new Log(root).get(1)).toThrow(ReplicaInvariantError);
    expect(() => new Log(root).get(1)).toThrow("op 1 is not in the log, which ends at 0");
  });

  test("forgets what is truncated, and can then be continued otherwise", () => {
    const log = new Log(root, entries);
    log.truncate(1);
    expect(log.head).toBe(1);
    expect(log.checksumAt(2)).toBeUndefined();
    const other = entryAfter(at(1), "another two", 1);
    log.append(other);
    expect(log.headChecksum).toBe(other.checksum);
  });

  test("cannot be truncated to a place beyond its head or before its beginning", () => {
    const log = new Log(root, entries);
    expect(() => log.truncate(4)).toThrow("cannot truncate to 4, head is 3");
    expect(() => log.truncate(-1)).toThrow("cannot truncate to -1");
    log.truncate(0);
    expect(log.headChecksum).toBe(root);
  });

  test("gives the entries after one op and up to another", () => {
    const log = new Log(root, entries);
    expect(log.slice(0, 2)).toEqual([at(1), at(2)]);
    expect(log.slice(2, 99)).toEqual([at(3)]);
    expect(log.slice(3, 3)).toEqual([]);
    expect(log.slice(7, 9)).toEqual([]);
  });

  test("stops a slice once it has the bytes that were asked for, but gives at least one", () => {
    const log = new Log(root, entries);
    const size = at(1).body.length + entryEnvelopeBytes;
    expect(log.slice(0, 3, 1)).toHaveLength(1);
    expect(log.slice(0, 3, size)).toHaveLength(1);
    expect(log.slice(0, 3, size + 1)).toHaveLength(2);
  });
});

describe("a log beside a plain list", () => {
  type Step =
    | { readonly do: "append"; readonly content: string }
    | { readonly do: "append stray"; readonly op: number; readonly content: string }
    | { readonly do: "truncate"; readonly to: number };

  const content = fc.string({ maxLength: 12 });
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant("append" as const), content }) },
    fc.record({ do: fc.constant("append stray" as const), op: fc.nat({ max: 12 }), content }),
    fc.record({ do: fc.constant("truncate" as const), to: fc.integer({ min: -2, max: 14 }) }),
  );

  /** Does the step to both; the log must refuse exactly what the list has no place for. */
  function take(log: Log, list: Prepare[], what: Step): void {
    const head = list.at(-1) ?? { op: 0, checksum: root };
    switch (what.do) {
      case "append": {
        const entry = entryAfter(head, what.content);
        expect(log.connects(entry)).toBe(true);
        log.append(entry);
        list.push(entry);
        break;
      }
      case "append stray": {
        const parent = { op: what.op, checksum: "d".repeat(32), timestamp: 1_000 };
        const entry = entryAfter(parent, what.content);
        expect(log.connects(entry)).toBe(false);
        expect(() => log.append(entry)).toThrow(ReplicaInvariantError);
        break;
      }
      case "truncate":
        if (what.to < 0 || what.to > list.length) {
          expect(() => log.truncate(what.to)).toThrow(ReplicaInvariantError);
        } else {
          log.truncate(what.to);
          list.length = what.to;
        }
        break;
    }
  }

  function expectSame(log: Log, list: readonly Prepare[]): void {
    expect(log.head).toBe(list.length);
    expect(log.headChecksum).toBe(list.at(-1)?.checksum ?? root);
    expect(log.headTimestamp).toBe(list.at(-1)?.timestamp ?? 0);
    for (let op = 0; op <= list.length + 1; op++) {
      expect(log.checksumAt(op)).toBe(op === 0 ? root : list[op - 1]?.checksum);
    }
  }

  test("holds the same after any steps, and refuses what does not continue it", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const log = new Log(root);
        const list: Prepare[] = [];
        for (const one of steps) {
          take(log, list, one);
          expectSame(log, list);
        }
      }),
    );
  });

  test("is one chain from the root to its head, whatever has been cut off and put on (I21)", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const log = new Log(root);
        const list: Prepare[] = [];
        for (const one of steps) take(log, list, one);
        let parent = root;
        for (const entry of log.slice(0, log.head)) {
          expect(entry.parent).toBe(parent);
          parent = entry.checksum;
        }
        expect(parent).toBe(log.headChecksum);
      }),
    );
  });

  test("gives the same slices, as long as they fit, and never an empty one where there is more", () => {
    const size = fc.nat({ max: 2_000 });
    const ops = fc.tuple(fc.nat({ max: 12 }), fc.nat({ max: 12 }));
    fc.assert(
      fc.property(fc.array(content, { maxLength: 10 }), ops, size, (contents, [from, to], max) => {
        const all = chain(contents);
        const log = new Log(root, all);
        expect(log.slice(from, to)).toEqual(all.slice(from, Math.max(from, to)));
        const some = log.slice(from, to, max);
        expect(some).toEqual(all.slice(from, Math.max(from, to)).slice(0, some.length));
        const bytesBefore = some
          .slice(0, -1)
          .reduce((sum, { body }) => sum + body.length + entryEnvelopeBytes, 0);
        expect(bytesBefore === 0 || bytesBefore < max).toBe(true);
        expect(some.length > 0 || max === 0 || to <= from || from >= all.length).toBe(true);
      }),
    );
  });

  test("says the same checksum at one op only if everything up to that op is the same", () => {
    const contents = fc.array(fc.constantFrom("a", "b"), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(contents, contents, (one, other) => {
        const [a, b] = [one, other].map((list) => new Log(root, chain(list)));
        for (let op = 1; op <= Math.min(one.length, other.length); op++) {
          const same = one.slice(0, op).join() === other.slice(0, op).join();
          expect(a?.checksumAt(op) === b?.checksumAt(op)).toBe(same);
        }
      }),
    );
  });
});

describe("a log with damaged slots", () => {
  const damagedAt = (...ops: number[]) => {
    const intact = entries.filter(({ op }) => !ops.includes(op));
    return new Log(
      root,
      intact,
      ops.map((op) => ({ op })),
    );
  };

  test("knows such a slot's checksum from the entry after it, and vouches for what is before", () => {
    const log = damagedAt(2);
    expect([log.head, log.intactHead]).toEqual([3, 1]);
    expect(log.damaged).toEqual([{ op: 2, checksum: at(2).checksum }]);
    expect(log.checksumAt(2)).toBe(at(2).checksum);
    expect(log.find(2)).toBeUndefined();
    expect(() => log.get(2)).toThrow("op 2 is not in the log");
    expect(log.slice(0, 3)).toEqual([at(1)]);
    expect(log.slice(2, 3)).toEqual([at(3)]);
  });

  test("knows it from the slot's own header, also at the head", () => {
    const { op, checksum, parent } = at(3);
    const log = new Log(root, [at(1)], [{ op: 2 }, { op, checksum, parent }]);
    expect([log.head, log.headChecksum, log.checksumAt(2)]).toEqual([3, checksum, parent]);
    expect(log.headTimestamp).toBe(at(1).timestamp);
  });

  test("learns what it did not know when the slot behind is repaired", () => {
    const log = damagedAt(1, 2);
    expect([log.checksumAt(1), log.checksumAt(2)]).toEqual([undefined, at(2).checksum]);
    log.repair(at(2));
    expect(log.damaged).toEqual([{ op: 1, checksum: at(1).checksum }]);
    log.repair(at(1));
    expect([log.damaged, log.intactHead]).toEqual([[], 3]);
    expect(log.slice(0, 3)).toEqual(entries);
  });

  test("is repaired with the entry that stood there, and nothing else is touched", () => {
    const log = damagedAt(2);
    const other = entryAfter(at(1), "another two", 1);
    expect(() => log.repair(other)).toThrow("op 2 is repaired with another entry");
    expect(() => log.repair(at(3))).toThrow("op 3 is not damaged");
    const unknown = new Log(root, [at(1)], [{ op: 2 }]);
    const stray = { ...other, parent: "e".repeat(32) };
    expect(() => unknown.repair(stray)).toThrow("op 2 does not continue this log");
  });

  test("is not continued where its head is not known", () => {
    const log = damagedAt(3);
    expect([log.head, log.intactHead, log.connects(entryAfter(at(3), "four"))]).toEqual([
      3,
      2,
      false,
    ]);
    expect(() => log.headChecksum).toThrow("the head, op 3, is damaged");
    log.truncate(2);
    expect([log.damaged, log.headChecksum]).toEqual([[], at(2).checksum]);
  });

  test("has a slot for every op, and one chain", () => {
    expect(() => new Log(root, [at(1)], [{ op: 3 }])).toThrow("damaged op 3 behind a log");
    expect(() => new Log(root, [at(1), at(3)])).toThrow("op 3 does not continue this log");
    const { op, checksum } = at(2);
    const parent = "e".repeat(32);
    expect(() => new Log(root, [at(1)], [{ op, checksum, parent }])).toThrow("does not continue");
  });
});
