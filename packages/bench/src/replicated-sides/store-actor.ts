/** What the replicas of Troupe's side replicate, and what all its programs say of the group. */
import { defineActor } from "@troupe/actor";
import type { GroupOptions } from "@troupe/replication";
import type { Durability } from "./replicated-loads.ts";

export const names = ["a", "b", "c"] as const;

export const Store = defineActor("store", {
  init: () => ({ values: new Map<string, Uint8Array>(), puts: 0 }),
  calls: {
    put: (s, { key, value }: { key: string; value: Uint8Array }) => {
      s.values.set(key, value);
      return ++s.puts;
    },
  },
  queries: { puts: (s) => s.puts },
});

/** A program without a directory holds no replica, and needs none. */
export function groupOptions(durability: Durability, directory?: string): GroupOptions {
  const group = { group: "store", replicas: names, durability };
  if (durability === "memory") return { ...group, bootstrap: directory !== undefined };
  return directory === undefined ? group : { ...group, storage: directory };
}
