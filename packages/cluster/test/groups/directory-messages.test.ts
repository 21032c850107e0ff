import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type Change,
  type DirectoryMessage,
  decodeDirectoryMessage,
  encodeDirectoryMessage,
  MAX_KEY_BYTES,
  placeId,
} from "../../src/groups/directory-messages.ts";

const hex = (message: DirectoryMessage) => encodeDirectoryMessage(message).toString("hex");
const decode = (text: string, maxValueBytes = 4096) =>
  decodeDirectoryMessage(Buffer.from(text, "hex"), maxValueBytes);

const set: Change = { space: 1, topic: "g", key: "7", value: new Uint8Array([0xab, 0xcd]) };
const gone: Change = { space: 3, topic: "t", key: "0:é", value: undefined };

test("every message has a fixed layout", () => {
  expect(hex({ kind: "ask" })).toBe("03");
  expect(hex({ kind: "delta", version: 5, changes: [set, gone] })).toBe(
    `02 00 0000000000000005 00000002
     01 0001 67 0001 37 00000002 abcd
     83 0001 74 0004 303ac3a9`.replaceAll(/\s/g, ""),
  );
  const parts = { kind: "snapshot", version: 0x1_0000_0001, changes: [] } as const;
  expect(hex({ ...parts, isFirst: true, isLast: false })).toBe("0101000000010000000100000000");
  expect(hex({ ...parts, isFirst: false, isLast: true })).toBe("0102000000010000000100000000");
});

const change = fc.record({
  space: fc.integer({ min: 0, max: 127 }),
  topic: fc.string({ unit: "grapheme", maxLength: 20 }),
  key: fc.string({ unit: "grapheme", maxLength: 20 }),
  value: fc.uint8Array({ maxLength: 50 }),
});

test("what was encoded decodes to the same", () => {
  fc.assert(
    fc.property(fc.array(change), fc.maxSafeNat(), fc.boolean(), (changes, version, isFirst) => {
      const delta = { kind: "delta", version, changes: [...changes, gone] } as const;
      expect(decode(hex(delta))).toEqual(delta);
      const part = { kind: "snapshot", version, changes, isFirst, isLast: !isFirst } as const;
      expect(decode(hex(part))).toEqual(part);
    }),
  );
});

test("bytes that are no message are a protocol error, whatever they are", () => {
  const whole = hex({ kind: "delta", version: 5, changes: [set, gone] });
  for (let end = 0; end < whole.length; end += 2) {
    expect(() => decode(whole.slice(0, end))).toThrow(/protocol violation/);
  }
  expect(() => decode(`${whole}00`)).toThrow(/with a tail/);
  expect(() => decode("0300")).toThrow(/with a tail/);
  expect(() => decode("09")).toThrow(/of kind 9/);
  // A count that lies allocates nothing.
  expect(() => decode("02000000000000000005ffffffff")).toThrow(/truncated/);
  expect(() =>
    decode("0100000000000000000500000001 83 0001 74 0001 30".replaceAll(" ", "")),
  ).toThrow(/an entry that is gone/);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      try {
        decodeDirectoryMessage(bytes, 4096);
      } catch (error) {
        expect(error).toMatchObject({ code: "ERR_PROTOCOL" });
      }
    }),
  );
});

test("what is larger than may be kept is refused", () => {
  const delta = (more: Partial<Change>) =>
    hex({ kind: "delta", version: 1, changes: [{ ...set, ...more }] });
  expect(() => decode(delta({ value: new Uint8Array(11) }), 10)).toThrow(/a value of 11 bytes|11/);
  expect(() => decode(delta({ topic: "x".repeat(257) }))).toThrow(/topic of more than 256/);
  expect(() => decode(delta({ key: "x".repeat(MAX_KEY_BYTES + 1) }))).toThrow(/key of more than/);
});

test("a value that was read does not hold the message it came in", () => {
  const message = decode(hex({ kind: "delta", version: 5, changes: [set] }));
  const [read] = message.kind === "delta" ? message.changes : [];
  expect(read?.value?.buffer.byteLength).toBe(2);
});

test("different places have different ids", () => {
  const places = [
    { space: 1, topic: "a", key: "bc" },
    { space: 1, topic: "ab", key: "c" },
    { space: 11, topic: "ab", key: "c" },
    { space: 1, topic: "1:a", key: "b" },
  ];
  expect(new Set(places.map(placeId)).size).toBe(places.length);
});
