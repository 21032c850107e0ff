import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checksum } from "../../src/checksum.ts";
import { findRecord, readRecord, recordBytes, sealRecord } from "../../src/journal/record.ts";
import { emptySummary, type Summary, summaryAfter } from "../../src/journal/summary.ts";
import type { Write } from "../../src/vsr/index.ts";
import { someWrites, Writer } from "../support/writes.ts";

const key = checksum(Buffer.from("a key"));
const place = { start: 0, base: 0, key };

function seal(write: Write, start = 0, summary: Summary = emptySummary): Buffer {
  const record = sealRecord(write, summary, { ...place, start }, checksum);
  return Buffer.concat([Buffer.alloc(start), record]);
}

const oneWrite = () => new Writer().write(["payload", "another"], { view: 3, commit: 1 });

describe("a record", () => {
  test("comes back as it was, with its place and what was before it", () => {
    fc.assert(
      fc.property(someWrites, fc.nat({ max: 200 }), fc.maxSafeNat(), (writes, start, base) => {
        let summary = emptySummary;
        for (const write of writes) {
          const record = sealRecord(write, summary, { start, base, key }, checksum);
          const bytes = Buffer.concat([Buffer.alloc(start), record]);
          expect(readRecord(bytes, start, key, checksum)).toEqual({
            start,
            end: start + recordBytes(write),
            base,
            headBefore: summary.head,
            headBeforeChecksum: summary.headChecksum,
            write,
            lost: [],
          });
          summary = summaryAfter(summary, write);
        }
      }),
    );
  });

  test("is none, or has lost entries, if the bytes end within it, wherever they do", () => {
    const bytes = seal(oneWrite());
    for (let length = 0; length < bytes.length; length++) {
      const record = readRecord(bytes.subarray(0, length), 0, key, checksum);
      if (record !== undefined) expect(record.lost.length).toBeGreaterThan(0);
    }
  });

  test("with any bit flipped is none, or has lost the entry whose body that was", () => {
    const write = oneWrite();
    const bytes = seal(write);
    const bodies = bytes.length - write.entries.reduce((sum, { body }) => sum + body.length, 0);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const damaged = Buffer.from(bytes);
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const record = readRecord(damaged, 0, key, checksum);
      if (bit >> 3 < bodies) {
        expect(record).toBeUndefined();
        continue;
      }
      const [{ op, parent, checksum: own } = { op: 0 }] = write.entries.filter(
        (entry) => !record?.write.entries.some((kept) => kept.op === entry.op),
      ) as Partial<Write["entries"][number]>[];
      expect(record?.lost).toEqual([{ op, checksum: own, parent }]);
    }
  });

  test("is taken for one only at its own place, and in its own segment", () => {
    const bytes = seal(oneWrite());
    const moved = Buffer.concat([Buffer.alloc(10), bytes]);
    expect(findRecord(moved, 0, key, checksum)).toBeUndefined();
    expect(readRecord(bytes, 0, checksum(Buffer.from("other")), checksum)).toBeUndefined();
  });

  test("is found behind rubbish, and rubbish is not taken for one", () => {
    const bytes = seal(oneWrite(), 40);
    bytes.write("TRJ2 no record", 3);
    expect(findRecord(bytes, 0, key, checksum)?.start).toBe(40);
    expect(findRecord(bytes.subarray(0, 40), 0, key, checksum)).toBeUndefined();
  });
});

test("a summary follows the head through truncations and repairs", () => {
  const writer = new Writer();
  const first = writer.write(["one", "two", "three"], { view: 1, commit: 1 });
  const [, two, three] = first.entries;
  let summary = summaryAfter(emptySummary, first);
  expect(summary).toEqual({
    view: 1,
    log_view: 1,
    commit: 1,
    head: 3,
    headChecksum: three?.checksum,
    headTimestamp: three?.timestamp,
  });
  const repair = { ...first, entries: first.entries.slice(1, 2), commit: 0 };
  expect(summaryAfter(summary, repair)).toEqual(summary);
  summary = summaryAfter(summary, { ...first, entries: [], truncate: 2 });
  expect(summary).toMatchObject({ head: 2, headChecksum: undefined });
  summary = summaryAfter(summary, repair);
  expect(summary).toMatchObject({ head: 2, headChecksum: two?.checksum });
});
