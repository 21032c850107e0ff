/** Slices that are kept: copies, until they are given up, in memory that is used again. */
import { describe, expect, test } from "vitest";
import { SliceShelf } from "../src/slice-shelf.ts";

const mebibyte = 1024 * 1024;

function filled(length: number, value: number): Uint8Array {
  return new Uint8Array(length).fill(value);
}

describe("slices on a shelf", () => {
  test("are copies, in their order, of whatever length", () => {
    const shelf = new SliceShelf();
    const kept = shelf.begin();
    const lengths = [0, 1, 1000, mebibyte, 600_000, 600_000, 3 * mebibyte, 5, mebibyte - 5];
    const scratch = filled(4 * mebibyte, 0);
    for (const [index, length] of lengths.entries()) {
      scratch.fill(index);
      kept.add(scratch.subarray(0, length));
    }
    scratch.fill(99);
    const all = [...kept];
    expect(all.map((slice) => slice.length)).toEqual(lengths);
    const isWhole = (slice: Uint8Array, index: number) => slice.every((byte) => byte === index);
    expect(all.every(isWhole)).toBe(true);
  });

  test("stay what they are while others are kept", () => {
    const shelf = new SliceShelf();
    const [one, other] = [shelf.begin(), shelf.begin()];
    const first = one.add(filled(10, 1));
    other.add(filled(10, 2));
    one.add(filled(10, 3));
    expect([...first]).toEqual([...filled(10, 1)]);
    expect([...one].map((slice) => slice[0])).toEqual([1, 3]);
    expect([...other].map((slice) => slice[0])).toEqual([2]);
  });

  test("give their memory to those that come after them", () => {
    const shelf = new SliceShelf();
    const old = shelf.begin();
    const memory = old.add(filled(10, 1)).buffer;
    old.clear();
    expect([...old]).toEqual([]);
    expect(shelf.begin().add(filled(20, 2)).buffer).toBe(memory);
  });

  test("leave no more memory behind than those take that are kept now", () => {
    const shelf = new SliceShelf();
    const [large, less] = [shelf.begin(), shelf.begin()];
    for (let i = 0; i < 8; i++) large.add(filled(mebibyte, i));
    const blocks = new Set([...large].map(({ buffer }) => buffer));
    for (let i = 0; i < 2; i++) less.add(filled(mebibyte, i));
    large.clear();
    const next = shelf.begin();
    for (let i = 0; i < 8; i++) next.add(filled(mebibyte, i));
    expect([...next].filter(({ buffer }) => blocks.has(buffer)).length).toBe(2);
  });

  test("given up twice are given up once: nobody shares their memory", () => {
    const shelf = new SliceShelf();
    const old = shelf.begin();
    old.add(filled(10, 1));
    old.clear();
    old.clear();
    const [one, other] = [shelf.begin(), shelf.begin()];
    expect(one.add(filled(10, 1)).buffer).not.toBe(other.add(filled(10, 2)).buffer);
  });

  test("lie in memory that the garbage collector does not count", () => {
    const kept = new SliceShelf().begin();
    for (const length of [10, mebibyte, 2 * mebibyte]) kept.add(filled(length, 1));
    const isShared = ({ buffer }: Uint8Array) => buffer instanceof SharedArrayBuffer;
    expect([...kept].every(isShared)).toBe(true);
  });
});
