/** What the replicas of Troupe's side replicate, and what all its programs say of the group. */
import { defineActor } from "@troupe/actor";
import type { GroupOptions } from "@troupe/replication";
import { type Kind, keys, payloadBytes } from "./replicated-loads.ts";

export const names = ["a", "b", "c"] as const;

interface Account {
  readonly id: number;
  readonly owner: string;
  readonly cents: number;
  readonly open: boolean;
}

export const Store = defineActor("store", {
  init: () => ({
    values: new Map<string, Uint8Array>(),
    puts: 0,
    accounts: new Map<string, Account>(),
  }),
  calls: {
    /** Adds accounts until there are so many, or a thousandth of a large state more. */
    open: ({ accounts }, upTo: number) => {
      const last = Math.min(upTo, accounts.size + 20_000);
      for (let id = accounts.size; id < last; id++) {
        accounts.set(`account-${id}`, { id, owner: `owner-${id}`, cents: 3 * id, open: true });
      }
      return accounts.size;
    },
    put: (s, { key, value }: { key: string; value: Uint8Array }) => {
      s.values.set(key, value);
      return ++s.puts;
    },
  },
  queries: { puts: (s) => s.puts },
});

const value = Buffer.alloc(payloadBytes, 97);

/** What the put of that number puts. */
export function pair(number: number): { readonly key: string; readonly value: Uint8Array } {
  return { key: `k${number % keys}`, value };
}

/** The ops of a large group after which its replicas make a checkpoint. */
export const largeCheckpointOps = 256;

/** A program without a directory holds no replica, and needs none. */
export function groupOptions(kind: Kind, directory?: string): GroupOptions {
  const group = { group: "store", replicas: names };
  const isReplica = directory !== undefined;
  if (kind === "memory") return { ...group, durability: "memory", bootstrap: isReplica };
  const kept = isReplica ? { ...group, storage: directory } : group;
  return kind === "large" ? { ...kept, checkpointOps: largeCheckpointOps } : kept;
}
