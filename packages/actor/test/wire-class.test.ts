import { describe, expect, it } from "vitest";
import { defineActor, defineWireClass } from "../src/index.ts";
import { WireClasses } from "../src/runtime.ts";
import { createTestSystem } from "../src/testing.ts";
import { failure } from "./support/harness.ts";

class Money {
  readonly #cents: number;
  private constructor(cents: number) {
    this.#cents = cents;
  }
  static of(cents: number): Money {
    return new Money(cents);
  }
  get cents(): number {
    return this.#cents;
  }
}

const MoneyOnWire = defineWireClass("money", Money, {
  toData: (money) => ({ cents: money.cents }),
  fromData: ({ cents }) => Money.of(cents),
});

describe("defineWireClass", () => {
  it("names a class, and how its instances become data and are made again", () => {
    expect(MoneyOnWire.name).toBe("money");
    expect(MoneyOnWire.toData(Money.of(5))).toEqual({ cents: 5 });
    expect((MoneyOnWire.fromData({ cents: 6 }) as Money).cents).toBe(6);
  });

  it("lets the two functions be methods of one object", () => {
    const spec = {
      factor: 100,
      toData(money: Money): number {
        return money.cents / this.factor;
      },
      fromData(euros: number): Money {
        return Money.of(euros * this.factor);
      },
    };
    const type = defineWireClass("euro", Money, spec);
    expect((type.fromData(type.toData(Money.of(500))) as Money).cents).toBe(500);
  });

  const spec = { toData: () => 1, fromData: () => Money.of(1) };
  const bad: [string, () => unknown, string][] = [
    ["an empty name", () => defineWireClass("", Money, spec), "option name: expected a non-empty"],
    ["a long name", () => defineWireClass("x".repeat(257), Money, spec), "at most 256 characters"],
    ["no class", () => defineWireClass("m", {} as never, spec), "option type: expected a function"],
    [
      "an arrow function",
      () => defineWireClass("m", (() => {}) as never, spec),
      "option type: expected a class of your own",
    ],
    [
      "a class that crosses by itself",
      () => defineWireClass("m", Map as never, spec as never),
      'option type: expected a class of your own, got "Map"',
    ],
    ["no functions", () => defineWireClass("m", Money, {} as never), "option spec.toData"],
    [
      "half of them",
      () => defineWireClass("m", Money, { toData: () => 1 } as never),
      "option spec.fromData: expected a function",
    ],
  ];
  it.each(bad)("refuses %s by name", (_name, define, message) => {
    expect(define).toThrow(message);
    expect(define).toThrow(expect.objectContaining({ code: "ERR_INVALID_OPTION" }));
  });
});

describe("WireClasses", () => {
  it("finds a class by its name, and by the prototype of its very own instances", () => {
    const classes = new WireClasses([MoneyOnWire]);
    expect(classes.named("money")).toBe(MoneyOnWire);
    expect(classes.named("constructor")).toBe(undefined);
    expect(classes.ofPrototype(Money.prototype)).toBe(MoneyOnWire);
    expect(classes.ofPrototype(Object.create(Money.prototype))).toBe(undefined);
  });
});

describe("the option classes of a system that copies its messages", () => {
  const Till = defineActor("till", {
    init: () => ({ paid: [] as Money[] }),
    calls: { pay: (s, money: Money) => s.paid.push(money) },
    queries: { paid: (s) => s.paid },
  });

  it("lets instances be sent, as copies", async () => {
    const system = createTestSystem({ classes: [MoneyOnWire] });
    const till = await system.start(Till);
    const money = Money.of(5);
    await till.call("pay", money);
    const [paid] = await till.query("paid");
    expect(paid?.cents).toBe(5);
    expect(paid).not.toBe(money);
  });

  it("is what they are refused without", async () => {
    const till = await createTestSystem().start(Till);
    expect(await failure(till.call("pay", Money.of(5)))).toMatchObject({
      code: "ERR_NOT_SERIALIZABLE",
      message: "cannot encode arg: an instance of Money",
    });
  });
});
