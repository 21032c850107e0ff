/** One proven connection to one life of one node, with the calls that wait for its answers. */
import type { Clock, EventLoop } from "@troupe/actor";
import { PendingCalls } from "@troupe/actor/runtime";
import type { Connection } from "./connection.ts";
import type { Peer } from "./handshake.ts";
import type { LinkEntry } from "./link-table.ts";

export interface LinkOptions {
  readonly clock: Clock;
  readonly loop: EventLoop;
  readonly maxPendingCalls: number;
}

export class Link implements LinkEntry {
  readonly peer: Peer;
  readonly connection: Connection;
  /** Calls sent over this link. They end with it: an answer never comes over another one. */
  readonly calls: PendingCalls<unknown>;

  constructor(peer: Peer, connection: Connection, options: LinkOptions) {
    const { clock, loop, maxPendingCalls } = options;
    this.peer = peer;
    this.connection = connection;
    this.calls = new PendingCalls({ clock, loop, max: maxPendingCalls });
  }

  get name(): string {
    return this.peer.name;
  }
}
