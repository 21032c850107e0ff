/** What a primary does with the effects of its state, and what it tells the log of them. */
import { type EffectError, type EffectHandler, type RefAddress, ReplyError } from "@troupe/actor";
import { ManualClock, settle } from "@troupe/actor/testing";
import { Codec } from "@troupe/cluster/runtime";
import { describe, expect, test } from "vitest";
import type { OpenEffect, OpenPerformance } from "../src/actor-memory.ts";
import { EffectPerformer } from "../src/effect-performer.ts";
import { EffectRunner, performedAtOnce } from "../src/effect-runner.ts";
import type { Pulse } from "../src/pulse.ts";

const codec = new Codec({
  ref: { toAddress: () => undefined, fromAddress: () => undefined as never },
});

function openEffect(op: number, changes: Partial<OpenPerformance> = {}): OpenPerformance {
  const named = { op, index: 0, at: op * 1000, kind: "effect" as const, name: "work" };
  const asked = { id: `${op}`.padStart(32, "0"), arg: codec.encode({ op }), timeout: 60_000 };
  return { ...named, ...asked, info: "done", ...changes };
}

/** A promise that the test settles. */
class Work {
  readonly arg: unknown;
  readonly id: string;
  readonly signal: AbortSignal;
  readonly promise: Promise<unknown>;
  resolve!: (value: unknown) => void;
  reject!: (error: unknown) => void;

  constructor(arg: unknown, { id, signal }: Parameters<EffectHandler>[1]) {
    this.arg = arg;
    this.id = id;
    this.signal = signal;
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }
}

/** A runner and a performer around a memory that the test writes. */
class Bench {
  readonly clock = new ManualClock();
  readonly effects = new Map<string, OpenEffect>();
  readonly works: Work[] = [];
  readonly pulses: Pulse[] = [];
  readonly failed: [string, unknown][] = [];
  readonly delivered: [number, number][] = [];
  readonly monitors = new Map<string, RefAddress>();
  /** The numbers of the processes that are watched. */
  readonly watched = new Set<number>();
  leads = true;
  /** What waits for the end of a turn; undefined where nothing does. */
  turn: (() => void)[] | undefined = undefined;
  readonly runner: EffectRunner;
  readonly #performer: EffectPerformer;

  constructor(bytesMax = 4096) {
    this.#performer = new EffectPerformer({
      actor: "shop",
      effects: {
        work: (arg: unknown, run) => {
          const work = new Work(arg, run);
          this.works.push(work);
          return work.promise;
        },
        now: (value: unknown) => value,
        throws: (): never => {
          throw new ReplyError("no", { big: "x".repeat(bytesMax) });
        },
      },
      clock: this.clock,
      codec,
      later: (run) => {
        if (this.turn === undefined) run();
        else this.turn.push(run);
      },
      outcomeBytesMax: bytesMax,
      failed: ({ id }, error) => this.failed.push([id, error]),
    });
    this.runner = new EffectRunner({
      machine: { nextDue: undefined, memory: { effects: this.effects, monitors: this.monitors } },
      now: () => this.clock.now(),
      leads: () => this.leads,
      pulse: (pulse) => this.pulses.push(pulse),
      deliver: ({ op }, floor) => this.delivered.push([op, floor]),
      perform: (effect, settled) => this.#performer.perform(effect, settled),
      forget: () => this.#performer.forget(),
      watch: ({ id }) => {
        this.watched.add(id);
        return () => this.watched.delete(id);
      },
    });
  }

  open(...effects: OpenEffect[]): void {
    for (const effect of effects) this.effects.set(`${effect.op}.${effect.index}`, effect);
  }

  begin(...effects: OpenEffect[]): void {
    this.open(...effects);
    const body = new Uint8Array(0);
    this.runner.begin(effects.map(({ op, index }) => ({ op, index, body })));
  }

  /** What the next tick tells, decoded. */
  get told(): unknown[] {
    this.pulses.length = 0;
    this.runner.tick();
    return this.pulses.flatMap(({ outcomes }) =>
      outcomes.map(([name, outcome]) => [name, codec.decode(outcome)]),
    );
  }

  /** The log has taken what was told: the state knows. */
  known(): void {
    for (const { done, outcomes } of this.pulses.splice(0)) {
      for (const name of [...done, ...outcomes.map(([of]) => of)]) this.effects.delete(name);
    }
  }
}

function resumed(bytesMax?: number): Bench {
  const bench = new Bench(bytesMax);
  bench.runner.resume();
  return bench;
}

describe("the primary", () => {
  test("performs what is committed, with its argument and id, and tells what came of it until that is known", async () => {
    const bench = resumed();
    bench.begin(openEffect(3));
    expect(bench.works).toMatchObject([{ arg: { op: 3 }, id: `${3}`.padStart(32, "0") }]);
    expect(bench.told).toEqual([]);
    bench.works[0]?.resolve("receipt");
    await settle();
    expect(bench.told).toEqual([["3.0", { value: "receipt" }]]);
    expect(bench.told).toEqual([["3.0", { value: "receipt" }]]);
    bench.known();
    expect([bench.told, bench.works.length]).toEqual([[], 1]);
  });

  test("does not begin again what it has begun, and begins nothing that is not open", () => {
    const bench = resumed();
    bench.begin(openEffect(3));
    bench.begin(openEffect(3));
    bench.runner.begin([{ op: 9, index: 0, body: new Uint8Array(0) }]);
    expect(bench.works).toHaveLength(1);
  });

  test("performs so many at a time; the next has its place when the log knows what came of one", async () => {
    const bench = resumed();
    bench.begin(...Array.from({ length: performedAtOnce + 2 }, (_, i) => openEffect(i + 1)));
    expect(bench.works).toHaveLength(performedAtOnce);
    bench.works[0]?.resolve(1);
    await settle();
    expect(bench.told).toHaveLength(1);
    expect(bench.works).toHaveLength(performedAtOnce);
    bench.known();
    bench.runner.tick();
    expect(bench.works.map(({ arg }) => arg).slice(-2)).toEqual([{ op: 64 }, { op: 65 }]);
  });

  test("that leads no more tells the work so, and drops what comes of it; a new one does it again", async () => {
    const bench = resumed();
    bench.begin(openEffect(3));
    bench.leads = false;
    bench.runner.tick();
    expect(bench.works[0]?.signal.reason).toMatchObject({ code: "ERR_EFFECT_STOPPED" });
    bench.works[0]?.resolve("of the old one");
    await settle();
    bench.leads = true;
    bench.runner.resume();
    expect(bench.told).toEqual([]);
    expect(bench.works.map(({ id }) => id)).toEqual([bench.works[0]?.id, bench.works[0]?.id]);
    bench.works[1]?.resolve("of the new one");
    await settle();
    expect(bench.told).toEqual([["3.0", { value: "of the new one" }]]);
  });

  test("begins nothing within its own turn, and nothing that was stopped before the end of that", () => {
    const bench = resumed();
    bench.turn = [];
    bench.begin(openEffect(3));
    expect([bench.works.length, bench.turn.length]).toEqual([0, 1]);
    bench.runner.rest();
    for (const begin of bench.turn.splice(0)) begin();
    expect(bench.works).toEqual([]);
    bench.runner.resume();
    for (const begin of bench.turn.splice(0)) begin();
    expect(bench.works).toHaveLength(1);
  });

  test("does nothing at all of what waited when it is stopped", () => {
    const bench = resumed();
    bench.begin(...Array.from({ length: performedAtOnce + 5 }, (_, i) => openEffect(i + 1)));
    bench.runner.rest();
    bench.runner.tick();
    expect(bench.works).toHaveLength(performedAtOnce);
    expect(bench.works.every(({ signal }) => signal.aborted)).toBe(true);
    expect(bench.clock.pending).toBe(0);
  });

  test("begins nothing and watches nobody after it was stopped, whatever the core says", () => {
    const bench = resumed();
    const process = { kind: "process", node: "n", incarnation: 1, id: 7, actor: "x" } as const;
    bench.monitors.set("m", process);
    bench.runner.tick();
    expect([...bench.watched]).toEqual([7]);
    bench.runner.stop();
    bench.begin(openEffect(3));
    bench.runner.tick();
    bench.runner.resume();
    expect([bench.works, bench.pulses, [...bench.watched]]).toEqual([[], [], []]);
  });

  test("makes a failure an outcome like any other: a throw, a rejection, too much time", async () => {
    const bench = resumed();
    bench.begin(
      openEffect(1),
      openEffect(2, { timeout: 500 }),
      openEffect(3, { name: "gone" }),
      openEffect(4, { name: "now", arg: new Uint8Array([0xff, 0x00]) }),
    );
    bench.works[0]?.reject(Object.assign(new Error("refused"), { code: "ECONNREFUSED" }));
    await bench.clock.advanceAsync(500);
    expect(bench.works[1]?.signal.aborted).toBe(true);
    bench.works[1]?.resolve("late");
    await settle();
    expect(bench.told).toMatchObject([
      ["3.0", { error: { code: "ERR_UNKNOWN_OPERATION", outcome: "not_run" } }],
      ["4.0", { error: { outcome: expect.any(String) } }],
      ["1.0", { error: { code: "ECONNREFUSED", outcome: "unknown", message: "refused" } }],
      ["2.0", { error: { code: "ERR_EFFECT_TIMEOUT", data: { timeoutMs: 500 } } }],
    ]);
    expect(bench.failed).toEqual([]);
  });

  test("says of an outcome that is too large, or that cannot be sent, that it is so", async () => {
    const bench = resumed(448);
    const odd = { deep: [() => 1] };
    bench.begin(openEffect(1), openEffect(2), openEffect(3, { name: "throws" }), openEffect(4));
    bench.works[0]?.resolve("x".repeat(1000));
    bench.works[1]?.resolve(odd);
    const name = "€".repeat(1000);
    bench.works[2]?.reject(Object.assign(new Error(name), { name, code: name, data: odd }));
    await settle();
    const told = bench.told as [string, { error: EffectError }][];
    expect(told.map(([of, { error }]) => [of, error.code, error.outcome])).toEqual([
      ["3.0", "no", "ran"],
      ["1.0", "ERR_NOT_SERIALIZABLE", "ran"],
      ["2.0", "ERR_NOT_SERIALIZABLE", "ran"],
      ["4.0", "€".repeat(32), "unknown"],
    ]);
    expect(told[1]?.[1].error.message).toContain("1010 bytes, the limit is 448");
    expect(told[2]?.[1].error.message).toContain("deep");
    for (const { outcomes } of bench.pulses) {
      for (const [, { length }] of outcomes) expect(length).toBeLessThanOrEqual(448);
    }
  });

  test("tells of an error whose text no wire carries, such as what JSON.parse says of a smile", async () => {
    const bench = resumed();
    bench.begin(openEffect(1), openEffect(2));
    bench.works[0]?.resolve(Promise.resolve("😀").then(JSON.parse));
    bench.works[1]?.reject(new Error(`m${"😀".repeat(2000)}`));
    await settle();
    expect(bench.told).toMatchObject([
      ["2.0", { error: { message: `m${"😀".repeat(31)}\ufffd` } }],
      ["1.0", { error: { name: "SyntaxError", message: expect.stringContaining("\ufffd") } }],
    ]);
  });

  test("says only that it is done where nobody is told, and reports a failure", async () => {
    const bench = resumed();
    const { info: _, ...untold } = openEffect(1);
    bench.begin(untold, { ...untold, op: 2 });
    const error = new Error("refused");
    bench.works[0]?.reject(error);
    bench.works[1]?.resolve("x".repeat(100_000));
    await settle();
    expect(bench.told).toEqual([]);
    expect(bench.pulses).toEqual([{ done: ["1.0", "2.0"], downs: [], outcomes: [] }]);
    expect(bench.failed).toEqual([[untold.id, error]]);
  });

  test("tells receivers of messages nothing of effects that are open: those have no place in their memory", () => {
    const bench = resumed();
    const to = { kind: "process", node: "n", incarnation: 1, id: 7, actor: "x" } as const;
    const letter = {
      index: 0,
      at: 5000,
      kind: "cast",
      to,
      name: "y",
      arg: codec.encode(1),
    } as const;
    bench.begin(openEffect(3), { op: 5, ...letter });
    expect(bench.delivered).toEqual([[5, 5000]]);
  });
});
