/** What the checker of real actors takes for wrong, and what not, without any group. */
import type { Committed, EffectMessage, Replica } from "@troupe/replication/runtime";
import { ActorMachine, encodePulse, stateCodec, TargetRef } from "@troupe/replication/runtime";
import { describe, expect, test } from "vitest";
import { ActorSubject } from "../../sim/actors/actor-subject.ts";
import type { Asking } from "../../sim/actors/play.ts";
import { playOf, plays } from "../../sim/actors/plays.ts";
import { Reference } from "../../sim/actors/reference.ts";
import { ActorHistory } from "../../sim/checkers/actors.ts";
import { Chance } from "../../sim/random.ts";
import { clientId } from "../support/entries.ts";

const codec = stateCodec();
const leader = { state: { leads: true } } as Replica;
const backup = { state: { leads: false } } as Replica;

const listener = new TargetRef({
  kind: "process",
  node: "9",
  incarnation: 1,
  id: 1,
  actor: "listener",
});

/** One machine that runs an actor, and the history that looks at it. */
class Bench {
  readonly history: ActorHistory;
  readonly subject: ActorSubject;
  #op = 0;

  constructor(name: string) {
    const { definition } = playOf(name);
    const reference = new Reference(definition, codec, "seed", "g");
    this.history = new ActorHistory(playOf(name), reference, codec);
    const machine = new ActorMachine(definition, undefined, codec, "seed", "g");
    this.subject = new ActorSubject(machine, codec, () => true);
  }

  /** The op that runs these next, one request for each. */
  next(...asked: Asking[]): Committed {
    const op = ++this.#op;
    const requests = asked.map((asking, i) => ({
      kind: "call" as const,
      client: clientId("c"),
      session: 1,
      number: op * 10 + i,
      acked: 1,
      body: codec.encode(asking),
    }));
    return { op, view: 0, timestamp: op * 1_000_000, requests };
  }

  run(...asked: Asking[]): readonly (Uint8Array | undefined)[] {
    const committed = this.next(...asked);
    for (const [, , { call }] of asked) this.history.called(call);
    const { replies } = this.subject.apply(committed);
    this.history.executed(0, committed, this.subject);
    return replies;
  }

  /** All that was sent has arrived, all who are watched are over, and what is due is due. */
  pulse(): void {
    const { effects, monitors } = this.subject.machine.memory;
    const downs = [...monitors.keys()].map((id) => [id, "noproc"] as const);
    const outcomes: [string, Uint8Array][] = [];
    for (const [name, effect] of effects) {
      if (effect.kind !== "effect") continue;
      const value = `receipt ${name}`;
      this.history.performed(effect.id, effect.name, codec.decode(effect.arg), value);
      outcomes.push([name, codec.encode({ value })]);
    }
    const done = [...effects.keys()];
    const body = encodePulse(codec, { done: done.filter(isLetter), downs, outcomes }, 262_144);
    function isLetter(name: string) {
      return effects.get(name)?.kind !== "effect";
    }
    const request = { kind: "pulse" as const, client: "", session: 0, number: 0, acked: 0, body };
    const committed = { ...this.next(), requests: [request] };
    this.subject.apply(committed);
    this.history.executed(0, committed, this.subject);
  }

  query(): Uint8Array {
    return this.subject.answer(codec.encode(["query", "all", undefined]));
  }

  /** The message that the state has open, as it travels. */
  get message(): EffectMessage {
    const [effect] = this.subject.machine.memory.effects.values();
    if (effect === undefined || effect.kind === "effect") throw new Error("nothing is open");
    return { type: "effect", floor: 0, ...effect };
  }
}

const put = (call: string): Asking => ["call", "put", { call }];
const take = (call: string): Asking => ["call", "take", { call }];

describe("a real actor", () => {
  test.each(Object.keys(plays))("comes to what it would if it ran alone: %s", (name) => {
    const bench = new Bench(name);
    const chance = new Chance(7, name);
    for (let i = 0; i < 200; i++) {
      bench.run(playOf(name).ask(chance, `0.0:${i}`, () => listener));
      if (i % 5 === 0) bench.pulse();
      if (i % 20 === 0) Array.from(bench.subject.snapshot());
    }
    bench.pulse();
    expect(bench.subject.length).toBe(241);
    const { effects, monitors } = bench.subject.machine.memory;
    expect([effects.size, monitors.size]).toEqual([0, 0]);
  });

  test("that answers, holds or has open anything else is found out", () => {
    const answers = new Bench("queue");
    const committed = answers.next(put("a"));
    answers.history.called("a");
    answers.subject.apply(committed);
    answers.subject.appliedLast = { replies: [codec.encode({ value: 99, op: 1 })] };
    expect(() => answers.history.executed(0, committed, answers.subject)).toThrow(
      /^AsIfAlone: .* answers 99; alone it would be 0$/,
    );

    const holds = new Bench("queue");
    holds.run(put("a"));
    holds.subject.apply(holds.next(put("unseen")));
    const next = { ...holds.next(put("b")), op: 2 };
    holds.history.called("b");
    holds.subject.apply(next);
    expect(() => holds.history.executed(0, next, holds.subject)).toThrow(/^AsIfAlone: .* comes to/);

    const open = new Bench("queue");
    open.run(take("a"));
    open.subject.machine.memory.deferred.clear();
    const last = open.next(take("b"));
    open.history.called("b");
    open.subject.apply(last);
    expect(() => open.history.executed(0, last, open.subject)).toThrow(/has open timers/);
  });
});

describe("the history of its clients", () => {
  test("is fine where answers are those of the op, also of one that comes later", () => {
    const bench = new Bench("queue");
    const [later] = bench.run(take("a"));
    expect(later).toBeUndefined();
    const [reply] = bench.run(put("b"));
    bench.history.answered("b", reply ?? new Uint8Array());
    bench.history.answered("a", codec.encode({ value: "b", op: 2 }));
    expect([bench.history.acks, bench.history.floor]).toEqual([2, 2]);
  });

  test("is wrong where an answer is another one", () => {
    const bench = new Bench("queue");
    bench.run(take("a"));
    bench.run(put("b"));
    const other = codec.encode({ value: "c", op: 2 });
    expect(() => bench.history.answered("a", other)).toThrow(
      /^Linearizability: a was answered "c"/,
    );
  });

  test("is wrong where a call ran in an op that was answered before it was made", () => {
    const bench = new Bench("queue");
    const committed = bench.next(put("a"));
    bench.subject.apply(committed);
    bench.history.floor = 1;
    bench.history.called("a");
    expect(() => bench.history.executed(0, committed, bench.subject)).toThrow(/before it was made/);
  });

  test("is wrong where a call ran that was never sent, or that nobody made", () => {
    const bench = new Bench("queue");
    const committed = bench.next(put("a"));
    bench.subject.apply(committed);
    const executed = () => bench.history.executed(0, committed, bench.subject);
    expect(executed).toThrow(/nobody made the call a/);
    const other = new Bench("queue");
    other.history.called("a");
    other.history.neverSent("a");
    other.subject.apply(committed);
    expect(() => other.history.executed(0, committed, other.subject)).toThrow(/^NotRun/);
  });

  test("is wrong where a query shows less than was answered, or no state that there was", () => {
    const bench = new Bench("queue");
    const old = bench.query();
    bench.run(put("a"));
    bench.history.queried(0, old);
    bench.history.queried(1, bench.query());
    expect(() => bench.history.queried(1, old)).toThrow(/a stale read: op 0 seen, 1/);
    expect(() => bench.history.readLocally(1, old)).toThrow(/^LocalReads: op 0 seen/);
    bench.history.readLocally(0, old);
    bench.subject.apply(bench.next(put("unseen")));
    expect(() => bench.history.queried(1, bench.query())).toThrow(/^Linearizability: a query was/);
  });
});

describe("what it sends", () => {
  function sent(): Bench {
    const bench = new Bench("herald");
    bench.run(["call", "join", { call: "a", ref: listener } as never]);
    bench.run(["call", "tell", { call: "b", torn: false, prints: false } as never]);
    return bench;
  }

  test("is to be carried by who leads, and to be taken once", () => {
    const bench = sent();
    const { message } = bench;
    bench.history.begins(0, { ...message }, leader);
    expect(() => bench.history.begins(1, { ...message }, backup)).toThrow(/^EffectsOfThePrimary/);
    expect(() => bench.history.begins(0, { ...message, op: 9 }, leader)).toThrow(/nobody ran/);
    bench.history.taken(9, message);
    expect(() => bench.history.taken(9, message)).toThrow(/^EffectsTakenOnce/);
  });

  test("is what it wanted to send, and nothing else", () => {
    const bench = sent();
    const other = { ...bench.message, name: "other" };
    expect(() => bench.history.taken(9, other)).toThrow(/which nobody wants/);
  });

  test("arrives in the end, if whom it is for lives, and nobody has given it up", () => {
    const bench = sent();
    expect(() => bench.history.converged(() => true)).toThrow(/^EffectsAtLeastOnce: 2.0 never/);
    bench.history.converged(() => false);
    bench.history.excuses(bench.message);
    bench.history.converged(() => true);
  });
});

describe("what it has done outside", () => {
  function asked() {
    const bench = new Bench("herald");
    const telling = { call: "a", torn: false, prints: true };
    bench.run(["call", "tell", telling] as never);
    const [effect] = bench.subject.machine.memory.effects.values();
    if (effect?.kind !== "effect") throw new Error("nothing is to be printed");
    const sheet = codec.decode(effect.arg);
    const settle = (outcome: object) => {
      const name = `${effect.op}.${effect.index}`;
      const isDone = Object.keys(outcome).length === 0;
      const outcomes = isDone ? [] : [[name, codec.encode(outcome)] as const];
      const said = { done: isDone ? [name] : [], downs: [], outcomes };
      const body = encodePulse(codec, said, 4096);
      const request = { kind: "pulse" as const, client: "", session: 0, number: 0, acked: 0, body };
      const committed = { ...bench.next(), requests: [request] };
      bench.subject.apply(committed);
      bench.history.executed(0, committed, bench.subject);
    };
    return { bench, history: bench.history, effect, sheet, settle };
  }

  test("is taken on by who leads, and is what a committed op wants, under the id that it wants", () => {
    const { history, effect, sheet } = asked();
    history.takesOn(0, effect, leader);
    expect(() => history.takesOn(1, effect, backup)).toThrow(/^EffectsOfThePrimary/);
    const other = { ...effect, id: "0".repeat(32) };
    expect(() => history.takesOn(0, other, leader)).toThrow(/^EffectsAfterCommit/);
    history.performed(effect.id, "print", sheet, "receipt");
    history.performed(effect.id, "print", sheet, "another");
    expect(() => history.performed(other.id, "print", sheet, "x")).toThrow(/^EffectsAfterCommit/);
    expect(() => history.performed(effect.id, "print", {}, "x")).toThrow(/^EffectsAfterCommit/);
  });

  test("came to what it came to one of the times, and was done when the log says so", () => {
    const early = asked();
    expect(() => early.settle({ value: "receipt" })).toThrow(/^EffectsAfterCommit: op 2 says/);
    const wrong = asked();
    wrong.history.performed(wrong.effect.id, "print", wrong.sheet, "receipt");
    expect(() => wrong.settle({ value: "other" })).toThrow(/it is not so/);
    const right = asked();
    right.history.performed(right.effect.id, "print", right.sheet, "receipt");
    right.history.performed(right.effect.id, "print", right.sheet, "again");
    right.settle({ value: "receipt" });
    right.settle({ value: "again" });
    expect(right.bench.subject.machine.memory.effects.has("1.0")).toBe(false);
  });

  test("is done in the end, and its actor is told of it", () => {
    const untold = asked();
    untold.history.performed(untold.effect.id, "print", untold.sheet, "receipt");
    expect(() => untold.settle({})).toThrow(/^EffectsAtLeastOnce: .* told nothing/);
    const { history, effect, sheet } = asked();
    expect(() => history.converged(() => false)).toThrow(/^EffectsAtLeastOnce: print .* never/);
    history.performed(effect.id, "print", sheet, "receipt");
    history.converged(() => false);
  });
});
