/**
 * The errors of this package, one class per code.
 *
 * Every class answers in `outcome` whether the call may have run. Fields are read from `data`, so
 * that an error revived from the wire has them too. This file throws nothing.
 */
import { ActorError, type Outcome } from "@troupe/actor";

/** Why a handshake was refused; the word is what the other node, or this one, answered. */
export type RefusalReason =
  | "auth"
  | "version"
  | "cluster"
  | "protocol"
  | "self"
  | "duplicate"
  | "stale_incarnation"
  | "simultaneous"
  | "already_connected"
  | "stopping"
  | "timeout"
  | "certificate";

/**
 * Two nodes met and refused each other. Nothing was sent on behalf of a caller: no promise rejects
 * with it, the node's event `refused` tells the reason.
 */
export class HandshakeError extends ActorError {
  declare readonly data: { peer: string; reason: RefusalReason };

  constructor(peer: string, reason: RefusalReason, detail: string) {
    super(`handshake with ${peer} refused (${reason}): ${detail}`, {
      name: "HandshakeError",
      code: "ERR_HANDSHAKE",
      outcome: "not_run",
      data: { peer, reason },
    });
  }

  /** The machine-readable reason. */
  get reason(): RefusalReason {
    return this.data.reason;
  }
}

/** No node of that name was ever seen by this one. The call was not sent. */
export class NodeUnknownError extends ActorError {
  constructor(node: string, known: readonly string[]) {
    const list = known.length === 0 ? "none is connected" : `connected: ${known.join(", ")}`;
    super(`node "${node}" is not known; ${list}`, {
      name: "NodeUnknownError",
      code: "ERR_NODE_UNKNOWN",
      outcome: "not_run",
      data: { node, known },
    });
  }
}

/**
 * The connection to the node is gone.
 *
 * The outcome is `"unknown"` for a call that was on its way and `"not_run"` for one that found
 * the node disconnected. OTP: `noconnection`.
 */
export class ConnectionLostError extends ActorError {
  constructor(node: string, outcome: "not_run" | "unknown", why: string) {
    super(`no connection to ${node}: ${why}`, {
      name: "ConnectionLostError",
      code: "ERR_CONNECTION_LOST",
      outcome,
      data: { node, why },
    });
  }
}

/** The outbox of the link is at its limit: the other node reads too slowly. */
export class OverloadedError extends ActorError {
  constructor(node: string, queuedBytes: number, outcome: Outcome = "not_run") {
    super(`the link to ${node} is overloaded, ${queuedBytes} bytes are waiting`, {
      name: "OverloadedError",
      code: "ERR_OVERLOADED",
      outcome,
      data: { node, queuedBytes },
    });
  }
}

/** One message is larger than this node sends, or than the other one takes. It was not sent. */
export class MessageTooLargeError extends ActorError {
  constructor(bytes: number, maxBytes: number, outcome: Outcome = "not_run") {
    super(`a message of ${bytes} bytes, the limit is ${maxBytes}`, {
      name: "MessageTooLargeError",
      code: "ERR_MESSAGE_TOO_LARGE",
      outcome,
      data: { bytes, maxBytes },
    });
  }
}

/** The node cannot listen where it was told to. No node was made. */
export class ListenError extends ActorError {
  constructor(host: string, port: number, why: string) {
    super(`cannot listen on ${host}:${port}: ${why}`, {
      name: "ListenError",
      code: "ERR_LISTEN",
      outcome: "not_run",
      data: { host, port, why },
    });
  }
}

/** The other side does not speak our protocol. The link is closed; the node lives on. */
export class ProtocolError extends ActorError {
  constructor(problem: string) {
    super(`protocol violation: ${problem}`, {
      name: "ProtocolError",
      code: "ERR_PROTOCOL",
      outcome: "unknown",
      data: { problem },
    });
  }
}

/** Bytes that are no value of ours. The link stays; only the message is refused. */
export class DecodeError extends ActorError {
  constructor(problem: string, outcome: Outcome = "not_run") {
    super(`cannot decode: ${problem}`, {
      name: "DecodeError",
      code: "ERR_DECODE",
      outcome,
      data: { problem },
    });
  }
}

/** The node is about to leave the cluster and starts nothing for others. Nothing was started. */
export class NodeLeavingError extends ActorError {
  constructor(node: string) {
    super(`node ${node} is leaving and starts nothing more`, {
      name: "NodeLeavingError",
      code: "ERR_NODE_LEAVING",
      outcome: "not_run",
      data: { node },
    });
  }
}

/** The node does not let others start that actor; see `options.actors`. Nothing was started. */
export class ActorUnknownError extends ActorError {
  constructor(node: string, actor: string, known: readonly string[]) {
    const list = known.length === 0 ? "it allows none" : `it allows ${known.join(", ")}`;
    super(`node ${node} does not start actor "${actor}" for others; ${list}`, {
      name: "ActorUnknownError",
      code: "ERR_ACTOR_UNKNOWN",
      outcome: "not_run",
      data: { node, actor, known },
    });
  }
}

/**
 * This node has as many memberships, topics, subscriptions or presences as it may; see
 * `limits.maxDirectoryEntries`. Nothing was added.
 */
export class DirectoryFullError extends ActorError {
  constructor(what: string, max: number) {
    super(`no room for more ${what}: there are ${max}`, {
      name: "DirectoryFullError",
      code: "ERR_DIRECTORY_FULL",
      outcome: "not_run",
      data: { what, max },
    });
  }
}

/** What a presence says is larger than may be; see `limits.maxDirectoryValueBytes`. */
export class EntryTooLargeError extends ActorError {
  constructor(bytes: number, maxBytes: number) {
    super(`an entry of ${bytes} bytes, the limit is ${maxBytes}`, {
      name: "EntryTooLargeError",
      code: "ERR_ENTRY_TOO_LARGE",
      outcome: "not_run",
      data: { bytes, maxBytes },
    });
  }
}

/** The same process, or this node, is present under that key already. Nothing has changed. */
export class AlreadyTrackedError extends ActorError {
  constructor(topic: string, key: string, who: string) {
    super(`${who} is present as "${key}" in "${topic}" already`, {
      name: "AlreadyTrackedError",
      code: "ERR_ALREADY_TRACKED",
      outcome: "not_run",
      data: { topic, key, who },
    });
  }
}

/**
 * A source of addresses has nothing usable to say just now. No promise rejects with it: the node
 * keeps the addresses that it knows, and reports it.
 */
export class DiscoveryError extends ActorError {
  constructor(problem: string) {
    super(problem, {
      name: "DiscoveryError",
      code: "ERR_DISCOVERY",
      outcome: "not_run",
      data: { problem },
    });
  }
}
