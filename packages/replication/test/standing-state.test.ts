/** What stays as it is while a state is captured, and what takes the place of the rest. */
import { isDeepStrictEqual } from "node:util";
import { defineActor } from "@troupe/actor";
import { Codec } from "@troupe/cluster/runtime";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { StandingState } from "../src/standing-state.ts";
import { stateSlices } from "../src/state-image.ts";
import { StateReader } from "../src/state-reader.ts";
import { TestMachine } from "./support/machine.ts";

const codec = new Codec();
const small = { tokens: 20, bytes: 2000 };

/** What a state goes on as that is captured slice by slice. */
function capture<T>(state: T): T {
  const standing = new StandingState(codec);
  const slices: Uint8Array[] = [];
  // Without them it would be as others write it: what they compare must be the same.
  const others = [...stateSlices(state, codec, small)];
  for (const slice of stateSlices(state, codec, small, "state", standing)) {
    slices.push(slice.slice());
  }
  expect(Buffer.concat(slices).equals(Buffer.concat(others))).toBe(true);
  return standing.end() as T;
}

/** What a replica that comes back makes of the same slices. */
function restored(state: unknown): unknown {
  const reader = new StateReader(codec);
  for (const slice of stateSlices(state, codec, small)) reader.take(slice);
  return reader.end();
}

interface Item {
  n: number;
}

function mapOf(size: number): Map<string, Item> {
  return new Map(Array.from({ length: size }, (_, n) => [`k${n}`, { n }]));
}

describe("what stands in one place", () => {
  test("stays: nothing has to be cleared away", () => {
    const state = {
      map: mapOf(100),
      list: [{ n: 1 }, [2]],
      set: new Set([1, "a"]),
      wide: Array.from({ length: 100 }, (_, n) => ({ n })),
    };
    const { map, list, set, wide } = state;
    const values = [...map.values(), ...wide];
    const after = capture(state);
    expect(after).toBe(state);
    expect([after.map, after.list, after.set]).toEqual([map, list, set]);
    expect(after.map).toBe(map);
    expect(after.set).toBe(set);
    expect(after.list).toBe(list);
    const same = [...after.map.values(), ...after.wide];
    expect(same.every((item, index) => item === values[index])).toBe(true);
  });

  test("stays at each capture, until it is put in a second place", () => {
    const state = { a: { n: 1 }, b: undefined as unknown };
    for (let i = 0; i < 3; i++) expect(capture(state)).toBe(state);
    const { a } = state;
    state.b = a;
    const after = capture(state);
    expect(after.b).not.toBe(after.a);
    expect([after.a, after.b]).toEqual([{ n: 1 }, { n: 1 }]);
    expect(capture(after)).toBe(after);
  });

  test("is told apart in two states that are captured at the same time", () => {
    const [one, other] = [{ a: mapOf(100) }, { a: mapOf(100) }];
    const begun = [one, other].map((state) => {
      const standing = new StandingState(codec);
      const slices = stateSlices(state, codec, small, "state", standing)[Symbol.iterator]();
      return { standing, slices };
    });
    while (begun.map(({ slices }) => slices.next().done).includes(false));
    expect(begun.map(({ standing }) => standing.end())).toEqual([one, other]);
    expect(begun[0]?.standing.end()).toBe(one);
  });
});

describe("what stands in two places", () => {
  test.each<[string, object]>([
    ["a small object", { n: 1 }],
    ["an array", [1, 2]],
    ["a map", mapOf(3)],
    ["a large map", mapOf(300)],
    ["a set", new Set([1])],
    ["a date", new Date(5)],
    ["bytes", new Uint8Array(3)],
    ["many bytes", new Uint8Array(100_000)],
    ["an object with a map in it", { map: mapOf(2) }],
  ])("is two from then on: %s", (_, shared) => {
    const places = [
      [{ one: shared, two: shared }, ({ one, two }: Record<string, unknown>) => [one, two]],
      [[shared, shared], (list: unknown[]) => list],
      [
        new Map([
          ["a", shared],
          ["b", [shared] as never],
        ]),
        (map: Map<string, object>) => [map.get("a"), (map.get("b") as unknown[])[0]],
      ],
    ] as [unknown, (state: never) => unknown[]][];
    for (const [state, look] of places) {
      const [first, second] = look(capture(state) as never);
      expect(first).not.toBe(second);
      expect(isDeepStrictEqual(first, second)).toBe(true);
    }
  });

  test("is two, with all that it holds, where it was replaced in the first place", () => {
    const shared = { n: 1 };
    const map = new Map<string, unknown>([
      ["x", shared],
      ["d", new Date(1)],
      ["y", shared],
    ]);
    const after = capture({ one: map, two: map });
    const all = [after.one, after.two].flatMap((one) => [...one.values()]);
    expect(new Set(all).size).toBe(6);
  });

  test("is two where the second place is a key of a map", () => {
    const key = { n: 1 };
    const map = new Map<unknown, unknown>([
      ["a", 1],
      [key, 2],
      ["b", 3],
    ]);
    const after = capture({ key, map });
    expect(after.map.has(after.key)).toBe(false);
    expect([...after.map.keys()]).toEqual(["a", { n: 1 }, "b"]);
    expect(capture(after).map).toBe(after.map);
  });
});

describe("what no reader makes is replaced", () => {
  const hidden = Object.defineProperty({ a: 1 }, "b", { value: 2 });
  const fixed = Object.defineProperty({ a: 1 }, "a", { writable: false });
  const tied = Object.defineProperty({ a: 1 }, "a", { configurable: false });
  const lengthFixed = Object.defineProperty([1], "length", { writable: false });
  test.each<[string, object]>([
    ["a frozen object", Object.freeze({ a: 1 })],
    ["a frozen array", Object.freeze([1])],
    ["a sealed object", Object.seal({ a: 1 })],
    ["one that takes nothing more", Object.preventExtensions({ a: 1 })],
    ["one with something hidden", hidden],
    ["one with something fixed", fixed],
    ["one with something tied", tied],
    ["an array of a fixed length", lengthFixed],
    ["an array with a property", Object.assign([1], { mark: 1 })],
    ["a map with a property", Object.assign(new Map(), { mark: 1 })],
    ["a frozen map", Object.freeze(new Map([[1, 1]]))],
    ["a set with a property", Object.assign(new Set(), { mark: 1 })],
    [
      "one with an accessor",
      {
        get a() {
          return 1;
        },
      },
    ],
    ["one without a prototype", Object.assign(Object.create(null), { a: 1 })],
    ["a proxy", new Proxy({ a: 1 }, {})],
    ["a view of the middle of memory", new Uint8Array(8).subarray(2, 4)],
    ["a frozen object with a map", Object.freeze({ map: new Map() })],
  ])("%s", (_, odd) => {
    for (const state of [{ odd }, [odd], new Map([["odd", odd]]), { deep: [{ odd }] }]) {
      const after = capture(state);
      const again = restored(state);
      expect(JSON.stringify(shapeOf(after))).toBe(JSON.stringify(shapeOf(again)));
    }
  });
});

/** All that a handler could tell apart, of a value and of what it holds. */
function shapeOf(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return String(value);
  if (ArrayBuffer.isView(value)) {
    const { byteOffset, byteLength, buffer } = value;
    return [value.constructor.name, byteOffset, byteLength, buffer.byteLength];
  }
  const properties = Object.entries(Object.getOwnPropertyDescriptors(value)).map(
    ([key, { value: part, ...how }]) => [key, how, shapeOf(part)],
  );
  const items = value instanceof Map || value instanceof Set ? [...value].map(shapeOf) : [];
  const kind = Object.prototype.toString.call(value);
  return [
    kind,
    Object.getPrototypeOf(value) === null,
    Object.isExtensible(value),
    properties,
    items,
  ];
}

type Build = (made: unknown[]) => unknown;

/** Values that are made of earlier ones, so that some stand in many places. */
const builds: fc.Arbitrary<Build[]> = (() => {
  const at = fc.nat(20);
  const some = fc.array(at, { maxLength: 4 });
  const pick = (made: unknown[], index: number) => made[index % made.length];
  const names = fc.constantFrom("a", "b", "7", "1", "ü", "a name of more than a few letters");
  const scalar = fc.oneof(
    fc.integer(),
    fc.double(),
    fc.string(),
    fc.constantFrom(-0, null, "é\u{1f600}"),
  );
  const leaf = scalar.map(
    (value): Build =>
      () =>
        value,
  );
  const odd = fc.constantFrom<Build>(
    () => new Date(1234),
    () => 5n,
    () => new Uint8Array([1, 2]),
    () => new Uint8Array(8).subarray(1, 2),
    () => new Float64Array([0.5]),
    () => Object.freeze({ f: 1 }),
    () => Object.assign([1], { mark: 1 }),
    () => Object.defineProperty({ h: 1 }, "hidden", { value: 1 }),
    () => "long ".repeat(20_000),
  );
  const array = some.map(
    (all): Build =>
      (made) =>
        all.map((one) => pick(made, one)),
  );
  const object = fc.array(fc.tuple(names, at), { maxLength: 5 }).map(
    (all): Build =>
      (made) =>
        Object.fromEntries(all.map(([key, one]) => [key, pick(made, one)])),
  );
  const map = fc.array(fc.tuple(at, at), { maxLength: 4 }).map(
    (all): Build =>
      (made) =>
        new Map(all.map(([key, one]) => [pick(made, key), pick(made, one)])),
  );
  const set = some.map(
    (all): Build =>
      (made) =>
        new Set(all.map((one) => pick(made, one))),
  );
  const frozen = at.map(
    (one): Build =>
      (made) => {
        const value = pick(made, one);
        return typeof value === "object" && !ArrayBuffer.isView(value)
          ? Object.freeze(value)
          : value;
      },
  );
  const any = fc.oneof(leaf, odd, array, object, object, map, set, frozen);
  return fc.array(any, { minLength: 2, maxLength: 9 });
})();

/** The objects of a value, each as often as it is reached, in the order of their keys. */
function objectsIn(value: unknown, all: object[] = []): object[] {
  if (typeof value !== "object" || value === null) return all;
  all.push(value);
  if (ArrayBuffer.isView(value)) return all;
  if (value instanceof Map) for (const pair of value) for (const part of pair) objectsIn(part, all);
  else if (value instanceof Set) for (const part of value) objectsIn(part, all);
  else for (const part of Object.values(value)) objectsIn(part, all);
  return all;
}

/** What a handler may do to an object that it has found. */
function change(object: object | undefined, n: number): void {
  if (object instanceof Map) object.set("changed", n % 2 === 0 ? n : { n });
  else if (object instanceof Set) object.add(n);
  else if (object instanceof Date) object.setTime(n);
  else if (ArrayBuffer.isView(object)) (object as Uint8Array)[0] = n;
  else if (Array.isArray(object)) object.push(n % 3 === 0 ? [n] : n);
  else if (object !== undefined) (object as Record<string, unknown>).changed = n % 3 === 0 ? {} : n;
}

test("a state that was captured and one that was restored go on alike, whatever they are", () => {
  const changes = fc.array(fc.tuple(fc.nat(50), fc.integer()), { maxLength: 5 });
  const property = fc.property(builds, changes, changes, (parts, ...rounds) => {
    const made: unknown[] = [{}];
    for (const build of parts) made.push(build(made));
    let state: unknown = { root: made.slice(-3) };
    fc.pre(objectsIn(state).length < 500);
    for (const round of rounds) {
      const again = restored(state);
      state = capture(state);
      const objects = objectsIn(state);
      expect(new Set(objects).size).toBe(objects.length);
      expect(isDeepStrictEqual(state, again)).toBe(true);
      expect(JSON.stringify(shapeOf(state))).toBe(JSON.stringify(shapeOf(again)));
      const others = objectsIn(again);
      for (const [at, n] of round) {
        const index = at % objects.length;
        change(objects[index], n);
        change(others[index], n);
      }
      const [one, other] = [state, again].map((of) =>
        Buffer.concat([...stateSlices(of, codec, small)]),
      );
      expect(one?.equals(other as Buffer)).toBe(true);
      // What the next capture finds has something in two places again.
      const [from, to] = [objects.at(-1), objects.find((object) => !Object.isFrozen(object))];
      if (to !== undefined && Object.getPrototypeOf(to) === Object.prototype && from !== to) {
        if (!objectsIn(from).includes(to)) (to as Record<string, unknown>).again = from;
      }
    }
  });
  fc.assert(property, { numRuns: 400 });
});

describe("a capture that fails", () => {
  const Shop = defineActor("shop", {
    init: () => ({ items: mapOf(20_000), favourite: { n: -1 }, bad: undefined as unknown }),
    queries: {
      both: ({ items, favourite }) => [items.get("k7"), favourite],
    },
    calls: {
      favour: (s) => {
        s.favourite = s.items.get("k7") as Item;
      },
      spoil: (s) => {
        s.bad = () => 1;
      },
      mend: (s) => {
        s.bad = undefined;
      },
      raise: (s) => ++s.favourite.n,
    },
  });

  test("leaves what was shared as it was: replicas that did not capture still agree", () => {
    const [capturing, other] = [new TestMachine(Shop, undefined), new TestMachine(Shop, undefined)];
    for (const machine of [capturing, other]) {
      machine.call("favour");
      machine.call("spoil");
    }
    expect(() => Array.from(capturing.machine.snapshot())).toThrow("state.state.bad");
    for (const machine of [capturing, other]) {
      machine.call("mend");
      machine.call("raise");
      expect(machine.query("both")).toEqual([{ n: 8 }, { n: 8 }]);
    }
    expect(capturing.digest).toBe(other.digest);
  });

  test("and one that succeeds shares nothing, like a restart", () => {
    const machine = new TestMachine(Shop, undefined);
    machine.call("favour");
    expect([...machine.machine.snapshot()].length).toBeGreaterThan(0);
    machine.call("raise");
    expect(machine.query("both")).toEqual([{ n: 7 }, { n: 8 }]);
  });
});

test("a state of more bytes than one message may have begins, and has a digest", () => {
  const bytes = 70 * 1024 * 1024;
  const Wide = defineActor("wide", { init: () => ({ block: new Uint8Array(bytes), n: 0 }) });
  const machines = [1, 2].map(() => new TestMachine(Wide, undefined));
  expect(machines[0]?.digest).toMatch(/^[0-9a-f]{32}$/);
  expect(machines[0]?.digest).toBe(machines[1]?.digest);
});
