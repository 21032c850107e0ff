/**
 * The vocabulary of the room: the numbers and names that every other file here speaks of.
 */

/** Position of a replica in the group's ordered configuration, from 0. */
export type ReplicaIndex = number;
/** The view-number of the paper. `primaryOf(view, n)` leads it. */
export type View = number;
/** The op-number of the paper: position in the log, from 1. 0 stands for "before the first". */
export type Op = number;
/** 128 bits of a cryptographic hash, as 32 hexadecimal digits. */
export type Checksum = string;
/** A random 128-bit name that a session chose for itself, as 32 hexadecimal digits. */
export type ClientId = string;
/** Hashes bytes, and those behind them; injected, because the room owns no cryptography. */
export type Hash = (bytes: Uint8Array, more?: Uint8Array) => Checksum;

/**
 * - `normal`: takes part in the view `view == log_view`.
 * - `view_change`: has left its last normal view and has not yet got the log of `view`.
 * - `recovering_head`: has lost the end of its log, and is silent until it is told a view's log.
 * - `recovering`: has forgotten everything, and asks the others; it has no journal, or a new one.
 * - `lost`: so have too many others; what the group knew is gone.
 */
export type Status = "normal" | "view_change" | "recovering_head" | "recovering" | "lost";

/**
 * One operation, as it stands in the log: a client's, or a `pulse`, which the group asks of itself
 * (timers that are due, effects that are done) and which has no client, session or number.
 */
export interface Request {
  readonly kind: "register" | "call" | "pulse";
  readonly client: ClientId;
  /** The op at which the session was registered; 0 in a `register`. */
  readonly session: Op;
  /** 1, 2, 3, … within the session; 0 in a `register`. */
  readonly number: number;
  /** Every reply below this number has reached the client, so the table may forget it. */
  readonly acked: number;
  readonly body: Uint8Array;
}

/**
 * One entry of the log: a batch of requests, chained to the entry before it.
 *
 * `view` and `timestamp` are those of the primary that first prepared the entry; a later primary
 * sends it on unchanged (I29), so an op has one checksum for ever.
 */
export interface Prepare {
  readonly view: View;
  readonly op: Op;
  /** Microseconds since the epoch, strictly increasing along the log (I28). */
  readonly timestamp: number;
  /** Checksum of the entry at `op - 1`. */
  readonly parent: Checksum;
  readonly checksum: Checksum;
  /** The requests, encoded by `batch.ts`: the same bytes in memory, on the wire and on disk. */
  readonly body: Uint8Array;
}

/** A session as it stands in a checkpoint; the replies are those that are kept, by number. */
export type SessionSnapshot = readonly [
  client: ClientId,
  session: Op,
  last: number,
  lastOp: Op,
  acked: number,
  replies: readonly (readonly [number: number, reply: Uint8Array])[],
];

/** The whole table, in the order in which the sessions were registered. */
export type ClientsSnapshot = readonly SessionSnapshot[];

/** The entry after which a log, or what follows a checkpoint, begins: what of it is still known. */
export interface LogBase {
  readonly op: Op;
  readonly checksum: Checksum;
  /** Microseconds since the epoch; 0 if it is not known. */
  readonly timestamp: number;
}

/** A checkpoint by the entry that it was taken after, and by the hash and number of its bytes. */
export interface NamedCheckpoint extends LogBase {
  readonly id: Checksum;
  readonly bytes: number;
}

/** What a journal remembers of lives, in a group of which a replica has lost its journal. */
export interface KnownLives {
  /** The life of each replica that is known, its own among them; 0 is the first. */
  readonly lives: readonly number[];
  /** It is new, in the place of one that was lost, and its replica takes part in nothing yet. */
  readonly rejoining: boolean;
}

/**
 * A slot of the log whose entry was durable once and cannot be read any more, with what is left of
 * its header.
 */
export interface DamagedSlot {
  readonly op: Op;
  /** Checksum of the entry that stood there, and of the one before it; absent if not known. */
  readonly checksum?: Checksum;
  readonly parent?: Checksum;
}

/** The primary of a view: the configuration's order decides, never who is connected (I3). */
export function primaryOf(view: View, replicaCount: number): ReplicaIndex {
  return view % replicaCount;
}
