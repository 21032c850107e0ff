/** What a signal of the operating system does to a program: real ones, which tell by events. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { beforeAll, describe, expect, it } from "vitest";

const pathOf = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const directory = pathOf("../../../../.cache/signals");

/** The program in one file of JavaScript, so that a process is up in no time. */
beforeAll(async () => {
  await build({
    configFile: false,
    logLevel: "error",
    build: {
      ssr: pathOf("../support/signalled.ts"),
      outDir: directory,
      emptyOutDir: true,
      rollupOptions: { output: { entryFileNames: "signalled.mjs" } },
    },
  });
}, 60_000);

/** Starts the program, and waits until it is ready. */
async function start(kind: string) {
  const child = spawn(process.execPath, [`${directory}/signalled.mjs`, kind], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  createInterface({ input: child.stdout }).on("line", (line) => {
    lines.push(line);
    for (const look of waiting) look();
  });
  const seen = (line: string) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (lines.includes(line)) resolve();
      };
      waiting.add(look);
      look();
    });
  // "close" comes when everything it wrote has been read as well.
  const end = once(child, "close");
  await Promise.race([seen("ready"), end]);
  return { child, lines, seen, end };
}

/** What both workers say when they are stopped in order. */
const orderly = [
  "second terminates: shutdown",
  "exit worker: shutdown",
  "first terminates: shutdown",
  "exit worker: shutdown",
];

describe.concurrent("a signal", { timeout: 60_000 }, () => {
  it("runs the hooks and stops the processes in order, and then ends the program", async () => {
    const { child, lines, end } = await start("orderly");
    child.kill("SIGTERM");
    expect(await end).toEqual([null, "SIGTERM"]);
    expect(lines).toEqual(["ready", "second hook", "first hook", ...orderly]);
  });

  it("ends the program at the deadline, and kills what does not stop", async () => {
    const { child, lines, end } = await start("deadline");
    child.kill("SIGTERM");
    expect(await end).toEqual([null, "SIGTERM"]);
    expect(lines.slice(0, 3)).toEqual(["ready", "stuck terminates", "exit stuck: killed"]);
  });

  it("ends the program at the deadline although a hook never ends", async () => {
    const { child, lines, end } = await start("hook");
    child.kill("SIGTERM");
    expect(await end).toEqual([null, "SIGTERM"]);
    expect(lines.slice(0, 2)).toEqual(["ready", "the hook waits"]);
  });

  it("that comes a second time does not cut the shutdown short", async () => {
    const { child, lines, seen, end } = await start("twice");
    child.kill("SIGTERM");
    await seen("the hook waits");
    child.kill("SIGTERM");
    child.kill("SIGTERM");
    child.stdin.write("go\n");
    expect(await end).toEqual([null, "SIGTERM"]);
    expect(lines).toEqual(["ready", "the hook waits", "the hook ends", ...orderly]);
  });

  it("to which the application listens as well leaves the end to it", async () => {
    const { child, lines, seen, end } = await start("own");
    child.kill("SIGTERM");
    await seen("shut down");
    child.stdin.write("go\n");
    expect(await end).toEqual([7, null]);
    expect(lines).toEqual(["ready", "own listener", ...orderly, "shut down"]);
  });

  it("may be another one", async () => {
    for (const signal of ["SIGINT", "SIGUSR2"] as const) {
      const { child, lines, end } = await start("other");
      child.kill(signal);
      expect(await end).toEqual([null, signal]);
      expect(lines).toEqual(["ready", ...orderly]);
    }
  });

  it("that the system does not heed ends the program at once", async () => {
    for (const kind of ["none", "other"]) {
      const { child, lines, end } = await start(kind);
      child.kill("SIGTERM");
      expect(await end).toEqual([null, "SIGTERM"]);
      expect(lines).toEqual(["ready"]);
    }
  });

  it("shuts every system of the program down", async () => {
    const { child, lines, end } = await start("several");
    child.kill("SIGTERM");
    expect(await end).toEqual([null, "SIGTERM"]);
    expect(lines.slice(1).sort()).toEqual([...orderly, ...orderly].sort());
  });

  it("is not listened to any more once the system is shut down", async () => {
    const { child, lines, end } = await start("done");
    expect(lines).toEqual([...orderly, "listeners: 0", "ready"]);
    child.kill("SIGTERM");
    expect(await end).toEqual([null, "SIGTERM"]);
  });

  it("is no reason for a program to go on that has nothing more to do", async () => {
    const { lines, end } = await start("idle");
    expect(await end).toEqual([0, null]);
    expect(lines).toEqual(["ready"]);
  });
});
