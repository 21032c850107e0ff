import { describe, expect, expectTypeOf, it } from "vitest";
import { type Down, defineActor, type ExitSignal, type RefOf } from "../../src/index.ts";
import { createTestSystem, probe, stubRef } from "../../src/testing.ts";
import { failure, watch } from "../support/harness.ts";

const Bank = defineActor("bank", {
  init: () => ({}),
  queries: { balance: (_s, _account: string) => 0 },
  calls: { charge: (_s, _cents: number) => "receipt" },
  casts: { note: (_s, _text: string) => {} },
});

/** Charges through a bank, and says what came of it. */
const Shop = defineActor("shop", {
  init: (arg: { bank: RefOf<typeof Bank> }) => arg,
  calls: {
    order: async (s, cents: number) => {
      const receipt = await s.bank.call("charge", cents, { timeout: 1000 });
      s.bank.cast("note", `paid ${cents}`);
      return receipt;
    },
  },
  casts: {
    remind: (_s, ms: number, ctx) => void ctx.sendAfter(ms, "remind"),
  },
  info: { remind: (s) => s.bank.cast("note", "reminder") },
});

async function shopWithProbe() {
  const system = createTestSystem({ now: 0 });
  const bank = await probe(system, { as: Bank });
  const shop = await system.start(Shop, { bank: bank.ref });
  return { system, bank, shop };
}

describe("a probe", () => {
  it("writes down what it is sent: calls, queries, casts and plain messages, in order", async () => {
    const system = createTestSystem({ now: 0 });
    const it = await probe(system);
    void it.ref.call("one", { n: 1 }).catch(() => {});
    void it.ref.query("two").catch(() => {});
    it.ref.cast("three", [3]);
    await system.advance(40);
    it.ref.send("four");
    await system.settle();
    expect(it.messages.map(({ kind, operation, arg, at }) => [kind, operation, arg, at])).toEqual([
      ["call", "one", { n: 1 }, 0],
      ["query", "two", undefined, 0],
      ["cast", "three", [3], 0],
      ["info", "four", undefined, 40],
    ]);
    it.clear();
    expect(it.messages).toEqual([]);
  });

  it("stands in for a definition, under a name", async () => {
    const system = createTestSystem();
    const bank = await probe(system, { as: Bank, name: "bank" });
    const found = system.whereis("bank", Bank);
    found?.cast("note", "hello");
    await bank.expect("note", "hello");
    expect(String(bank.ref)).toMatch(/^bank </);
    expectTypeOf(bank.ref).toEqualTypeOf<RefOf<typeof Bank>>();
  });

  it("stays one process among others: it is stopped, and then not running", async () => {
    const system = createTestSystem();
    const it = await probe(system);
    await system.stop(it.ref);
    expect(await failure(it.ref.call("x"))).toMatchObject({ code: "ERR_NO_PROCESS" });
    expect(await failure(it.run(() => 1))).toMatchObject({ code: "ERR_NO_PROCESS" });
  });
});

describe("a probe answers", () => {
  it("by hand, when the test has seen the message", async () => {
    const { bank, shop } = await shopWithProbe();
    const order = watch(shop.call("order", 500));
    const charge = await bank.expect<number>("charge", 500);
    expect(order.state).toBe("pending");
    await charge.reply("receipt 1");
    await bank.expect("note", "paid 500");
    expect(order.value).toBe("receipt 1");
  });

  it("with a refusal", async () => {
    const { system, bank } = await shopWithProbe();
    const charge = watch(bank.ref.call("charge", 500));
    await (await bank.expect("charge")).refuse("declined", { why: "limit" });
    await system.settle();
    expect(charge.error).toMatchObject({ code: "declined", data: { why: "limit" } });
  });

  it("by itself, once it has been told how", async () => {
    const { bank } = await shopWithProbe();
    bank.answer("charge", (cents: number, ctx) => (cents > 9 ? ctx.fail("declined") : `${cents}`));
    expect(await bank.ref.call("charge", 5)).toBe("5");
    expect(await failure(bank.ref.call("charge", 10))).toMatchObject({ code: "declined" });
    expect(bank.messages).toHaveLength(2);
  });

  it("once, and nobody who does not wait", async () => {
    const { bank } = await shopWithProbe();
    const call = bank.ref.call("charge", 1);
    const charge = await bank.expect("charge");
    await charge.reply("first");
    expect(await failure(charge.reply("second"))).toMatchObject({ code: "ERR_NO_CALLER" });
    expect(await call).toBe("first");
    bank.ref.cast("note", "x");
    const note = await bank.expect("note");
    expect(await failure(note.refuse("no"))).toMatchObject({ code: "ERR_NO_CALLER" });
  });

  it("not at all, so that the caller's own timeout is tried", async () => {
    const { system, shop } = await shopWithProbe();
    const order = watch(shop.call("order", 500));
    await system.advance(1000);
    expect(order.error).toMatchObject({ code: "ERR_PROCESS_EXITED" });
  });
});

describe("expect", () => {
  it("waits in virtual time, and no longer than until the message comes", async () => {
    const { system, bank, shop } = await shopWithProbe();
    shop.cast("remind", 30_000);
    const { at } = await bank.expect("note", undefined, { within: 60_000 });
    expect([at, system.clock.monotonic()]).toEqual([30_000, 30_000]);
  });

  it("gives up when its time has passed, and says what came instead", async () => {
    const { system, bank, shop } = await shopWithProbe();
    bank.ref.cast("note", "other");
    shop.cast("remind", 101);
    const missing = bank.expect("note", "this", { within: 100 });
    expect(await failure(missing)).toMatchObject({
      code: "ERR_EXPECTATION",
      expected: `"note" with 'this' within 100 ms`,
      instead: ["cast note('other') at 0 ms"],
    });
    expect(system.clock.monotonic()).toBe(100);
    await bank.expect("note", "reminder", { within: 1 });
  });

  it("lets no time pass unless it is told to", async () => {
    const { system, bank } = await shopWithProbe();
    const error = await failure(bank.expect("note"));
    expect(error.message).toContain('expected "note" within 0 ms, and there was nothing');
    expect(system.clock.monotonic()).toBe(0);
  });

  it("takes each message once, oldest first, and leaves the others", async () => {
    const { bank } = await shopWithProbe();
    for (const text of ["a", "b", "a"]) bank.ref.cast("note", text);
    await bank.expect("note", "b");
    await bank.expect("note", "a");
    await bank.expect("note", "a");
    expect(await failure(bank.expect("note", "a"))).toMatchObject({ instead: [] });
    expect(bank.messages).toHaveLength(3);
  });

  it("matches by value with refs by their address, by a function, and by a matcher", async () => {
    const { bank } = await shopWithProbe();
    const any = bank.ref as { cast(operation: string, arg: unknown): void };
    any.cast("seen", { who: stubRef("a", 1), tags: new Set(["x"]) });
    const seen = (id: number) =>
      bank.expect("seen", { who: stubRef("a", id), tags: new Set(["x"]) });
    expect(await failure(seen(2))).toMatchObject({ code: "ERR_EXPECTATION" });
    await seen(1);
    any.cast("count", 3);
    await bank.expect<number>("count", (n) => n > 2);
    any.cast("row", { id: 1, at: 17 });
    await bank.expect("row", expect.objectContaining({ id: 1 }));
  });

  it("may wait twice at a time, each for its own", async () => {
    const { system, bank, shop } = await shopWithProbe();
    const other = await probe(system);
    shop.cast("remind", 50);
    await other.run((ctx) => void ctx.sendAfter(400, "ring"));
    const [note, ring] = await Promise.all([
      bank.expect("note", undefined, { within: 60 }),
      other.expect("ring", undefined, { within: 1000 }),
    ]);
    expect([note.at, ring.at]).toEqual([50, 400]);
  });

  it("takes nothing that came after its own time, though somebody else waited on", async () => {
    const { system, bank, shop } = await shopWithProbe();
    const other = await probe(system);
    shop.cast("remind", 80);
    await other.run((ctx) => {
      ctx.sendAfter(10, "tick");
      ctx.sendAfter(400, "ring");
    });
    const ring = other.expect("ring", undefined, { within: 1000 });
    const late = failure(bank.expect("note", undefined, { within: 50 }));
    await ring;
    expect(await late).toMatchObject({ code: "ERR_EXPECTATION" });
    await bank.expect("note");
  });

  it("tells the refs of two processes apart", async () => {
    const { bank, shop } = await shopWithProbe();
    const any = bank.ref as { cast(operation: string, arg: unknown): void };
    any.cast("seen", { who: shop });
    expect(await failure(bank.expect("seen", { who: bank.ref }))).toMatchObject({
      code: "ERR_EXPECTATION",
    });
    await bank.expect("seen", { who: shop });
  });

  it("refuses a bad time by name", async () => {
    const { bank } = await shopWithProbe();
    for (const within of [-1, Number.POSITIVE_INFINITY]) {
      expect(await failure(bank.expect("x", undefined, { within }))).toMatchObject({
        code: "ERR_INVALID_OPTION",
      });
    }
  });
});

describe("expectNothing", () => {
  it("passes when nothing has come, or only what was expected", async () => {
    const { system, bank } = await shopWithProbe();
    bank.ref.cast("note", "x");
    await bank.expect("note");
    await bank.expectNothing({ within: 500 });
    expect(system.clock.monotonic()).toBe(500);
  });

  it("lists what has come, at once when it comes", async () => {
    const { system, bank, shop } = await shopWithProbe();
    shop.cast("remind", 20);
    expect(await failure(bank.expectNothing({ within: 500 }))).toMatchObject({
      code: "ERR_EXPECTATION",
      instead: ["cast note('reminder') at 20 ms"],
    });
    expect(system.clock.monotonic()).toBe(20);
  });
});

describe("a probe as a process", () => {
  const Fragile = defineActor("fragile", {
    init: () => ({}),
    casts: {
      crash: () => {
        throw new Error("boom");
      },
    },
  });

  it("monitors: the message down comes", async () => {
    const system = createTestSystem();
    const it = await probe(system);
    const fragile = await system.start(Fragile);
    const monitor = await it.monitor(fragile);
    fragile.cast("crash");
    const { arg } = await it.expect<Down>("down");
    expect(arg).toMatchObject({ monitor, reason: { error: { message: "boom" } } });
    expect(String(arg.ref)).toBe(String(fragile));
  });

  it("is linked and traps exits: the message exit comes", async () => {
    const system = createTestSystem();
    const it = await probe(system);
    const fragile = await system.start(Fragile);
    await it.link(fragile);
    fragile.cast("crash");
    const { arg } = await it.expect<ExitSignal>("exit");
    expect(arg.reason).toMatchObject({ error: { message: "boom" } });
  });

  it("dies of a link when it does not trap exits, and not of one taken back", async () => {
    const system = createTestSystem();
    const [one, two] = [await probe(system, { trapExit: false }), await probe(system)];
    const watcher = await probe(system);
    await watcher.monitor(one.ref);
    const fragile = await system.start(Fragile);
    await one.link(fragile);
    await two.link(fragile);
    await two.unlink(fragile);
    fragile.cast("crash");
    await watcher.expect("down");
    await two.expectNothing();
  });

  it("runs a function with its ctx, and gives what that returns, whatever it is", async () => {
    const system = createTestSystem();
    const it = await probe(system);
    const other = await probe(system);
    const mark = Symbol("not plain data");
    const given = it.run((ctx) => {
      ctx.cast(other.ref, "hello");
      return mark;
    });
    expect(await given).toBe(mark);
    await other.expect("hello");
    expect(it.messages).toEqual([]);
  });

  it("runs a function for as long as it takes", async () => {
    const system = createTestSystem();
    const it = await probe(system);
    const until = (ms: number) => new Promise<void>((wake) => system.clock.setTimer(ms, wake));
    const run = watch(it.run(() => until(60_000)));
    await system.advance(59_999);
    expect(run.state).toBe("pending");
    await system.advance(1);
    expect(run.state).toBe("resolved");
  });

  it("takes the effects of a function back that throws", async () => {
    const system = createTestSystem();
    const it = await probe(system);
    const other = await probe(system);
    const wrong = it.run((ctx) => {
      ctx.cast(other.ref, "hello");
      throw new TypeError("changed my mind");
    });
    await expect(wrong).rejects.toThrow("changed my mind");
    await other.expectNothing();
    await it.run((ctx) => ctx.send(it.ref, "still here"));
    await it.expect("still here");
  });
});
