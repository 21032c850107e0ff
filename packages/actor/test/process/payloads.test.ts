import { describe, expect, it } from "vitest";
import { defineActor, type PayloadCheck } from "../../src/index.ts";
import { failure, settle, testSystem } from "../statements/support.ts";

/** Handlers that declare no payload, in every way of writing one; the last ones may have one. */
const Shapes = defineActor("shapes", {
  init: () => ({ n: 1 }),
  calls: {
    arrow: (s) => s.n,
    bare: (s) => s.n,
    nothing: () => 1,
    asyncArrow: async (s) => s.n,
    method(s) {
      return s.n;
    },
    async asyncMethod(s) {
      return s.n;
    },
    expression: (s) => s.n,
    named: function named(s) {
      return s.n;
    },
  },
});

const withPayload = {
  plain: (_s: unknown, n: number) => n,
  byDefault: (_s: unknown, n = 7) => n,
  rest: (..._all: unknown[]) => _all[1],
  restAfter: (_s: unknown, ...rest: unknown[]) => rest[0],
  destructured: (_s: unknown, { n }: { n: number }) => n,
  parameters: function () {
    // biome-ignore lint/complexity/noArguments: a handler written in the old way is the point
    return arguments[1];
  },
};
const Takers = defineActor("takers", { init: () => ({}), calls: withPayload });

type Untyped = { call(operation: string, arg?: unknown): Promise<unknown> };

describe("a payload that a handler does not take", () => {
  for (const operation of Object.keys(Shapes.calls)) {
    it(`is refused by "${operation}"`, async () => {
      const { system, reports } = testSystem();
      const ref = (await system.start(Shapes)) as unknown as Untyped;
      const error = await failure(ref.call(operation, 5));
      expect([error.code, error.outcome, error.data]).toEqual([
        "ERR_PAYLOAD",
        "not_run",
        { actor: `${ref}`, operation, expected: "no payload", given: 5 },
      ]);
      expect(error.message).toBe(`shapes <1> expected no payload for "${operation}", got 5`);
      expect(await ref.call(operation)).toBe(1);
      expect(await ref.call(operation, undefined)).toBe(1);
      expect(reports).toEqual([]);
    });
  }

  for (const operation of Object.keys(withPayload)) {
    it(`is none for "${operation}"`, async () => {
      const { system } = testSystem();
      const ref = (await system.start(Takers)) as unknown as Untyped;
      const arg = operation === "destructured" ? { n: 5 } : 5;
      expect(await ref.call(operation, arg)).toBe(5);
    });
  }

  it("is the error of a handler that sends it to its own process", async () => {
    const { system } = testSystem();
    const Own = defineActor("own", {
      init: () => ({}),
      calls: {
        go: (_s, how: "sendAfter" | "continue", ctx) => {
          try {
            return how === "continue" ? ctx.continue("load", 5) : ctx.sendAfter(1, "tick", 5);
          } catch (error) {
            return (error as Error).message;
          }
        },
      },
      info: { tick: () => {} },
      continue: { load: (s) => s },
    });
    const ref = await system.start(Own);
    // What an info carries may be of no interest to its handler.
    expect(await ref.call("go", "sendAfter")).toBe("t1");
    expect(await ref.call("go", "continue")).toBe('own <1> expected no payload for "load", got 5');
  });

  it("is nothing that the runtime says: down, exit and timeout may be handled without", async () => {
    const { system, clock } = testSystem();
    const log: string[] = [];
    const Terse = defineActor("terse", {
      init: (_: void, ctx) => {
        ctx.monitor("nobody");
        ctx.link(system.ref("nobody"));
        ctx.idleTimeout(1);
        return {};
      },
      info: {
        down: () => log.push("down"),
        exit: () => log.push("exit"),
        timeout: () => log.push("timeout"),
      },
      trapExit: true,
      idleTimeout: 10,
    });
    await system.start(Terse);
    await clock.advanceAsync(10);
    expect(log).toEqual(["down", "exit", "timeout"]);
  });
});

describe("a declared check", () => {
  const positive: PayloadCheck = (n) => (typeof n === "number" && n > 0) || "a number above zero";
  const Checked = defineActor("checked", {
    init: (log: unknown[]) => log,
    queries: { look: (_log, n: number) => n },
    calls: { add: (log, n: number) => log.push(n) },
    casts: { bump: (log, n: number) => log.push(n) },
    info: { tick: (log, n: number) => log.push(n) },
    payloads: { look: positive, add: positive, bump: positive, tick: positive },
  });

  it("refuses a call or a query before it is queued, and names what was expected", async () => {
    const { system } = testSystem();
    const ref = await system.start(Checked, []);
    for (const call of [ref.call("add", -1), ref.query("look", -1)]) {
      const error = await failure(call);
      expect([error.code, error.outcome]).toEqual(["ERR_PAYLOAD", "not_run"]);
      expect(error.message).toMatch(/^checked <1> expected a number above zero for "\w+", got -1$/);
    }
    expect(await ref.call("add", 1)).toBe(1);
    expect(await ref.query("look", 2)).toBe(2);
    expect((await failure(ref.call("add", undefined as never))).message).toContain("got undefined");
  });

  it("makes a cast or an info a dead letter", async () => {
    const { system, reports } = testSystem();
    const log: unknown[] = [];
    const ref = await system.start(Checked, log);
    ref.cast("bump", -1);
    ref.send("tick", "1" as never);
    ref.cast("bump", 1);
    await settle();
    expect(log).toEqual([1]);
    expect(reports).toEqual(["dead cast bump bad_payload", "dead info tick bad_payload"]);
  });

  it("that throws, or answers neither true nor words, refuses; the sender of a cast is not disturbed", async () => {
    const checks: readonly [check: unknown, expected: string][] = [
      [() => JSON.parse("{"), "what its check takes (which threw SyntaxError: "],
      [() => false, "another payload"],
      [() => undefined, "another payload"],
      [async () => true, "another payload"],
    ];
    for (const [check, expected] of checks) {
      const { system, reports } = testSystem();
      const Odd = defineActor("odd", {
        init: () => ({}),
        calls: { add: (_s, n: number) => n },
        casts: { bump: (_s, _n: number) => {} },
        payloads: { add: check as PayloadCheck, bump: check as PayloadCheck },
      });
      const ref = await system.start(Odd);
      expect((await failure(ref.call("add", 1))).message).toContain(`odd <1> expected ${expected}`);
      ref.cast("bump", 1);
      expect(reports).toEqual(["dead cast bump bad_payload"]);
    }
  });

  it("of an operation that there is not, or that is no function, is refused by name", () => {
    const make = (payloads: object) => () =>
      defineActor("odd", {
        init: () => ({}),
        calls: { add: (_s, n: number) => n },
        payloads: payloads as Record<string, PayloadCheck>,
      });
    expect(make({ never: () => true })).toThrow("option payloads.never: expected the name of an");
    expect(make({ add: "number" })).toThrow("invalid option payloads.add: expected a function");
    expect(make({ add: () => true })).not.toThrow();
  });
});
