import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { freeBasePort } from "../src/ports.ts";
import { Terminal } from "../src/terminal.ts";

// Real processes: this needs the build of the whole repository.
const entry = fileURLToPath(new URL("../dist/main.js", import.meta.url));
const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

interface Ended {
  readonly code: unknown;
  readonly stdout: string;
  readonly stderr: string;
}

function run(args: readonly string[] = [], input = ""): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [entry, ...args],
      { timeout: 50_000 },
      (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : error.code, stdout, stderr });
      },
    );
    child.stdin?.on("error", () => {});
    child.stdin?.end(input);
  });
}

test("without a name it plays what the README says, and ends with exit code 0", {
  timeout: 60_000,
}, async () => {
  const expected = /^```text\n(?<text>[\s\S]*?)^```$/m.exec(readme)?.groups?.text;
  expect(await run()).toEqual({ code: 0, stdout: expected, stderr: "" });
});

test("a node alone can be talked to, and ends when nobody types any more", {
  timeout: 30_000,
}, async () => {
  const port = String(await freeBasePort(3));
  const typed = "hello\n\n/join #tea\n/who\n/rooms\n/dance\n";
  expect(await run(["b", port], typed)).toEqual({
    code: 0,
    stdout:
      "you are bob in #lobby\nyou are bob in #tea\nin #tea: bob\n#tea 1\n" +
      "/join ROOM, /who, /rooms, /quit\n",
    stderr: "",
  });
});

test("a bad argument, or a port that is taken, ends in one clear line", {
  timeout: 30_000,
}, async () => {
  expect(await run(["alice"])).toEqual({
    code: 2,
    stdout: "",
    stderr: 'chat example: expected a, b, c or nothing, got "alice"\n',
  });
  const port = await freeBasePort(3);
  const first = new Terminal("a", port, entry);
  try {
    await first.expect(["you are alice in #lobby"]);
    const { code, stderr } = await run(["a", String(port)]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^chat example: cannot listen on 127\.0\.0\.1:\d+: .*\n$/);
  } finally {
    expect(await first.kill()).toBe("SIGKILL");
  }
});

test("a rehearsal notices a line that should not be there, and one that is missing", {
  timeout: 30_000,
}, async () => {
  const terminal = new Terminal("a", await freeBasePort(3), entry);
  try {
    await expect(terminal.expect(["you are bob in #lobby"])).rejects.toThrow(
      'a unexpectedly says "you are alice in #lobby"',
    );
    terminal.type("/quit");
    expect(await terminal.ended).toBe("exit code 0");
    await expect(terminal.expect(["anything"])).rejects.toThrow('a does not say "anything"');
  } finally {
    await terminal.kill();
  }
});
