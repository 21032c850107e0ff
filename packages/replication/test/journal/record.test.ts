import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checksum } from "../../src/checksum.ts";
import {
  decodeWrite,
  encodeWrite,
  findRecord,
  readRecord,
  recordHeaderBytes,
  sealRecord,
} from "../../src/journal/record.ts";
import { someWrites } from "../support/writes.ts";

const seal = (base: number, content: string) => sealRecord(base, Buffer.from(content), checksum);

describe("a record", () => {
  test("comes back with its base and its payload", () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.uint8Array({ maxLength: 60 }), (base, payload) => {
        const bytes = sealRecord(base, Buffer.from(payload), checksum);
        const record = readRecord(bytes, 0, checksum);
        if (typeof record !== "object") throw new Error(record);
        expect([record.base, record.end]).toEqual([base, recordHeaderBytes + payload.length]);
        expect(record.payload.equals(payload)).toBe(true);
      }),
    );
  });

  test("is short if the bytes end within it, wherever they do", () => {
    const bytes = seal(7, "payload");
    for (let length = 0; length < bytes.length; length++) {
      expect(readRecord(bytes.subarray(0, length), 0, checksum)).toBe("short");
    }
  });

  test("is no record any more once any bit of it has flipped", () => {
    const bytes = seal(7, "payload");
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const damaged = Buffer.from(bytes);
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(typeof readRecord(damaged, 0, checksum)).toBe("string");
    }
  });

  test("is found behind rubbish, and rubbish is not taken for one", () => {
    const rubbish = Buffer.concat([Buffer.from("TRJ1 no record"), seal(0, "torn").subarray(0, 20)]);
    const bytes = Buffer.concat([rubbish, seal(7, "payload")]);
    expect(findRecord(bytes, 0, checksum)?.payload.toString()).toBe("payload");
    expect(findRecord(rubbish, 0, checksum)).toBeUndefined();
  });
});

test("a write comes back as it was", () => {
  fc.assert(
    fc.property(someWrites, (writes) => {
      for (const write of writes) expect(decodeWrite(encodeWrite(write))).toEqual(write);
    }),
  );
});
