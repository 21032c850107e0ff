/**
 * Everything that replicas and clients say to each other, one interface per message.
 *
 * The `type` tags are the wire names and, but for `request_start_view`, `request_prepare`,
 * `read_round` and the client's messages, the paper's (VRR §4). docs/protocol.md has a row for
 * each. Who sent a message is told by the transport, never by the message.
 */
import type {
  Checksum,
  ClientId,
  DamagedSlot,
  NamedCheckpoint,
  Op,
  Prepare,
  Request,
  View,
} from "./types.ts";

/** What every message of a replica in a memory group carries besides, and no other message. */
export interface FromLife {
  /** Which life of each replica the sender knows of; its own entry is the life it is in. */
  readonly crash_vector?: readonly number[];
}

/** primary → backups: append this entry (VRR §4.1 step 3). Promises nothing about durability. */
export interface PrepareMessage {
  readonly type: "prepare";
  /** The sender's view; an inherited entry keeps the older view that it was prepared in. */
  readonly view: View;
  readonly commit: Op;
  readonly entry: Prepare;
}

/** backup → primary: my log up to `op` is durable and ends in `checksum` (§4.1 step 4). */
export interface PrepareOkMessage {
  readonly type: "prepare_ok";
  readonly view: View;
  readonly op: Op;
  readonly checksum: Checksum;
}

/** primary → backups: the sign of life of an idle primary (§4.1 step 6). */
export interface CommitMessage {
  readonly type: "commit";
  readonly view: View;
  readonly commit: Op;
  /** Checksum of the entry at `commit`: a backup that has another one there must stop (I26). */
  readonly checksum: Checksum;
}

/** replica → others: I should like to leave for `view` (§4.2 step 1). A vote, no promise. */
export interface StartViewChangeMessage {
  readonly type: "start_view_change";
  readonly view: View;
  /** The sender has left for the view, because a quorum wanted it: so must who hears of it. */
  readonly left: boolean;
}

/** replica → primary of `view`: what I know; I shall take part in no older view (§4.2 step 2). */
export interface DoViewChangeMessage {
  readonly type: "do_view_change";
  readonly view: View;
  /** The last view in which the sender was normal: the paper's v'. */
  readonly log_view: View;
  readonly op: Op;
  readonly commit: Op;
  readonly commit_checksum: Checksum;
  /** The entries after `commit`, up to `op`, that it has intact: at most a pipeline of them. */
  readonly entries: readonly Prepare[];
  /** The others: it may have acknowledged them, and has lost them. What is neither it never had. */
  readonly damaged: readonly DamagedSlot[];
}

/** primary of `view` → all: the log of the new view (§4.2 step 3). */
export interface StartViewMessage {
  readonly type: "start_view";
  readonly view: View;
  /** That of the `request_start_view` that this answers; 0 if it answers none. */
  readonly nonce: number;
  readonly op: Op;
  readonly commit: Op;
  readonly commit_checksum: Checksum;
  readonly entries: readonly Prepare[];
}

/**
 * replica → primary: I have not got the log of `view`, or of a newer one. Sent to all by one that
 * cannot know who leads.
 */
export interface RequestStartViewMessage {
  readonly type: "request_start_view";
  readonly view: View;
  /** Drawn anew by a replica that believes nothing but the answer to this question; else 0. */
  readonly nonce: number;
}

/** replica → replica: I have lost this entry; whoever has it may answer, in any view. */
export interface RequestPrepareMessage {
  readonly type: "request_prepare";
  readonly op: Op;
  readonly checksum: Checksum;
}

/** answer to `request_prepare`: the entry, for the slot that it was asked for and no other. */
export interface RequestedPrepareMessage {
  readonly type: "requested_prepare";
  readonly entry: Prepare;
}

/** replica → replica: send me what comes after `op` (§5.2). */
export interface GetStateMessage {
  readonly type: "get_state";
  readonly view: View;
  readonly op: Op;
}

/** answer to `get_state`: consecutive entries; those up to `commit` are committed. */
export interface NewStateMessage {
  readonly type: "new_state";
  readonly view: View;
  readonly commit: Op;
  readonly entries: readonly Prepare[];
}

/**
 * replica → others: my newest checkpoint, said once it is durable and now and then again; and the
 * answer to who asks for entries that I have no more.
 */
export interface CheckpointMessage {
  readonly type: "checkpoint";
  /** The last view in which the sender was normal: so it has begun, and all of this is in it. */
  readonly view: View;
  /** The sender's log begins after this op. */
  readonly base: Op;
  readonly checkpoint: NamedCheckpoint;
}

/**
 * replica → others: I keep no checkpoint, and cannot go on without one; said now and then, and
 * answered with a `checkpoint` by whoever keeps one.
 */
export interface HollowMessage {
  readonly type: "hollow";
  /** The sender's log begins after this op, the state of which is lost. */
  readonly base: Op;
}

/** primary → backups: am I still the primary? The number is that of a batch of reads (I55). */
export interface ReadRoundMessage {
  readonly type: "read_round";
  readonly view: View;
  readonly round: number;
}

/** backup → primary: in that view, at the time that I got this round, you were. */
export interface ReadRoundOkMessage {
  readonly type: "read_round_ok";
  readonly view: View;
  readonly round: number;
}

/** replica without a memory → all: tell me what you know (§4.3 step 1). */
export interface RecoveryMessage {
  readonly type: "recovery";
  readonly nonce: number;
  readonly round: number;
  /** The sender was told that the group has never run. */
  readonly founding: boolean;
  /** The highest view that it has been told of since it began to ask. */
  readonly view: View;
}

/** answer to `recovery`, of any replica that is not changing the view (§4.3 step 2). */
export interface RecoveryResponseMessage extends FromLife {
  readonly type: "recovery_response";
  readonly nonce: number;
  readonly round: number;
  /** All but `normal`: the sender has forgotten everything itself; the rest of it says nothing. */
  readonly status: "normal" | "founding" | "recovering" | "lost";
  /** The lives that began the group together; empty if the sender does not know. */
  readonly founders: readonly number[];
  readonly view: View;
  readonly op: Op;
  readonly commit: Op;
  readonly commit_checksum: Checksum;
  /** Of the primary: the entries after `commit`, up to `op`. Of others: none. */
  readonly entries: readonly Prepare[];
}

export type ReplicaMessage = FromLife &
  (
    | PrepareMessage
    | PrepareOkMessage
    | CommitMessage
    | StartViewChangeMessage
    | DoViewChangeMessage
    | StartViewMessage
    | RequestStartViewMessage
    | RequestPrepareMessage
    | RequestedPrepareMessage
    | GetStateMessage
    | NewStateMessage
    | CheckpointMessage
    | HollowMessage
    | ReadRoundMessage
    | ReadRoundOkMessage
    | RecoveryMessage
    | RecoveryResponseMessage
  );

/** Messages whose meaning depends on the sender's view. */
export type ViewMessage = Exclude<
  ReplicaMessage,
  | RequestPrepareMessage
  | RequestedPrepareMessage
  | HollowMessage
  | RecoveryMessage
  | RecoveryResponseMessage
>;

/** client → primary: run this once (§4.1 step 1). */
export interface RequestMessage extends Request {
  readonly type: "request";
  readonly kind: "register" | "call";
}

/** client → primary: answer this from the state; it never enters the log. */
export interface QueryMessage {
  readonly type: "query";
  readonly client: ClientId;
  readonly number: number;
  readonly body: Uint8Array;
}

export type ClientMessage = RequestMessage | QueryMessage;

/** primary → client: the outcome of the request with this number; of a `register`, the session. */
export interface ReplyMessage {
  readonly type: "reply";
  readonly view: View;
  readonly client: ClientId;
  readonly session: Op;
  readonly number: number;
  readonly body: Uint8Array;
}

export interface QueryReplyMessage {
  readonly type: "query_reply";
  readonly view: View;
  readonly client: ClientId;
  readonly number: number;
  readonly body: Uint8Array;
}

/** replica → client: ask the primary of `view` instead. Nothing was done. */
export interface NotPrimaryMessage {
  readonly type: "not_primary";
  readonly view: View;
  readonly client: ClientId;
}

/** primary → client: the table does not know this session (any more), I51. */
export interface EvictionMessage {
  readonly type: "eviction";
  readonly view: View;
  readonly client: ClientId;
  readonly session: Op;
}

export type ReplyToClient = ReplyMessage | QueryReplyMessage | NotPrimaryMessage | EvictionMessage;
