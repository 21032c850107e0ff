import { isDeepStrictEqual } from "node:util";
import { expect, test } from "vitest";
import { ByteWriter, TwoParts } from "../../src/bytes.ts";
import { Codec } from "../../src/codec/codec.ts";
import { SMALL_BYTES, SMALL_LEVELS } from "../../src/codec/small-values.ts";
import { decodeWholeBytes, encodeWholeBytes } from "../../src/codec/whole-bytes.ts";
import { encodeFrame, FrameKind } from "../../src/link/frame.ts";

/** A codec whose limit is below that of the short way takes the long way only. */
const long = new Codec({ maxDepth: SMALL_LEVELS - 1 });

/** The encoding as it is written into a frame. */
function whole(value: unknown, maxBytes = 1 << 20): Buffer | undefined {
  const encoded = encodeWholeBytes(value, maxBytes);
  return encoded && new ByteWriter(encoded.length).bytes(encoded).done();
}

test("bytes that are a whole value are left alone where they would be too long", () => {
  expect(whole(Buffer.alloc(5000), 5003)).toHaveLength(5003);
  expect(whole(Buffer.alloc(5000), 5002)).toBe(undefined);
  const codec = new Codec({ maxBytes: 5000 });
  expect(() => codec.encode(new Uint8Array(5000))).toThrow(/more than 5000 bytes/);
});

test("what is to be copied at once is not put together before, and what is kept is a copy", () => {
  const codec = new Codec();
  const value = new Uint8Array(200_000).fill(3);
  const shared = codec.encodeShared(value) as TwoParts;
  expect(shared).toBeInstanceOf(TwoParts);
  expect(shared.rest).toBe(value);
  const kept = codec.encode(value);
  value.fill(4);
  expect(kept.buffer.byteLength).toBe(kept.length);
  expect(new Set(codec.decode(kept) as Uint8Array)).toEqual(new Set([3]));
});

test("a frame is the same, whether its value lies in one place or in two", () => {
  const codec = new Codec();
  const value = new Uint8Array(70_000).map((_, at) => at);
  const [head, one, two] = [Buffer.from("head"), codec.encode(value), codec.encodeShared(value)];
  const frame = encodeFrame(FrameKind.start, 9, 0, head, one);
  expect(Buffer.compare(encodeFrame(FrameKind.start, 9, 0, head, two), frame)).toBe(0);
});

test("bytes that are a whole value are written as the long way writes them, whatever their length", () => {
  const random = Buffer.from(Array.from({ length: 70_000 }, (_, at) => (at * 31) & 0xff));
  for (const length of [SMALL_BYTES, 65_535, 65_536, 70_000]) {
    for (const bytes of [random.subarray(0, length), new Uint8Array(random.subarray(0, length))]) {
      const short = whole(bytes) as Uint8Array;
      expect(Buffer.compare(short, long.encode(bytes))).toBe(0);
      const back = new Codec().decode(short) as Uint8Array;
      expect(back.constructor).toBe(bytes.constructor);
      expect(Buffer.compare(back, bytes)).toBe(0);
      // What is sent is what it was, not what it becomes.
      expect(short.buffer).not.toBe(bytes.buffer);
    }
  }
  class Bytes extends Uint8Array {}
  const others = [new Bytes(5000), new Uint8Array(new SharedArrayBuffer(5000)), new Uint8Array(9)];
  for (const other of [...others, new Uint16Array(5000), "x".repeat(5000), undefined]) {
    expect(whole(other)).toBeUndefined();
  }
});

test("what is read is a copy that owns its memory", () => {
  for (const bytes of [new Uint8Array(5000).fill(7), Buffer.alloc(100_000, 9)]) {
    const message = long.encode(bytes);
    const read = decodeWholeBytes(message) as Uint8Array;
    expect(isDeepStrictEqual(read, long.decode(message))).toBe(true);
    message.fill(0);
    expect(isDeepStrictEqual(read, bytes)).toBe(true);
    expect(read.buffer.byteLength).toBe(bytes.length);
  }
});

test("whatever is no byte string from end to end is left to the long way", () => {
  const good = long.encode(new Uint8Array(5000));
  expect(decodeWholeBytes(good)).toEqual(new Uint8Array(5000));
  expect(decodeWholeBytes(good.subarray(0, 4000))).toBe(undefined);
  expect(decodeWholeBytes(Buffer.concat([good, Buffer.from([0])]))).toBe(undefined);
  expect(decodeWholeBytes(long.encode(new Uint8Array(SMALL_BYTES - 5)))).toBe(undefined);
  const others = [["x".repeat(5000)], "x".repeat(5000), new Int8Array(5000), new Set([1])];
  for (const other of others) expect(decodeWholeBytes(long.encode(other))).toBe(undefined);
  for (const head of ["5b", "5c", "5f", "d84059", "d84058", "d840d840"]) {
    const bytes = Buffer.concat([Buffer.from(head, "hex"), Buffer.alloc(5000, 0xff)]);
    expect(decodeWholeBytes(bytes)).toBe(undefined);
    expect(() => new Codec().decode(bytes)).toThrow(
      expect.objectContaining({ code: "ERR_DECODE" }),
    );
  }
});
