/**
 * What is known of one member of the cluster, and which of two reports about it is the later one.
 *
 * Reports travel in any order and more than once. They are totally ordered, and everybody keeps
 * the greatest, so that all end with the same one. Only the member itself raises its version:
 * others can say worse things about a version, never better ones. Pure data.
 *
 * Source: SWIM §4.2, incarnation numbers; memberlist `state.go`, `aliveNode`, `suspectNode`.
 */

/**
 * What a member is to the others, from good to final: `alive`; `suspect`, nothing was heard of it
 * for a while; `leaving`, it said so and still answers; `down`, it was given up and may come back;
 * `left`, it said goodbye, and this life of it will not come back.
 */
export type MemberStatus = "alive" | "suspect" | "leaving" | "down" | "left";

/** Statuses by rank, which is also their number on the wire: a higher one beats a lower one. */
export const memberStatuses = ["alive", "suspect", "leaving", "down", "left"] as const;

const ranks: Readonly<Record<MemberStatus, number>> = {
  alive: 0,
  suspect: 1,
  leaving: 2,
  down: 3,
  left: 4,
};

/** One report about one member. */
export interface MemberRecord {
  readonly name: string;
  /** Which life of the node. */
  readonly incarnation: number;
  /** Begins as the incarnation; the member raises it to overrule what is said of it. */
  readonly version: number;
  readonly status: MemberStatus;
  /** Where it can be dialled, if anywhere. */
  readonly url: string | undefined;
  /** How often it promises to be heard. */
  readonly heartbeatMs: number;
}

/** What a node says of itself, as far as membership goes. */
export interface MemberIdentity {
  readonly name: string;
  readonly incarnation: number;
  readonly url: string | undefined;
  readonly heartbeatMs: number;
}

/** A node of the cluster, as this node sees it. */
export interface Member {
  readonly name: string;
  /** Which life of the node. */
  readonly incarnation: number;
  /**
   * `alive`; `suspect`: nothing was heard of it for a while; `leaving`: it said that it will leave;
   * `down`: it was given up, and may come back; `left`: it said goodbye.
   */
  readonly status: MemberStatus;
  /** Where it says that it can be dialled. */
  readonly url?: string;
  /** Whether that life of it is connected to this node now. A node is connected to itself. */
  readonly connected: boolean;
}

/** A member is not any more what it was. */
export interface MemberChange {
  readonly name: string;
  readonly incarnation: number;
  readonly status: MemberStatus;
  /** Undefined for a life of which nothing was known. */
  readonly previous: MemberStatus | undefined;
}

/** The same, told to the application. */
export interface MemberEvent extends MemberChange {
  /** Whether that life of it is connected to this node now. */
  readonly connected: boolean;
}

/** The greatest version. One that is raised to here cannot be raised again. */
export const MAX_VERSION = Number.MAX_SAFE_INTEGER;

/** An address that is longer is not told to others: a record has to stay small. */
export const MAX_URL_BYTES = 512;

/** What is believed of a member that has just introduced itself. */
export function firstRecord({ name, incarnation, url, heartbeatMs }: MemberIdentity): MemberRecord {
  const isTold = url !== undefined && Buffer.byteLength(url) <= MAX_URL_BYTES;
  const told = isTold ? url : undefined;
  return { name, incarnation, version: incarnation, status: "alive", url: told, heartbeatMs };
}

/** The number of a status: its place in the order, and on the wire. */
export function rankOf(status: MemberStatus): number {
  return ranks[status];
}

/** Whether the life is over, as far as anybody knows. */
export function isGone({ status }: { readonly status: MemberStatus }): boolean {
  return status === "down" || status === "left";
}

/**
 * Negative if `a` is the earlier report, positive if it is the later one, 0 if they are the same.
 *
 * Version and status decide. The rest only makes the order total: two reports that differ in
 * anything must not both be kept, or the tables of two nodes would differ for ever.
 */
export function compareRecords(a: MemberRecord, b: MemberRecord): number {
  return (
    a.version - b.version ||
    rankOf(a.status) - rankOf(b.status) ||
    a.incarnation - b.incarnation ||
    compareText(a.url ?? "", b.url ?? "") ||
    a.heartbeatMs - b.heartbeatMs
  );
}

/** The later of two reports about the same member. */
export function mergeRecords(a: MemberRecord, b: MemberRecord): MemberRecord {
  return compareRecords(a, b) >= 0 ? a : b;
}

/** The report by which a member overrules another one about itself. */
export function outbid(own: MemberRecord, other: MemberRecord): MemberRecord {
  const version = Math.min(MAX_VERSION, Math.max(own.version, other.version) + 1);
  return { ...own, version };
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
