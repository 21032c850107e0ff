import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CrashVector } from "../../src/vsr/crash-vector.ts";

describe("a crash vector", () => {
  test("knows of no life at first, and afterwards of the youngest that it was told of", () => {
    const crash = new CrashVector(3);
    expect(crash.lives).toEqual([0, 0, 0]);
    crash.raise(1, 4);
    expect(crash.merge([2, 3, 0])).toEqual([0]);
    expect(crash.lives).toEqual([2, 4, 0]);
    expect(crash.of(1)).toBe(4);
  });

  test("is not changed by what it knows already, and tells whose life is news", () => {
    const crash = new CrashVector(3);
    expect(crash.merge([1, 0, 5])).toEqual([0, 2]);
    const { lives } = crash;
    expect(crash.merge([1, 0, 5])).toEqual([]);
    expect(crash.lives).toBe(lives);
  });

  test("hands out entries that later news do not change, so that they may be sent", () => {
    const crash = new CrashVector(2);
    const before = crash.lives;
    crash.raise(0, 1);
    expect(before).toEqual([0, 0]);
    expect(Object.isFrozen(crash.lives)).toBe(true);
  });

  test("takes no life back, and none of a replica that is not of the group", () => {
    const crash = new CrashVector(2);
    crash.raise(0, 3);
    expect(() => crash.raise(0, 3)).toThrow("is not a younger one");
    expect(() => crash.merge([1, 2, 3])).toThrow("a crash vector of 3, the group has 2");
    expect(() => crash.of(2)).toThrow("not of the group");
  });

  test("ends the same, in whatever order and however often it is told", () => {
    const vector = fc.array(fc.nat({ max: 9 }), { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(fc.array(vector, { maxLength: 8 }), (told) => {
        const once = new CrashVector(4);
        const again = new CrashVector(4);
        for (const lives of told) once.merge(lives);
        for (const lives of [...told, ...told].reverse()) again.merge(lives);
        expect(again.lives).toEqual(once.lives);
        const highest = [0, 1, 2, 3].map((i) => Math.max(0, ...told.map((v) => v[i] ?? 0)));
        expect(once.lives).toEqual(highest);
      }),
    );
  });
});
