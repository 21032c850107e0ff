import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { isLockName, lockDirectory } from "../../src/journal/lock.ts";
import { realStorage } from "../../src/journal/storage.ts";

async function newDirectory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "troupe-lock-"));
  onTestFinished(() => rm(path, { recursive: true }));
  return path;
}

/** A process that holds the lock and does nothing else. */
async function holder(path: string): Promise<ChildProcess> {
  const name = join(path, "lock-77-other");
  const script =
    'const s=require("net").createServer((c)=>c.end("process 77 on elsewhere"));' +
    `s.listen(${JSON.stringify(name)},()=>console.log("held"))`;
  const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  if (child.stdout !== null) await once(child.stdout, "data");
  return child;
}

const lockNames = async (path: string) => (await readdir(path)).filter(isLockName);

test("a process that lives keeps others out, and is named; one that was killed does not", async () => {
  const path = await newDirectory();
  const child = await holder(path);
  const held = lockDirectory(path, realStorage);
  await expect(held).rejects.toMatchObject({
    kind: "locked",
    data: { holder: "process 77 on elsewhere" },
  });
  expect(await lockNames(path)).toEqual(["lock-77-other"]);
  child.kill("SIGKILL");
  await once(child, "exit");
  expect(await lockNames(path)).toEqual(["lock-77-other"]);
  const release = await lockDirectory(path, realStorage);
  expect(await lockNames(path)).toHaveLength(1);
  await release();
  expect(await lockNames(path)).toEqual([]);
});

test("a process that is paused keeps its lock, and is named by its number", async () => {
  const path = await newDirectory();
  const child = await holder(path);
  child.kill("SIGSTOP");
  const held = lockDirectory(path, realStorage);
  await expect(held).rejects.toMatchObject({ kind: "locked", data: { holder: "process 77" } });
});

test("of many that open at once no two get in", async () => {
  const path = await newDirectory();
  const all = await Promise.allSettled(
    Array.from({ length: 8 }, () => lockDirectory(path, realStorage)),
  );
  const inside = all.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  expect(inside.length).toBeLessThanOrEqual(1);
  for (const release of inside) await release();
  const release = await lockDirectory(path, realStorage);
  await release();
});

test("a lock file that is no socket is nobody's", async () => {
  const path = await newDirectory();
  await writeFile(join(path, "lock-1-left"), "");
  const release = await lockDirectory(path, realStorage);
  await release();
});
