import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

// Real processes: this needs the build of the whole repository.
const entry = fileURLToPath(new URL("../dist/main.js", import.meta.url));
const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

test("it says what the README says, whichever process leads, and ends with exit code 0", {
  timeout: 120_000,
}, async () => {
  const expected = /^```text\n(?<text>[\s\S]*?)^```$/m.exec(readme)?.groups?.text;
  const ended = await new Promise((resolve) => {
    execFile(process.execPath, [entry], { timeout: 110_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : error.code, stdout, stderr });
    });
  });
  expect(ended).toEqual({ code: 0, stdout: expected, stderr: "" });
});
