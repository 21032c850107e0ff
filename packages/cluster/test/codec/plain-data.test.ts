/** A copy of a local message and a trip over the wire must give the same, or the same refusal. */
import { clonePlainData, maxBigintBytes } from "@troupe/actor/runtime";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Codec } from "../../src/codec/codec.ts";
import { MAX_BIGINT_BYTES } from "../../src/codec/wire-scan.ts";

const codec = new Codec();
const overTheWire = (value: unknown) => codec.decode(codec.encode(value));
const copied = (value: unknown) => clonePlainData(value, "arg");

/** What a function gives, or the message of what it throws. */
function outcome(run: (value: unknown) => unknown, value: unknown): unknown {
  try {
    return { value: run(value) };
  } catch (error) {
    return { refused: (error as Error).message };
  }
}

class Point {
  x = 1;
}

const sparse: unknown[] = [1];
sparse[2] = 3;
const cycle: { self?: unknown } = {};
cycle.self = cycle;
const shared = { n: 1 };
const deep = (levels: number): unknown => (levels === 0 ? 1 : [deep(levels - 1)]);

const cases: [string, unknown][] = [
  ["numbers", [0, 1.5, -1, Number.NaN, Number.POSITIVE_INFINITY, Number.MAX_SAFE_INTEGER]],
  ["minus zero", { zero: -0 }],
  ["text", ["", "grüße", "😀", "\ufeffshort"]],
  ["bigints", [0n, -1n, 2n ** 64n, 2n ** 8000n]],
  ["nothing", [null, undefined, { a: undefined }]],
  ["dates", [new Date(0), new Date(-1), new Date(Number.NaN), new Date(2 ** 50)]],
  ["bytes", [new Uint8Array([1]), Buffer.from([2]), new Uint8ClampedArray([3])]],
  ["typed arrays", [new Int16Array([-3]), new Float64Array([1.5]), new BigUint64Array([4n])]],
  ["a view of a part", new Uint8Array(new ArrayBuffer(8), 2, 3)],
  ["maps and sets", new Map<unknown, unknown>([[{ k: 1 }, new Set([1, "a"])]])],
  ["an object without a prototype", Object.assign(Object.create(null), { a: 1 })],
  ["a value that is reachable twice", [shared, shared]],
  ["an array with more than items", Object.assign([1, 2], { extra: 1 })],
  ["as many levels as there may be", deep(64)],
  ["a level too many", deep(65)],
  ["a cycle", cycle],
  ["a function", { on: () => {} }],
  ["a symbol", [Symbol("s")]],
  ["a property named by a symbol", { [Symbol("s")]: 1 }],
  ["an instance", { p: new Point() }],
  ["an error", { e: new RangeError("x") }],
  ["a promise", Promise.resolve()],
  ["an array buffer", new ArrayBuffer(1)],
  ["a hole", [sparse]],
  ["a key named __proto__", JSON.parse('{"a":{"__proto__":1}}')],
  ["half of a surrogate pair", "x\ud800"],
  ["a leading byte order mark", `\ufeff${"x".repeat(70)}`],
  ["a date too far away", new Date(8.64e15)],
  ["an enormous bigint", 2n ** 8192n],
];

describe("a local copy and a wire agree about", () => {
  test.each(cases)("%s", (_name, value) => {
    expect(outcome(copied, value)).toStrictEqual(outcome(overTheWire, value));
  });

  test("whatever there is", () => {
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withTypedArray: true,
      withNullPrototype: true,
      withSparseArray: true,
    });
    fc.assert(
      fc.property(anything, (value) => {
        expect(outcome(copied, value)).toStrictEqual(outcome(overTheWire, value));
      }),
      { numRuns: 500 },
    );
  });

  test("how long a bigint may be, which the scan of what comes in also checks", () => {
    expect(maxBigintBytes).toBe(MAX_BIGINT_BYTES);
  });
});
