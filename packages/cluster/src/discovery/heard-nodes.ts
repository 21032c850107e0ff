/**
 * The nodes that were heard of on the network: believed only once proven, forgotten after a while.
 *
 * Both tables are bounded, and only who holds a key can fill them. Pure but for the clock.
 */
import {
  type Announcement,
  type AnnouncementFault,
  decodeAnnouncement,
  MAX_AGE_MS,
  NONCE_BYTES,
} from "./announcement.ts";
import type { DiscoveryContext } from "./discovery.ts";

/** What became of the datagrams that arrived. */
export interface HeardCounters extends Record<AnnouncementFault, number>, Record<string, number> {
  /** Announcements that were believed. */
  accepted: number;
  /** Our own, which come back to us. */
  own: number;
  /** Seen before, byte for byte or in its nonce. */
  replayed: number;
  /** Believable, but for more nodes or datagrams than are remembered. */
  overflow: number;
}

export function heardCounters(): HeardCounters {
  return {
    accepted: 0,
    own: 0,
    malformed: 0,
    foreign: 0,
    expired: 0,
    unproven: 0,
    replayed: 0,
    overflow: 0,
  };
}

/** Nodes remembered at a time. */
const MAX_NODES = 1024;

/** Nonces remembered at a time; those of more than 300 nodes at one announcement every 5 s. */
const MAX_NONCES = 4096;

/** A stamp may be this far ahead and be good until it is this far behind. */
const NONCE_LIFE_MS = 2 * MAX_AGE_MS;

/** What tells our own datagrams from all others. */
const ID_BYTES = 8;

export interface HeardNodesOptions {
  readonly context: DiscoveryContext;
  readonly keys: readonly Uint8Array[];
  readonly expiryMs: number;
  readonly counters: HeardCounters;
}

export class HeardNodes {
  readonly #options: HeardNodesOptions;
  readonly #id: Buffer;
  /** URL to the moment at which it is forgotten. The oldest comes first. */
  readonly #nodes = new Map<string, number>();
  /** Nonce to the moment at which it is forgotten. The oldest comes first. */
  readonly #nonces = new Map<string, number>();

  constructor(options: HeardNodesOptions) {
    this.#options = options;
    const { random } = options.context;
    this.#id = Buffer.from(Array.from({ length: ID_BYTES }, () => Math.floor(random() * 256)));
  }

  /** The nonce of our own announcement number `count`. It need not be secret, only new. */
  ownNonce(count: number): Uint8Array {
    const nonce = Buffer.alloc(NONCE_BYTES);
    this.#id.copy(nonce);
    nonce.writeBigUInt64BE(BigInt(count), ID_BYTES);
    return nonce;
  }

  /** Takes a datagram; true if the addresses have changed. */
  hear(bytes: Uint8Array, from: string): boolean {
    const { context, keys, counters } = this.#options;
    const { self, clock } = context;
    const expected = { cluster: self.cluster, keys, now: clock.now() };
    const heard = decodeAnnouncement(bytes, expected);
    if (typeof heard === "string") {
      counters[heard] += 1;
      return false;
    }
    return this.#believe(heard, from);
  }

  /** The addresses of now, in order. */
  urls(): readonly string[] {
    forgetUntil(this.#nodes, this.#options.context.clock.monotonic());
    return [...this.#nodes.keys()].sort();
  }

  /** Milliseconds until an address is forgotten; undefined if there is none. */
  expiresInMs(): number | undefined {
    const [next] = this.#nodes.values();
    return next === undefined ? undefined : next - this.#options.context.clock.monotonic();
  }

  #believe(heard: Announcement, from: string): boolean {
    const { context, counters, expiryMs } = this.#options;
    const nonce = Buffer.from(heard.nonce);
    const now = context.clock.monotonic();
    forgetUntil(this.#nonces, now);
    forgetUntil(this.#nodes, now);
    const key = nonce.toString("latin1");
    const url = reachable(heard.url, from);
    if (nonce.subarray(0, ID_BYTES).equals(this.#id)) counters.own += 1;
    else if (url === undefined) counters.malformed += 1;
    else if (this.#nonces.has(key)) counters.replayed += 1;
    else if (this.#nonces.size >= MAX_NONCES || this.#isFull(url)) counters.overflow += 1;
    else {
      counters.accepted += 1;
      this.#nonces.set(key, now + NONCE_LIFE_MS);
      const isNew = !this.#nodes.delete(url);
      this.#nodes.set(url, now + expiryMs);
      return isNew;
    }
    return false;
  }

  #isFull(url: string): boolean {
    return this.#nodes.size >= MAX_NODES && !this.#nodes.has(url);
  }
}

/** Every entry lives equally long, so that those to forget stand first. */
function forgetUntil(table: Map<string, number>, now: number): void {
  for (const [key, until] of table) {
    if (until > now) return;
    table.delete(key);
  }
}

/** A node that listens on all its addresses is to be found at the one that spoke. */
function reachable(text: string, from: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  if (url.hostname === "0.0.0.0" || url.hostname === "[::]") {
    // A scope such as %eth0 is of no use in a URL.
    url.hostname = from.includes(":") ? `[${from.replace(/%.*$/, "")}]` : from;
  }
  return url.href;
}
