import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { DemoError } from "../src/errors.ts";
import { ReplicaSet } from "../src/replica-set.ts";
import { isAlive, stubEntry } from "./support/processes.ts";

test("each replica has its own process, port and directory, and knows the others", async () => {
  await using set = await ReplicaSet.start({ replicas: 3, entry: stubEntry });
  const settings = set.processes.map((replica) => replica.settings);
  expect(set.names).toEqual(["r1", "r2", "r3"]);
  expect(new Set(set.processes.map(({ pid }) => pid)).size).toBe(3);
  expect(new Set(settings.map(({ port }) => port)).size).toBe(3);
  expect(settings.map(({ storage }) => storage)).toEqual(
    set.names.map((name) => join(set.directory, name)),
  );
  expect(settings[0]?.seeds).toEqual([set.urls[1], set.urls[2]]);
  expect(set.key).toMatch(/^[0-9a-f]{64}$/);
});

test("ports lie below those that the system gives to outgoing connections", async () => {
  await using set = await ReplicaSet.start({ replicas: 7, entry: stubEntry });
  for (const { settings } of set.processes) {
    expect(settings.port).toBeGreaterThanOrEqual(20_000);
    expect(settings.port).toBeLessThan(32_000);
  }
});

test("afterwards no process and no directory is left", async () => {
  const set = await ReplicaSet.start({ replicas: 2, entry: stubEntry });
  const pids = set.processes.map(({ pid }) => pid ?? 0);
  expect(existsSync(set.directory)).toBe(true);
  await set[Symbol.asyncDispose]();
  expect(pids.map(isAlive)).toEqual([false, false]);
  expect(existsSync(set.directory)).toBe(false);
});

test("a replica that dies by itself is named, and can be started again", async () => {
  let report = (_: string) => {};
  const reported = new Promise<string>((resolve) => {
    report = resolve;
  });
  await using set = await ReplicaSet.start({
    ...{ replicas: 2, entry: stubEntry },
    onUnexpectedExit: (line) => report(line),
  });
  process.kill(set.process("r2").pid ?? 0, "SIGKILL");
  expect(await reported).toBe("replica r2 went down by itself: ended by SIGKILL");
  await set.process("r2").start();
  await set.process("r2").kill();

  await writeFile(`${set.process("r2").settings.storage}-behaviour`, "failed");
  await expect(set.process("r2").start()).rejects.toThrow(
    "replica r2 did not start: the port is in use",
  );
});

test("a replica of another name is refused by name", async () => {
  await using set = await ReplicaSet.start({ replicas: 1, entry: stubEntry });
  expect(() => set.process("r9")).toThrow(new DemoError("no replica is named r9: r1"));
});
