import { isDeepStrictEqual } from "node:util";
import type { RefAddress } from "@troupe/actor";
import { Encoder, Tag } from "cbor-x";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Codec } from "../../src/codec/codec.ts";

const codec = new Codec();
const roundTrip = (value: unknown) => codec.decode(codec.encode(value));
const decodeError = expect.objectContaining({ code: "ERR_DECODE" });

describe("these values come back as they were:", () => {
  const values: [string, unknown][] = [
    ["undefined", undefined],
    ["null", null],
    ["booleans", [true, false]],
    ["integers", [0, 1, 23, 24, 255, 256, 65_536, 2 ** 32, -1, -25, -(2 ** 31) - 1, -(2 ** 40)]],
    ["fractions", [0.1, -1.5, 1e300, Number.MIN_VALUE]],
    ["NaN and the infinities", [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]],
    ["the largest integer", Number.MAX_SAFE_INTEGER],
    ["text", ["", "a", "grüße", "😀", "x".repeat(70), "é".repeat(300), "x".repeat(70_000)]],
    ["small bigints", [0n, 1n, -1n, 2n ** 63n, -(2n ** 63n)]],
    ["large bigints", [2n ** 64n, -(2n ** 64n) - 1n, 2n ** 8000n]],
    [
      "dates",
      [
        new Date(0),
        new Date(-1),
        new Date(1_700_000_000_123),
        new Date(-(2 ** 50)),
        new Date(Number.NaN),
      ],
    ],
    ["bytes", [new Uint8Array([1, 2, 3]), new Uint8Array(0), Buffer.from("abc")]],
    ["typed arrays", [new Float64Array([1.5, -2]), new Int16Array([-3]), new BigInt64Array([4n])]],
    ["nested objects", { a: { b: [{ c: 1 }, []] }, "": {}, "a b": 1 }],
    ["an object with undefined", { a: undefined }],
    [
      "a map with keys of all kinds",
      new Map<unknown, unknown>([
        [1, "a"],
        ["1", { x: 1 }],
      ]),
    ],
    ["a map in a map, with objects around", { m: new Map([[{ k: 1 }, new Map([[1, { z: 2 }]])]]) }],
    ["a set", new Set<unknown>([1, "a", new Set([2])])],
    ["a key like a method", { constructor: 1, toString: "x", hasOwnProperty: null }],
  ];
  test.each(values)("%s", (_name, value) => {
    expect(roundTrip(value)).toEqual(value);
  });

  test.each([65_535, 65_536, 65_537, 70_000])("an object, a map and more of %i", (size) => {
    const numbers = Array.from({ length: size }, (_, n) => n);
    const object = Object.fromEntries(numbers.map((n) => [`k${n}`, n]));
    const map = new Map(numbers.map((n) => [n, 1]));
    // Not `toEqual`, which compares every member of a set with every other one.
    for (const value of [object, numbers, map, new Set(numbers)]) {
      expect(isDeepStrictEqual(roundTrip(value), value)).toBe(true);
    }
  });

  test("undefined stays apart from an absent key", () => {
    expect(Object.keys(roundTrip({ a: undefined }) as object)).toEqual(["a"]);
  });
});

test("-0 stays -0, wherever it stands", () => {
  const value = {
    root: -0,
    list: [0, -0, [-0]],
    map: new Map([["k", -0]]),
    deep: { error: new Error("x", { cause: -0 }) },
    floats: new Float64Array([-0]),
  };
  expect(Object.is(roundTrip(-0), -0)).toBe(true);
  expect(roundTrip(value)).toStrictEqual(value);
  expect(Object.is((roundTrip(value) as typeof value).deep.error.cause, -0)).toBe(true);
  // A Map and a Set hold 0 where they are given -0, before anything is sent.
  expect(roundTrip(new Set([-0]))).toStrictEqual(new Set([0]));
});

test("-0 is the double that it is, and 0 stays an integer", () => {
  expect(Buffer.from(codec.encode([-0, 0])).toString("hex")).toBe("82fb800000000000000000");
});

test("an object that is reachable twice arrives as two", () => {
  const shared = { n: 1 };
  const [one, two] = roundTrip([shared, shared]) as [object, object];
  expect(one).toEqual(two);
  expect(one).not.toBe(two);
});

test("whatever plain data goes in, the same comes out", () => {
  const keys = fc.string({ unit: "grapheme" }).filter((key) => key !== "__proto__");
  const leaf = fc.oneof(
    fc.constant(undefined),
    fc.constant(null),
    fc.boolean(),
    fc.double(),
    fc.integer(),
    fc.bigInt(),
    fc.string({ unit: "grapheme" }),
    fc.date({ min: new Date(-(2 ** 50)), max: new Date(2 ** 50) }),
    fc.uint8Array(),
  );
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 5 },
      leaf,
      fc.array(tie("tree"), { maxLength: 5 }),
      fc.dictionary(keys, tie("tree"), { maxKeys: 5, noNullPrototype: true }),
      fc.uniqueArray(fc.integer(), { maxLength: 5 }).map((ns) => new Set(ns)),
      fc.array(fc.tuple(fc.integer(), tie("tree")), { maxLength: 5 }).map((e) => new Map(e)),
    ),
  }));
  fc.assert(
    fc.property(tree, (value) => {
      expect(roundTrip(value)).toStrictEqual(value);
    }),
    { numRuns: 500 },
  );
});

describe("ownership of memory:", () => {
  test("an encoded value is not changed by encoding another", () => {
    const first = codec.encode("first");
    const before = Uint8Array.from(first);
    for (let n = 0; n < 2000; n++) codec.encode({ n, text: "x".repeat(50) });
    expect(first).toEqual(before);
    expect(first.buffer.byteLength).toBe(first.length);
  });

  test("decoded bytes do not alias the message", () => {
    const message = codec.encode({ bytes: new Uint8Array([1, 2]), buffer: Buffer.from([3]) });
    const value = codec.decode(message) as { bytes: Uint8Array; buffer: Buffer };
    message.fill(0);
    expect([...value.bytes, ...value.buffer]).toEqual([1, 2, 3]);
  });

  test("a view into a larger buffer is decoded by itself, and nothing is left on it", () => {
    const encoded = codec.encode(["x", 5]);
    const padded = Buffer.concat([Buffer.alloc(3, 0xff), encoded, Buffer.alloc(3, 0xff)]);
    const view = padded.subarray(3, 3 + encoded.length);
    expect(codec.decode(view)).toEqual(["x", 5]);
    expect(Object.keys(view).filter((key) => Number.isNaN(Number(key)))).toEqual([]);
  });
});

describe("refs:", () => {
  class FakeRef {
    readonly address: RefAddress;
    constructor(address: RefAddress) {
      this.address = address;
    }
  }
  const address: RefAddress = {
    kind: "process",
    node: "a",
    incarnation: 2 ** 50,
    id: 7,
    actor: "c",
  };
  const withRefs = new Codec({
    ref: {
      toAddress: (value) => (value instanceof FakeRef ? value.address : undefined),
      fromAddress: (given) => new FakeRef(given),
    },
  });

  test("cross wherever they stand: in objects, arrays, maps, keys and sets", () => {
    const ref = new FakeRef(address);
    const value = { one: ref, two: [ref], three: new Map([[ref, ref]]), four: new Set([ref]) };
    expect(withRefs.decode(withRefs.encode(value))).toEqual(value);
    expect(withRefs.decode(withRefs.encode(ref))).toEqual(ref);
  });

  test("do not change the value that they stand in", () => {
    const ref = new FakeRef(address);
    const value = { refs: [ref] };
    withRefs.encode(value);
    expect(value.refs[0]).toBe(ref);
  });

  test("are refused by a codec without a port, in both directions", () => {
    expect(() => codec.encode(new FakeRef(address))).toThrow(
      expect.objectContaining({ code: "ERR_NOT_SERIALIZABLE" }),
    );
    expect(() => codec.decode(withRefs.encode(new FakeRef(address)))).toThrow(decodeError);
  });

  test.each([
    [["process", "a", 1, 7]],
    [["group", "a", 1, 7, "c"]],
    [["process", 5, 1, 7, "c"]],
    [["process", "a", 1.5, 7, "c"]],
    [["process", "a", 1, -7, "c"]],
    [["process", "a", -1, 7, "c"]],
    [["name", "a", -1, "c", ""]],
    [["process", "a", 1, { a: 1 }, "c"]],
    ["process"],
  ])("of a wrong shape are refused: %j", (fields) => {
    const bytes = new Encoder({ useRecords: false }).encode(new Tag(fields, 40510));
    expect(() => withRefs.decode(bytes)).toThrow(decodeError);
  });
});

test("a getter that changes its mind is an error of the caller, and not of the codec", () => {
  let asked = 0;
  const value = {
    get moody() {
      return asked++ === 0 ? 1 : () => {};
    },
  };
  // The map makes it go the long way, on which a getter is asked twice.
  expect(() => codec.encode({ value, map: new Map() })).toThrow(
    expect.objectContaining({ code: "ERR_NOT_SERIALIZABLE" }),
  );
  expect(roundTrip("still works")).toBe("still works");
});

test("a getter that encodes does not spoil the value around it", () => {
  const inner: unknown[] = [];
  const value = {
    map: new Map([[1, 2]]),
    get lazy() {
      try {
        inner.push(codec.decode(codec.encodeShared(new Set([1])) as Uint8Array));
      } catch (error) {
        inner.push(error);
      }
      return 3;
    },
    after: "x".repeat(3000),
  };
  expect(roundTrip(value)).toEqual({ map: new Map([[1, 2]]), lazy: 3, after: "x".repeat(3000) });
  const refused = expect.objectContaining({ code: "ERR_NOT_SERIALIZABLE" });
  expect(inner).toEqual([new Set([1]), refused]);
  expect(roundTrip(new Set([1]))).toEqual(new Set([1]));
});

test("a value over the size limit is refused in both directions", () => {
  const small = new Codec({ maxBytes: 100 });
  expect(() => small.encode(["x".repeat(101)])).toThrow(/arg\[0\]: more than 100 bytes/);
  expect(() => small.encode({ b: new Uint8Array(200) })).toThrow(/more than 100 bytes/);
  expect(() => small.decode(codec.encode("x".repeat(200)))).toThrow(decodeError);
});

describe("hostile bytes:", () => {
  const hex = (text: string) => Buffer.from(text, "hex");
  test.each([
    ["nothing", ""],
    ["an array of 30 million in five bytes", "9a01c9c380"],
    ["an array of 2^64 in nine bytes", "9bffffffffffffffff"],
    ["a map of 2^32 in five bytes", "baffffffff"],
    ["nested arrays that each claim a million", "9a000f4240".repeat(8)],
    ["text of four gigabytes", "7affffffff41"],
    ["a stray break", "ff"],
    ["an array of unknown length", "9f0102ff"],
    ["a map of unknown length", "bf616101ff"],
    ["text in pieces", "7f61616162ff"],
    ["bytes after the value", "0101"],
    ["a truncated integer", "1a0001"],
    ["a truncated float", "fb00"],
    ["reserved length forms", "1c"],
    ["an unassigned simple value", "e0"],
    ["a two-byte simple value", "f8ff"],
    ["tag 27, which makes regular expressions", "d81b8366526567457870622e2a60"],
    ["tag 28, shared values", "d81c80"],
    ["tag 29, a reference to nothing", "d81d05"],
    ["tag 51, packed values", "d8338480808000"],
    ["tag 6, a packed reference", "c600"],
    ["tag 105, an old record", "d869820a80"],
    ["a record definition", "d9dfff83190e0081616105"],
    ["a bundle of strings", "d9dff98201820161"],
    ["self-described CBOR", "d9d9f700"],
    ["an unknown tag", "d9ffff00"],
    ["a tag within a tag", "c1c100"],
    ["a tag without content", "c1"],
    ["a date of text", "c1617a"],
    ["a date of a huge integer", "c11b7fffffffffffffff"],
    ["a bigint of text", "c2617a"],
    ["a bigint of two kilobytes", `c2590800${"ff".repeat(2048)}`],
    ["floats of seven bytes", `d85647${"00".repeat(7)}`],
    ["a set of an integer", "d9010200"],
    ["a map tag around an array", "d9010380"],
    ["an object with a key that is an array", "a18001"],
    ["an object with a key that is a number", "a10001"],
    ["an object with half an entry", "a16161"],
    ["an object whose key is a tag", "a1c10001"],
    ["an object whose key is null", "a1f600"],
    ["a key named __proto__", "a1695f5f70726f746f5f5fa1617801"],
    ["text that is no UTF-8", "62c328"],
    ["half of a surrogate pair", "63eda080"],
    ["an overlong slash", "62c0af"],
    ["a long text with a byte order mark", `7841efbbbf${"61".repeat(62)}`],
    ["a date beyond the year 37000", "c1fb7e37e43c8800759c"],
    ["an infinite date", "c1fb7ff0000000000000"],
    ["an error that is an array", "d99e3f80"],
    ["an error that is text", "d99e3f6178"],
    ["an instance without data", "d99e41816178"],
    ["an instance that is a map", "d99e41a0"],
    ["a tag of ours without content", "d99e3f"],
    ["a monitor's tag, which is not used", "d99e406178"],
  ])("%s is refused", (_name, bytes) => {
    expect(() => codec.decode(hex(bytes))).toThrow(decodeError);
  });

  test("a hundred thousand nested arrays do not cost the stack", () => {
    expect(() => codec.decode(Buffer.alloc(100_000, 0x81))).toThrow(/more than 64 levels/);
    expect(() => codec.decode(Buffer.alloc(100_000, 0xc1))).toThrow(decodeError);
  });

  test("as many levels as may be encoded may be decoded, and not one more", () => {
    const nested = (levels: number): unknown => (levels === 0 ? 1 : [nested(levels - 1)]);
    expect(roundTrip(nested(64))).toEqual(nested(64));
    expect(() => codec.encode(nested(65))).toThrow(/more than 64 levels/);
    const bytes = new Encoder({ useRecords: false }).encode(nested(65));
    expect(() => codec.decode(bytes)).toThrow(/more than 64 levels/);
  });
});
