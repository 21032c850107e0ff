import { expect, test } from "vitest";
import { checksum } from "../../src/checksum.ts";
import { markStride, readMark, readMeta, sealMark, sealMeta } from "../../src/journal/meta.ts";
import { emptySummary } from "../../src/journal/summary.ts";

const meta = {
  number: 9,
  incarnation: 4,
  epoch: 2,
  checkpoint: 1024,
  segment: 3,
  first: 2,
  view: 7,
  log_view: 6,
  identity: '{"group":"größer"}',
};

const ended = { lives: { lives: [0, 1_700_000_000_000, 0], rejoining: true } };

test.each([
  ["while nobody has lost a journal", meta],
  ["which tells of lives", { ...meta, ...ended }],
])("a meta record comes back as it was, %s, and with any bit flipped not at all", (_, given) => {
  const bytes = sealMeta(given, checksum);
  expect(readMeta(bytes, checksum)).toEqual(given);
  // A longer one may have stood there before.
  expect(readMeta(Buffer.concat([bytes, Buffer.alloc(9, 7)]), checksum)).toEqual(given);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const damaged = Buffer.from(bytes);
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(readMeta(damaged, checksum)).toBe("damaged");
  }
  for (let length = 0; length < bytes.length; length++) {
    expect(readMeta(bytes.subarray(0, length), checksum)).toBe("damaged");
  }
});

test("a meta record of another format says of which", () => {
  const bytes = sealMeta(meta, checksum);
  bytes.writeUInt32BE(4, 4);
  bytes.write(checksum(bytes.subarray(0, 76), bytes.subarray(92)), 76, "hex");
  expect(readMeta(bytes, checksum)).toEqual({ version: 4 });
});

test("of two marks the later one counts, if it holds, and none of another journal", () => {
  const identity = checksum(Buffer.from("this"));
  const mark = { segment: 1, offset: 2048, summary: emptySummary, identity };
  const bytes = Buffer.alloc(2 * markStride);
  for (const number of [4, 5]) {
    const later = { ...mark, number, offset: 1000 * number };
    sealMark(later, checksum).copy(bytes, (number % 2) * markStride);
  }
  expect(readMark(bytes, identity, checksum)).toMatchObject({ number: 5, offset: 5000 });
  bytes[markStride + 80] = 0xff - (bytes[markStride + 80] ?? 0);
  expect(readMark(bytes, identity, checksum)).toMatchObject({ number: 4, offset: 4000 });
  expect(readMark(bytes, checksum(Buffer.from("that")), checksum)).toBeUndefined();
});
