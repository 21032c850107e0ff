/**
 * Reads the fenced blocks out of the project's pages. It judges nothing.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface Fence {
  /** The page, relative to the root of the project. */
  readonly page: string;
  /** The line at which the block's first line stands, from 1. */
  readonly line: number;
  readonly language: string;
  readonly text: string;
}

export const root = new URL("..", import.meta.url).pathname;

/** Every page whose code must be true: the README, all of docs, and those of the examples. */
export function pages(): string[] {
  const docs = readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" });
  const written = docs.filter((name) => name.endsWith(".md") && !name.startsWith("api"));
  const examples = readdirSync(join(root, "examples")).map((name) => `examples/${name}/README.md`);
  return ["README.md", ...written.map((name) => join("docs", name)), ...examples].sort();
}

export function fencesOf(page: string): Fence[] {
  const fences: Fence[] = [];
  let open: { language: string; line: number; text: string[] } | undefined;
  readFileSync(join(root, page), "utf8")
    .split("\n")
    .forEach((text, index) => {
      const mark = /^```(\w*)/.exec(text);
      if (open === undefined && mark !== null) {
        open = { language: mark[1] ?? "", line: index + 2, text: [] };
      } else if (open !== undefined && mark !== null) {
        fences.push({ page, line: open.line, language: open.language, text: open.text.join("\n") });
        open = undefined;
      } else open?.text.push(text);
    });
  return fences;
}
