import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type NotSerializableError, OptionError } from "../src/errors.ts";
import {
  checkPlainData,
  clonePlainData,
  formsOfCopy,
  keepRef,
  messageCopier,
} from "../src/plain-data.ts";
import { defineWireClass, noWireClasses, WireClasses } from "../src/wire-class.ts";

const limits = { maxDepth: 64, maxBytes: 1 << 20 };
const forms = formsOfCopy(noWireClasses);
const copyMessage = messageCopier(noWireClasses);

/** A ref of some other package. */
class ForeignRef {
  readonly address = { kind: "process", node: "b", incarnation: 1, id: 7, actor: "counter" };
  call() {}
  cast() {}
}

class Point {
  x = 1;
}

/** A value as text in which every object is ordinary, as in a copy. */
function show(value: unknown): string {
  return inspect(value, { depth: 9 }).replaceAll(bare, "");
}

const bare = "[Object: null prototype] ";

function refusal(value: unknown): NotSerializableError {
  try {
    copyMessage(value, "arg");
  } catch (error) {
    return error as NotSerializableError;
  }
  return expect.unreachable("it was copied");
}

describe("clonePlainData refuses with the path what no wire could carry:", () => {
  const sparse: unknown[] = [1];
  sparse[2] = 3;
  const cases: [string, unknown, string][] = [
    ["a function", { on: { click: () => {} } }, "cannot encode arg.on.click: a function"],
    ["a symbol", [Symbol("s")], "cannot encode arg[0]: a symbol"],
    ["a property named by a symbol", { [Symbol("s")]: 1 }, "arg: a property named Symbol(s)"],
    ["a promise", Promise.resolve(), "arg: an instance of Promise"],
    ["an instance of a class", new Map([["k", new Point()]]), "arg.k: an instance of Point"],
    ["an instance as a key", new Map([[new Point(), 1]]), "arg<key>: an instance of Point"],
    ["an instance in a set", new Set([new Point()]), "arg<member>: an instance of Point"],
    [
      "the cause of an error",
      new Error("x", { cause: new Point() }),
      "arg.cause: an instance of P",
    ],
    ["a hole in an array", { rows: [sparse] }, "arg.rows[0][1]: a hole in an array"],
    ["half of a surrogate pair", { "a b": "x\ud800" }, 'arg["a b"]: a text with half of a'],
    ["an enormous bigint", 2n ** 8192n, "a bigint of more than 1024 bytes"],
    ["what only pretends to be bytes", Object.create(Uint8Array.prototype), "an instance of Uint8"],
    [
      "a ref without a way to reach it",
      new (class Ref {
        address = {};
      })(),
      "an instance of Ref",
    ],
  ];
  it.each(cases)("%s", (_name, value, message) => {
    expect(refusal(value).message).toContain(message);
    expect(refusal(value)).toMatchObject({ code: "ERR_NOT_SERIALIZABLE", outcome: "not_run" });
  });

  it("a cycle, with both of its ends", () => {
    const value: { list: unknown[] } = { list: [] };
    value.list.push({ back: value.list });
    expect(refusal(value).message).toBe("cannot encode arg.list[0].back: a cycle back to arg.list");
  });

  it("a graph that would unfold to more than the limit", () => {
    let value: unknown[] = [];
    for (let level = 0; level < 60; level += 1) value = [value, value];
    expect(() => clonePlainData(value, "arg", limits)).toThrow("more than 1048576 bytes");
  });
});

describe("a copy", () => {
  it("is equal and shares nothing that can be changed", () => {
    const value = {
      list: [1, "two", 3n, null, undefined, true],
      map: new Map<unknown, unknown>([[{ k: 1 }, new Set([1])]]),
      when: new Date(5),
      bytes: new Uint8Array([1, 2]),
      buffer: Buffer.from([3]),
      floats: new Float64Array([1.5]),
    };
    const copy = clonePlainData(value, "arg");
    expect(copy).toEqual(value);
    expect(Buffer.isBuffer(copy.buffer)).toBe(true);
    value.list.push(4);
    value.when.setTime(0);
    value.bytes[0] = 9;
    value.buffer[0] = 9;
    value.floats[0] = 9;
    (value.map.keys().next().value as { k: number }).k = 9;
    value.map.clear();
    expect(copy).toEqual({
      list: [1, "two", 3n, null, undefined, true],
      map: new Map<unknown, unknown>([[{ k: 1 }, new Set([1])]]),
      when: new Date(5),
      bytes: new Uint8Array([1, 2]),
      buffer: Buffer.from([3]),
      floats: new Float64Array([1.5]),
    });
  });

  it("is what a wire would deliver: no bare prototype, no sharing", () => {
    const shared = { n: 1 };
    const bare = Object.assign(Object.create(null), { a: 1 });
    const copy = clonePlainData({ zero: -0, bare, one: shared, two: shared }, "arg");
    expect(Object.is(copy.zero, -0)).toBe(true);
    expect(Object.getPrototypeOf(copy.bare)).toBe(Object.prototype);
    expect(copy.one).not.toBe(copy.two);
  });

  it("holds errors made anew, with the class, the code and the cause, but without the stack", () => {
    const cause = Object.assign(new RangeError("low"), { code: "E_LOW", path: "/secret" });
    const given = {
      error: new OptionError("max", "a number", "x"),
      other: new Error("o", { cause }),
    };
    const { error, other } = clonePlainData(given, "arg");
    expect(error).toBeInstanceOf(OptionError);
    expect(error).not.toBe(given.error);
    expect(error.option).toBe("max");
    expect(other.cause).toBeInstanceOf(RangeError);
    expect(other.cause).toMatchObject({ message: "low", code: "E_LOW" });
    expect(other.cause).not.toHaveProperty("path");
    expect(other.stack).toBe("Error: o");
  });

  it("holds instances of the classes that were defined, and refuses what throws on the way", () => {
    const PointOnWire = defineWireClass("point", Point, {
      toData: ({ x }) => {
        if (x < 0) throw new RangeError("negative");
        return { x };
      },
      fromData: ({ x }) => {
        if (x > 9) throw new RangeError("too large");
        return Object.assign(new Point(), { x });
      },
    });
    const copy = messageCopier(new WireClasses([PointOnWire]));
    const point = Object.assign(new Point(), { x: 5 });
    const [first] = copy([point], "arg") as [Point];
    expect(first).toBeInstanceOf(Point);
    expect(first).toEqual(point);
    expect(first).not.toBe(point);
    const refused = (x: number) => () => copy([Object.assign(point, { x })], "arg");
    expect(refused(-1)).toThrow("cannot encode arg[0]: it throws RangeError: negative");
    expect(refused(10)).toThrow("cannot encode arg[0]: it throws RangeError: too large");
  });

  it("holds the same refs, of whatever package", () => {
    const ref = new ForeignRef();
    const copy = clonePlainData({ to: ref, all: new Set([ref]) }, "arg");
    expect(copy.to).toBe(ref);
    expect(copy.all.has(ref)).toBe(true);
    expect(keepRef(new Point())).toBe(undefined);
  });

  it("is a copy of whatever plain data there is", () => {
    const tree = fc.anything({ withMap: true, withSet: true, withDate: true, withBigInt: true });
    fc.assert(
      fc.property(tree, (value) => {
        let copy: unknown;
        try {
          copy = clonePlainData(value, "arg");
        } catch (error) {
          // What may be refused is decided in one walk, so a check must agree with a copy.
          expect(() => checkPlainData(value, "arg", limits, forms)).toThrow(
            (error as Error).message,
          );
          return;
        }
        expect(checkPlainData(value, "arg", limits, forms)).toBe(value);
        expect(show(copy)).toBe(show(value));
        if (typeof value === "object" && value !== null) expect(copy).not.toBe(value);
      }),
      { numRuns: 300 },
    );
  });
});

describe("checkPlainData", () => {
  it("returns the very value when there is nothing to replace", () => {
    const value = { a: [1, Number.NaN, -0, new Map([[1, new Set([2])]])], d: new Date() };
    expect(checkPlainData(value, "arg", limits, forms)).toBe(value);
  });

  it("replaces refs on a copy of what is around them, and of nothing else", () => {
    const untouched = { x: 1 };
    const value = { untouched, list: [1, new ForeignRef()] };
    const replace = (object: object) => (object instanceof ForeignRef ? "REF" : undefined);
    const plain = checkPlainData(value, "arg", limits, { ...forms, ref: replace }) as typeof value;
    expect(plain).toEqual({ untouched, list: [1, "REF"] });
    expect(plain.untouched).toBe(untouched);
    expect(value.list[1]).toBeInstanceOf(ForeignRef);
  });
});
