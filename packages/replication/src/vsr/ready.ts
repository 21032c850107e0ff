/**
 * What goes into a replica and what comes out of it, all of it plain data.
 *
 * The host feeds `Input`s to `step` and then takes a `Ready`; it carries out the parts of a `Ready`
 * in the order of its fields and reports `written` and `applied` back as inputs. It needs to keep
 * no rule about what may be sent when: a message that promises durability does not come out before
 * the write that it promises has been reported (I9, I10, I12): `outbox.ts` sees to that.
 */
import type { ClientMessage, ReplicaMessage, ReplyToClient } from "./message.ts";
import type {
  ClientId,
  ClientsSnapshot,
  DamagedSlot,
  KnownLives,
  LogBase,
  NamedCheckpoint,
  Op,
  Prepare,
  ReplicaIndex,
  Request,
  View,
} from "./types.ts";

export type Input =
  /** `late`: this process was asleep meanwhile, so the tick is no proof of anybody's silence. */
  | { readonly type: "tick"; readonly late?: boolean }
  | {
      readonly type: "message";
      readonly from: ReplicaIndex;
      readonly message: ReplicaMessage;
    }
  | { readonly type: "client"; readonly message: ClientMessage }
  /** The write with this number, and all before it, will survive a loss of power. */
  | { readonly type: "written"; readonly write: number }
  /**
   * The requests of that op have run; one reply for each, in order, and what the state now wants
   * done outside. Every replica reports the same effects; those of the primary come out again.
   * A request whose reply comes later has none, and is answered in `late` of the same op or of a
   * later one.
   */
  | {
      readonly type: "applied";
      readonly op: Op;
      readonly replies: readonly (Uint8Array | undefined)[];
      readonly late?: readonly LateReply[];
      readonly effects?: readonly Uint8Array[];
    }
  /**
   * The state has something for the log: timers that are due, effects that are done. One is under
   * way at a time, at a primary that may act alone; anywhere else it is dropped, and told again.
   */
  | { readonly type: "pulse"; readonly body: Uint8Array }
  | { readonly type: "answered"; readonly answers: readonly Answer[] }
  | StateInput;

/** What the host has to tell of states that are captured, kept, fetched and restored. */
export type StateInput =
  /**
   * The state after that op has been encoded, whether or not the bytes are durable yet: later ops
   * may run. `failed`: it cannot be encoded, and this checkpoint will never be.
   */
  | { readonly type: "captured"; readonly op: Op; readonly failed?: true }
  /** That checkpoint of this replica is whole and durable. */
  | { readonly type: "checkpointed"; readonly op: Op; readonly id: string; readonly bytes: number }
  /** A checkpoint that this replica kept cannot be read any more: it is offered to nobody. */
  | { readonly type: "checkpoint_lost"; readonly op: Op }
  /** What `Ready.fetch` asked for is whole and durable here, and this is what its head says. */
  | {
      readonly type: "fetched";
      readonly checkpoint: NamedCheckpoint;
      readonly clients: ClientsSnapshot;
    }
  /** Nobody has that checkpoint any more; there will be other offers. */
  | { readonly type: "fetch_failed"; readonly op: Op }
  /** The machine has the state that `Ready.restore` named: later ops may run. */
  | { readonly type: "restored"; readonly op: Op };

/** All that a checkpoint holds besides the machine's state: what its bytes begin with. */
export interface CheckpointHead extends LogBase {
  readonly clients: ClientsSnapshot;
}

/** Names a request that ran. */
export type RequestName = Pick<Request, "client" | "session" | "number">;

/** The reply to a request that has run, in an op of its own or of another request. */
export interface LateReply extends RequestName {
  readonly body: Uint8Array;
}

export interface Answer {
  readonly client: ClientId;
  readonly number: number;
  readonly body: Uint8Array;
}

/** One atomic change of the durable state: all of it survives, or none. */
export interface Write {
  readonly write: number;
  readonly view: View;
  readonly log_view: View;
  /** A committed op, for a quick start after a restart; it may be older than the truth. */
  readonly commit: Op;
  /** Forget all slots: the log begins anew, after this op. Comes before everything else. */
  readonly reset?: LogBase;
  /** Forget the slots after this op before appending; absent if there are none to forget. */
  readonly truncate?: Op;
  /** Each takes the slot of its op: behind the last one, or in the place of a damaged one. */
  readonly entries: readonly Prepare[];
  /** The slots up to this op may be forgotten, now or later: a durable checkpoint has them. */
  readonly cut?: Op;
  /** What is to be remembered of lives from now on; absent if that is what it was. */
  readonly lives?: KnownLives;
}

/** A committed op, with those of its requests that are to run; the rest ran before. */
export interface Committed {
  readonly op: Op;
  readonly view: View;
  readonly timestamp: number;
  readonly requests: readonly Request[];
  /** After this op the state is a checkpoint: the same on every replica, and worth keeping. */
  readonly checkpoint?: true;
}

/** Something that the state wants done outside; `(op, index)` is its name for ever. */
export interface Effect {
  readonly op: Op;
  readonly index: number;
  readonly body: Uint8Array;
}

/** A query that may be answered from the state as it is after everything in `apply`. */
export interface Query {
  readonly client: ClientId;
  readonly number: number;
  readonly body: Uint8Array;
}

export interface Addressed {
  readonly to: ReplicaIndex;
  readonly message: ReplicaMessage;
}

export interface Ready {
  /** To be made durable, in order; may go on while the rest is carried out. */
  readonly write: Write | undefined;
  readonly messages: readonly Addressed[];
  /**
   * The state is to become that of this checkpoint, which is durable here, instead of what it is.
   * A capture that is under way has lost its subject. Nothing is to run before `restored`.
   */
  readonly restore?: NamedCheckpoint;
  /** To be run on the state, in order. */
  readonly apply: readonly Committed[];
  /** To be answered after `apply`. */
  readonly queries: readonly Query[];
  /**
   * This replica leads from now on, and has run all that its predecessors committed: what the state
   * still wants done is its to do, whether or not others have begun it.
   */
  readonly resume: boolean;
  /** To be done; the primary alone is given any, at least once each. */
  readonly effects: readonly Effect[];
  readonly replies: readonly ReplyToClient[];
  /** The state is to be captured as it is now, after `apply`; nothing runs before `captured`. */
  readonly checkpoint?: CheckpointHead;
  /** To be got from that replica, or from any that has it; instead of what was asked before. */
  readonly fetch?: { readonly from: ReplicaIndex; readonly checkpoint: NamedCheckpoint };
}

/**
 * The durable state that a restarted replica begins with.
 *
 * `entries` and `damaged` together have one slot for each op after `base` (from 1 if there is
 * none) up to the head, and the head is
 * at or behind the last op that may have been acknowledged here: a journal that does not know how
 * many slots it has lost at the end names too many rather than too few. A write that never
 * completed is no damage; it is not here at all (I46).
 */
export interface Recovered {
  readonly view: View;
  readonly log_view: View;
  readonly commit: Op;
  /** What can be read, in the order of the ops. */
  readonly entries: readonly Prepare[];
  /** What cannot be read though it was durable once, in the order of the ops; absent if nothing. */
  readonly damaged?: readonly DamagedSlot[];
  /** The log begins after this op; absent if it begins with op 1. */
  readonly base?: LogBase;
  /**
   * The newest checkpoint that can be read, whose state the machine has already; absent if none
   * can. It may lie before or beyond what is left of the log.
   */
  readonly checkpoint?: NamedCheckpoint & { readonly clients: ClientsSnapshot };
  /** The state must come from another replica, though the log could be run from where it begins. */
  readonly isHollow?: true;
  /** What it remembers of lives; absent while all replicas are in the life that they began with. */
  readonly lives?: KnownLives;
}
