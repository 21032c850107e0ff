/**
 * A node as a program of its own, for tests that kill, stop and starve it. It is forked with its
 * options as JSON, says what happens to it over the pipe, and ends when the pipe does.
 */
import { defineActor } from "@troupe/actor";
import { createNode, staticSeeds } from "../../dist/index.js";

const { seeds = [], ...options } = JSON.parse(process.argv[2] ?? "{}");

/** The same definition as in processes.ts: what a test can ask of a process. */
const Worker = defineActor("worker", {
  init: () => ({ sum: 0, heard: [] }),
  queries: { heard: (state) => state.heard },
  calls: {
    add: (state, n) => {
      state.sum += n;
      return state.sum;
    },
    echo: (_state, value) => value,
    never: () => new Promise(() => {}),
    // Blocks the event loop of the whole program, as a long computation does.
    block: (_state, ms) => {
      const until = performance.now() + ms;
      while (performance.now() < until);
      return ms;
    },
    die: () => process.kill(process.pid, "SIGKILL"),
    last: (state, { watcher, words }) => {
      for (const word of words) watcher.cast("hear", word);
      throw new Error(`the end of ${state.sum}`);
    },
  },
  casts: {
    add: (state, n) => {
      state.sum += n;
    },
  },
});

const node = await createNode({
  listen: { port: 0 },
  discovery: seeds.length === 0 ? [] : [staticSeeds(seeds)],
  actors: [Worker],
  logger: false,
  ...options,
});
const tell = (event, details) => process.send?.({ event, details });
for (const event of ["nodeup", "nodedown", "refused", "member"]) {
  node.events.on(event, (details) => tell(event, details));
}
process.on("disconnect", () => process.exit());
process.on("message", async ({ ask }) => {
  if (ask === "nodes") tell("nodes", node.nodes());
  if (ask === "memory") tell("memory", process.memoryUsage());
  if (ask === "shutdown") {
    await node.shutdown();
    tell("stopped", {});
  }
});
tell("ready", { url: node.url, incarnation: node.incarnation, pid: process.pid });
