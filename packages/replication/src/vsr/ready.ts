/**
 * What goes into a replica and what comes out of it, all of it plain data.
 *
 * The host feeds `Input`s to `step` and then takes a `Ready`; it carries out the parts of a `Ready`
 * in the order of its fields and reports `written` and `applied` back as inputs. It needs to keep
 * no rule about what may be sent when: a message that promises durability does not come out before
 * the write that it promises has been reported (I9, I10, I12). That is what `Outbox` is for.
 */
import type { ClientMessage, ReplicaMessage, ReplyToClient } from "./message.ts";
import type { ClientId, DamagedSlot, Op, Prepare, ReplicaIndex, Request, View } from "./types.ts";

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
  | { readonly type: "answered"; readonly answers: readonly Answer[] };

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
  /** Forget the slots after this op before appending; absent if there are none to forget. */
  readonly truncate?: Op;
  /** Each takes the slot of its op: behind the last one, or in the place of a damaged one. */
  readonly entries: readonly Prepare[];
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
}

/**
 * The durable state that a restarted replica begins with.
 *
 * `entries` and `damaged` together have one slot for each op from 1 up to the head, and the head is
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
}

interface Gated extends Addressed {
  /** May leave once this write is durable. */
  readonly after: number;
}

/** Collects the next `Ready`, and holds back what must not leave yet. */
export class Outbox {
  #messages: Addressed[] = [];
  #apply: Committed[] = [];
  #queries: Query[] = [];
  #replies: ReplyToClient[] = [];
  #effects: Effect[] = [];
  #resume = false;
  #gated: Gated[] = [];
  #truncate: Op | undefined;
  #entries: Prepare[] = [];
  #dirty = false;
  /** Numbers of the last write handed out and of the last one reported durable. */
  #issued = 0;
  #durable = 0;
  /** The views of the writes that are under way, and the one that is durable. */
  #views: { readonly write: number; readonly view: View }[] = [];
  #durableView: View;

  constructor(view: View = 0) {
    this.#durableView = view;
  }

  /** The view in which this replica would come back if it lost its power now. */
  get durableView(): View {
    return this.#durableView;
  }

  /** Sends what promises nothing: it may overtake the writes that are under way. */
  send(to: ReplicaIndex, message: ReplicaMessage): void {
    this.#messages.push({ to, message });
  }

  /** Sends once everything that the replica has decided to write up to now is durable. */
  sendWhenDurable(to: ReplicaIndex, message: ReplicaMessage): void {
    const after = this.#dirty ? this.#issued + 1 : this.#issued;
    // What is said again while its write is still under way takes the place of the first: a disk
    // that hangs must not make a queue of repetitions.
    const again = this.#gated.findIndex(
      (gated) => gated.after === after && gated.to === to && gated.message.type === message.type,
    );
    if (again >= 0) this.#gated.splice(again, 1);
    this.#gated.push({ to, message, after });
  }

  /** Forgets what waits for a write: it speaks of a view that has been left (I5, I12). */
  forgetGated(): void {
    this.#gated = [];
  }

  reply(message: ReplyToClient): void {
    this.#replies.push(message);
  }

  apply(committed: Committed): void {
    this.#apply.push(committed);
  }

  effect(effect: Effect): void {
    this.#effects.push(effect);
  }

  resume(): void {
    this.#resume = true;
  }

  query(query: Query): void {
    this.#queries.push(query);
  }

  /** Notes that `view` or `log_view` changed and must be written. */
  writeMeta(): void {
    this.#dirty = true;
  }

  writeEntry(entry: Prepare): void {
    this.#entries.push(entry);
    this.#dirty = true;
  }

  writeTruncate(head: Op): void {
    this.#entries = this.#entries.filter((entry) => entry.op <= head);
    this.#truncate = Math.min(this.#truncate ?? head, head);
    this.#dirty = true;
  }

  /** Records that writes up to this one are durable. */
  written(write: number): void {
    this.#durable = Math.max(this.#durable, write);
    for (let next = this.#views[0]; next && next.write <= write; next = this.#views[0]) {
      this.#durableView = next.view;
      this.#views.shift();
    }
  }

  /**
   * Takes the messages to `self` whose writes are durable. A replica's own vote passes the same
   * gate as everybody else's: it counts when it is on disk (I25).
   */
  takeForSelf(self: ReplicaIndex): ReplicaMessage[] {
    const passes = (gated: Gated) => gated.to === self && this.#passes(gated);
    const mine = this.#gated.filter(passes).map((gated) => gated.message);
    if (mine.length > 0) this.#gated = this.#gated.filter((gated) => !passes(gated));
    return mine;
  }

  /** Whether there is anything to hand out, or `take` would be empty. */
  get empty(): boolean {
    return (
      !this.#dirty &&
      this.#messages.length === 0 &&
      this.#apply.length === 0 &&
      this.#queries.length === 0 &&
      this.#replies.length === 0 &&
      this.#effects.length === 0 &&
      !this.#resume &&
      !this.#gated.some((gated) => this.#passes(gated))
    );
  }

  take(view: View, logView: View, commit: Op): Ready {
    const write = this.#takeWrite(view, logView, commit);
    const messages = this.#messages;
    for (const gated of this.#gated) if (this.#passes(gated)) messages.push(gated);
    this.#gated = this.#gated.filter((gated) => !this.#passes(gated));
    const ready = {
      write,
      messages,
      apply: this.#apply,
      queries: this.#queries,
      resume: this.#resume,
      effects: this.#effects,
      replies: this.#replies,
    };
    this.#messages = [];
    this.#apply = [];
    this.#queries = [];
    this.#replies = [];
    this.#effects = [];
    this.#resume = false;
    return ready;
  }

  #takeWrite(view: View, log_view: View, commit: Op): Write | undefined {
    if (!this.#dirty) return undefined;
    this.#dirty = false;
    this.#issued++;
    this.#views.push({ write: this.#issued, view });
    const truncate = this.#truncate === undefined ? {} : { truncate: this.#truncate };
    const entries = this.#entries;
    this.#truncate = undefined;
    this.#entries = [];
    return { write: this.#issued, view, log_view, commit, ...truncate, entries };
  }

  #passes(gated: Gated): boolean {
    return gated.after <= this.#durable;
  }
}
