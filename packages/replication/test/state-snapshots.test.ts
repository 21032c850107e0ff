/** What a replicated state is made of: copies that nobody else holds, snapshots, and replays. */
import { defineActor } from "@troupe/actor";
import { describe, expect, test } from "vitest";
import { failure, TestMachine } from "./support/machine.ts";

/** After so many requests a snapshot is taken. */
const snapshotEvery = 4096;

const crash = () => {
  throw new RangeError("boom");
};

describe("an argument that a handler keeps", () => {
  const Lists = defineActor("lists", {
    init: (first: { list: number[] }) => ({ kept: first.list, copies: [] as number[][] }),
    queries: { all: (s) => s },
    calls: {
      keep: (s, list: number[]) => {
        s.kept = list;
      },
      push: (s, n: number) => s.kept.push(n),
      extend: (s, list: number[]) => {
        list.push(0);
        s.copies.push(list);
      },
      crash,
    },
  });

  test("and that a later one changes is replayed as it came, when a third throws", () => {
    const machine = new TestMachine(Lists, { list: [] });
    machine.call("keep", [1]);
    machine.call("push", 2);
    machine.call("extend", [7]);
    const before = machine.digest;
    for (let i = 0; i < 3; i++) failure(() => machine.call("crash"));
    expect(machine.query("all")).toEqual({ kept: [1, 2], copies: [[7, 0]] });
    expect(machine.digest).toBe(before);
  });

  test("from init is the machine's own: another machine, and the caller, keep theirs", () => {
    const first = { list: [1] };
    const [one, two] = [new TestMachine(Lists, first), new TestMachine(Lists, first)];
    one.call("push", 2);
    expect(first).toEqual({ list: [1] });
    expect(two.query("all")).toMatchObject({ kept: [1] });
    first.list.push(9);
    expect(one.query("all")).toMatchObject({ kept: [1, 2] });
  });

  test("from init may be changed by it: the next machine gets it as the caller gave it", () => {
    const Longer = defineActor("longer", {
      init: (list: number[]) => ({ length: list.push(0) }),
      queries: { all: (s) => s },
    });
    const given = [7];
    const digests = [1, 2, 3].map(() => new TestMachine(Longer, given).digest);
    expect(given).toEqual([7]);
    expect(new Set(digests).size).toBe(1);
  });
});

describe("a state that cannot be encoded", () => {
  function spoilable() {
    const runs = { count: 0 };
    const definition = defineActor("spoilable", {
      init: () => ({ count: 0, bad: undefined as unknown }),
      queries: { total: (s) => s.count },
      calls: {
        count: (s) => {
          runs.count++;
          return ++s.count;
        },
        spoil: (s) => {
          s.bad = () => 1;
        },
        mend: (s) => {
          s.bad = undefined;
        },
        crash,
      },
    });
    return { runs, machine: new TestMachine(definition, undefined) };
  }

  function count(machine: TestMachine, times: number): void {
    for (let i = 0; i < times; i++) machine.call("count");
  }

  test("stops nobody when a snapshot is due, and a throw still undoes itself", () => {
    const { machine } = spoilable();
    machine.call("spoil");
    count(machine, snapshotEvery + 10);
    failure(() => machine.call("crash"));
    expect(machine.call("count")).toBe(snapshotEvery + 11);
  });

  test("is snapshotted again once it can be: then a throw costs as little as ever", () => {
    const { machine, runs } = spoilable();
    machine.call("spoil");
    count(machine, snapshotEvery);
    machine.call("mend");
    const before = runs.count;
    failure(() => machine.call("crash"));
    expect(runs.count - before).toBe(snapshotEvery);
    count(machine, snapshotEvery);
    const after = runs.count;
    failure(() => machine.call("crash"));
    expect(runs.count - after).toBeLessThan(10);
    expect(machine.query("total")).toBe(2 * snapshotEvery);
  });
});

describe("two places of the state that share an object", () => {
  const Shared = defineActor("shared", {
    init: () => {
      const one = { n: 0 };
      return { a: one, b: one, runs: 0 };
    },
    queries: { all: (s) => s },
    calls: {
      share: (s) => {
        s.b = s.a;
      },
      bump: (s) => {
        s.a.n++;
        return s.b.n;
      },
      idle: () => undefined,
      crash,
    },
  });

  /** What follows must be the same on a replica that has seen a throw and on one that has not. */
  function expectSame(prepare: (machine: TestMachine) => void): void {
    const [calm, thrown] = [1, 2].map(() => new TestMachine(Shared, undefined));
    if (calm === undefined || thrown === undefined) throw new Error("no machines");
    for (const machine of [calm, thrown]) prepare(machine);
    failure(() => thrown.call("crash"));
    expect(calm.call("bump")).toBe(thrown.call("bump"));
    expect(calm.query("all")).toEqual(thrown.query("all"));
    expect(calm.digest).toBe(thrown.digest);
  }

  test("do so no more after init, whether or not a call throws", () => {
    expectSame(() => undefined);
  });

  test("go on doing so until a snapshot, whether or not a call throws", () => {
    expectSame((machine) => machine.call("share"));
  });

  test("do so no more after a snapshot, whether or not a call throws", () => {
    expectSame((machine) => {
      machine.call("share");
      for (let i = 0; i < snapshotEvery; i++) machine.call("idle");
    });
  });
});

describe("a state of many slices", () => {
  const size = 3000;
  const Ledger = defineActor("ledger", {
    init: () => {
      const one = { n: 0, note: "x".repeat(200) };
      const all = Array.from({ length: size }, (_, n): [string, { n: number; note: string }] => [
        `k${n}`,
        { ...one, n },
      ]);
      return { accounts: new Map(all), first: one, same: one };
    },
    queries: {
      get: (s, key: string) => s.accounts.get(key)?.n,
      pair: (s) => [s.first.n, s.same.n],
    },
    calls: {
      share: (s) => {
        s.same = s.first;
      },
      bump: (s) => s.first.n++,
      add: (s, key: string) => {
        const account = s.accounts.get(key);
        if (account !== undefined) account.n += 1;
      },
      crash,
    },
  });

  /** Two that have run the same, the second out of the slices of the first. */
  function original(): [TestMachine, TestMachine, number] {
    const [one, two] = [new TestMachine(Ledger, undefined), new TestMachine(Ledger, undefined)];
    one.call("share");
    one.call("add", "k7");
    const intake = two.machine.restore({ op: 2, timestamp: 2000 });
    let count = 0;
    for (const slice of one.machine.snapshot()) {
      intake.take(slice);
      count++;
    }
    intake.end();
    return [one, two, count];
  }

  test("goes on from them on the replica that made them as on the one that took them in", () => {
    const [one, two, count] = original();
    expect(count).toBeGreaterThan(2);
    for (const machine of [one, two]) {
      machine.call("bump");
      expect(machine.query("pair")).toEqual([1, 0]);
      expect(machine.query("get", "k7")).toBe(8);
    }
    expect([...two.machine.snapshot()]).toEqual([...one.machine.snapshot()]);
  });

  test("is what a throw goes back to", () => {
    for (const machine of original().slice(0, 2) as TestMachine[]) {
      machine.call("add", "k1");
      failure(() => machine.call("crash"));
      expect(machine.query("get", "k1")).toBe(2);
      expect(machine.query("get", `k${size - 1}`)).toBe(size - 1);
    }
  });

  test("is not changed before the last of them is there", () => {
    const [one, two] = original();
    one.call("add", "k1");
    const before = two.digest;
    const intake = two.machine.restore({ op: 3, timestamp: 3000 });
    const [first] = one.machine.snapshot();
    intake.take(first as Uint8Array);
    expect(two.digest).toBe(before);
    expect(() => intake.end()).toThrow("malformed slices");
    expect(two.digest).toBe(before);
  });
});

test("a throw goes back to texts of any length and to bytes, as they were", () => {
  const Texts = defineActor("texts", {
    init: () => ({
      texts: ["é".repeat(5000), "\u{1f600}".repeat(50_000)],
      bytes: Buffer.from("é"),
    }),
    queries: { all: (s) => s },
    calls: {
      spoil: (s) => {
        s.texts.length = 0;
        s.bytes.fill(0);
        throw new RangeError("boom");
      },
    },
  });
  const machine = new TestMachine(Texts, undefined);
  const before = machine.query("all");
  failure(() => machine.call("spoil"));
  expect(machine.query("all")).toEqual(before);
  expect(machine.query("all")).toMatchObject({ bytes: Buffer.from("é") });
});

test("a query sees the time of the last op, and draws chance of its own each time", () => {
  const Clocked = defineActor("clocked", {
    init: () => ({}),
    queries: { look: (_s, _: undefined, ctx) => [ctx.now(), ctx.id(), ctx.random()] },
    calls: { draw: (_s, _: undefined, ctx) => [ctx.now(), ctx.id(), ctx.random()], crash },
  });
  const machine = new TestMachine(Clocked, undefined);
  const draw = ["call", "draw", undefined] as const;
  machine.apply([draw], 5_000_000);
  const [outcome] = machine.apply([draw], 7_000_999);
  const seen = [1, 2, 3].map(() => machine.query("look") as [number, string, number]);
  expect(seen.map(([now]) => now)).toEqual([7000, 7000, 7000]);
  const called = (outcome as unknown as { value: [number, string, number] }).value;
  expect(new Set([called, ...seen].map(([, id]) => id)).size).toBe(4);
  expect(new Set([called, ...seen].map(([, , random]) => random)).size).toBe(4);
  machine.apply([["call", "crash", undefined]], 9_000_000);
  expect(machine.query("look")).toMatchObject([9000, expect.any(String), expect.any(Number)]);
});
