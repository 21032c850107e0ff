/** Every TypeScript block in the README and the guide compiles against the packages as built. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { fencesOf, pages, root } from "./fences.ts";

const directory = join(root, ".cache", "fences");

/**
 * A page's blocks as programs: one that imports begins a program, one that does not continues it.
 * Lines stand where they stand in the page, so that an error names the page's own line.
 */
function programsOf(page: string): string[] {
  const programs: string[][] = [];
  for (const { language, line, text } of fencesOf(page)) {
    if (language !== "ts") continue;
    const current = programs.at(-1);
    const lines = /^import /m.test(text) || current === undefined ? [] : current;
    if (lines !== current) programs.push(lines);
    while (lines.length < line - 1) lines.push("");
    lines.push(...text.split("\n"));
  }
  return programs.map((lines) => `${lines.join("\n")}\nexport {};\n`);
}

describe("the pages", () => {
  it("have blocks that compile", () => {
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory, { recursive: true });
    const files = new Map<string, string>();
    for (const page of pages()) {
      programsOf(page).forEach((program, i) => {
        const file = join(directory, `${page.replaceAll("/", "-")}-${i}.ts`);
        writeFileSync(file, program);
        files.set(file, page);
      });
    }
    expect(files.size).toBeGreaterThan(3);
    const base = ts.readConfigFile(join(root, "tsconfig.check.json"), ts.sys.readFile).config;
    const { options } = ts.parseJsonConfigFileContent({ ...base, include: [] }, ts.sys, root);
    const checked = { ...options, noUnusedLocals: false };
    const program = ts.createProgram([...files.keys()], checked);
    const problems = ts.getPreEmitDiagnostics(program).map((problem) => {
      const text = ts.flattenDiagnosticMessageText(problem.messageText, "\n");
      const { file, start = 0 } = problem;
      if (file === undefined) return text;
      const { line } = file.getLineAndCharacterOfPosition(start);
      return `${files.get(file.fileName) ?? file.fileName}:${line + 1}: ${text}`;
    });
    expect(problems).toEqual([]);
  }, 120_000);
});
