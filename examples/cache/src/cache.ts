/**
 * The cache: values by key, with a time to live, and what it was asked for. It knows nothing of
 * nodes, replicas or disks: the same definition runs in one process or behind a group of them.
 */
import { defineActor, type TimerId } from "@troupe/actor";
import type { GroupRef } from "@troupe/replication";

/** What may be said of the cache when it begins. */
export interface CacheSettings {
  /** One more makes it forget the one that was added first. */
  readonly maxEntries: number;
}

export interface NewEntry {
  readonly key: string;
  readonly value: unknown;
  /** How long it lives, in milliseconds; for ever without it. */
  readonly ttl?: number;
}

interface Entry {
  readonly value: unknown;
  readonly timer: TimerId | undefined;
  hits: number;
}

export interface CacheStatistics {
  readonly entries: number;
  readonly hits: number;
  readonly misses: number;
  readonly expired: number;
}

export const Cache = defineActor("cache", {
  init: ({ maxEntries }: CacheSettings) => ({
    maxEntries,
    entries: new Map<string, Entry>(),
    ...{ hits: 0, misses: 0, expired: 0 },
  }),
  queries: {
    /** Reads without being counted: no replica has to write anything for it. */
    peek: (s, key: string) => s.entries.get(key)?.value,
    statistics: (s): CacheStatistics => {
      const { hits, misses, expired } = s;
      return { entries: s.entries.size, hits, misses, expired };
    },
  },
  calls: {
    /** The timer is a part of the state: it fires once, whichever node leads by then. */
    add: (s, { key, value, ttl }: NewEntry, ctx) => {
      const before = s.entries.get(key);
      if (before?.timer !== undefined) ctx.cancel(before.timer);
      const timer = ttl === undefined ? undefined : ctx.sendAfter(ttl, "expire", key);
      s.entries.delete(key);
      s.entries.set(key, { value, timer, hits: 0 });
      if (s.entries.size <= s.maxEntries) return;
      const [oldest] = s.entries;
      if (oldest === undefined) return;
      if (oldest[1].timer !== undefined) ctx.cancel(oldest[1].timer);
      s.entries.delete(oldest[0]);
    },
    /** Reads and counts: so it is a call, which changes the state. */
    get: (s, key: string) => {
      const entry = s.entries.get(key);
      if (entry === undefined) s.misses++;
      else {
        s.hits++;
        entry.hits++;
      }
      return entry?.value;
    },
    remove: (s, key: string, ctx) => {
      const entry = s.entries.get(key);
      if (entry?.timer !== undefined) ctx.cancel(entry.timer);
      return s.entries.delete(key);
    },
  },
  info: {
    expire: (s, key: string) => {
      if (s.entries.delete(key)) s.expired++;
    },
  },
});

export type CacheRef = GroupRef<typeof Cache.queries, typeof Cache.calls, typeof Cache.casts>;
