import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

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

export default defineConfig({
  test: {
    projects: [
      project("house", "."),
      project("actor", "packages/actor"),
      project("cluster", "packages/cluster"),
      project("replication", "packages/replication"),
      project("troupe", "packages/troupe"),
      project("cache", "examples/cache"),
      project("chat", "examples/chat"),
      project("ledger", "examples/ledger"),
      project("supervision", "examples/supervision"),
    ],
  },
});
