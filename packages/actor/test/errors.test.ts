import { describe, expect, it } from "vitest";
import {
  ActorError,
  CallAbortedError,
  CallTimeoutError,
  isActorError,
  isReplyError,
  NoProcessError,
  OptionError,
  ProcessExitedError,
  ReplyError,
  UnknownOperationError,
} from "../src/index.ts";
import { assert } from "../src/runtime.ts";

describe("isActorError", () => {
  it("recognises an error by its brand, with or without a code", () => {
    const error = new NoProcessError("counter <1>");
    expect(isActorError(error)).toBe(true);
    expect(isActorError(error, "ERR_NO_PROCESS")).toBe(true);
    expect(isActorError(error, "ERR_CALL_TIMEOUT")).toBe(false);
  });

  it("recognises an error of another copy of the package", () => {
    const other = { [Symbol.for("troupe.ActorError")]: true, code: "ERR_X" };
    expect(isActorError(other, "ERR_X")).toBe(true);
    expect(other instanceof ActorError).toBe(false);
  });

  it("is false for anything else", () => {
    const others = [null, undefined, "ERR_X", new Error("x"), { code: "ERR_X" }];
    expect(others.map((value) => isActorError(value))).toEqual(others.map(() => false));
  });
});

describe("the errors", () => {
  it("say whether the call may have run", () => {
    expect(new NoProcessError("x").outcome).toBe("not_run");
    expect(new CallTimeoutError("x", "add", 5).outcome).toBe("unknown");
    expect(new ProcessExitedError("x", "killed", "not_run").outcome).toBe("not_run");
    expect(new ReplyError("no").outcome).toBe("ran");
  });

  it("carry their class as name, so that minified code keeps it", () => {
    expect(new CallTimeoutError("x", "add", 5).name).toBe("CallTimeoutError");
  });

  it("keep the signal's reason as the cause of an abort", () => {
    expect(new CallAbortedError("unknown", "enough").cause).toBe("enough");
  });

  it("name what exists when an operation does not", () => {
    const error = new UnknownOperationError("counter <1>", "call", "ad", ["add", "take"]);
    expect(error.message).toBe('counter <1> has no call "ad"; it has add, take');
    expect(new UnknownOperationError("x", "cast", "go", []).message).toContain("it has none");
  });

  it("describe a given option without running its code", () => {
    const hostile = { toString: () => "never", toJSON: () => "never" };
    const error = new OptionError("clock", "a clock", hostile);
    expect(error.message).toBe("invalid option clock: expected a clock, got an object");
    expect(error.given).toBe("an object");
    expect(new OptionError("max", "a number", -1).given).toBe(-1);
  });
});

describe("isReplyError", () => {
  it("is true for a refusal only, even when another error has the same code", () => {
    expect(isReplyError(new ReplyError("no"), "no")).toBe(true);
    expect(isReplyError(new ReplyError("no"), "other")).toBe(false);
    expect(isReplyError(new NoProcessError("x"), "ERR_NO_PROCESS")).toBe(false);
  });
});

describe("assert", () => {
  it("throws an InvariantError, and only when the condition does not hold", () => {
    expect(() => assert("anything", "fine")).not.toThrow();
    expect(() => assert(false, "odd size")).toThrow("odd size");
    try {
      assert(0, "zero");
    } catch (error) {
      expect(isActorError(error, "ERR_INVARIANT")).toBe(true);
    }
  });
});
