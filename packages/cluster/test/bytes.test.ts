import fc from "fast-check";
import { expect, test } from "vitest";
import { ByteReader, ByteWriter, textBytes } from "../src/bytes.ts";

test("what was written is read back", () => {
  const bytes = new ByteWriter(1 + 2 + 4 + 8 + 3 + 4 + 1)
    .u8(1)
    .u16(2)
    .u32(3)
    .u64(Number.MAX_SAFE_INTEGER)
    .text8("ä")
    .text16("bc")
    .bytes(Buffer.from([9]))
    .done();
  const reader = new ByteReader(bytes, "test");
  expect([reader.u8(), reader.u16(), reader.u32(), reader.u64()]).toEqual([
    1,
    2,
    3,
    Number.MAX_SAFE_INTEGER,
  ]);
  expect([reader.text8(), reader.text16(), [...reader.rest()]]).toEqual(["ä", "bc", [9]]);
});

test("reading past the end is a protocol error that names the body", () => {
  const reader = new ByteReader(Buffer.from([5, 65]), "REPLY");
  expect(() => reader.text8()).toThrow(/REPLY: truncated, 5 bytes expected at 1 of 2/);
});

test("a number that a number cannot hold is a protocol error", () => {
  const reader = new ByteReader(Buffer.alloc(8, 0xff), "HELLO");
  expect(() => reader.u64()).toThrow(expect.objectContaining({ code: "ERR_PROTOCOL" }));
});

test("a buffer that is not filled to its end is a bug", () => {
  expect(() => new ByteWriter(2).u8(1).done()).toThrow(
    expect.objectContaining({ code: "ERR_INVARIANT" }),
  );
});

test("any text is read back as it was written, and takes the bytes that it is said to take", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary", maxLength: 40 }),
    fc.stringMatching(/^[a-z]*$/),
  );
  fc.assert(
    fc.property(fc.array(text, { maxLength: 8 }), (texts) => {
      const size = texts.reduce((sum, one) => sum + 2 + textBytes(one), 0);
      expect(size).toBe(texts.reduce((sum, one) => sum + 2 + Buffer.byteLength(one), 0));
      const writer = new ByteWriter(size);
      for (const one of texts) writer.text16(one);
      const reader = new ByteReader(writer.done(), "test");
      const mended = texts.map((one) => Buffer.from(one).toString());
      expect(texts.map(() => reader.text16())).toEqual(mended);
    }),
  );
});

test("bytes that are no UTF-8 are read as the decoder mends them, short or long", () => {
  for (const bytes of [[0xff], [0x61, 0xc3], [0xed, 0xa0, 0x80], [0x80, 0x80]]) {
    for (const padding of ["", "x".repeat(40)]) {
      const body = Buffer.concat([Buffer.from(bytes), Buffer.from(padding)]);
      const read = () =>
        new ByteReader(Buffer.concat([Buffer.from([body.length]), body]), "t").text8();
      expect([read(), read()]).toEqual([body.toString(), body.toString()]);
    }
  }
});

test("writer and reader can be turned to a part of other memory, and stay within it", () => {
  const memory = Buffer.alloc(12, 0xee);
  const writer = new ByteWriter(0).aim(memory, 2, 8);
  writer.u16(1).u32(0xffff_ffff).end();
  expect(memory.toString("hex")).toBe("eeee0001ffffffffeeeeeeee");
  const reader = new ByteReader(memory, "other").aim(memory, 2, 8, "part");
  expect([reader.u16(), reader.rest().toString("hex")]).toEqual([1, "ffffffff"]);
  expect(() => reader.u8()).toThrow("part: truncated, 1 bytes expected at 6 of 6");
  const invariant = expect.objectContaining({ code: "ERR_INVARIANT" });
  expect(() => writer.aim(memory, 2, 4).bytes(Buffer.alloc(3))).toThrow(invariant);
  expect(() => writer.aim(memory, 2, 8).bytes(Buffer.alloc(2)).end()).toThrow(invariant);
});

test("a number that its field cannot hold is a bug", () => {
  for (const number of [-1, 2 ** 32, 1.5, Number.NaN]) {
    expect(() => new ByteWriter(8).u32(number)).toThrow(/a u32 field/);
  }
  expect(() => new ByteWriter(8).u64(2 ** 53)).toThrow(/a u64 field/);
});
