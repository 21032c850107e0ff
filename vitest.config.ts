import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

const setupFiles = [fileURLToPath(new URL("test/seed.ts", import.meta.url))];

// Each package tests its own sources; what it imports from another package comes from that
// package's build, exactly as an application would get it.
// Roots are absolute, so that a package's own `npm test` finds them from its folder as well.
const project = (name: string, root: string) => ({
  test: {
    name,
    root: fileURLToPath(new URL(root, import.meta.url)),
    include: ["test/**/*.test.ts"],
    environment: "node" as const,
    setupFiles,
    // A worker imports what its files share once, and not once for each of them: half of the time
    // went into that. What a test file changes of its surroundings it puts back.
    isolate: false,
    // A guard against what hangs, never a measure: a machine that does ten things at once is slow.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});

/** The order of the projects below: what takes long first, many short files at the end. */
class ByProject extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const order = this.ctx.projects.map(({ name }) => name);
    const place = ({ project }: TestSpecification) => order.indexOf(project.name);
    // A worker shares what it has imported with files of the same project only.
    return (await super.sort(files)).sort((one, other) => place(one) - place(other));
  }
}

export default defineConfig({
  test: {
    // Of two cores Vitest would keep one for itself, which has next to nothing to do.
    maxWorkers: "100%",
    sequence: { sequencer: ByProject },
    projects: [
      project("replication", "packages/replication"),
      project("cluster", "packages/cluster"),
      project("house", "."),
      project("ledger", "examples/ledger"),
      project("supervision", "examples/supervision"),
      project("chat", "examples/chat"),
      project("cache", "examples/cache"),
      project("troupe", "packages/troupe"),
      project("actor", "packages/actor"),
    ],
  },
});
