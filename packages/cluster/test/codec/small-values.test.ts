/** The short way must write the bytes, and read the values, that the long way does. */
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Codec } from "../../src/codec/codec.ts";
import { notSmall, SMALL_BYTES, SMALL_LEVELS, SmallReader } from "../../src/codec/small-values.ts";
import { SmallWriter } from "../../src/codec/small-writer.ts";

/** A codec whose limit is below that of the short way takes the long way only. */
const long = new Codec({ maxDepth: SMALL_LEVELS - 1 });
const writer = new SmallWriter();
const reader = new SmallReader();

const nested = (levels: number): unknown => (levels === 0 ? 1 : [nested(levels - 1)]);

/** What the short way wrote, or undefined if it left the value alone. */
function written(value: unknown): Uint8Array | undefined {
  const length = writer.write(value);
  return length === 0 ? undefined : writer.copy(length);
}

const numbers = [
  0,
  -0,
  1,
  23,
  24,
  255,
  256,
  65_535,
  65_536,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 53,
  -1,
  -24,
  -25,
  -256,
  -257,
  -65_536,
  -65_537,
  -(2 ** 31),
  -(2 ** 31) - 1,
  -(2 ** 32),
  -(2 ** 32) - 1,
  -(2 ** 53),
  0.5,
  -1.5,
  1e300,
  Number.MIN_VALUE,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
];

const small: [string, unknown][] = [
  ["undefined", undefined],
  ["null", null],
  ["true and false", [true, false]],
  ...numbers.map((n): [string, unknown] => [`the number ${Object.is(n, -0) ? "-0" : n}`, n]),
  ...[0, 1, 23, 24, 25, 255, 256, 1000].map((length): [string, unknown] => [
    `a text of ${length} characters`,
    "x".repeat(length),
  ]),
  ["an object", { id: 1, name: "x" }],
  ["an empty object in an empty array", [[], {}]],
  ["an array of 300", Array.from({ length: 300 }, (_, n) => n)],
  ["an object of 30", Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`k${n}`, n]))],
  ["keys like indices and methods", { 7: 1, constructor: 2, "": 3, toString: 4, "a b": 5 }],
  ["a key too long to be kept", { ["k".repeat(30)]: 1 }],
  ["as many levels as there may be", nested(SMALL_LEVELS - 1)],
  ["a frozen object", Object.freeze({ a: Object.freeze([1]) })],
  ["an array with a constructor of its own", Object.assign([1], { constructor: 5 })],
  ...[0, 1, 23, 24, 300].map((length): [string, unknown] => [
    `a Uint8Array and a Buffer of ${length} bytes`,
    { array: new Uint8Array(length).fill(7), buffer: Buffer.alloc(length, 8) },
  ]),
  ["a Buffer alone", Buffer.from([1, 2, 3])],
  ["a view into a longer Uint8Array", new Uint8Array([1, 2, 3, 4]).subarray(1, 3)],
];

describe("the short way is taken for", () => {
  test.each(small)("%s", (_name, value) => {
    const bytes = written(value) as Uint8Array;
    expect(Buffer.from(bytes)).toEqual(Buffer.from(long.encode(value)));
    const read = reader.read(bytes);
    expect(read).not.toBe(notSmall);
    expect(read).toStrictEqual(long.decode(bytes));
  });

  test("the deepest level that it goes to, and not for the next", () => {
    const bytes = written(nested(SMALL_LEVELS)) as Uint8Array;
    expect(reader.read(bytes)).toEqual(nested(SMALL_LEVELS));
    expect(written(nested(SMALL_LEVELS + 1))).toBe(undefined);
    expect(reader.read(new Codec().encode(nested(SMALL_LEVELS + 1)))).toBe(notSmall);
  });
});

const cycle: Record<string, unknown> = {};
cycle.self = cycle;
const sparse: unknown[] = [1];
sparse[2] = 3;

describe("the long way is left to decide on", () => {
  const others: [string, unknown][] = [
    ["a bigint", 1n],
    ["text that is not ASCII", "é"],
    ["a long text that is not ASCII", "é".repeat(100)],
    ["a key that is not ASCII", { é: 1 }],
    ["a text without room", "x".repeat(SMALL_BYTES)],
    ["numbers without room", Array.from({ length: SMALL_BYTES }, () => 1.5)],
    ["many keys", Object.fromEntries(Array.from({ length: 2000 }, (_, n) => [n, n]))],
    ["a Map", new Map()],
    ["a Date", new Date(0)],
    ["bytes without room", new Uint8Array(SMALL_BYTES)],
    ["bytes that share memory", new Uint8Array(new SharedArrayBuffer(8))],
    ["what only pretends to be bytes", Object.create(Uint8Array.prototype)],
    ["a subclass of Uint8Array", new (class Row extends Uint8Array {})(1)],
    ["another typed array", new Uint16Array(1)],
    ["an error", new Error("x")],
    ["an instance", new (class Point {})()],
    ["an object without a prototype", Object.create(null)],
    ["a subclass of Array", new (class Row extends Array {})()],
    ["what only pretends to be an array", Object.create(Array.prototype)],
    ["a function", { f: () => {} }],
    ["a symbol", [Symbol("s")]],
    ["a property named by a symbol", { [Symbol("s")]: 1 }],
    ["a hole in an array", sparse],
    ["a cycle", cycle],
    ["a key named __proto__", JSON.parse('{"__proto__":1}')],
    [
      "a getter that throws",
      {
        get lazy() {
          throw new RangeError("not yet");
        },
      },
    ],
  ];
  test.each(others)("%s", (_name, value) => {
    expect(written(value)).toBe(undefined);
  });

  test("a value that is encoded by a getter of another one", () => {
    const inner: (Uint8Array | undefined)[] = [];
    const value = {
      before: 1,
      get lazy() {
        inner.push(written("inner"));
        return 2;
      },
      after: 3,
    };
    expect(reader.read(written(value) as Uint8Array)).toEqual({ before: 1, lazy: 2, after: 3 });
    expect(inner).toEqual([undefined]);
    const codec = new Codec();
    const both = {
      get lazy() {
        return codec.decode(codec.encodeShared("inner") as Uint8Array);
      },
    };
    expect(codec.decode(codec.encodeShared(both) as Uint8Array)).toEqual({ lazy: "inner" });
  });

  test.each([
    "f97e00",
    "fa3fc00000",
    "1b0000000000000001",
    "c100",
    "430102",
    "d8404301",
    "d84041",
    "d84060",
    "d84401ff",
    "d8",
    "62c3a9",
    "9f01ff",
  ])("the bytes %s", (bytes) => {
    expect(reader.read(Buffer.from(bytes, "hex"))).toBe(notSmall);
  });

  test("bytes that were read own their memory, and no more than that", () => {
    const encoded = long.encode({ array: new Uint8Array([1, 2]), buffer: Buffer.from([3, 4]) });
    const read = reader.read(encoded) as { array: Uint8Array; buffer: Buffer };
    encoded.fill(0);
    expect([...read.array, ...read.buffer]).toEqual([1, 2, 3, 4]);
    expect([read.array.buffer.byteLength, read.buffer.buffer.byteLength]).toEqual([2, 2]);
  });
});

test("whatever is written the short way is written the same the long way", () => {
  const anything = fc.anything({ withBigInt: true, withMap: true, withSparseArray: true });
  const words = fc.constantFrom("id", "name", "items", "constructor", "x".repeat(40));
  const bytes = fc.oneof(
    fc.uint8Array(),
    fc.uint8Array().map((array) => Buffer.from(array)),
  );
  const plain = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      fc.oneof(fc.double(), fc.integer(), fc.boolean(), fc.string(), fc.constant(-0), words, bytes),
      fc.array(tie("tree"), { maxLength: 5 }),
      fc.dictionary(words, tie("tree"), { noNullPrototype: true }),
    ),
  })).tree;
  let short = 0;
  fc.assert(
    fc.property(fc.oneof(plain, anything), (value) => {
      const bytes = written(value);
      if (bytes === undefined) return;
      short += 1;
      expect(Buffer.compare(bytes, long.encode(value))).toBe(0);
      // `toStrictEqual` looks at the constructor, which may be a key here.
      expect(isDeepStrictEqual(reader.read(bytes), value)).toBe(true);
    }),
    { numRuns: 1000 },
  );
  expect(short).toBeGreaterThan(250);
});

/** What the short way reads, the long way must read the same. Tells whether it was read. */
function agree(bytes: Uint8Array): boolean {
  const value = reader.read(bytes);
  if (value === notSmall) return false;
  const other = long.decode(bytes);
  if (!isDeepStrictEqual(value, other)) expect(value).toStrictEqual(other);
  return true;
}

describe("whatever is read the short way is read the same the long way:", () => {
  test("every message of one byte and of two", () => {
    let read = 0;
    for (let first = 0; first < 256; first++) {
      if (agree(Uint8Array.of(first))) read += 1;
      for (let second = 0; second < 256; second++) {
        if (agree(Uint8Array.of(first, second))) read += 1;
      }
    }
    expect(read).toBeGreaterThan(700);
  });

  test("a message with bytes changed, cut and doubled", () => {
    const good = long.encode({
      id: 7,
      name: "a name of more than twenty-four",
      items: [1, -2.5, null, undefined, true, { id: 8, "": [] }],
      parts: [new Uint8Array([1, 2, 3]), Buffer.from([4, 5, 6])],
    });
    const change = fc.tuple(fc.nat(good.length - 1), fc.nat(255));
    const whole = fc.oneof(fc.constant(good.length), fc.nat(good.length));
    let read = 0;
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), whole, (changes, cut) => {
        const bytes = Uint8Array.from(good.subarray(0, cut));
        for (const [at, byte] of changes) if (at < bytes.length) bytes[at] = byte;
        if (agree(bytes)) read += 1;
      }),
      { numRuns: 3000 },
    );
    expect(read).toBeGreaterThan(100);
    expect(reader.read(Buffer.concat([good, good]))).toBe(notSmall);
  });

  test("keys that share a place where they are kept", () => {
    const keys = ["ab", "ba", "axb", "ayb", "azb", "a", "b", "", "aab", "abb"];
    for (let round = 0; round < 3; round++) {
      for (const key of keys) {
        expect(reader.read(long.encode({ [key]: round }))).toEqual({ [key]: round });
      }
    }
  });
});
