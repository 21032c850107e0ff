/**
 * The port through which a node learns where other nodes may be.
 *
 * A discovery only proposes addresses. It never connects, never disconnects, and an address that
 * it no longer names is not a reason to drop a node: the links decide who is up. What every source
 * promises is checked by one suite, `test/contract/discovery.ts`.
 */
import type { Clock, Random } from "@troupe/actor";

/** The node that looks for others. */
export interface DiscoverySelf {
  readonly name: string;
  readonly cluster: string;
  /** Where it can be dialled; undefined if it only dials. */
  readonly url: string | undefined;
}

/** What a source is given by the node that watches it. */
export interface DiscoveryContext {
  /** Ends the discovery: stop watching, close what is open, and return. */
  readonly signal: AbortSignal;
  /** Every wait of a source is measured by it. */
  readonly clock: Clock;
  readonly random: Random;
  readonly self: DiscoverySelf;
  /**
   * Reports a problem to people. The same message is passed on once a minute at most, so that it
   * should not hold what changes from one attempt to the next; that may go into the error.
   */
  warn(message: string, error?: unknown): void;
}

/** A source of addresses of nodes, such as a fixed list or a DNS name. */
export interface Discovery {
  /** For messages. */
  readonly name: string;
  /** What has happened so far, by kind; for metrics. A source that counts nothing has none. */
  readonly counters?: Readonly<Record<string, number>>;
  /**
   * Yields complete snapshots of the addresses known, the first one as soon as there is one, and
   * ends when the signal is aborted. An empty snapshot means that nothing was found, not that the
   * nodes are gone. It may end early if nothing can change, and must not throw for an outage: it
   * keeps its last snapshot and says so with `warn`. One that throws all the same is reported and
   * started again, ever more slowly.
   */
  watch(context: DiscoveryContext): AsyncIterable<readonly string[]>;
}
