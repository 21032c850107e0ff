/** One replica of Troupe's side: `troupe-replica.js NAME PORT KIND DIRECTORY [URL …]`. */
import { open } from "node:fs/promises";
import { devNull } from "node:os";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { createNode, staticSeeds } from "@troupe/cluster";
import { replicate } from "@troupe/replication";
import { benchKeys } from "../remote-sides/remote-counter-actor.ts";
import { serveSide } from "../remote-sides/server-process.ts";
import type { Kind } from "./replicated-loads.ts";
import { groupOptions, Store } from "./store-actor.ts";

/** Counts every sync of a file in this program, whoever asks for it. */
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
  return () => syncs;
}

const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();

/** The longest time, in milliseconds, that the event loop was held up since it was last asked. */
function stall(): number {
  const ms = delay.max / 1e6;
  delay.reset();
  return ms;
}

const [, , name = "", port = "", kind = "disk", directory = "", ...seeds] = process.argv;
const syncs = await countSyncs();
const node = await createNode({
  name,
  cluster: "bench",
  keys: benchKeys,
  listen: { port: Number(port) },
  discovery: [staticSeeds(seeds)],
});
await replicate(node, Store, undefined, groupOptions(kind as Kind, directory));
serveSide(node.url ?? "", { syncs, stall });
