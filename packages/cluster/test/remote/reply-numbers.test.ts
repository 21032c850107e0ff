/** The numbers of deferred replies: of the whole range of the wire, and as many as asked for. */
import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { replyNumbers } from "../../src/remote/reply-numbers.ts";

test("a number is 53 bits of what the source gives, and never 0", () => {
  const of = (bytes: readonly number[]) =>
    replyNumbers((size) => Uint8Array.from({ length: size }, (_, at) => bytes[at % 7] ?? 0))();
  expect(of([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])).toBe(Number.MAX_SAFE_INTEGER);
  expect(of([0xe0, 0, 0, 0, 0, 0, 5])).toBe(5);
  expect(of([0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07])).toBe(0x01020304050607);
  expect(of([])).toBe(1);
});

test("each number is drawn anew, and its bytes are used once", () => {
  const sizes: number[] = [];
  const draw = replyNumbers((size) => {
    sizes.push(size);
    return randomBytes(size);
  });
  const drawn = Array.from({ length: 1000 }, draw);
  expect(new Set(drawn).size).toBe(1000);
  expect(drawn.every((number) => Number.isSafeInteger(number) && number > 0)).toBe(true);
  expect(sizes.reduce((sum, size) => sum + size)).toBe(7 * 64 * 16);
});

test("every bit is set about as often as not", () => {
  const draw = replyNumbers(randomBytes);
  const drawn = Array.from({ length: 4000 }, () => BigInt(draw()));
  for (let bit = 0n; bit < 53n; bit++) {
    const set = drawn.filter((number) => ((number >> bit) & 1n) === 1n).length;
    expect(Math.abs(set - 2000), `bit ${bit}`).toBeLessThan(400);
  }
});
