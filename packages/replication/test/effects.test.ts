/** Named effects in the state of a replicated actor: what is open, and what ends it. */
import { defineActor, type EffectOptions, type EffectResult, HandlerError } from "@troupe/actor";
import { describe, expect, test } from "vitest";
import type { OpenPerformance } from "../src/actor-memory.ts";
import { checkDeterminism } from "../src/determinism.ts";
import { decodePulse, encodePulse, outcomeBytesMax } from "../src/pulse.ts";
import type { Unheard } from "../src/state-machine.ts";
import { stateCodec } from "../src/target-ref.ts";
import { elsewhere, failure, TestMachine } from "./support/machine.ts";

const codec = stateCodec();

const Shop = defineActor("shop", {
  init: () => ({ log: [] as unknown[], who: undefined as unknown }),
  queries: { log: (s) => s.log, asks: (_s, _: undefined, ctx) => ctx.effect("charge") },
  calls: {
    charge: (_s, [arg, options]: [unknown, EffectOptions?], ctx) =>
      ctx.effect("charge", arg, options),
    both: (_s, _: undefined, ctx) => {
      ctx.send(elsewhere, "hello");
      return [ctx.effect("charge", 1, { info: "charged" }), ctx.effect("charge", 2)];
    },
    chargeAndThrow: (s, _: undefined, ctx) => {
      ctx.effect("charge", 1);
      s.log.push("torn");
      throw new RangeError("boom");
    },
    chargeAndFail: (_s, _: undefined, ctx) => {
      ctx.effect("charge", 1);
      ctx.fail("no");
    },
    crash: () => {
      throw new RangeError("boom");
    },
    many: (_s, n: number, ctx) => {
      for (let i = 0; i < n; i++) ctx.effect("charge", i);
    },
    chance: (_s, _: undefined, ctx) => [ctx.effect("charge"), ctx.id(), ctx.random()],
  },
  info: {
    charged: (s, result: EffectResult, ctx) => {
      s.log.push([result, ctx.now()]);
      if ("value" in result && result.value === "again") {
        ctx.effect("charge", result.id, { info: "charged" });
      }
    },
    throws: (s) => {
      s.log.push("torn");
      throw new Error("not told");
    },
    picky: (s, result: EffectResult) => {
      s.log.push(result);
    },
  },
  effects: { charge: async (sum: unknown) => sum },
  payloads: { picky: (result) => "value" in (result as object) || "a value" },
});

const shop = (seed?: string) => new TestMachine(Shop, undefined, seed);
const open = ({ machine }: TestMachine) =>
  [...machine.memory.effects.values()].filter(({ kind }) => kind === "effect") as OpenPerformance[];
const outcome = (name: string, outcome: object) => [name, codec.encode(outcome)] as const;
const told = { info: "charged" };

describe("an effect of a replicated actor", () => {
  test("is open, under its id and the name of its op and place, when its handler has returned", () => {
    const machine = shop();
    const [one, two] = machine.call("both") as string[];
    expect(machine.applied.effects).toHaveLength(3);
    expect([...machine.machine.memory.effects.keys()]).toEqual(["1.0", "1.1", "1.2"]);
    const named = { op: 1, kind: "effect", name: "charge", timeout: 60_000, at: 1_000_000 };
    expect(open(machine)).toEqual([
      { ...named, index: 1, id: one, arg: codec.encode(1), info: "charged" },
      { ...named, index: 2, id: two, arg: codec.encode(2) },
    ]);
    expect(one).toMatch(/^[0-9a-f]{32}$/);
    expect(one).not.toBe(two);
  });

  test("does not take place when its handler throws or refuses", () => {
    const machine = shop();
    expect(failure(() => machine.call("chargeAndThrow"))).toBeInstanceOf(HandlerError);
    expect(failure(() => machine.call("chargeAndFail")).code).toBe("no");
    expect([machine.applied.effects, open(machine)]).toEqual([[], []]);
    expect(machine.query("log")).toEqual([]);
  });

  test("has the same id on every replica and after a throw was undone, and no other has it", () => {
    const [one, two] = [shop(), shop()];
    const ids = [one, two].map((machine) => machine.call("charge", [1]));
    expect(ids[0]).toBe(ids[1]);
    failure(() => one.call("crash"));
    expect(open(one).map(({ id }) => id)).toEqual([ids[0]]);
    expect(open(one)).toEqual(open(two));
    const ofOtherHistory = shop("other").call("charge", [1]);
    const ofNextOp = two.call("charge", [1]);
    const [ofItsOwn, drawn] = two.call("chance") as [string, string];
    expect(new Set([ids[0], ofOtherHistory, ofNextOp, ofItsOwn, drawn]).size).toBe(5);
  });

  test("of a group that was begun anew is not one of the first history, whose ops had the same numbers", () => {
    const ask = [["call", "charge", [1]]] as const;
    const ids = [1_000_000, 2_000_000].map((timestamp) => {
      const machine = shop();
      machine.apply(ask, timestamp);
      return open(machine)[0]?.id;
    });
    expect(ids[0]).not.toBe(ids[1]);
  });

  test("leaves time, chance and ids what they were in a machine that rebuilds", () => {
    const machine = shop();
    machine.call("chance");
    const before = machine.digest;
    failure(() => machine.call("crash"));
    expect(machine.digest).toBe(before);
  });

  test("is over with its outcome, of which the info that it named is told, at the time of that op", () => {
    const machine = shop();
    const id = machine.call("charge", [5, told]);
    machine.pulse(2000, { outcomes: [outcome("1.0", { value: "receipt" })] });
    expect(open(machine)).toEqual([]);
    expect(machine.query("log")).toEqual([[{ id, effect: "charge", value: "receipt" }, 2000]]);
  });

  test("is told of a failure in the same way", () => {
    const machine = shop();
    const id = machine.call("charge", [5, told]);
    const error = { name: "E", code: "ERR_UNKNOWN", outcome: "unknown", message: "no" };
    machine.pulse(2000, { outcomes: [outcome("1.0", { error })] });
    expect(machine.query("log")).toEqual([[{ id, effect: "charge", error }, 2000]]);
  });

  test("has one outcome: a second one, or one of what is no effect, changes nothing", () => {
    const machine = shop();
    machine.call("both");
    machine.pulse(2000, {
      outcomes: [
        outcome("1.1", { value: 1 }),
        outcome("1.1", { value: 2 }),
        outcome("1.0", { value: "this is a message" }),
        outcome("7.7", { value: "nobody asked" }),
      ],
    });
    machine.pulse(2001, { outcomes: [outcome("1.1", { value: 3 })], done: ["1.1"] });
    expect(machine.query("log")).toMatchObject([[{ value: 1 }, 2000]]);
    expect([...machine.machine.memory.effects.keys()]).toEqual(["1.0", "1.2"]);
  });

  test("of which nobody is told is over when it is said to be done", () => {
    const machine = shop();
    machine.call("charge", [5]);
    machine.call("charge", [6]);
    machine.pulse(2000, { done: ["1.0"], outcomes: [outcome("2.0", { value: 1 })] });
    expect([open(machine), machine.query("log")]).toEqual([[], []]);
  });

  test("is over also when the handler of its outcome throws, which then has done nothing", () => {
    const machine = shop();
    machine.call("charge", [5, { info: "throws" }]);
    machine.call("charge", [6, { info: "picky" }]);
    const error = { name: "E", code: "X", outcome: "unknown", message: "no" };
    machine.pulse(2000, {
      outcomes: [outcome("1.0", { value: 1 }), outcome("2.0", { error })],
    });
    expect([open(machine), machine.query("log")]).toEqual([[], []]);
    const before = machine.digest;
    failure(() => machine.call("crash"));
    expect([machine.digest, open(machine)]).toEqual([before, []]);
  });

  test("is over, and what the handler of its outcome threw is told once, though others throw later", () => {
    const unheard: unknown[] = [];
    const tell = (operation: string, { message }: Error) => unheard.push([operation, message]);
    const s = new TestMachine(Shop, undefined, "seed", tell as Unheard);
    s.call("charge", [1, { info: "throws" }]);
    s.call("charge", [2, { info: "picky" }]);
    s.pulse(5, { outcomes: [outcome("1.0", { value: 1 }), outcome("2.0", { error: {} })] });
    failure(() => s.call("crash"));
    expect(unheard).toEqual([
      ["throws", "not told"],
      ["picky", expect.stringContaining("a value")],
    ]);
  });

  test("may be asked for by the handler of another's outcome, also while that is replayed", () => {
    const machine = shop();
    machine.call("charge", [5, told]);
    machine.pulse(2000, { outcomes: [outcome("1.0", { value: "again" })] });
    expect(machine.applied.effects).toHaveLength(1);
    const [next] = open(machine);
    expect([next?.op, next?.index]).toEqual([2, 0]);
    failure(() => machine.call("crash"));
    expect(machine.applied.effects).toEqual([]);
    expect(open(machine)).toEqual([next]);
    machine.pulse(3000, { outcomes: [outcome("2.0", { value: 1 })] });
    expect(machine.query("log")).toHaveLength(2);
  });

  test("may hand back a ref to another actor, which the state keeps as its address", () => {
    const machine = shop();
    machine.call("charge", [elsewhere, told]);
    machine.pulse(2000, { outcomes: [outcome("1.0", { value: { ref: elsewhere } })] });
    expect(machine.query("log")).toMatchObject([[{ value: { ref: elsewhere } }, 2000]]);
  });

  test("is in a snapshot, so that another machine goes on from it as this one", () => {
    const [one, two] = [shop(), shop()];
    one.call("both");
    const intake = two.machine.restore({ op: 1, timestamp: 1_000_000 });
    for (const slice of one.machine.snapshot()) intake.take(slice);
    intake.end();
    two.skipTo(1);
    expect([open(two), two.digest]).toEqual([open(one), one.digest]);
    for (const machine of [one, two]) {
      machine.pulse(2000, { done: ["1.0", "1.2"], outcomes: [outcome("1.1", { value: 1 })] });
      failure(() => machine.call("crash"));
    }
    expect(two.query("log")).toEqual(one.query("log"));
    expect(two.digest).toBe(one.digest);
  });

  test("is bounded, together with messages: beyond so many that are open the handler fails", () => {
    const machine = shop();
    machine.call("both");
    const error = failure(() => machine.call("many", 4094));
    expect(error.message).toContain("effects of a replicated actor");
    machine.call("many", 4093);
    expect(machine.machine.memory.effects.size).toBe(4096);
    expect(failure(() => machine.call("charge", [1]))).toBeInstanceOf(HandlerError);
  });

  test("that there is not, an info that there is not and bad options are refused by name", () => {
    const machine = shop();
    const message = (arg: unknown) => failure(() => machine.call("charge", [1, arg])).message;
    expect(message({ info: "nope" })).toContain('shop has no info "nope"; it has charged');
    expect(message({ info: "constructor" })).toContain("no info");
    expect(message({ timeout: Number.POSITIVE_INFINITY })).toContain("a finite number");
    expect(message({ soon: 1 })).toContain("no such option");
    const Empty = defineActor("empty", {
      init: () => ({}),
      calls: { go: (_s, name: string, ctx) => ctx.effect(name) },
    });
    const empty = new TestMachine(Empty, undefined);
    for (const name of ["nope", "constructor"]) {
      expect(failure(() => empty.call("go", name)).message).toContain(`no effect "${name}"`);
    }
    expect(open(machine)).toEqual([]);
  });

  test("cannot be asked for by a query, or by init", () => {
    expect(failure(() => shop().query("asks")).message).toContain("ctx.effect in a query");
    const Hasty = defineActor("hasty", {
      init: (_: undefined, ctx) => ({ id: ctx.effect("x") }),
      effects: { x: () => 1 },
    });
    expect(() => new TestMachine(Hasty, undefined)).toThrow("ctx.effect in init");
  });

  test("is asked for, and not performed, by the check for determinism", () => {
    let performed = 0;
    const Checked = defineActor("checked", {
      init: () => ({ ids: [] as string[] }),
      calls: { go: (s, _: undefined, ctx) => s.ids.push(ctx.effect("run", s.ids.length)) },
      effects: { run: () => performed++ },
    });
    checkDeterminism(Checked, undefined, [
      ["call", "go"],
      ["after", 1000],
      ["call", "go"],
    ]);
    expect(performed).toBe(0);
  });
});

describe("a pulse", () => {
  const bytes = (length: number) => new Uint8Array(length).fill(7);
  const read = (body: Uint8Array) => decodePulse(codec, body);

  test("without outcomes has the bytes that it had before there were any", () => {
    const body = encodePulse(codec, { done: ["1.0"], downs: [], outcomes: [] }, 1024);
    expect(body).toEqual(codec.encode([["1.0"], []]));
    expect(read(body)).toEqual({ done: ["1.0"], downs: [], outcomes: [] });
  });

  test("says as many outcomes as half of it holds, in order, and the rest of what else there is", () => {
    const outcomes = Array.from({ length: 9 }, (_, i) => [`${i}.0`, bytes(100)] as const);
    const done = Array.from({ length: 500 }, (_, i) => `${i}.1`);
    const body = encodePulse(codec, { done, downs: [], outcomes }, 1024);
    expect(body.length).toBeLessThanOrEqual(1024);
    const said = read(body);
    expect(said.outcomes.map(([name]) => name)).toEqual(["0.0", "1.0", "2.0"]);
    expect(said.done.length).toBeGreaterThan(20);
    expect(done.slice(0, said.done.length)).toEqual(said.done);
  });

  test("always has room for one outcome of the greatest size, whatever else is to be said", () => {
    for (const max of [1024, 4096, 262_144]) {
      const name = `${2 ** 50}.${2 ** 20}`;
      const outcomes = [
        [name, bytes(outcomeBytesMax(max))],
        ["1.1", bytes(1)],
      ] as const;
      const done = Array.from({ length: 20_000 }, (_, i) => `${i}.1`);
      const body = encodePulse(codec, { done, downs: [], outcomes }, max);
      expect(body.length).toBeLessThanOrEqual(max);
      expect(read(body).outcomes).toHaveLength(1);
      expect(read(body).done.length).toBeGreaterThan(0);
    }
  });
});
