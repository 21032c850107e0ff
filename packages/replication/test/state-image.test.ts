/** A state in slices: whole again, the same everywhere, and no slice more work than it may be. */
import { defineWireClass } from "@troupe/actor";
import { WireClasses } from "@troupe/actor/runtime";
import { Codec } from "@troupe/cluster/runtime";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { smallTreeValues } from "../src/small-tree.ts";
import { sliceLimits, stateSlices } from "../src/state-image.ts";
import { StateReader } from "../src/state-reader.ts";
import { Token } from "../src/state-tokens.ts";

const codec = new Codec();
const small = { tokens: 3, bytes: 64 };
/** What a slice takes besides its tokens: heads, and the token that went beyond the limit. */
const slackBytes = 128 * 1024;

function read(slices: Iterable<Uint8Array>, by = codec): unknown {
  const reader = new StateReader(by);
  for (const slice of slices) reader.take(slice);
  return reader.end();
}

function roundTrip(value: unknown): unknown {
  return read(stateSlices(value, codec, small));
}

/** What stands in a slice: its codes, and what is within its values. */
function tokens(slice: Uint8Array): number {
  const [codes, parts] = codec.decode(slice) as [Uint8Array, unknown[]];
  return codes.length + parts.reduce<number>((sum, part) => sum + within(part), 0);
}

function within(value: unknown): number {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return 0;
  return Object.values(value).reduce((sum: number, part) => sum + 1 + within(part), 0);
}

function values(slice: Uint8Array): unknown[] {
  return (codec.decode(slice) as [Uint8Array, unknown[]])[1];
}

describe("what comes back", () => {
  test.each<[string, unknown]>([
    ["nothing", undefined],
    ["a number", 7],
    ["-0 and what is no number", [-0, Number.NaN, Number.POSITIVE_INFINITY]],
    ["a bigint", 2n ** 300n],
    ["a date", new Date(1234)],
    ["empty containers", [{}, [], new Map(), new Set(), "", new Uint8Array()]],
    ["keys in their order", { b: 1, a: 2, 10: 3, 9: 4 }],
    [
      "a map with keys of every kind",
      new Map<unknown, unknown>([
        [{ a: 1 }, 1],
        [[2], new Map()],
      ]),
    ],
    ["a set of containers", new Set([[1], { a: new Set([2]) }])],
    ["typed arrays", [new Float64Array([1.5]), Buffer.from("b"), new BigInt64Array([-1n])]],
  ])("is what was there: %s", (_, value) => {
    const back = roundTrip(value);
    expect(back).toStrictEqual(value);
    expect(Object.keys(Object(back) as object)).toEqual(Object.keys(Object(value) as object));
  });

  test("is what the codec makes of any plain value", () => {
    const leaf = fc.oneof(
      fc.string({ unit: "grapheme" }),
      fc.double(),
      fc.bigInt(),
      fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) }),
      fc.uint8Array(),
      fc.constantFrom(null, undefined, true, false, -0),
    );
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 5 },
        leaf,
        fc.array(tie("tree")),
        fc.dictionary(
          fc.string().filter((key) => key !== "__proto__"),
          tie("tree"),
        ),
        fc.array(fc.tuple(tie("tree"), tie("tree"))).map((pairs) => new Map(pairs)),
        fc.array(tie("tree")).map((members) => new Set(members)),
      ),
    }));
    const limits = fc.record({ tokens: fc.integer({ min: 1, max: 9 }), bytes: fc.nat(99) });
    const property = fc.property(tree, limits, (value, limit) => {
      const back = read(stateSlices(value, codec, limit));
      expect(codec.encode(back)).toEqual(codec.encode(value));
      expect([...stateSlices(back, codec, limit)]).toEqual([...stateSlices(value, codec, limit)]);
    });
    fc.assert(property, { numRuns: 100 });
  });

  test("is an object where there was one without a prototype, as in a message", () => {
    const bare = Object.assign(Object.create(null) as object, { a: 1 });
    expect(roundTrip(bare)).toStrictEqual({ a: 1 });
  });

  test("shares nothing within itself", () => {
    const shared = { n: 1 };
    const [one, other] = roundTrip([shared, shared]) as [object, object];
    expect(one).toStrictEqual(shared);
    expect(one).not.toBe(other);
  });

  test("is an instance of a wire class", () => {
    class Money {
      readonly cents: number;
      constructor(cents: number) {
        this.cents = cents;
      }
    }
    const wire = defineWireClass("money", Money, {
      toData: ({ cents }) => cents,
      fromData: (cents: number) => new Money(cents),
    });
    const own = new Codec({ classes: new WireClasses([wire]) });
    const back = read(stateSlices({ purse: new Map([["a", new Money(5)]]) }, own, small), own);
    expect(back).toStrictEqual({ purse: new Map([["a", new Money(5)]]) });
  });

  test("is a text in pieces, cut neither in a pair nor before a byte order mark", () => {
    const texts = ["x".repeat(65_535) + "\u{1f600}".repeat(3), `${"x".repeat(65_536)}\ufeff tail`];
    for (const text of texts) {
      expect([...stateSlices(text, codec, small)].length).toBeGreaterThan(1);
      expect(roundTrip(text)).toBe(text);
    }
  });

  test("is a typed array in pieces, from the middle of its memory", () => {
    const all = Float64Array.from({ length: 40_000 }, (_, index) => index / 3);
    const some = all.subarray(100, 30_100);
    const back = roundTrip({ some, raw: Buffer.alloc(200_000, "ab") });
    expect(codec.encode(back)).toEqual(codec.encode({ some, raw: Buffer.alloc(200_000, "ab") }));
    expect((back as { some: Float64Array }).some.buffer.byteLength).toBe(some.byteLength);
  });
});

describe("a slice", () => {
  test.each<[string, unknown]>([
    ["in small objects", Array.from({ length: 20_000 }, (_, n) => ({ n, of: [n, "a"] }))],
    ["in a map", new Map(Array.from({ length: 20_000 }, (_, n) => [`k${n}`, { n }]))],
    [
      "in objects of more than a few",
      Array.from({ length: 300 }, () => Array.from({ length: 70 })),
    ],
    ["in sets of one", Array.from({ length: 20_000 }, (_, n) => new Set([n]))],
    ["in one object", Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`k${n}`, n]))],
  ])("ends where the values do: %s", (_, value) => {
    const slices = [...stateSlices(value, codec)];
    expect(slices.length).toBeGreaterThan(1);
    const most = Math.max(...slices.map(tokens));
    expect(most).toBeLessThanOrEqual(sliceLimits.tokens + smallTreeValues + 2);
    expect(read(slices)).toStrictEqual(value);
  });

  test.each<[string, unknown]>([
    ["one text", "abc".repeat(2_000_000)],
    ["one byte array", new Uint8Array(6_000_000)],
    ["one Buffer in a map", new Map([["a", Buffer.alloc(6_000_000)]])],
    ["many texts of less than a piece", Array.from({ length: 200 }, () => "y".repeat(30_000))],
    ["errors that carry much", Array.from({ length: 200 }, () => new Error("z".repeat(4_000)))],
  ])("ends where the bytes do: %s", (_, value) => {
    const slices = [...stateSlices(value, codec)];
    expect(slices.length).toBeGreaterThan(1);
    const most = Math.max(...slices.map(({ length }) => length));
    expect(most).toBeLessThanOrEqual(sliceLimits.bytes + slackBytes);
  });

  test("is made when it is asked for, and no earlier", () => {
    const seen: number[] = [];
    const items = Array.from({ length: 200 }, (_, n) =>
      Object.defineProperty({}, "n", { enumerable: true, get: () => seen.push(n) }),
    );
    const slices = stateSlices(items, codec, small)[Symbol.iterator]();
    expect(seen).toEqual([]);
    slices.next();
    expect(new Set(seen).size).toBeLessThan(5);
  });

  test("is larger in sum than any one value may be", () => {
    const limited = new Codec({ maxBytes: 256 * 1024 });
    const value = Array.from({ length: 40 }, () => "w".repeat(20_000));
    expect(() => limited.encode(value)).toThrow("more than 262144 bytes");
    const slices = [...stateSlices(value, limited, { tokens: 100, bytes: 100_000 })];
    expect(read(slices, limited)).toEqual(value);
  });
});

describe("what cannot be kept is refused where it stands", () => {
  const holed = Array.from({ length: 100 }, (_, index) => index);
  delete holed[1];
  const cycle: { list: unknown[] } = { list: [] };
  cycle.list.push(cycle);
  let deep: unknown = 1;
  for (let level = 0; level < 65; level++) deep = [deep];

  test.each<[string, unknown, string]>([
    ["a function", { a: [1, () => 1] }, "state.a[1]: a function"],
    [
      "an instance",
      new Map([["u", { at: new URL("http://a") }]]),
      "state.u.at: an instance of URL",
    ],
    ["a hole", { list: holed }, "state.list[1]: a hole in an array"],
    ["a symbol", { a: { [Symbol("s")]: 1 } }, "state.a: a property named Symbol(s)"],
    ["a key", { a: JSON.parse('{"__proto__": 1}') as unknown }, "a key named __proto__"],
    ["a cycle", { a: cycle }, "state.a.list[0]: a cycle back to state.a"],
    ["too many levels", deep, "more than 64 levels"],
    ["half a pair", { t: `${"a".repeat(70_000)}\ud800` }, "half of a surrogate pair"],
  ])("%s", (_, value, message) => {
    expect(() => [...stateSlices(value, codec)]).toThrow(message);
  });
});

describe("slices that are not what they should be are refused", () => {
  const slices = [...stateSlices({ a: [1, 2], t: "x".repeat(70_000) }, codec, small)];

  test("by the end of them, if one is missing", () => {
    const reader = new StateReader(codec);
    for (const slice of slices.slice(0, -1)) reader.take(slice);
    expect(() => reader.end()).toThrow("malformed slices");
  });

  test("at once, if one comes after the end", () => {
    const reader = new StateReader(codec);
    for (const slice of slices) reader.take(slice);
    expect(() => reader.take(slices[0] as Uint8Array)).toThrow("malformed slices");
  });

  test.each<[string, unknown]>([
    ["no pair", 7],
    ["codes of another type", [[0], [1]]],
    ["a value too few", [Uint8Array.of(Token.value), []]],
    ["a value too many", [Uint8Array.of(Token.array), [1]]],
    ["a code that there is not", [Uint8Array.of(99), []]],
    ["an end of nothing", [Uint8Array.of(Token.close), []]],
    ["a key that is no text", [Uint8Array.of(Token.object, Token.value, Token.value), [1, 2]]],
    ["a key without a value", [Uint8Array.of(Token.map, Token.value, Token.close), [1]]],
    ["bytes of no type", [Uint8Array.of(Token.bytes), [[99, 8]]]],
    ["bytes that are missing", [Uint8Array.of(Token.bytes, Token.close), [[0, 8]]]],
    ["bytes that are too many", [Uint8Array.of(6, 7), [[0, 1], new Uint8Array(2)]]],
    ["a text of something else", [Uint8Array.of(Token.text), [5]]],
  ])("%s", (_, slice) => {
    expect(() => new StateReader(codec).take(codec.encode(slice))).toThrow("malformed slices");
  });

  test("and what was written long ago is still read", () => {
    const old = codec.encode([Uint8Array.of(1, 0, 2, 0, 0, 8, 8), ["a", 1, 2]]);
    expect(values(old)).toEqual(["a", 1, 2]);
    expect(read([old])).toEqual({ a: [1, 2] });
  });
});
