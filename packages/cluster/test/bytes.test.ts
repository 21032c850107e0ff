import { expect, test } from "vitest";
import { ByteReader, ByteWriter } from "../src/bytes.ts";

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
