/** Where the next `Ready` is collected, and where waits what must not leave before its write. */
import type { ReplicaMessage, ReplyToClient } from "./message.ts";
import type { Addressed, CheckpointHead, Committed, Effect, Query, Ready, Write } from "./ready.ts";
import type {
  KnownLives,
  LogBase,
  NamedCheckpoint,
  Op,
  Prepare,
  ReplicaIndex,
  View,
} from "./types.ts";

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
  #restore: NamedCheckpoint | undefined;
  #fetch: Ready["fetch"];
  #checkpoint: { readonly head: CheckpointHead; readonly after: number } | undefined;
  #gated: Gated[] = [];
  #reset: LogBase | undefined;
  #cut: Op | undefined;
  #lives: KnownLives | undefined;
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
    const after = this.#next;
    // What is said again while its write is still under way takes the place of the first: a disk
    // that hangs must not make a queue of repetitions.
    const again = this.#gated.findIndex(
      (gated) => gated.after === after && gated.to === to && gated.message.type === message.type,
    );
    if (again >= 0) this.#gated.splice(again, 1);
    this.#gated.push({ to, message, after });
  }

  /** The write that has all that the replica has decided to write up to now. */
  get #next(): number {
    return this.#dirty ? this.#issued + 1 : this.#issued;
  }

  /**
   * Has the state captured once all that was decided before is durable: a checkpoint that survives
   * a crash must not know of a view that does not.
   */
  checkpoint(head: CheckpointHead): void {
    this.#checkpoint = { head, after: this.#next };
  }

  /** The state is to be another one: what was to be run on the old one is not run any more. */
  restore(checkpoint: NamedCheckpoint): void {
    this.#apply = [];
    this.#checkpoint = undefined;
    this.#restore = checkpoint;
  }

  fetch(from: ReplicaIndex, checkpoint: NamedCheckpoint): void {
    this.#fetch = { from, checkpoint };
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

  /** Allows the journal to forget the slots up to an op, with whatever is written next. */
  writeCut(op: Op): void {
    this.#cut = Math.max(this.#cut ?? op, op);
  }

  /** What is known of lives has changed. */
  writeLives(lives: KnownLives): void {
    this.#lives = lives;
    this.#dirty = true;
  }

  /** The log is to begin anew after this entry; what was to be written before is of no use. */
  writeReset(base: LogBase): void {
    this.#entries = [];
    this.#truncate = undefined;
    this.#cut = undefined;
    this.#reset = base;
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
      this.#restore === undefined &&
      this.#fetch === undefined &&
      !this.#capturesNow &&
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
      ...(this.#restore && { restore: this.#restore }),
      ...(this.#capturesNow && { checkpoint: this.#checkpoint?.head as CheckpointHead }),
      ...(this.#fetch && { fetch: this.#fetch }),
    };
    if (ready.checkpoint !== undefined) this.#checkpoint = undefined;
    this.#restore = undefined;
    this.#fetch = undefined;
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
    const reset = this.#reset === undefined ? {} : { reset: this.#reset };
    const truncate = this.#truncate === undefined ? {} : { truncate: this.#truncate };
    const cut = this.#cut === undefined ? {} : { cut: this.#cut };
    const lives = this.#lives === undefined ? {} : { lives: this.#lives };
    const entries = this.#entries;
    this.#lives = undefined;
    this.#reset = undefined;
    this.#truncate = undefined;
    this.#cut = undefined;
    this.#entries = [];
    const rest = { ...reset, ...truncate, entries, ...cut, ...lives };
    return { write: this.#issued, view, log_view, commit, ...rest };
  }

  get #capturesNow(): boolean {
    return this.#checkpoint !== undefined && this.#checkpoint.after <= this.#durable;
  }

  #passes(gated: Gated): boolean {
    return gated.after <= this.#durable;
  }
}
