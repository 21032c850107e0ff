import { expect, test } from "vitest";
import { DialSlots, type Waiting } from "../../src/link/dial-slots.ts";

class Address implements Waiting {
  readonly name: string;
  readonly by: string[];
  attempts: number;

  constructor(name: string, by: string[], attempts = 0) {
    this.name = name;
    this.by = by;
    this.attempts = attempts;
  }

  wantedBy(): Iterable<unknown> {
    return this.by;
  }
}

function bench(max: number, needless: string[] = []) {
  const started: string[] = [];
  const slots = new DialSlots<Address>(max, ({ name }) => {
    if (needless.includes(name)) return false;
    started.push(name);
    return true;
  });
  return { slots, started };
}

const list = (by: string, count: number, attempts = 0) =>
  Array.from({ length: count }, (_, n) => new Address(`${by}${n}`, [by], attempts));

test("a few are under way at a time, and the next when one is over", () => {
  const { slots, started } = bench(2);
  const [a, b, c] = list("x", 3) as [Address, Address, Address];
  for (const address of [a, b, c, a, c]) slots.enter(address);
  expect(started).toEqual(["x0", "x1"]);
  slots.leave(b);
  slots.leave(b);
  expect(started).toEqual(["x0", "x1", "x2"]);
});

test("a long list does not stand before a short one", () => {
  const { slots, started } = bench(2);
  const long = list("long", 100);
  for (const address of [...long, ...list("short", 2)]) slots.enter(address);
  slots.leave(long[0] as Address);
  slots.leave(long[1] as Address);
  expect(started).toEqual(["long0", "long1", "short0", "long2"]);
});

test("what was not tried before goes first among those of one source", () => {
  const { slots, started } = bench(1);
  const first = new Address("first", ["x"]);
  slots.enter(first);
  for (const address of [...list("x", 2, 5), new Address("new", ["x"])]) slots.enter(address);
  slots.leave(first);
  expect(started).toEqual(["first", "new"]);
});

test("what two want has the better place of both", () => {
  const { slots, started } = bench(2);
  const long = list("long", 3);
  for (const address of long) slots.enter(address);
  slots.enter(new Address("both", ["long", "other"]));
  slots.leave(long[0] as Address);
  expect(started).toEqual(["long0", "long1", "both"]);
});

test("what there is no need to dial any more takes no place", () => {
  const { slots, started } = bench(1, ["x1", "x2"]);
  const all = list("x", 4);
  for (const address of all) slots.enter(address);
  slots.leave(all[0] as Address);
  expect(started).toEqual(["x0", "x3"]);
});

test("what was given up is not started, and its place is for others", () => {
  const { slots, started } = bench(1);
  const all = list("x", 3) as [Address, Address, Address];
  for (const address of all) slots.enter(address);
  slots.giveUp(all[1]);
  slots.leave(all[0]);
  expect(started).toEqual(["x0", "x2"]);
});
