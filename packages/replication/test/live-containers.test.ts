/** Large maps and sets stay while a state is captured, and nothing in them is shared after it. */
import { isDeepStrictEqual } from "node:util";
import { defineActor } from "@troupe/actor";
import { Codec } from "@troupe/cluster/runtime";
import { describe, expect, test } from "vitest";
import { LiveContainers, liveSizeMin } from "../src/live-containers.ts";
import { sliceLimits, stateSlices } from "../src/state-image.ts";
import { StateReader } from "../src/state-reader.ts";
import { TestMachine } from "./support/machine.ts";

const codec = new Codec();
const small = { tokens: 1000, bytes: 64 * 1024 };

/** What a state goes on as that is captured slice by slice. */
function capture<T>(state: T): T {
  const live = new LiveContainers();
  const reader = new StateReader(codec, live);
  const slices: Uint8Array[] = [];
  for (const slice of stateSlices(state, codec, small, "state", live)) {
    reader.take(slice);
    slices.push(slice);
  }
  // The bytes are those that one without live containers writes: what others compare.
  const others = [...stateSlices(state, codec, small)];
  expect(Buffer.concat(slices).equals(Buffer.concat(others))).toBe(true);
  return reader.end() as T;
}

interface Item {
  n: number;
}

function largeMap(size = liveSizeMin): Map<string, Item> {
  return new Map(Array.from({ length: size }, (_, n) => [`k${n}`, { n }]));
}

describe("a large map", () => {
  test("stays, in its order, with copies of its values", () => {
    const map = largeMap();
    const [first, keys] = [map.get("k0"), [...map.keys()]];
    const after = capture({ map }).map;
    expect(after).toBe(map);
    expect([...after.keys()].join()).toBe(keys.join());
    expect(after.get("k0")).toEqual(first);
    expect(after.get("k0")).not.toBe(first);
    expect(after.get("k0")).toBe(map.get("k0"));
  });

  test("shares nothing with the rest of the state any more", () => {
    const map = largeMap();
    const after = capture({ favourite: map.get("k7"), map });
    expect(after.favourite).toEqual({ n: 7 });
    expect(after.map.get("k7")).not.toBe(after.favourite);
  });

  test("that stands in two places becomes two", () => {
    const map = largeMap();
    const after = capture({ one: map, other: map });
    expect(after.one).not.toBe(after.other);
    expect(isDeepStrictEqual(after.one, after.other)).toBe(true);
  });

  test("is made anew with what no copy would have, and below the size", () => {
    const marked = Object.assign(largeMap(), { mark: 1 });
    const fewer = largeMap(liveSizeMin - 1);
    const after = capture({ marked, fewer });
    expect(Object.keys(after.marked)).toEqual([]);
    expect(after.marked).not.toBe(marked);
    expect(after.fewer).not.toBe(fewer);
    expect(isDeepStrictEqual(after.fewer, fewer)).toBe(true);
  });

  test("is made anew from its first key that is an object", () => {
    const map: Map<unknown, unknown> = new Map(largeMap());
    const key = { key: 1 };
    map.set(key, "a").set("last", "b");
    const after = capture({ map }).map;
    expect(after).not.toBe(map);
    expect(after.size).toBe(map.size);
    expect(after.has(key)).toBe(false);
    expect(isDeepStrictEqual([...after], [...map])).toBe(true);
  });

  test("whose first key is an object has nothing of the old one", () => {
    const map = new Map<unknown, unknown>([[{ key: 1 }, "a"], ...largeMap()]);
    const after = capture({ map }).map;
    expect(after).not.toBe(map);
    expect(isDeepStrictEqual([...after], [...map])).toBe(true);
  });

  test("within a large map stays as well", () => {
    const inner = largeMap();
    const outer: Map<string, unknown> = new Map(largeMap());
    outer.set("inner", inner);
    const after = capture(outer);
    expect(after).toBe(outer);
    expect(after.get("inner")).toBe(inner);
  });
});

describe("a large set", () => {
  const numbers = () => new Set<unknown>(Array.from({ length: liveSizeMin }, (_, n) => n));

  test("stays, or is made anew from its first member that is an object", () => {
    const set = numbers();
    const mixed = numbers().add({ n: 1 }).add("last");
    const after = capture({ set, mixed });
    expect(after.set).toBe(set);
    expect(after.set.size).toBe(liveSizeMin);
    expect(after.mixed).not.toBe(mixed);
    expect(isDeepStrictEqual([...after.mixed], [...mixed])).toBe(true);
  });
});

describe("a capture that fails", () => {
  const Shop = defineActor("shop", {
    init: () => ({ items: largeMap(), favourite: { n: -1 }, bad: undefined as unknown }),
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

test("no slice is larger for it", () => {
  const slices = [...stateSlices(largeMap(50_000), codec, sliceLimits, "s", new LiveContainers())];
  expect(slices.length).toBeGreaterThan(10);
});

test("a state of more bytes than one message may have begins, and has a digest", () => {
  const bytes = 70 * 1024 * 1024;
  const Wide = defineActor("wide", { init: () => ({ block: new Uint8Array(bytes), n: 0 }) });
  const machines = [1, 2].map(() => new TestMachine(Wide, undefined));
  expect(machines[0]?.digest).toMatch(/^[0-9a-f]{32}$/);
  expect(machines[0]?.digest).toBe(machines[1]?.digest);
});
