/** What every node of the cluster says of the cache, whether it holds a replica or not. */
import type { GroupOptions } from "@troupe/replication";
import type { CacheSettings } from "./cache.ts";

export const clusterName = "cache";
export const nodeNames = ["a", "b", "c"] as const;
export type NodeName = (typeof nodeNames)[number];

export const settings: CacheSettings = { maxEntries: 1000 };

/** A node without storage holds no replica, and needs none. */
export function groupOptions(storage?: string): GroupOptions {
  const group = { group: "cache", size: 3, founder: "a" };
  return storage === undefined ? group : { ...group, storage };
}
