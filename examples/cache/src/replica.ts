/**
 * One of the three processes: a node, and a plain supervisor with the cache in it. Its parent gives
 * it a name, a port, a directory and the addresses of the others, and is told where it listens and
 * when it is there. It ends with its parent.
 */
import { supervisor } from "@troupe/actor";
import { createNode, staticSeeds } from "@troupe/cluster";
import { replicated } from "@troupe/replication";
import { Cache } from "./cache.ts";
import { clusterName, groupOptions, settings } from "./group.ts";

const [name = "", port = "0", storage = "", ...seeds] = process.argv.slice(2);

async function main(): Promise<void> {
  const node = await createNode({
    name,
    cluster: clusterName,
    listen: { port: Number(port) },
    discovery: [staticSeeds(seeds)],
  });
  process.send?.({ listens: node.url });
  const children = [replicated(Cache, settings, groupOptions(storage))];
  await node.start(supervisor({ strategy: "one_for_one", children }));
  process.send?.({ isReady: true });
}

process.once("disconnect", () => process.exit());
main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});
