import { expect, test } from "vitest";
import { errorText } from "../../src/discovery/error-text.ts";

test("it is the message of an error, or the text that was thrown", () => {
  expect(errorText(new RangeError("too far"))).toBe("too far");
  expect(errorText("no luck")).toBe("no luck");
});

test("it is short, whatever the error says", () => {
  expect(errorText(new Error("x".repeat(10_000)))).toHaveLength(301);
});

test("what is no error is not looked into", () => {
  const trap = {
    toString() {
      throw new Error("never asked");
    },
  };
  expect(errorText(trap)).toBe("it threw what is no error (object)");
  expect(errorText(undefined)).toBe("it threw what is no error (undefined)");
});
