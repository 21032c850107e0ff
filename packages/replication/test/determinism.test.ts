/** The check that tests of replicated actors make, against actors that are wrong in one way. */
import { defineActor } from "@troupe/actor";
import { describe, expect, test } from "vitest";
import { checkDeterminism, DeterminismError, type DeterminismStep } from "../src/testing.ts";

/** An actor whose call does one thing. */
function actorThat(run: (s: { n: number; list: unknown[]; same: unknown }) => unknown) {
  return defineActor("odd", {
    init: () => ({ n: 0, list: [] as unknown[], same: undefined as unknown }),
    queries: { all: (s) => s, spoil: (s) => ++s.n },
    calls: { run: (s) => run(s) },
  });
}

const twice: readonly DeterminismStep[] = [
  ["call", "run"],
  ["call", "run"],
  ["query", "all"],
];

describe("the check of an actor", () => {
  test("finds nothing in one that uses ctx alone, with timers, refusals and throws in it", () => {
    const Good = defineActor("good", {
      init: (start: number, ctx) => ({ n: start, id: ctx.id(), at: new Date(5), rung: 0 }),
      queries: { all: (s) => s },
      calls: {
        add: (s, n: number, ctx) => {
          if (n > 5) ctx.fail("too_much", n);
          ctx.sendAfter(100, "ring");
          s.n += n + Math.floor(ctx.random() * 10) + (ctx.now() % 2);
          return s.n;
        },
        crash: (s) => {
          s.n = -1;
          throw new Error("boom");
        },
        wait: (_s, _: undefined, ctx) => ctx.defer((to) => ctx.reply(to, 1)),
      },
      info: { ring: (s) => s.rung++ },
    });
    checkDeterminism(Good, 3, [
      ["call", "add", 5],
      ["call", "add", 50],
      ["call", "crash"],
      ["call", "wait"],
      ["after", 200],
      ["info", "ring"],
      ["query", "all"],
    ]);
  });

  test.each([
    ["Math.random", () => Math.random()],
    ["Date.now", () => Date.now()],
    ["new Date()", () => new Date()],
    ["performance.now", () => performance.now()],
    ["crypto.randomUUID", () => crypto.randomUUID()],
  ])("names the door to time and chance: %s", (door, use) => {
    const Odd = actorThat((s) => {
      use();
      s.n++;
    });
    expect(() => checkDeterminism(Odd, undefined, twice)).toThrow(DeterminismError);
    expect(() => checkDeterminism(Odd, undefined, twice)).toThrow(`it uses ${door}`);
    expect(use).not.toThrow();
  });

  test("finds what is kept outside of the state", () => {
    let outside = 0;
    const Odd = actorThat((s) => {
      s.n = ++outside;
    });
    expect(() => checkDeterminism(Odd, undefined, twice)).toThrow("left another state");
  });

  test("finds an answer that comes from outside of the state", () => {
    let outside = 0;
    const Odd = actorThat(() => ++outside);
    expect(() => checkDeterminism(Odd, undefined, twice)).toThrow("answered something else");
  });

  test("finds two places of the state that are taken for one object", () => {
    const Odd = actorThat((s) => {
      s.same ??= s.list;
      (s.same as unknown[]).push(1);
      return s.list.length;
    });
    expect(() => checkDeterminism(Odd, undefined, twice)).toThrow("after a restart");
  });

  test("finds a query that changes the state", () => {
    const Odd = actorThat((s) => s.n);
    expect(() => checkDeterminism(Odd, undefined, [["query", "spoil"]])).toThrow(
      "a query changed the state",
    );
  });
});
