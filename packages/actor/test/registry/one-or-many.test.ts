import { describe, expect, it } from "vitest";
import { countOf, excluding, firstOf, including, listOf } from "../../src/registry/one-or-many.ts";

const [a, b, c] = [{ id: "a" }, { id: "b" }, { id: "c" }];

describe("one or many", () => {
  it("holds a member that is alone without a set", () => {
    expect(including(undefined, a)).toBe(a);
  });

  it("keeps its members in the order in which they came", () => {
    const three = including(including(including(undefined, b), a), c);
    expect(listOf(three)).toEqual([b, a, c]);
    expect(firstOf(three)).toBe(b);
    expect(countOf(three)).toBe(3);
  });

  it("is one again when all others have gone, and nothing when that goes too", () => {
    const three = including(including(including(undefined, a), b), c);
    const one = excluding(excluding(three, a), c);
    expect(one).toBe(b);
    expect(excluding(one as object, b)).toBeUndefined();
  });

  it("is not changed by taking out what it does not hold", () => {
    expect(excluding(a, b)).toBe(a);
    expect(excluding(undefined, b)).toBeUndefined();
    const two = including(including(undefined, a), b);
    expect(listOf(excluding(two, c))).toEqual([a, b]);
  });

  it("lists a copy, which does not follow later changes", () => {
    const two = including(including(undefined, a), b);
    const listed = listOf(two);
    including(two, c);
    expect(listed).toEqual([a, b]);
    expect([countOf(undefined), firstOf(undefined), listOf(undefined)]).toEqual([0, undefined, []]);
  });
});
