import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RingQueue } from "../src/ring-queue.ts";

describe("RingQueue", () => {
  it("gives items back in the order in which they came", () => {
    const queue = new RingQueue<number>();
    for (let n = 0; n < 100; n += 1) queue.push(n);
    expect(Array.from({ length: 100 }, () => queue.shift())).toEqual([...Array(100).keys()]);
    expect(queue.shift()).toBeUndefined();
  });

  it("answers false at its cap and keeps what it has", () => {
    const queue = new RingQueue<string>({ max: 2 });
    expect([queue.push("a"), queue.push("b"), queue.push("c")]).toEqual([true, true, false]);
    expect([queue.size, queue.shift(), queue.shift(), queue.shift()]).toEqual([
      2,
      "a",
      "b",
      undefined,
    ]);
  });

  it("behaves like an array under any mix of pushes, shifts and clears", () => {
    const step = fc.constantFrom("push", "push", "push", "shift", "shift", "peek", "clear");
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 300 }),
        fc.integer({ min: 1, max: 40 }),
        (ops, max) => {
          const queue = new RingQueue<number>({ max });
          const model: number[] = [];
          for (const [at, op] of ops.entries()) {
            if (op === "push") {
              expect(queue.push(at)).toBe(model.length < max);
              if (model.length < max) model.push(at);
            } else if (op === "shift") expect(queue.shift()).toBe(model.shift());
            else if (op === "peek") expect(queue.peek()).toBe(model[0]);
            else {
              queue.clear();
              model.length = 0;
            }
            expect(queue.size).toBe(model.length);
          }
        },
      ),
    );
  });
});
