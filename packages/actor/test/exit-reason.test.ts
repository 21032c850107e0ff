import { describe, expect, it } from "vitest";
import {
  describeExit,
  isExitReason,
  isOrderlyExit,
  isSameExit,
  toErrorValue,
} from "../src/exit-reason.ts";

describe("isOrderlyExit", () => {
  it("41. is true for normal, shutdown and {shutdown} only", () => {
    expect(isOrderlyExit("normal")).toBe(true);
    expect(isOrderlyExit("shutdown")).toBe(true);
    expect(isOrderlyExit({ shutdown: "upgrade" })).toBe(true);
    expect(isOrderlyExit("killed")).toBe(false);
    expect(isOrderlyExit("noconnection")).toBe(false);
    expect(isOrderlyExit({ error: { name: "Error", message: "x" } })).toBe(false);
  });
});

describe("isSameExit", () => {
  it("compares words and shutdown details", () => {
    expect(isSameExit("normal", "normal")).toBe(true);
    expect(isSameExit("normal", "shutdown")).toBe(false);
    expect(isSameExit({ shutdown: 1 }, { shutdown: 1 })).toBe(true);
    expect(isSameExit({ shutdown: 1 }, { shutdown: 2 })).toBe(false);
    expect(isSameExit({ shutdown: 1 }, "shutdown")).toBe(false);
  });
});

describe("isExitReason", () => {
  it("tells a reason from other values", () => {
    expect(isExitReason("noproc")).toBe(true);
    expect(isExitReason({ shutdown: undefined })).toBe(true);
    expect(isExitReason("bored")).toBe(false);
    expect(isExitReason(null)).toBe(false);
    expect(isExitReason({})).toBe(false);
  });
});

describe("toErrorValue", () => {
  it("keeps name, message, stack and a string code", () => {
    const error = Object.assign(new TypeError("bad"), { code: "E_BAD" });
    expect(toErrorValue(error)).toMatchObject({ name: "TypeError", message: "bad", code: "E_BAD" });
    expect(toErrorValue(error).stack).toContain("bad");
  });

  it("survives whatever was thrown", () => {
    const hostile = {
      toJSON() {
        throw new Error("no");
      },
    };
    expect(toErrorValue("text").message).toBe("text");
    expect(toErrorValue(undefined).message).toBe("undefined");
    expect(toErrorValue(hostile).message).toBe("a value that cannot be printed");
  });
});

describe("describeExit", () => {
  it("is one line for every kind of reason", () => {
    expect(describeExit("killed")).toBe("killed");
    expect(describeExit({ error: { name: "Error", message: "boom" } })).toBe("Error: boom");
    expect(describeExit({ shutdown: { id: 1 } })).toBe('shutdown ({"id":1})');
  });
});
