/**
 * The entry of a replica process. It holds one replica of the ledger's group, prints nothing, and
 * tells its parent when it is ready or why it is not. It never outlives its parent: when the IPC
 * channel closes, it stops.
 */
import { createNode, type Node, staticSeeds } from "@troupe/cluster";
import { replicate } from "@troupe/replication";
import { oneLine } from "./errors.ts";
import { Ledger } from "./ledger.ts";
import { loopback } from "./ports.ts";
import {
  clusterName,
  groupName,
  type ReplicaMessage,
  type ReplicaSettings,
  type StartMessage,
} from "./settings.ts";

/** A replica whose shutdown hangs is ended after this long; its journal can take it. */
const longestShutdownMs = 3_000;

let node: Node | undefined;

async function start(settings: ReplicaSettings): Promise<void> {
  node = await createNode({
    name: settings.name,
    cluster: clusterName,
    listen: { host: loopback, port: settings.port },
    keys: [settings.key],
    discovery: [staticSeeds(settings.seeds)],
  });
  await replicate(
    node,
    Ledger,
    {},
    { group: groupName, replicas: [...settings.replicas], storage: settings.storage },
  );
  tell({ type: "ready" });
}

async function leave(): Promise<void> {
  setTimeout(() => process.exit(1), longestShutdownMs).unref();
  await node?.shutdown();
  process.exit(0);
}

function tell(message: ReplicaMessage, then?: () => void): void {
  // Nobody is left to be told if the parent went in between.
  if (process.connected) process.send?.(message, undefined, undefined, () => then?.());
  else then?.();
}

function fail(error: unknown): void {
  tell({ type: "failed", message: oneLine(error) }, () => process.exit(1));
}

process.on("uncaughtException", fail);
process.on("unhandledRejection", fail);
// Ctrl-C in a terminal reaches the whole process group; the parent decides when a replica stops.
process.on("SIGINT", () => {});
process.once("disconnect", () => void leave().catch(fail));
process.once("message", ({ settings }: StartMessage) => void start(settings).catch(fail));
