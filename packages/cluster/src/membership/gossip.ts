/**
 * What is to be told to others, and how often: news of members, one per name.
 *
 * Each piece of news is sent a number of times that grows with the logarithm of the cluster, which
 * reaches everybody with near certainty; what is missed is found by comparing tables. What was told
 * least goes first. Pure: whom to tell is decided elsewhere.
 *
 * Source: SWIM §4.1, λ·log n; memberlist `queue.go`.
 */
import type { MemberRecord } from "./member.ts";

/** A record, and who says so if it is a suspicion. */
export interface News {
  readonly record: MemberRecord;
  readonly accusers: readonly string[];
}

/** Times that news is sent, for each doubling of the cluster. */
const RETRANSMITS = 3;

/** Pieces of news sent to one node in one round. */
export const MAX_NEWS = 64;

/** How often news is sent before it is dropped, in a cluster of so many. */
export function retransmits(members: number): number {
  return Math.ceil(RETRANSMITS * Math.log2(members + 1));
}

interface Item {
  readonly news: News;
  told: number;
}

/** News that has not been told often enough. Bounded by the table of members that it is about. */
export class GossipQueue {
  readonly #items = new Map<string, Item>();

  get size(): number {
    return this.#items.size;
  }

  /** Takes in news, in place of what was to be told about the same member. */
  put(news: News): void {
    this.#items.set(news.record.name, { news, told: 0 });
  }

  /** The member is forgotten. */
  drop(name: string): void {
    this.#items.delete(name);
  }

  /** What to tell now, to so many nodes, in a cluster of so many members. */
  take(copies: number, members: number): readonly News[] {
    const limit = retransmits(members);
    const items = [...this.#items.values()].sort((a, b) => a.told - b.told).slice(0, MAX_NEWS);
    for (const item of items) {
      item.told += copies;
      if (item.told >= limit) this.#items.delete(item.news.record.name);
    }
    return items.map(({ news }) => news);
  }
}
