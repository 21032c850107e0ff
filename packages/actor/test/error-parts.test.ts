import { describe, expect, it } from "vitest";
import { errorFromParts, errorParts } from "../src/error-parts.ts";
import { ActorError, NoProcessError } from "../src/index.ts";

describe("errorParts", () => {
  it("takes the name, the message, the code and the cause of any error, and nothing else", () => {
    const error = new TypeError("x", { cause: 5 });
    Object.assign(error, { code: "E", path: "/secret", data: 1, outcome: "ran" });
    expect(errorParts(error)).toEqual({ name: "TypeError", message: "x", code: "E", cause: 5 });
    expect(errorParts(new Error("x"))).toEqual({ name: "Error", message: "x" });
  });

  it("takes the outcome and the data of an error of Troupe", () => {
    expect(errorParts(new NoProcessError("counter <1>"))).toEqual({
      name: "NoProcessError",
      message: "counter <1> is not running",
      code: "ERR_NO_PROCESS",
      outcome: "not_run",
      data: { target: "counter <1>" },
    });
  });

  it("mends what an error should not be", () => {
    const odd = Object.assign(new Error("x"), { name: 5, message: {}, code: Symbol("s") });
    expect(errorParts(odd as never)).toEqual({ name: "Error", message: "" });
    const errors = Object.assign(new Error("x"), { errors: [1] });
    expect(errorParts(errors)).not.toHaveProperty("errors");
    expect(errorParts(new AggregateError([1], "x")).errors).toEqual([1]);
  });
});

describe("errorFromParts", () => {
  it("makes what it was given the parts of", () => {
    for (const error of [
      new RangeError("x", { cause: new Error("y") }),
      new AggregateError([1, 2], "x"),
      new NoProcessError("counter <1>"),
      Object.assign(new Error("x"), { name: "Odd", code: 5 }),
    ]) {
      const made = errorFromParts(errorParts(error)) as Error;
      expect(Object.getPrototypeOf(made)).toBe(Object.getPrototypeOf(error));
      expect(errorParts(made)).toEqual(errorParts(error));
      expect(made.stack).toBe(`${error.name}: ${error.message}`);
    }
  });

  it("keeps a name that the language does not know, out of the listed properties", () => {
    const made = errorFromParts({ name: "Odd", message: "x" }) as Error;
    expect(String(made)).toBe("Odd: x");
    expect(Object.keys(made)).toEqual([]);
  });

  it("makes a class of another package when it is given", () => {
    class CloudyError extends ActorError {}
    const parts = { name: "CloudyError", message: "x", code: "E", outcome: "ran" };
    expect(errorFromParts(parts, { CloudyError })).toBeInstanceOf(CloudyError);
    expect(errorFromParts(parts)).not.toBeInstanceOf(CloudyError);
  });

  it("makes nothing of what is no error", () => {
    for (const parts of [undefined, null, 5, "x", [], {}, { name: "E" }, { message: "m" }]) {
      expect(errorFromParts(parts)).toBe(undefined);
    }
    const good = { name: "E", message: "m" };
    for (const bad of [
      { code: {} },
      { errors: 5 },
      { outcome: "ran" },
      { outcome: 5, code: "E" },
    ]) {
      expect(errorFromParts({ ...good, ...bad })).toBe(undefined);
    }
  });

  it("leaves the limit of traces as it was", () => {
    const before = Error.stackTraceLimit;
    errorFromParts({ name: "E", message: "m" });
    expect(Error.stackTraceLimit).toBe(before);
  });
});
