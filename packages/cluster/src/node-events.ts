/** What a node tells the application besides the events of its system. It emits nothing. */
import type { ActorError, SystemEvents } from "@troupe/actor";
import type { RefusalReason } from "./errors.ts";
import type { CloseReason } from "./link/connection.ts";
import type { Identity } from "./link/handshake.ts";
import type { MemberEvent } from "./membership/member.ts";

/** Another node, in one of its lives. */
export interface NodeInfo {
  readonly name: string;
  /** Which life of the node: a restarted one has a higher number. */
  readonly incarnation: number;
  /** Where it says that it can be dialled. */
  readonly url?: string;
}

export interface NodeDown extends NodeInfo {
  readonly reason: CloseReason;
}

/** A connection that was not made, by our decision or by the other side's. */
export interface Refused {
  readonly reason: RefusalReason;
  /** Who the other side claims to be, if it said so. */
  readonly name: string | undefined;
  /** The address we dialled; undefined when we were dialled. */
  readonly url: string | undefined;
}

export interface Congested {
  readonly node: string;
  readonly queuedBytes: number;
}

/** A message that the subscribers of a node did not get. */
export interface PublishDropped {
  readonly topic: string;
  /** `"not_sent"`: who was to get it. `"unreadable"`: who has sent it. */
  readonly node: string;
  /**
   * `"not_sent"`: too much was waiting for the node, or it takes no message so large.
   * `"unreadable"`: it came in, and cannot be decoded.
   */
  readonly reason: "not_sent" | "unreadable";
}

/** A dead letter that was meant for another node says in `error` what stood in its way. */
export type NodeDeadLetter = SystemEvents["deadLetter"] & { readonly error?: ActorError };

export interface NodeEvents extends SystemEvents {
  /** A node is connected. No message of this life of it was delivered before. */
  nodeup: NodeInfo;
  /** A node is gone. No message of this life of it is delivered any more. */
  nodedown: NodeDown;
  /**
   * A member of the cluster is not any more what it was, or is new. A hint: the members tell each
   * other of it, so that nodes learn of it at different times, and it need not be connected.
   */
  member: MemberEvent;
  /** A connection was refused, here or there. */
  refused: Refused;
  /** A link went above its soft limit; told once until it was below half of it again. */
  congested: Congested;
  /** A link that was congested is below half of its soft limit. */
  uncongested: Congested;
  /** The subscribers of a node did not get a message that was published. */
  publishDropped: PublishDropped;
  deadLetter: NodeDeadLetter;
}

/** What others are told of a peer. */
export function infoOf({ name, incarnation, url }: Identity): NodeInfo {
  return url === undefined ? { name, incarnation } : { name, incarnation, url };
}

const letterReasons: Readonly<Record<string, NodeDeadLetter["reason"]>> = {
  ERR_NO_PROCESS: "no_process",
  ERR_NODE_UNKNOWN: "no_process",
  ERR_CONNECTION_LOST: "no_process",
  ERR_OVERLOADED: "mailbox_full",
  ERR_NOT_SERIALIZABLE: "not_serializable",
};

/** The word of a local dead letter that comes closest to what stopped a remote one. */
export function letterReason(code: string): NodeDeadLetter["reason"] {
  return letterReasons[code] ?? "refused";
}
