import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { demoEntry, isAlive } from "./support/processes.ts";

// Real processes: this needs the build of the whole repository.

let directory = "";
let input = "";
let running: ChildProcess | undefined;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "ledger-main-"));
  input = join(directory, "small.csv");
  const rows = Array.from({ length: 600 }, (_, row) => `t${row},acc-${row % 7},acc-${row % 5}x,20`);
  await writeFile(
    input,
    `id,debit,credit,amount\n${rows.join("\n")}\nt9,acc-1\nt0,acc-0,acc-1x,1\n`,
  );
});
afterEach(() => void running?.kill("SIGKILL"));
afterAll(() => rm(directory, { recursive: true }));

function start(...args: string[]) {
  const child = spawn(process.execPath, [demoEntry, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  running = child;
  const output = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output.stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    output.stderr += text;
  });
  const ended = once(child, "close").then(([code]) => ({ code: code as number | null, ...output }));
  /** Resolves with the group's directory and process ids, as the demo itself tells them. */
  const group = async () => {
    const line = /with pid ([\d, ]+), journals in (\S+)/;
    while (!line.test(output.stdout)) await once(child.stdout, "data");
    const [, pids = "", path = ""] = line.exec(output.stdout) ?? [];
    return { pids: pids.split(", ").map(Number), path };
  };
  return { child, ended, group };
}

test("a small input runs to its end, and the last line is one JSON object", {
  timeout: 60_000,
}, async () => {
  const { ended } = start("--input", input, "--json", "--kills", "1", "--callers", "8");
  const { code, stdout, stderr } = await ended;
  expect(stderr).toContain(`${input}:602: too few values: expected 4, got 2; skipped`);
  expect(stdout.trimEnd().split("\n")).toHaveLength(1);
  const report = JSON.parse(stdout);
  expect(report).toMatchObject({
    ...{ replicas: 3, rows: 601, rejectedRows: 1, lost: 0, duplicated: 0, failovers: 1 },
    ...{ balanced: true, digestsEqual: true },
  });
  expect(report.acknowledged + report.refused).toBe(601);
  expect(report.refused).toBeGreaterThanOrEqual(1);
  expect(report.failoverMs).toHaveLength(1);
  expect(code).toBe(0);
});

test("Ctrl-C ends every process and removes the directory", { timeout: 60_000 }, async () => {
  const { child, ended, group } = start("--kills", "0");
  const { pids, path } = await group();
  expect(pids.map(isAlive)).toEqual([true, true, true]);
  child.kill("SIGINT");
  expect((await ended).code).toBe(130);
  expect(existsSync(path)).toBe(false);
  // They are killed before the demo ends; how soon init takes note is up to the machine.
  await expect.poll(() => pids.filter(isAlive), { timeout: 10_000 }).toEqual([]);
});

test("replicas do not outlive a demo that was killed", { timeout: 60_000 }, async () => {
  const { child, ended, group } = start("--kills", "0");
  const { pids, path } = await group();
  child.kill("SIGKILL");
  await ended;
  await expect.poll(() => pids.filter(isAlive), { timeout: 10_000 }).toEqual([]);
  await rm(path, { recursive: true, force: true });
});

test.each([
  [["--replicas", "9"], 2, 'invalid option --replicas: expected an integer from 1 to 7, got "9"'],
  [["--input", "absent.csv"], 1, "absent.csv: no such file"],
])("%j ends in one clear line", { timeout: 20_000 }, async (args, code, line) => {
  const { ended } = start(...args);
  expect(await ended).toEqual({ code, stdout: "", stderr: `ledger demo: ${line}\n` });
});
