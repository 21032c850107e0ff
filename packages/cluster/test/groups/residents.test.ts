import { createSystem } from "@troupe/actor";
import { expect, onTestFinished, test } from "vitest";
import { Residents } from "../../src/groups/residents.ts";
import { Counter } from "../support.ts";

async function house() {
  const system = createSystem({ logger: false });
  onTestFinished(() => system.shutdown());
  let watched = 0;
  const residents = new Residents({
    name: "a",
    incarnation: 0,
    localRef: (id) => system.localRef(id),
    monitor: (ref, listener) => {
      watched += 1;
      const unwatch = system.monitor(ref, listener);
      return () => {
        watched -= 1;
        unwatch();
      };
    },
  });
  const start = () => system.start(Counter, { start: 0 });
  return { system, residents, start, watched: () => watched };
}

test("what attends a process is released when it ends, unless it was taken back", async () => {
  const { system, residents, start } = await house();
  const counter = await start();
  const released: string[] = [];
  residents.attend(counter, () => released.push("one"));
  const takeBack = residents.attend(counter, () => released.push("two"));
  residents.attend(counter, () => released.push("three"));
  takeBack();
  takeBack();
  system.exit(counter, "kill");
  expect(released).toEqual(["one", "three"]);
});

test("a process is watched once, and not when nothing attends it", async () => {
  const { residents, start, watched } = await house();
  const counter = await start();
  const first = residents.attend(counter, () => {});
  const second = residents.attend(counter, () => {});
  expect(watched()).toBe(1);
  first();
  expect(watched()).toBe(1);
  second();
  expect(watched()).toBe(0);
  residents.attend(counter, () => {});
  expect(watched()).toBe(1);
});

test("a release may take another one back", async () => {
  const { system, residents, start } = await house();
  const counter = await start();
  const released: string[] = [];
  residents.attend(counter, () => {
    released.push("one");
    takeBack();
  });
  const takeBack = residents.attend(counter, () => released.push("two"));
  system.exit(counter, "kill");
  expect(released).toEqual(["one"]);
});

test("a ref of an earlier life of the node means a process that has ended", async () => {
  const { residents, start } = await house();
  const counter = await start();
  expect(residents.require(counter)).toBe(counter);
  const earlier = { ...counter, address: { ...counter.address, node: "a", incarnation: 7 } };
  expect(() => residents.require({ ...earlier, send: () => {} } as never)).toThrow(
    expect.objectContaining({ code: "ERR_NO_PROCESS", outcome: "not_run" }),
  );
});
