import { describe, expect, it } from "vitest";
import {
  ActorError,
  isReplyError,
  OptionError,
  ProcessExitedError,
  ReplyError,
} from "../src/index.ts";
import { fromWireError, sendError, toWireError, type WireError } from "../src/runtime.ts";

/** As a wire would do it: nothing but plain data survives. */
function roundTrip(error: unknown): ActorError {
  return fromWireError(JSON.parse(JSON.stringify(toWireError(error))) as WireError);
}

class CloudyError extends ActorError {
  constructor(cover: number) {
    const name = "CloudyError";
    super(`cloudy: ${cover}`, { name, code: "ERR_CLOUDY", outcome: "not_run", data: { cover } });
  }

  get cover(): number {
    return (this.data as { cover: number }).cover;
  }
}

describe("toWireError and fromWireError", () => {
  it("revive the class, code, outcome, message and data", () => {
    const revived = roundTrip(new ProcessExitedError("counter <1>", "killed", "not_run"));
    expect(revived).toBeInstanceOf(ProcessExitedError);
    expect(revived.outcome).toBe("not_run");
    expect((revived as ProcessExitedError).reason).toBe("killed");
    expect(revived.message).toBe("counter <1> exited: killed");
  });

  it("revive fields that are read from data", () => {
    expect((roundTrip(new OptionError("max", "a number", "x")) as OptionError).option).toBe("max");
  });

  it("keep the user's code of a refusal", () => {
    const revived = roundTrip(new ReplyError("insufficient", { have: 3 }));
    expect(isReplyError(revived, "insufficient")).toBe(true);
    expect(revived.data).toEqual({ have: 3 });
  });

  it("carry an ordinary error with an unknown outcome", () => {
    const revived = roundTrip(new TypeError("not a function"));
    expect(revived.name).toBe("TypeError");
    expect(revived.message).toBe("not a function");
    expect(revived.outcome).toBe("unknown");
    expect(toWireError("just text").message).toBe("just text");
  });

  it("revive the classes of another package when they are given", () => {
    const wire = toWireError(new CloudyError(7));
    expect(fromWireError(wire)).not.toBeInstanceOf(CloudyError);
    const revived = fromWireError(wire, { CloudyError });
    expect(revived).toBeInstanceOf(CloudyError);
    expect((revived as CloudyError).cover).toBe(7);
  });

  it("do not take a class from the prototype of the given classes", () => {
    const wire: WireError = { name: "constructor", code: "X", outcome: "ran", message: "m" };
    expect(fromWireError(wire, {})).toBeInstanceOf(ActorError);
  });
});

describe("what of an error can be sent", () => {
  const upTo = (bytes: number) => (wire: object) => {
    const text = JSON.stringify(wire);
    if (text.length > bytes) throw new RangeError("too long");
    return JSON.parse(text) as object;
  };

  it("is all of it, or all but its data, or little more than its name", () => {
    const error = new ReplyError("insufficient", { have: "x".repeat(200) });
    const whole = toWireError(error);
    expect(sendError(error, upTo(1000))).toEqual(whole);
    const { data: _, ...bare } = whole;
    expect(sendError(error, upTo(200))).toEqual(bare);
    const long = Object.assign(new Error("m".repeat(500)), { code: "c".repeat(500) });
    long.name = "n".repeat(500);
    expect(sendError(long, upTo(250))).toEqual({
      name: "n".repeat(32),
      code: "c".repeat(32),
      outcome: "unknown",
      message: "m".repeat(64),
    });
  });

  it("is text where an error that no compiler has seen has something else", () => {
    const init = { name: 7, code: 402, outcome: "ran" } as never;
    const error = new ActorError("m".repeat(500), init);
    expect(sendError(error, upTo(250))).toEqual({
      name: "7",
      code: "402",
      outcome: "ran",
      message: "m".repeat(64),
    });
  });

  it("is text that a wire carries, also where it is cut within a pair of surrogates", () => {
    const wellFormed = (wire: WireError) => {
      for (const text of [wire.name, wire.code, wire.message]) {
        if (/\p{Surrogate}/u.test(text)) throw new Error("half of a surrogate pair");
      }
      return upTo(250)(wire);
    };
    const parse = () => JSON.parse("😀") as unknown;
    expect(parse).toThrow(/\p{Surrogate}/u);
    try {
      parse();
    } catch (error) {
      expect(sendError(error, wellFormed)).toMatchObject({
        name: "SyntaxError",
        message: "Unexpected token '\ufffd', \"😀\" is not valid JSON",
      });
    }
    const long = new Error(`m${"😀".repeat(500)}`);
    expect(sendError(long, wellFormed)).toMatchObject({ message: `m${"😀".repeat(31)}\ufffd` });
  });

  it("is also something when what was thrown throws itself", () => {
    const evil = Object.defineProperty(new Error("x"), "message", {
      get: () => {
        throw new Error("no");
      },
    });
    expect(sendError(evil, (wire) => wire)).toMatchObject({ code: "ERR_UNKNOWN" });
  });
});
