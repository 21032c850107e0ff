/**
 * A node as a program of its own, over real WebSockets, for tests that kill and stop it: it holds a
 * replica if the group names it, and calls or asks the group if it is told to. It is forked with
 * its options as JSON, says over the pipe what comes of it, and ends when the pipe does.
 */
import { defineActor } from "@troupe/actor";
import { createNode, staticSeeds } from "@troupe/cluster";
import { replicate } from "../../dist/index.js";

const { name, seeds, port = 0, group, load, first = 0 } = JSON.parse(process.argv[2] ?? "{}");
process.on("disconnect", () => process.exit());
const tell = (event, details) => process.send?.({ event, details });

/** The same definition as in replicas.ts: how often each call has run. */
const Tally = defineActor("tally", {
  init: () => new Map(),
  queries: { all: (runs) => [...runs], count: (runs) => runs.size },
  calls: {
    put: (runs, n) => {
      runs.set(n, (runs.get(n) ?? 0) + 1);
      return runs.size;
    },
    swell: (runs, [n, megabytes]) => {
      runs.set(n, (runs.get(n) ?? 0) + 1);
      const held = Array.from({ length: megabytes }, (_, i) => new Array(2 ** 17).fill(i / 2));
      return held.length;
    },
    refuse: (runs, n, ctx) => {
      runs.set(n, (runs.get(n) ?? 0) + 1);
      ctx.fail("refused", n);
    },
  },
});

const node = await createNode({
  name,
  listen: { port },
  discovery: seeds.length === 0 ? [] : [staticSeeds(seeds)],
  heartbeatMs: 200,
  reconnectMaxMs: 200,
  logger: false,
});
const tally = await replicate(node, Tally, undefined, group);
tell("ready", { url: node.url });

/** Calls without a pause, each call of its own number; the next one when one is answered. */
async function caller() {
  for (;;) {
    const n = next++;
    tell("called", { n });
    await tally.call("put", n);
    tell("answered", { n });
  }
}

/** Asks without a pause, and tells when it began to and what it was answered. */
async function asker() {
  for (;;) {
    const began = Date.now();
    const count = await tally.query("count", undefined, { timeout: 60_000 });
    tell("asked", { began, count });
  }
}

let next = first;
const loads = { calls: caller, queries: asker };
if (load !== undefined) {
  await Promise.all(Array.from({ length: load.callers }, () => loads[load.of]()));
}
