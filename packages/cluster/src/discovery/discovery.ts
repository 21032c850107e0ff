/**
 * The port through which a node learns where other nodes may be.
 *
 * A discovery only proposes addresses. It never connects, never disconnects, and an address that
 * it no longer names is not a reason to drop a node: the links decide who is up.
 */

export interface DiscoveryContext {
  /** Ends the discovery: stop watching and return. */
  readonly signal: AbortSignal;
}

/** A source of addresses of nodes, such as a fixed list or a DNS name. */
export interface Discovery {
  /** For messages. */
  readonly name: string;
  /**
   * Yields complete snapshots of the addresses known, the first one as soon as there is one, and
   * ends when the signal is aborted. An empty snapshot means that nothing was found, not that the
   * nodes are gone. It may end early if nothing can change, and must not throw for an outage.
   */
  watch(context: DiscoveryContext): AsyncIterable<readonly string[]>;
}
