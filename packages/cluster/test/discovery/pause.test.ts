import { ManualClock, settle } from "@troupe/actor/testing";
import { expect, test } from "vitest";
import { Pause } from "../../src/discovery/pause.ts";

function bench() {
  const clock = new ManualClock();
  const abort = new AbortController();
  const pause = new Pause({ clock, signal: abort.signal });
  let over = 0;
  const wait = (ms?: number) => {
    void pause.wait(ms).then(() => {
      over += 1;
    });
  };
  return { clock, abort, pause, wait, ends: () => over };
}

test("it lasts as long as it was told, and leaves no timer", async () => {
  const { clock, wait, ends } = bench();
  wait(100);
  await clock.advanceAsync(99);
  expect(ends()).toBe(0);
  await clock.advanceAsync(1);
  expect([ends(), clock.pending]).toEqual([1, 0]);
});

test("it ends when it is woken, and the wake counts once", async () => {
  const { clock, pause, wait, ends } = bench();
  wait(100);
  pause.wake();
  await settle();
  expect([ends(), clock.pending]).toEqual([1, 0]);
  wait(100);
  await settle();
  expect(ends()).toBe(1);
});

test("a wake while nobody waits ends the next wait, and several are one", async () => {
  const { pause, wait, ends } = bench();
  pause.wake();
  pause.wake();
  wait();
  await settle();
  expect(ends()).toBe(1);
  wait();
  await settle();
  expect(ends()).toBe(1);
});

test("an abort ends it, and every later one at once", async () => {
  const { clock, abort, wait, ends } = bench();
  wait();
  wait(100);
  abort.abort();
  await settle();
  wait();
  await settle();
  expect([ends(), clock.pending]).toEqual([3, 0]);
});
