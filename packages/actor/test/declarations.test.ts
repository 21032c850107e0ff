import { fileURLToPath } from "node:url";
import ts from "typescript";
import { beforeAll, describe, expect, it } from "vitest";

const source = fileURLToPath(new URL("./support/declared-actors.ts", import.meta.url));

describe("an application that exports its actors", () => {
  const problems: string[] = [];
  let declarations = "";

  beforeAll(() => {
    const program = ts.createProgram([source], {
      target: ts.ScriptTarget.ES2022,
      lib: ["lib.es2023.d.ts", "lib.esnext.disposable.d.ts"],
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      types: ["node"],
      strict: true,
      exactOptionalPropertyTypes: true,
      isolatedModules: true,
      composite: true,
      declaration: true,
      emitDeclarationOnly: true,
      skipLibCheck: false,
      rootDir: fileURLToPath(new URL("./support", import.meta.url)),
      outDir: "/declared",
    });
    const emitted = program.emit(undefined, (name, text) => {
      if (name.endsWith("declared-actors.d.ts")) declarations = text;
    });
    for (const found of [...ts.getPreEmitDiagnostics(program), ...emitted.diagnostics]) {
      problems.push(`TS${found.code} ${ts.flattenDiagnosticMessageText(found.messageText, " ")}`);
    }
  }, 60_000);

  it("compiles under composite with declarations", () => {
    expect(problems).toEqual([]);
  });

  it("gets declarations that name the handlers and stay short", () => {
    expect(declarations).toContain('ActorDefinition<"counter"');
    expect(declarations).toContain("add: (s: ");
    expect(declarations.length).toBeLessThan(4000);
  });
});
