/** One replica of Troupe's side: `troupe-replica.js NAME PORT KIND DIRECTORY [URL …]`. */
import fs from "node:fs";
import { open } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { devNull } from "node:os";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { createNode, staticSeeds } from "@troupe/cluster";
import { replicate } from "@troupe/replication";
import { benchKeys } from "../remote-sides/remote-counter-actor.ts";
import { serveSide } from "../remote-sides/server-process.ts";
import type { Kind } from "./replicated-loads.ts";
import { groupOptions, pair, Store } from "./store-actor.ts";

/**
 * Counts every sync of a file in this program, whoever asks for it. Writes with a callback are
 * those to logs, each of which is synced by itself.
 */
async function countSyncs(): Promise<() => number> {
  let syncs = 0;
  const handle = await open(devNull);
  const files = Object.getPrototypeOf(handle) as Record<"sync" | "datasync", () => Promise<void>>;
  await handle.close();
  for (const name of ["sync", "datasync"] as const) {
    const sync = files[name];
    files[name] = function counted(this: unknown) {
      syncs += 1;
      return sync.call(this);
    };
  }
  const { write } = fs;
  fs.write = function counted(this: unknown, ...args: Parameters<typeof write>) {
    syncs += 1;
    return write.apply(this, args);
  } as typeof write;
  syncBuiltinESMExports();
  return () => syncs;
}

const [, , name = "", port = "", kind = "disk", directory = "", ...seeds] = process.argv;

const delay = monitorEventLoopDelay({ resolution: 1 });
// Its timer wakes the program each millisecond, so only those that are asked for a stall have it.
if (kind === "large") delay.enable();

/** The longest time, in milliseconds, that the event loop was held up since it was last asked. */
function stall(): number {
  const ms = delay.max / 1e6;
  delay.reset();
  return ms;
}

const syncs = await countSyncs();
const node = await createNode({
  name,
  cluster: "bench",
  keys: benchKeys,
  listen: { port: Number(port) },
  discovery: [staticSeeds(seeds)],
});
const ref = await replicate(node, Store, undefined, groupOptions(kind as Kind, directory));

/** Puts one after the other from here; how many a second that were. */
async function puts(operations: number): Promise<number> {
  const before = await ref.query("puts");
  const began = performance.now();
  for (let next = 0; next < operations; next += 1) await ref.call("put", pair(next));
  const ms = performance.now() - began;
  const counted = (await ref.query("puts")) - before;
  if (counted !== operations) throw new Error(`expected ${operations} puts, got ${counted}`);
  return (operations * 1000) / ms;
}

serveSide(node.url ?? "", { syncs, stall, puts });
