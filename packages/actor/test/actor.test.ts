import { describe, expect, it } from "vitest";
import { defineActor, isActorError } from "../src/index.ts";

const init = () => ({});

/** The option that a definition is refused for. */
function refused(make: () => unknown): unknown {
  try {
    make();
  } catch (error) {
    if (isActorError(error, "ERR_INVALID_OPTION")) return (error.data as { option: string }).option;
    throw error;
  }
  return undefined;
}

describe("defineActor", () => {
  it("keeps the handlers as plain readable fields", () => {
    const add = (s: { n: number }, by: number) => s.n + by;
    const actor = defineActor("a", { init: () => ({ n: 1 }), calls: { add } });
    expect(actor.calls.add).toBe(add);
    expect(actor.name).toBe("a");
    expect(actor.version).toBe(1);
  });

  it("has no operation that was not defined, not even constructor", () => {
    const actor = defineActor("a", { init, calls: { one: () => 1 } });
    expect("constructor" in actor.calls).toBe(false);
    expect("toString" in actor.queries).toBe(false);
  });

  it("is not changed by a later change of the literal's tables", () => {
    const calls: Record<string, () => number> = { one: () => 1 };
    const actor = defineActor("a", { init, calls });
    calls.two = () => 2;
    expect(Object.keys(actor.calls)).toEqual(["one"]);
    expect(Object.isFrozen(actor.calls)).toBe(true);
  });

  it("refuses an empty name", () => {
    expect(refused(() => defineActor("", { init }))).toBe("name");
  });

  it("refuses a definition without init", () => {
    expect(refused(() => defineActor("a", {} as never))).toBe("init");
  });

  it("refuses a handler that is not a function, by its place", () => {
    expect(refused(() => defineActor("a", { init, casts: { go: 1 } } as never))).toBe("casts.go");
    expect(refused(() => defineActor("a", { init, terminate: 1 } as never))).toBe("terminate");
  });

  it("refuses an operation that is both a query and a call", () => {
    const both = { get: () => 1 };
    expect(refused(() => defineActor("a", { init, queries: both, calls: both }))).toBe("calls.get");
  });

  it("refuses a version that is not a whole number", () => {
    expect(refused(() => defineActor("a", { version: 1.5, init }))).toBe("version");
  });

  it("says what was expected and what was given", () => {
    const make = () => defineActor("a", { version: -1, init });
    expect(make).toThrow("invalid option version: expected an integer >= 0, got -1");
  });
});
