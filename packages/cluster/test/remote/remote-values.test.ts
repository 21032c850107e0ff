/** What crosses between two nodes besides plain data: errors, instances, ids and addresses. */
import {
  type AnyRef,
  defineActor,
  defineWireClass,
  isActorError,
  type ReplyTo,
} from "@troupe/actor";
import { describe, expect, test } from "vitest";
import type { NodeDeadLetter } from "../../src/node-events.ts";
import { Bench, Counter } from "../support.ts";

class Money {
  readonly cents: number;
  constructor(cents: number) {
    this.cents = cents;
  }
}

class Tip extends Money {}

const MoneyOnWire = defineWireClass("money", Money, {
  toData: (money) => {
    if (money.cents < 0) throw new RangeError("negative");
    return { cents: money.cents };
  },
  fromData: ({ cents }) => {
    if (cents > 1000) throw new RangeError("too much");
    return new Money(cents);
  },
});

const Teller = defineActor("teller", {
  init: () => ({ waiting: [] as ReplyTo<unknown>[], monitors: [] as string[] }),
  calls: {
    double: (_s, money: Money) => new Money(money.cents * 2),
    failing: (_s, error: unknown) => [error, error instanceof Error],
    tip: () => new Tip(1) as unknown,
    minusZero: (_s, n: number) => [n, Object.is(n, -0)],
    ids: (s, watched: AnyRef, ctx) => {
      s.monitors.push(ctx.monitor(watched));
      return { monitor: s.monitors[0], timer: ctx.sendAfter(60_000, "never") };
    },
    demonitor: (s, monitor: string, ctx) => {
      ctx.demonitor(monitor);
      return s.monitors.includes(monitor);
    },
    wait: (s, _: undefined, ctx) => ctx.defer<unknown>((to) => s.waiting.push(to)),
    waiting: (s) => s.waiting,
    answer: (_s, arg: { to: ReplyTo<unknown>; reply: unknown }, ctx) =>
      ctx.reply(arg.to, arg.reply),
  },
  casts: { put: (_s, _money: Money) => {} },
  info: { never: () => {}, down: () => {} },
});

const actors = [Counter, Teller];
const classes = [MoneyOnWire];

async function pair(options = {}) {
  const bench = new Bench();
  const b = await bench.node("b", [], { actors, ...options });
  const a = await bench.node("a", ["b"], { actors, classes });
  await bench.until(() => a.nodes().length === 1);
  const teller = await bench.during(a.startOn("b", Teller));
  return { bench, a, b, teller };
}

const failure = (pending: Promise<unknown>) =>
  pending.then(
    () => expect.unreachable("it did not fail"),
    (error: unknown) => error,
  );

describe("instances of a class that both nodes know", () => {
  test("cross in both directions", async () => {
    const { bench, teller } = await pair({ classes });
    const doubled = await bench.during(teller.call("double", new Money(20)));
    expect(doubled).toBeInstanceOf(Money);
    expect(doubled.cents).toBe(40);
  });

  test("are refused before sending where a subclass, or toData, is the trouble", async () => {
    const { bench, teller } = await pair({ classes });
    const notRun = { code: "ERR_NOT_SERIALIZABLE", outcome: "not_run" };
    expect(await failure(teller.call("double", new Tip(1)))).toMatchObject({
      ...notRun,
      message: "cannot encode arg: an instance of Tip",
    });
    expect(await failure(teller.call("double", new Money(-1)))).toMatchObject(notRun);
    expect(await bench.during(failure(teller.call("tip")))).toMatchObject({
      code: "ERR_NOT_SERIALIZABLE",
      outcome: "ran",
    });
  });

  test("are a DecodeError where fromData throws: a call did not run, a reply did", async () => {
    const { bench, teller } = await pair({ classes });
    expect(await bench.during(failure(teller.call("double", new Money(2000))))).toMatchObject({
      code: "ERR_DECODE",
      outcome: "not_run",
      message: 'cannot decode: "money" refuses its data: too much',
    });
    expect(await bench.during(failure(teller.call("double", new Money(600))))).toMatchObject({
      code: "ERR_DECODE",
      outcome: "ran",
    });
    expect((await bench.during(teller.call("double", new Money(1)))).cents).toBe(2);
  });

  test("are a DecodeError on a node that does not know them, and a cast is a dead letter", async () => {
    const { bench, b, teller } = await pair();
    const letters: unknown[] = [];
    b.events.on("deadLetter", (letter) => letters.push((letter as NodeDeadLetter).error));
    expect(await bench.during(failure(teller.call("double", new Money(1))))).toMatchObject({
      code: "ERR_DECODE",
      outcome: "not_run",
      message: 'cannot decode: an instance of "money", unknown here',
    });
    teller.cast("put", new Money(1));
    await bench.until(() => letters.length === 1);
    expect(letters[0]).toMatchObject({ code: "ERR_DECODE" });
  });

  test("may be named once only, which createNode says by name", async () => {
    const bench = new Bench();
    const twice = [MoneyOnWire, defineWireClass("money", Tip, MoneyOnWire as never)];
    const again = [MoneyOnWire, defineWireClass("coin", Money, MoneyOnWire as never)];
    for (const [given, expected] of [
      [twice, 'invalid option classes[1]: expected a name not used before, got "money"'],
      [again, 'invalid option classes[1]: expected a class not named before, got "coin"'],
      ["money", 'invalid option classes: expected a list of classes, got "money"'],
      [[Money], "invalid option classes[0]: expected an object, got a function"],
    ] as const) {
      await expect(bench.node("a", [], { classes: given as never })).rejects.toThrow(expected);
    }
  });

  test("are copied in local messages of a node that copies them, as on the way to another", async () => {
    const bench = new Bench();
    const node = await bench.node("a", [], { actors, classes, cloneMessages: true });
    const teller = await node.start(Teller);
    const money = new Money(20);
    expect((await bench.during(teller.call("double", money))).cents).toBe(40);
    expect(await failure(teller.call("double", new Money(2000)))).toMatchObject({
      code: "ERR_NOT_SERIALIZABLE",
      message: "cannot encode arg: it throws RangeError: too much",
    });
  });
});

describe("errors", () => {
  test("are arguments and replies like any other value", async () => {
    const { bench, teller } = await pair();
    const error = new RangeError("low", { cause: { code: "E_LOW" } });
    const [revived, isError] = await bench.during(teller.call("failing", error));
    expect(isError).toBe(true);
    expect(revived).toBeInstanceOf(RangeError);
    expect(revived).toMatchObject({ message: "low", cause: { code: "E_LOW" } });
  });

  test("with which a call failed may be sent on, and are known again", async () => {
    const { bench, teller, a } = await pair();
    const counter = await bench.during(a.startOn("b", Counter, { start: 0 }));
    const refusal = await bench.during(failure(counter.call("refuse", { why: "no" })));
    const [revived] = await bench.during(teller.call("failing", { nested: [refusal] }));
    const { nested } = revived as { nested: unknown[] };
    expect(isActorError(nested[0], "refused_by_counter")).toBe(true);
    expect(nested[0]).toMatchObject({ data: { why: "no" }, outcome: "ran" });
  });
});

test("-0 arrives as -0", async () => {
  const { bench, teller } = await pair();
  const [n, wasMinusZero] = await bench.during(teller.call("minusZero", -0));
  expect([Object.is(n, -0), wasMinusZero]).toEqual([true, true]);
});

test("the ids of monitors and timers, and the address of a reply, are data that comes back", async () => {
  const { bench, teller, a } = await pair();
  const watched = await bench.during(a.startOn("b", Counter, { start: 0 }));
  const { monitor } = await bench.during(teller.call("ids", watched));
  expect(await bench.during(teller.call("demonitor", monitor as string))).toBe(true);
  const later = teller.call("wait", undefined, { timeout: 60_000 });
  await bench.pass(50);
  const [to] = await bench.during(teller.call("waiting"));
  await bench.during(teller.call("answer", { to: to as ReplyTo<unknown>, reply: "at last" }));
  expect(await bench.during(later)).toBe("at last");
});
