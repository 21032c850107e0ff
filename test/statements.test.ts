/**
 * The 96 statements of OTP's behaviour: each has a test with its number, and a row in the guide.
 */
import { describe, expect, it } from "vitest";
import { readSource, sources } from "./sources.ts";

const all = Array.from({ length: 96 }, (_, at) => at + 1);

const distinct = (numbers: Iterable<number>) =>
  [...new Set(numbers)].sort((left, right) => left - right);

const numbersIn = (text: string, pattern: RegExp) =>
  [...text.matchAll(pattern)].map(([, number]) => Number(number));

describe("the statements of OTP's behaviour", () => {
  it("each have a test that begins with its number and text", () => {
    const tests = sources("packages/actor/test/statements").map(readSource).join("\n");
    // The text makes the title: a number alone would say nothing.
    const titled = numbersIn(tests, /\b(?:it|test)(?:\.each\([^)]*\))?\(\s*["'`](\d+)\. \w.{19}/g);
    expect(distinct(titled)).toEqual(all);
  });

  it("each have one row in the page for people who know GenServer", () => {
    expect(numbersIn(readSource("docs/genserver.md"), /^\| (\d+) \| /gm)).toEqual(all);
  });
});
