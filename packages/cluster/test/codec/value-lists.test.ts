/** A list in memory that is used again has the bytes that it would have as a value. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Codec } from "../../src/codec/codec.ts";

const codec = new Codec();
const head = Uint8Array.of(1, 2, 3);

const nested = (levels: number): unknown => (levels === 0 ? 1 : [nested(levels - 1)]);

describe("a list", () => {
  test.each<[string, unknown[]]>([
    ["of nothing", []],
    ["of small values", [1, -0, "a", null, undefined, { a: [true] }, Number.NaN, 2 ** 40]],
    ["of texts that are not ASCII", ["é", "\u{1f600}".repeat(9), "ü".repeat(40_000), { ö: "ä" }]],
    ["of texts with a byte order mark", ["\ufeff", "\ufeffa", "a\ufeff", { "\ufeffk": 1 }]],
    ["of dates, bigints and bytes", [new Date(5), 7n, new Uint8Array(3), new Float64Array([0.5])]],
    ["of maps and sets", [new Map([[{ a: 1 }, new Set([1])]])]],
    ["of errors", [new RangeError("far")]],
    ["of as many levels as there may be", [nested(60), nested(8), nested(9)]],
    ["of more than fits in its memory", Array.from({ length: 40 }, () => "x".repeat(60_000))],
    ["of many values", Array.from({ length: 70_000 }, (_, n) => n)],
    ["of an object without a prototype", [Object.assign(Object.create(null), { a: 1 })]],
  ])("%s", (_, values) => {
    const bytes = codec.encodeList(head, values).slice();
    expect(Buffer.from(bytes).equals(codec.encode([head, values]))).toBe(true);
    expect(codec.decode(bytes)).toEqual(codec.decode(codec.encode([head, values])));
  });

  test("of any plain values", () => {
    const leaf = fc.oneof(fc.string({ unit: "binary" }), fc.double(), fc.integer(), fc.bigInt());
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.array(tie("tree")),
        fc.dictionary(
          fc.string().filter((key) => key !== "__proto__"),
          tie("tree"),
        ),
        fc.array(fc.tuple(leaf, tie("tree"))).map((pairs) => new Map(pairs)),
      ),
    }));
    const attempt = (encode: () => Uint8Array): string => {
      try {
        return Buffer.from(encode()).toString("hex");
      } catch (error) {
        return (error as Error).name;
      }
    };
    const property = fc.property(fc.array(tree, { maxLength: 8 }), (values) => {
      const list = attempt(() => codec.encodeList(head, values));
      expect(list).toBe(attempt(() => codec.encode([head, values])));
    });
    fc.assert(property, { numRuns: 300 });
  });

  test.each<[string, unknown[]]>([
    ["a function", [1, { f: () => 1 }]],
    ["half of a surrogate pair", ["a", "\ud800"]],
    ["half of one in a long text", [`${"é".repeat(100)}\udc00`]],
    ["more levels than there may be", [nested(63)]],
    ["a key named by a symbol", [{ [Symbol("s")]: 1 }]],
  ])("refuses what a value may not hold: %s", (_, values) => {
    expect(() => codec.encode([head, values])).toThrow("cannot encode");
    expect(() => codec.encodeList(head, values)).toThrow("cannot encode");
  });

  test("lies in the same memory as the next", () => {
    const first = codec.encodeList(head, [1]);
    const copy = first.slice();
    codec.encodeList(head, [2]);
    expect([...first]).not.toEqual([...copy]);
  });

  test("may be asked for by a getter within another one", () => {
    const inner = () => Buffer.from(codec.encodeList(head, ["inner"])).toString("hex");
    const value = {
      get text() {
        return inner();
      },
    };
    const bytes = codec.encodeList(head, ["before", value, "after"]);
    expect(codec.decode(bytes)).toEqual([head, ["before", { text: inner() }, "after"]]);
  });

  test("is no larger than a value may be", () => {
    const limited = new Codec({ maxBytes: 10_000 });
    const values = Array.from({ length: 20 }, () => "x".repeat(1000));
    expect(() => limited.encodeList(head, values)).toThrow("more than 10000 bytes");
  });
});
