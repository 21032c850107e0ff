import { isDeepStrictEqual } from "node:util";
import {
  ActorError,
  isActorError,
  isReplyError,
  ProcessExitedError,
  ReplyError,
} from "@troupe/actor";
import { Encoder, Tag } from "cbor-x";
import { describe, expect, test } from "vitest";
import { Codec } from "../../src/codec/codec.ts";
import { errorForCaller, reviveError, withoutCargo } from "../../src/codec/wire-errors.ts";
import * as errors from "../../src/errors.ts";
import { ConnectionLostError } from "../../src/errors.ts";

const codec = new Codec();
const roundTrip = <T>(value: T) => codec.decode(codec.encode(value)) as T;
const decodeError = expect.objectContaining({ code: "ERR_DECODE" });

class CloudyError extends RangeError {
  override readonly name = "CloudyError";
  readonly cover = 7;
}

test("every error class of the package is revived as itself", () => {
  const classes = Object.values(errors).filter((one) => one.prototype instanceof ActorError);
  expect(classes.length).toBeGreaterThan(10);
  for (const { name, prototype } of classes) {
    const wire = { name, code: "ERR_X", outcome: "unknown", message: "m" };
    expect(Object.getPrototypeOf(reviveError(wire)), name).toBe(prototype);
  }
});

describe("an error inside of a message", () => {
  test("keeps its name, message, code and cause, and leaves other properties behind", () => {
    const cause = Object.assign(new CloudyError("too cloudy"), { code: "E_CLOUDY" });
    const error = Object.assign(new Error("no sun", { cause }), { code: 5, path: "/secret" });
    const revived = roundTrip({ at: [error] }).at[0] as typeof error;
    expect(revived).toBeInstanceOf(Error);
    expect(revived).toMatchObject({ name: "Error", message: "no sun", code: 5 });
    expect(revived).not.toHaveProperty("path");
    expect(revived.cause).toBeInstanceOf(Error);
    expect(revived.cause).toMatchObject({ name: "CloudyError", code: "E_CLOUDY" });
    expect(String(revived.cause)).toBe("CloudyError: too cloudy");
    expect(Object.keys(revived.cause as Error)).toEqual(["code"]);
  });

  test("does not tell where it was made, nor where it was decoded", () => {
    const text = Buffer.from(codec.encode(new TypeError("x"))).toString("latin1");
    expect(text).not.toContain(".ts");
    expect(roundTrip(new TypeError("x")).stack).toBe("TypeError: x");
    expect(roundTrip(new ReplyError("low")).stack).toBe("ReplyError: refused: low");
    expect(Error.stackTraceLimit).toBeGreaterThan(0);
  });

  test.each([EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError])(
    "is of its own class again where the language has it: %o",
    (type) => {
      const revived = roundTrip(new type("x"));
      expect(Object.getPrototypeOf(revived)).toBe(type.prototype);
      expect(Object.hasOwn(revived, "name")).toBe(false);
    },
  );

  test("may be several in one", () => {
    const error = new AggregateError([new TypeError("x"), { not: "an error" }], "two");
    const revived = roundTrip(error);
    expect(revived).toBeInstanceOf(AggregateError);
    expect(isDeepStrictEqual(revived, error)).toBe(true);
    expect(revived.errors[0]).toBeInstanceOf(TypeError);
  });

  test("of Troupe keeps its class, outcome and data, and the guards know it", () => {
    const sent = {
      exited: new ProcessExitedError(
        "counter <1>",
        { error: { name: "E", message: "m" } },
        "not_run",
      ),
      lost: new ConnectionLostError("b", "unknown", "it is gone"),
      refused: new ReplyError("insufficient", { have: 3, at: new Date(5) }),
    };
    const { exited, lost, refused } = roundTrip(sent);
    expect(exited).toBeInstanceOf(ProcessExitedError);
    expect(exited).toMatchObject({ outcome: "not_run", message: sent.exited.message });
    expect(exited.reason).toEqual(sent.exited.reason);
    expect(lost).toBeInstanceOf(ConnectionLostError);
    expect(isActorError(lost, "ERR_CONNECTION_LOST")).toBe(true);
    expect(isReplyError(refused, "insufficient")).toBe(true);
    expect(refused.data).toEqual({ have: 3, at: new Date(5) });
  });

  test("of a class of the user's that is Troupe's below is Troupe's still", () => {
    class Mine extends ActorError {}
    const init = { name: "Mine", code: "E_MINE", outcome: "ran", data: [1] } as const;
    const revived = roundTrip(new Mine("x", { ...init, cause: "why" }));
    expect(isActorError(revived, "E_MINE")).toBe(true);
    expect(revived).toMatchObject({ ...init, message: "x", cause: "why" });
  });

  test("of a DOM exception, whose properties are inherited", () => {
    const revived = roundTrip(new DOMException("stopped", "AbortError"));
    expect(revived).toMatchObject({ name: "AbortError", message: "stopped", code: 20 });
  });

  test("is the same bytes when it is sent on", () => {
    for (const error of [
      new CloudyError("x", { cause: new Error("y", { cause: null }) }),
      new AggregateError([1], "x"),
      new ConnectionLostError("b", "unknown", "gone"),
      new DOMException("x", "DataError"),
    ]) {
      const bytes = codec.encode([error]);
      expect(codec.encode(codec.decode(bytes))).toEqual(bytes);
    }
  });
});

describe("an error made of hostile bytes", () => {
  const decode = (parts: unknown) =>
    codec.decode(new Encoder({ useRecords: false }).encode(new Tag(parts, 40511)));

  test.each([
    [{}],
    [{ name: "E" }],
    [{ message: "m" }],
    [{ name: 5, message: "m" }],
    [{ name: "E", message: ["m"] }],
    [{ name: "E", message: "m", code: {} }],
    [{ name: "E", message: "m", code: null }],
    [{ name: "E", message: "m", errors: { length: 1e9 } }],
    [{ name: "E", message: "m", outcome: "never", code: "E" }],
    [{ name: "E", message: "m", outcome: "ran" }],
    [{ name: "E", message: "m", outcome: "ran", code: 5 }],
  ])("is refused without its shape: %j", (parts) => {
    expect(() => decode(parts)).toThrow(decodeError);
  });

  test("takes over nothing but the parts of an error", () => {
    const parts = {
      name: "constructor",
      message: "m",
      stack: "at /etc/passwd",
      toString: 5,
      constructor: { prototype: { polluted: true } },
      data: "only of Troupe's",
    };
    const error = decode(parts) as Error;
    expect(error).toBeInstanceOf(Error);
    expect(Object.getPrototypeOf(error)).toBe(Error.prototype);
    expect(Object.getOwnPropertyNames(error).sort()).toEqual(["message", "name", "stack"]);
    expect(error.stack).toBe("constructor: m");
    expect("polluted" in {}).toBe(false);
  });

  test("finds no class in what every object inherits", () => {
    for (const name of ["toString", "hasOwnProperty", "valueOf", "prototype"]) {
      const error = decode({ name, message: "m", code: "E", outcome: "ran" }) as Error;
      expect(Object.getPrototypeOf(error)).toBe(ActorError.prototype);
    }
  });

  test("costs no trace for each of thousands", () => {
    const captured: number[] = [];
    const prepare = Error.prepareStackTrace;
    Error.prepareStackTrace = (_error, sites) => captured.push(sites.length);
    try {
      const many = Array.from({ length: 1000 }, () => ({ name: "E", message: "" }));
      const tagged = many.map((parts) => new Tag(parts, 40511));
      const errors = codec.decode(new Encoder({ useRecords: false }).encode(tagged)) as Error[];
      expect(errors.every((error) => error.stack === "E: ")).toBe(true);
      expect(captured.filter((sites) => sites > 0)).toEqual([]);
    } finally {
      Error.prepareStackTrace = prepare;
    }
  });
});

describe("the answer to a call", () => {
  test("tells what an error of Troupe was caused by, and no other's", () => {
    const init = { name: "E", code: "E", outcome: "ran" } as const;
    const cause = new RangeError("low");
    const wire = errorForCaller(new ActorError("x", { ...init, cause }));
    expect(wire).toEqual({ ...init, message: "x", cause });
    expect(reviveError(roundTrip(wire)).cause).toBeInstanceOf(RangeError);
    const other = errorForCaller(new Error("x", { cause }));
    expect(other).toEqual({ name: "Error", code: "ERR_UNKNOWN", outcome: "unknown", message: "x" });
  });

  test("can leave behind what it carries", () => {
    const init = { name: "E", code: "E", outcome: "ran" } as const;
    const wire = { ...init, message: "x", data: 1, cause: 2 };
    expect(withoutCargo(wire, 100)).toEqual({ ...init, message: "x" });
  });

  test("loses the ends of its texts too, and what CBOR cannot carry of them", () => {
    const long = "x".repeat(255) + "\u{1f600}".repeat(100);
    const wire = { name: long, code: long, outcome: "ran", message: long } as const;
    const word = `${"x".repeat(255)}\ufffd`;
    const message = "x".repeat(100);
    const fields = { name: word, code: word, outcome: "ran", message };
    expect(withoutCargo(wire, 100)).toEqual(fields);
    expect(roundTrip(fields)).toEqual(fields);
  });

  test("that is no error is a DecodeError, after which the call may have run", () => {
    for (const value of [
      undefined,
      "x",
      {},
      { name: "E", code: 5, message: "m", outcome: "ran" },
    ]) {
      expect(reviveError(value)).toMatchObject({ code: "ERR_DECODE", outcome: "unknown" });
    }
  });
});
