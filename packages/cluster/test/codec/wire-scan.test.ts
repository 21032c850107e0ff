/**
 * Bytes from anyone: whatever comes in ends as a DecodeError, or as a value that is no larger than
 * its bytes were and can be sent on.
 */
import { isDeepStrictEqual } from "node:util";
import type { RefAddress } from "@troupe/actor";
import { defineWireClass, NoProcessError } from "@troupe/actor";
import { WireClasses } from "@troupe/actor/runtime";
import { Encoder, Tag } from "cbor-x";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Codec } from "../../src/codec/codec.ts";
import { scanValue } from "../../src/codec/wire-scan.ts";

class FakeRef {
  readonly address: RefAddress;
  constructor(address: RefAddress) {
    this.address = address;
  }
}

class Money {
  readonly cents: number;
  constructor(cents: number) {
    this.cents = cents;
  }
}

const MoneyOnWire = defineWireClass("money", Money, {
  toData: (money) => money.cents,
  fromData: (cents) => {
    if (!Number.isSafeInteger(cents)) throw new RangeError("no amount of cents");
    return new Money(cents);
  },
});

const codec = new Codec({
  classes: new WireClasses([MoneyOnWire]),
  ref: {
    toAddress: (value) => (value instanceof FakeRef ? value.address : undefined),
    fromAddress: (address) => new FakeRef(address),
  },
});

const ref = new FakeRef({ kind: "process", node: "a", incarnation: 1, id: 7, actor: "c" });

/** Values in which every kind of item stands, in forms that the short way does not read. */
const samples: readonly unknown[] = [
  { a: [1, "text", new Date(0), new Date(0.5), 2n ** 70n, new Map([[1, new Set(["x"])]])] },
  { bytes: new Uint8Array(8), floats: new Float64Array(2), u: undefined, buffer: Buffer.from("b") },
  [ref, new Map([[ref, { to: ref }]]), -0, "grüße", "😀", 5n, -5n, -(2n ** 70n)],
  new NoProcessError("counter <1>"),
  [new AggregateError([new TypeError("x", { cause: { ref, code: 5 } })], "several"), new Money(5)],
  new Map([[new Money(5), new Set([new Money(6)])]]),
  { items: [{ id: 1, name: "x" }, null, true, 1.5], "a longer key than others are here": [] },
];
const encodings = samples.map((sample) => codec.encode(sample));

/** How many items, characters and bytes a value has. */
function sizeOf(value: unknown): number {
  if (typeof value === "string") return 1 + value.length;
  if (typeof value !== "object" || value === null) return 1;
  if (ArrayBuffer.isView(value)) return 1 + value.byteLength;
  if (value instanceof FakeRef) return 1 + sizeOf(value.address.node) + value.address.actor.length;
  if (value instanceof Map) return sum([...value].flat());
  if (value instanceof Set || Array.isArray(value)) return sum([...value]);
  if (value instanceof Error) {
    const { name, message, cause, errors } = value as Error & { errors?: unknown };
    return sum([name, message, cause, errors].filter((part) => part !== undefined));
  }
  return sum([...Object.keys(value), ...Object.values(value)]);
}

function sum(values: readonly unknown[]): number {
  return values.reduce<number>((total, value) => total + sizeOf(value), 1);
}

/** Decodes; tells whether there was a value, of which everything that must hold does. */
function survives(bytes: Uint8Array): boolean {
  let value: unknown;
  try {
    value = codec.decode(bytes);
  } catch (error) {
    expect(error).toMatchObject({ code: "ERR_DECODE" });
    return false;
  }
  expect(sizeOf(value)).toBeLessThanOrEqual(bytes.length);
  const again = codec.encode(value);
  expect(Buffer.compare(codec.encode(codec.decode(again)), again)).toBe(0);
  return true;
}

describe("never anything but a value that can be sent on, or a DecodeError:", () => {
  test("what was encoded", () => {
    for (const [index, bytes] of encodings.entries()) {
      expect(survives(bytes)).toBe(true);
      expect(isDeepStrictEqual(codec.decode(bytes), samples[index])).toBe(true);
    }
  });

  test("random bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => void survives(bytes)),
      { numRuns: 3000 },
    );
  });

  test("random items one after the other, of all kinds that there are", () => {
    const hex = (text: string) => Buffer.from(text, "hex");
    const heads = [
      "80 81 82 83 98 a0 a1 a2 60 61 78 40 41 58 00 18 19 20 38 f4 f6 f7 f9 fa fb ff 9f bf c1 c2",
      "c3 d840 d844 d845 d84f d855 d856 d81b d81c d81d d833 c6 d869 d90102 d90103 d99e3e d99e3f",
      "d99e40 d99e41 d9dfff d9dff9 d9dffe d9e000 1b 3b 5b 7b 9b bb 9a ba 5a 7a 1a 3a e0 f8 db",
      "646e616d65 676d657373616765 64636f6465 676f7574636f6d65 6472616e 656572726f7273 6563617573",
      "656d6f6e6579 6770726f63657373 695f5f70726f746f5f5f 6b636f6e7374727563746f72 6161 01 05",
    ].flatMap((line) => line.split(" "));
    let values = 0;
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...heads), { maxLength: 25 }), (items) => {
        if (survives(hex(items.join("")))) values += 1;
      }),
      { numRuns: 5000 },
    );
    expect(values).toBeGreaterThan(25);
  });

  test("a value with bytes changed", () => {
    const change = fc.tuple(fc.nat(1000), fc.nat(255));
    let values = 0;
    fc.assert(
      fc.property(
        fc.nat(encodings.length - 1),
        fc.array(change, { minLength: 1, maxLength: 4 }),
        (which, changes) => {
          const bytes = Uint8Array.from(encodings[which] as Uint8Array);
          for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
          if (survives(bytes)) values += 1;
        },
      ),
      { numRuns: 3000 },
    );
    expect(values).toBeGreaterThan(300);
  });

  test("a value cut short anywhere, and one with a byte behind it", () => {
    for (const bytes of encodings) {
      for (let length = 0; length < bytes.length; length++) {
        expect(survives(bytes.subarray(0, length))).toBe(false);
      }
      expect(survives(Buffer.concat([bytes, Buffer.from([0])]))).toBe(false);
    }
  });

  test("parts of one value inside of another", () => {
    const part = fc.tuple(fc.nat(encodings.length - 1), fc.nat(200), fc.nat(60));
    fc.assert(
      fc.property(fc.array(part, { minLength: 2, maxLength: 4 }), (parts) => {
        const bytes = parts.map(([which, from, length]) =>
          (encodings[which] as Uint8Array).subarray(from, from + length),
        );
        survives(Buffer.concat(bytes));
      }),
      { numRuns: 3000 },
    );
  });

  test("a hundred thousand equal bytes of each kind", () => {
    for (let byte = 0; byte < 256; byte++) {
      expect(() => codec.decode(Buffer.alloc(100_000, byte))).toThrow(
        expect.objectContaining({ code: "ERR_DECODE" }),
      );
    }
  });

  test("nothing of all this has changed what every object inherits", () => {
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect(Object.getOwnPropertyNames(Object.prototype)).toHaveLength(12);
    expect(Object.keys(Array.prototype)).toEqual([]);
    expect(Object.keys(Error.prototype)).toEqual([]);
    expect({}.constructor).toBe(Object);
  });
});

describe("the scan tells", () => {
  const raw = (value: unknown) => new Encoder({ useRecords: false }).encode(value);

  test("whether something has to be made of parts", () => {
    expect(scanValue(raw([1, new Date(0), new Set([1])]), 64).hasParts).toBe(false);
    expect(scanValue(codec.encode([[ref]]), 64).hasParts).toBe(true);
    expect(scanValue(codec.encode({ e: new Error("x") }), 64).hasParts).toBe(true);
    expect(scanValue(codec.encode(new Set([new Money(1)])), 64).hasParts).toBe(true);
  });

  test("a level of nesting for each tag of ours, as the encoder counts them", () => {
    const inside = (levels: number, value: unknown): unknown =>
      levels === 0 ? value : [inside(levels - 1, value)];
    for (const value of [ref, new Error("x"), new Money(1)]) {
      expect(survives(codec.encode(inside(63, value)))).toBe(true);
      expect(() => codec.encode(inside(64, value))).toThrow(/more than 64 levels/);
    }
    const deepRef = raw(inside(64, new Tag(["process", "a", 1, 7, "c"], 40510)));
    expect(() => codec.decode(deepRef)).toThrow(/more than 64 levels/);
  });

  test("at which byte it does not go on", () => {
    expect(() => codec.decode(Buffer.from("8200ff", "hex"))).toThrow(
      "cannot decode: not a value of ours: simple value 31, at byte 2",
    );
  });
});
