import { noWireClasses } from "@troupe/actor/runtime";
import { describe, expect, test } from "vitest";
import { checkValue, type WireForms } from "../../src/codec/wire-value.ts";

const limits = { maxDepth: 64, maxBytes: 1 << 20 };
const forms: WireForms = {
  classes: noWireClasses,
  minusZero: -0,
  ref: () => undefined,
  error: (parts) => ({ ...parts }),
  instance: () => expect.unreachable("no class is known"),
};
const check = (value: unknown) => checkValue(value, "arg", limits, forms);

class Point {
  x = 1;
}

describe("what CBOR would damage in silence is refused with its path:", () => {
  const sparse: unknown[] = [1];
  sparse[2] = 3;
  const cases: [string, unknown, string][] = [
    ["a function", { f: () => {} }, "cannot encode arg.f: a function"],
    ["a symbol", [Symbol("s")], "cannot encode arg[0]: a symbol"],
    ["a property named by a symbol", { [Symbol("s")]: 1 }, "a property named Symbol(s)"],
    ["a promise", Promise.resolve(), "cannot encode arg: an instance of Promise"],
    ["a weak map", { a: { b: new WeakMap() } }, "arg.a.b: an instance of WeakMap"],
    ["a URL", { items: [0, 0, 0, { url: new URL("http://a/") }] }, "arg.items[3].url: an inst"],
    ["an instance of a class", new Map([["k", new Point()]]), "arg.k: an instance of Point"],
    ["an instance as a key", new Map([[new Point(), 1]]), "arg<key>: an instance of Point"],
    ["an instance in a set", new Set([new Point()]), "arg<member>: an instance of Point"],
    [
      "what an error was caused by",
      { e: new Error("x", { cause: new Error("y", { cause: { url: new URL("http://a/") } }) }) },
      "arg.e.cause.cause.url: an instance of URL",
    ],
    [
      "one of several errors",
      new AggregateError([new Error("x"), new Point()]),
      "arg.errors[1]: an instance of Point",
    ],
    ["a regular expression", /x/, "an instance of RegExp"],
    ["a boxed number", Object(1), "an instance of Number"],
    ["an array buffer", new ArrayBuffer(1), "an instance of ArrayBuffer"],
    ["a data view", new DataView(new ArrayBuffer(1)), "an instance of DataView"],
    ["a subclass of Array", new (class Row extends Array {})(), "an instance of Row"],
    ["a subclass of Date", new (class Day extends Date {})(), "an instance of Day"],
    ["a generator", (function* () {})(), "arg: an instance"],
    ["a hole in an array", { rows: [sparse] }, "cannot encode arg.rows[0][1]: a hole in an array"],
    ["a key named __proto__", JSON.parse('{"a":{"__proto__":1}}'), "arg.a: a key named __proto__"],
    ["half of a surrogate pair", { "a b": "x\ud800" }, 'arg["a b"]: a text with half of a surr'],
    ["the same in a key", { "\ud800": 1 }, "a text with half of a surrogate pair"],
    ["a leading byte order mark", `\ufeff${"x".repeat(70)}`, "begins with a byte order mark"],
    ["a date that would be off by a millisecond", new Date(8.64e15), "beyond the year 37000"],
    ["an enormous bigint", 2n ** 8192n, "a bigint of more than 1024 bytes"],
  ];
  test.each(cases)("%s", (_name, value, message) => {
    expect(() => check(value)).toThrow(
      expect.objectContaining({
        code: "ERR_NOT_SERIALIZABLE",
        outcome: "not_run",
        message: expect.stringContaining(message),
      }),
    );
  });

  test("a cycle, with both of its ends", () => {
    const value: { list: unknown[] } = { list: [] };
    value.list.push({ back: value.list });
    expect(() => check(value)).toThrow("cannot encode arg.list[0].back: a cycle back to arg.list");
  });

  test("a cycle of the value itself", () => {
    const value: { self?: unknown } = {};
    value.self = value;
    expect(() => check(value)).toThrow("cannot encode arg.self: a cycle back to arg");
  });

  test("an error that is its own cause", () => {
    const error = new Error("x");
    error.cause = { error };
    expect(() => check({ error })).toThrow("arg.error.cause.error: a cycle back to arg.error");
  });

  test("a getter that throws", () => {
    const value = {
      list: [
        {
          get lazy() {
            throw new RangeError("not yet");
          },
        },
      ],
    };
    expect(() => check(value)).toThrow(
      "cannot encode arg.list[0].lazy: it throws RangeError: not yet",
    );
  });

  test("a graph that a walk would take for ever to unfold", () => {
    let value: unknown[] = [];
    for (let level = 0; level < 60; level++) value = [value, value];
    expect(() => check(value)).toThrow(/more than 1048576 bytes/);
  });
});

test("a value without refs is returned as it is", () => {
  const value = { a: [1, Number.NaN, -0, new Map([[1, new Set([2])]])], d: new Date() };
  expect(check(value)).toBe(value);
});

test("objects without a prototype pass", () => {
  const value = Object.assign(Object.create(null), { a: 1 });
  expect(check(value)).toBe(value);
});

test("refs are replaced on a copy of what is around them, and of nothing else", () => {
  class Ref {}
  const untouched = { x: 1 };
  const value = { untouched, list: [1, new Ref()] };
  const ref = (object: object) => (object instanceof Ref ? "REF" : undefined);
  const plain = checkValue(value, "arg", limits, { ...forms, ref });
  expect(plain).toEqual({ untouched, list: [1, "REF"] });
  expect((plain as typeof value).untouched).toBe(untouched);
  expect(value.list[1]).toBeInstanceOf(Ref);
});

test("-0 and errors are replaced, an error by its parts", () => {
  const value = { zero: [0, -0], error: new TypeError("x", { cause: -0 }) };
  expect(checkValue(value, "arg", limits, { ...forms, minusZero: "MINUS" })).toEqual({
    zero: [0, "MINUS"],
    error: { name: "TypeError", message: "x", cause: "MINUS" },
  });
});

test("an array and a map with a constructor of their own become ordinary ones", () => {
  const list = Object.assign([1], { constructor: 5 });
  const map = Object.assign(new Map([[1, 2]]), { constructor: 5 });
  const plain = check({ list, map }) as { list: unknown[]; map: object };
  expect(plain).toEqual({ list: [1], map: new Map([[1, 2]]) });
  expect(plain.list.constructor).toBe(Array);
  expect(plain.map.constructor).toBe(Map);
});
