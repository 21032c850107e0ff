/** The README's programs run as printed, and print what it says. */
import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { type Fence, fencesOf, root } from "./fences.ts";

const run = promisify(execFile);
const fences = fencesOf("README.md").filter(({ language }) => ["ts", "text"].includes(language));

/** Each program with what is printed after it. */
const programs = fences.flatMap((fence, i): [Fence, Fence | undefined][] =>
  fence.language === "ts" ? [[fence, fences[i + 1]]] : [],
);

describe("the README", () => {
  it("has four programs, from local to replicated", () => {
    expect(programs).toHaveLength(4);
  });

  for (const [program, expected] of programs) {
    it(`prints what it says for the program at line ${program.line}`, async () => {
      const directory = join(root, ".cache", "readme");
      mkdirSync(directory, { recursive: true });
      const file = join(directory, `line-${program.line}.ts`);
      writeFileSync(file, program.text);
      const args = ["--import", "tsx", file];
      const { stdout } = await run(process.execPath, args, { cwd: root, timeout: 30_000 });
      expect(stdout.trim()).toBe(expected?.text.trim());
    }, 120_000);
  }
});
