/** The simulated process: nothing may overtake what waited while it was paused. */
import { expect, test } from "vitest";
import { EventQueue } from "../../sim/event-queue.ts";
import { SimProcess } from "../../sim/sim-process.ts";

function newProcess(): { events: EventQueue; process: SimProcess; runAll: () => void } {
  const events = new EventQueue();
  const process = new SimProcess({
    label: "n0",
    host: 0,
    events,
    wall: () => events.now,
    rate: 1,
    monotonicStart: 0,
  });
  const runAll = () => {
    for (let next = events.take(100); next !== undefined; next = events.take(100)) next();
  };
  return { events, process, runAll };
}

test("what comes in the moment of the awakening waits behind what came before it", () => {
  const { events, process, runAll } = newProcess();
  const seen: string[] = [];
  process.pause();
  process.run("socket", () => seen.push("first"));
  process.run("socket", () => seen.push("second"));
  events.after(0, () => process.run("socket", () => seen.push("third")));
  process.resume(false);
  runAll();
  expect(seen).toEqual(["first", "second", "third"]);
});

test("what a second pause finds undone is done after it, in its order", () => {
  const { process, runAll } = newProcess();
  const seen: string[] = [];
  process.pause();
  process.run("socket", () => {
    seen.push("first");
    process.pause();
  });
  process.run("socket", () => seen.push("second"));
  process.resume(false);
  runAll();
  process.run("socket", () => seen.push("third"));
  expect(seen).toEqual(["first"]);
  process.resume(false);
  runAll();
  expect(seen).toEqual(["first", "second", "third"]);
});

test("a process that was killed does nothing more of what waited", () => {
  const { process, runAll } = newProcess();
  const seen: string[] = [];
  process.pause();
  process.run("timer", () => seen.push("late"));
  process.resume(true);
  process.kill();
  runAll();
  expect(seen).toEqual([]);
});
