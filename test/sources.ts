/**
 * Reads the project's sources as text: which files there are, and what each imports.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { root } from "./fences.ts";

/** The TypeScript files below a folder, as paths from the root; what is built does not count. */
export function sources(folder: string): string[] {
  const at = join(root, folder);
  if (!existsSync(at)) return [];
  return readdirSync(at, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.ts$/.test(name) && !/\.d\.ts$/.test(name))
    .map((name) => join(folder, name))
    .filter((file) => !/(^|\/)(dist|node_modules)\//.test(file))
    .sort();
}

export function readSource(file: string): string {
  return readFileSync(join(root, file), "utf8");
}

interface Import {
  /** The imported file, from the root. */
  readonly path: string;
  readonly typeOnly: boolean;
}

const statement =
  /^(?:import|export)\s+(?<type>type\s+)?(?<names>[^;"']*?)\s*from\s+"(?<from>[^"]+)"/gm;
const bare = /^import\s+"(?<from>[^"]+)"|\bimport\("(?<dynamic>[^"]+)"\)/gm;

/** What a file imports from its own package. */
export function importsOf(file: string): Import[] {
  return [...readSource(file).matchAll(statement)].flatMap(({ groups }) => {
    const from = groups?.from ?? "";
    if (!from.startsWith(".")) return [];
    const path = normalize(join(dirname(file), from));
    return [{ path: relative(".", path), typeOnly: isTypeOnly(groups?.type, groups?.names ?? "") }];
  });
}

/** Everything that a file imports, as it is written. */
export function specifiersOf(file: string): string[] {
  const text = readSource(file);
  const named = [...text.matchAll(statement)].map(({ groups }) => groups?.from ?? "");
  const others = [...text.matchAll(bare)].map(
    ({ groups }) => groups?.from ?? groups?.dynamic ?? "",
  );
  return [...named, ...others];
}

function isTypeOnly(keyword: string | undefined, names: string): boolean {
  if (keyword !== undefined) return true;
  const inner = /^\{(.*)\}$/s.exec(names)?.[1];
  const each = inner?.split(",").map((name) => name.trim());
  return each?.filter(Boolean).every((name) => name.startsWith("type ")) ?? false;
}

/** The headings of a Markdown page, outside its code. */
export function headings(page: string): { readonly level: number; readonly text: string }[] {
  const prose = readSource(page).replace(/^```[\s\S]*?^```/gm, "");
  return [...prose.matchAll(/^(#+) (.+)$/gm)].map(([, marks = "", text = ""]) => ({
    level: marks.length,
    text,
  }));
}
