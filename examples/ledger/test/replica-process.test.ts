import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { DemoError } from "../src/errors.ts";
import { ReplicaProcess } from "../src/replica-process.ts";
import { isAlive, stubEntry } from "./support/processes.ts";

let directory = "";
let replica: ReplicaProcess;
let unexpected: (reason: string) => void;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "ledger-process-"));
  const storage = join(directory, "r1");
  const settings = { name: "r1", port: 1, key: "k", seeds: [], replicas: ["r1"], storage };
  unexpected = () => {};
  replica = new ReplicaProcess(settings, {
    entry: stubEntry,
    onUnexpectedExit: (reason) => unexpected(reason),
  });
});

afterEach(async () => {
  await replica.kill();
  await rm(directory, { recursive: true });
});

const behave = (how: string) => writeFile(join(directory, "r1-behaviour"), how);

test("it runs once it is ready, and not after kill -9", async () => {
  await replica.start();
  const pid = replica.pid ?? 0;
  expect(isAlive(pid)).toBe(true);
  await replica.kill();
  expect(isAlive(pid)).toBe(false);
  expect(replica.pid).toBeUndefined();
});

test("it can be started again after kill -9", async () => {
  await replica.start();
  const first = replica.pid;
  await replica.kill();
  await replica.start();
  expect(replica.pid).toBeDefined();
  expect(replica.pid).not.toBe(first);
});

test("it ends when its channel is closed", async () => {
  await replica.start();
  const pid = replica.pid ?? 0;
  await replica.stop();
  expect(isAlive(pid)).toBe(false);
});

test("stopping or killing what does not run does nothing", async () => {
  await replica.stop();
  await replica.kill();
  expect(replica.pid).toBeUndefined();
});

test.each([
  ["failed", "replica r1 did not start: the port is in use"],
  ["crash", "replica r1 did not start: ended with exit code 7: out of memory"],
])("a start that %s ends in one line that says why", async (how, message) => {
  await behave(how);
  await expect(replica.start()).rejects.toEqual(new DemoError(message));
});

test("an end that nobody asked for is reported, one that was is not", async () => {
  const reasons: string[] = [];
  const reported = new Promise<void>((resolve) => {
    unexpected = (reason) => {
      reasons.push(reason);
      resolve();
    };
  });
  await replica.start();
  await replica.kill();
  await replica.start();
  await replica.stop();
  expect(reasons).toEqual([]);

  await replica.start();
  process.kill(replica.pid ?? 0, "SIGKILL");
  await reported;
  expect(reasons).toEqual(["ended by SIGKILL"]);
});
