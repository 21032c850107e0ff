import { expect, test } from "vitest";
import { GossipQueue, MAX_NEWS, type News, retransmits } from "../../src/membership/gossip.ts";
import { firstRecord } from "../../src/membership/member.ts";

const news = (name: string, incarnation = 1): News => ({
  record: firstRecord({ name, incarnation, url: undefined, heartbeatMs: 1000 }),
  accusers: [],
});

const namesOf = (taken: readonly News[]) => taken.map(({ record }) => record.name);

test("news is told three times for each doubling of the cluster, and then no more", () => {
  expect([1, 3, 7, 63].map(retransmits)).toEqual([3, 6, 9, 18]);
  const queue = new GossipQueue();
  queue.put(news("a"));
  expect([0, 1, 2].map(() => namesOf(queue.take(3, 7)))).toEqual([["a"], ["a"], ["a"]]);
  expect(queue.take(3, 7)).toEqual([]);
  expect(queue.size).toBe(0);
});

test("news takes the place of older news about the same member, and is told as often again", () => {
  const queue = new GossipQueue();
  queue.put(news("a", 1));
  queue.take(3, 3);
  queue.put(news("a", 2));
  const lives = [0, 1].map(() => queue.take(3, 3).map(({ record }) => record.incarnation));
  expect(lives).toEqual([[2], [2]]);
  expect(queue.size).toBe(0);
});

test("what was told least goes first, and no more than a handful at a time", () => {
  const queue = new GossipQueue();
  for (let n = 0; n < MAX_NEWS + 10; n++) queue.put(news(`n${n}`));
  expect(queue.take(3, 7)).toHaveLength(MAX_NEWS);
  expect(namesOf(queue.take(3, 7)).slice(0, 10)).toEqual(
    Array.from({ length: 10 }, (_, n) => `n${MAX_NEWS + n}`),
  );
});

test("nothing is told of a member that was forgotten", () => {
  const queue = new GossipQueue();
  queue.put(news("a"));
  queue.drop("a");
  expect(queue.take(3, 7)).toEqual([]);
});
