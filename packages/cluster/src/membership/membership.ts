/**
 * What this node believes of every member of its cluster: the reducer.
 *
 * Inputs are methods: a link came up or went down, something was heard, a message came in, a round
 * is over. What follows from them, events, messages, addresses, links to close, is collected as
 * data and fetched with {@link Membership.take}. No clock, timer, promise or chance of its own.
 *
 * The rules, each of which has its test:
 *
 * - A member is judged by the greatest record about it; only the member itself raises its version.
 * - Told of a record about itself that beats its own, a member outbids it and answers at once.
 * - Whoever holds a bad word about a member sends it to that member as soon as it is linked to it:
 *   so a suspicion reaches the accused over its other links, and nobody has to probe for others.
 * - That a member is down is not believed while it is heard; the word is passed on to it.
 * - Old news is answered with what is newer when tables are compared; the gone are told of only so.
 *
 * Source: SWIM §4; Lifeguard; memberlist `state.go`, where `mergeState` takes `dead` as a hint.
 */
import type { Random } from "@troupe/actor";
import { type DetectorOptions, FailureDetector } from "./failure-detector.ts";
import { GossipQueue, type News } from "./gossip.ts";
import {
  compareRecords,
  firstRecord,
  isGone,
  type MemberIdentity,
  type MemberRecord,
  type MemberStatus,
  outbid,
} from "./member.ts";
import type { MemberMessage } from "./member-frames.ts";
import { MAX_MEMBERS, MemberTable } from "./member-table.ts";
import { emptyReady, type MembershipReady } from "./membership-ready.ts";
import { Suspicion } from "./suspicion.ts";

export interface MembershipOptions extends Omit<DetectorOptions, "heartbeatMs"> {
  readonly self: MemberIdentity;
  /** Rounds after which who is gone is forgotten. */
  readonly forgetAfterRounds: number;
  readonly random: Random;
  /** @default 4096 */
  readonly maxMembers?: number;
}

/** Nodes that are told news in one round. */
const FANOUT = 3;

/** Rounds between two comparisons of the table with somebody's. */
export const SYNC_ROUNDS = 10;

type Verdict = "news" | "same" | "old" | "ignored";

export class Membership {
  readonly #options: MembershipOptions;
  readonly #table: MemberTable;
  readonly #detector: FailureDetector;
  readonly #gossip = new GossipQueue();
  readonly #suspicions = new Map<string, Suspicion>();
  /** Who is linked, and in which life. */
  readonly #links = new Map<string, number>();
  #own: MemberRecord;
  #untilSync: number;
  #ready = emptyReady();

  constructor(options: MembershipOptions) {
    const { self, random, maxMembers = MAX_MEMBERS } = options;
    this.#options = options;
    this.#table = new MemberTable(maxMembers);
    this.#detector = new FailureDetector({ ...options, heartbeatMs: self.heartbeatMs });
    this.#own = firstRecord(self);
    this.#table.set(this.#own);
    // Not all at once, if all began at once.
    this.#untilSync = 1 + Math.floor(random() * SYNC_ROUNDS);
  }

  /** What this node says of itself. */
  get own(): MemberRecord {
    return this.#own;
  }

  /** How much this node mistrusts its own accusations; 0 is not at all. */
  get doubt(): number {
    return this.#detector.doubt;
  }

  get(name: string): MemberRecord | undefined {
    return this.#table.get(name);
  }

  /** Every member that is known, this node included, and those that are gone and remembered. */
  records(): readonly MemberRecord[] {
    return [...this.#table.records()];
  }

  /** Whether a link to that life of the member is up. This node is always linked to itself. */
  isLinked({ name, incarnation }: { readonly name: string; readonly incarnation: number }) {
    return name === this.#own.name || this.#links.get(name) === incarnation;
  }

  /**
   * Whether that life of a name may come although a later one was seen: the one that is known best
   * is over, or is this one, because it has outbid the later one, or none is known.
   */
  mayReturn(name: string, incarnation: number): boolean {
    const record = this.#table.get(name);
    return record === undefined || isGone(record) || record.incarnation === incarnation;
  }

  /** A number by which two tables can be compared. */
  digest(): number {
    return this.#table.digest();
  }

  linkUp(peer: MemberIdentity): void {
    this.#links.set(peer.name, peer.incarnation);
    this.#detector.linked(peer.name, peer.heartbeatMs);
    this.#adopt({ record: firstRecord(peer), accusers: [] });
    this.#send(peer.name, { kind: "sync", news: this.#liveNews(), answer: false });
    this.#remind(peer.name);
  }

  /** The link is gone; `left` if the member said goodbye. */
  linkDown(name: string, left: boolean): void {
    const incarnation = this.#links.get(name);
    if (incarnation === undefined) return;
    this.#links.delete(name);
    this.#detector.unlinked(name);
    const record = this.#table.get(name);
    if (!left || record?.incarnation !== incarnation || record.status === "left") return;
    this.#set({ record: { ...record, status: "left" }, accusers: [] });
  }

  /** Anything at all came in over a member's link. */
  heard(name: string): void {
    this.#detector.heard(name);
  }

  /** A linked node has told us something. */
  receive(from: string, message: MemberMessage): void {
    if (message.kind === "digest") {
      if (message.digest === this.#table.digest()) return;
      this.#send(from, { kind: "sync", news: this.#liveNews(), answer: true });
      return;
    }
    const newer: News[] = [];
    for (const news of message.news) {
      const { record } = news;
      const isOwn = record.name === this.#own.name;
      const verdict = isOwn ? this.#onOwn(news) : this.#adopt(news);
      // Gossip is often old; it is worth an answer only to who speaks ill of us.
      const answers = message.kind === "sync" || (isOwn && record.status !== "alive");
      if ((isOwn && verdict === "news") || (verdict === "old" && answers)) {
        newer.push(this.#newsOf(this.#table.get(record.name) ?? this.#own));
      }
    }
    if (newer.length > 0) this.#send(from, { kind: "gossip", news: newer });
    if (message.kind === "sync" && message.answer) {
      this.#send(from, { kind: "sync", news: this.#liveNews(), answer: false });
    }
  }

  /** A round is over; `late` if this process was paused. */
  round(late: boolean): void {
    const { skipped, suspects, dead } = this.#detector.round(late);
    this.#ready.dead.push(...dead);
    if (!skipped) {
      for (const [name, suspicion] of this.#suspicions) if (suspicion.round()) this.#expire(name);
    }
    for (const name of suspects) this.#accuse(name);
    for (const name of this.#table.round(this.#options.forgetAfterRounds)) this.#forget(name);
    for (const name of this.#links.keys()) if (this.#detector.wasHeard(name)) this.#remind(name);
    this.#spread();
    this.#untilSync -= 1;
    if (this.#untilSync > 0) return;
    this.#untilSync = SYNC_ROUNDS;
    for (const to of this.#somebody(1)) {
      this.#send(to, { kind: "digest", digest: this.#table.digest() });
    }
  }

  /** This node is about to leave, or has: everybody who is linked is told at once. */
  leave(status: "leaving" | "left"): void {
    const { version } = this.#own;
    const record = { ...outbid(this.#own, this.#own), status };
    // `left` beats `leaving` by its rank.
    this.#setOwn(status === "left" ? { ...record, version } : record);
    const news = [this.#newsOf(this.#own)];
    for (const to of this.#links.keys()) this.#send(to, { kind: "gossip", news });
  }

  /** Fetches what is to be done, and begins anew. */
  take(): MembershipReady {
    const ready = this.#ready;
    this.#ready = emptyReady();
    return ready;
  }

  /** Takes in a report about another member. */
  #adopt(news: News): Verdict {
    const { record, accusers } = news;
    const held = this.#table.get(record.name);
    // Who is gone is news only to those who knew it; else nobody could ever forget anybody.
    if (held === undefined && isGone(record)) return "ignored";
    const order = held === undefined ? 1 : compareRecords(record, held);
    if (order < 0) return "old";
    if (order === 0) {
      this.#confirm(record, accusers);
      return "same";
    }
    if (this.#isRefutable(record)) {
      this.#send(record.name, { kind: "gossip", news: [news] });
      return "ignored";
    }
    return this.#set(news) ? "news" : "ignored";
  }

  /** Whether a report says something of a linked member that it is better asked about itself. */
  #isRefutable({ name, incarnation, status }: MemberRecord): boolean {
    const linked = this.#links.get(name);
    if (linked === undefined || incarnation > linked) return false;
    if (incarnation < linked) return true;
    return status === "down" && this.#detector.isHeard(name);
  }

  /** Somebody told us about ourselves. */
  #onOwn({ record }: News): Verdict {
    const order = compareRecords(record, this.#own);
    if (order === 0) return "same";
    if (order < 0) return "old";
    if (record.incarnation === this.#own.incarnation) this.#detector.doubtSelf();
    this.#setOwn(outbid(this.#own, record));
    return "news";
  }

  #setOwn(record: MemberRecord): void {
    const previous = this.#own.status;
    this.#own = record;
    this.#table.set(record);
    this.#gossip.put(this.#newsOf(record));
    if (previous !== record.status) this.#report(record, previous);
  }

  /** Puts a later record in the place of what is held. False if there is no room for it. */
  #set(news: News): boolean {
    const { record, accusers } = news;
    const { name, status } = record;
    const held = this.#table.get(name);
    if (held === undefined && !this.#makeRoom()) return false;
    this.#table.set(record);
    this.#suspicions.delete(name);
    if (status === "suspect") this.#suspect(name, accusers);
    if (isGone(record)) this.#detector.unwatch(name);
    else this.#detector.watch(name, record.heartbeatMs);
    if (held !== undefined && record.version > held.version) this.#detector.vouched(name);
    this.#gossip.put(this.#newsOf(record));
    this.#look(record, held);
    const sameLife = held?.incarnation === record.incarnation;
    if (held !== undefined && !sameLife && !isGone(held)) {
      this.#report({ ...held, status: "down" }, held.status);
    }
    const previous = sameLife ? held?.status : undefined;
    if (previous !== status) this.#report(record, previous);
    return true;
  }

  /** Whether, and where, the member is to be dialled. */
  #look(record: MemberRecord, held: MemberRecord | undefined): void {
    const { name, url, status } = record;
    if (status === "left") {
      this.#ready.forgotten.push(name);
    } else if (url !== undefined && (held?.url !== url || held.status === "left")) {
      this.#ready.learnt.push({ name, url });
    }
  }

  #suspect(name: string, accusers: readonly string[]): Suspicion {
    // Besides the accused and one accuser.
    const suspicion = new Suspicion(this.#table.live - 2);
    for (const accuser of accusers) suspicion.accuse(accuser);
    this.#suspicions.set(name, suspicion);
    return suspicion;
  }

  /** Somebody else suspects whom we suspect. */
  #confirm(record: MemberRecord, accusers: readonly string[]): void {
    const suspicion = this.#suspicions.get(record.name);
    if (suspicion === undefined || record.status !== "suspect") return;
    let isNews = false;
    for (const accuser of accusers) if (suspicion.accuse(accuser)) isNews = true;
    if (isNews) this.#gossip.put(this.#newsOf(record));
  }

  /** We have not heard a member for too long. */
  #accuse(name: string): void {
    const record = this.#table.get(name);
    if (record === undefined || isGone(record)) return;
    const self = [this.#own.name];
    if (record.status === "alive") {
      this.#set({ record: { ...record, status: "suspect" }, accusers: self });
    } else if (record.status === "suspect") this.#confirm(record, self);
    else if (!this.#suspicions.has(name)) {
      // Its status is worse than suspect by its own word; it has as much time all the same.
      this.#suspect(name, self);
    }
  }

  #expire(name: string): void {
    const record = this.#table.get(name);
    // As long as it is heard it is reminded of what is said of it, and will refute.
    if (record === undefined || this.#detector.isHeard(name)) return;
    this.#set({ record: { ...record, status: "down" }, accusers: [] });
  }

  /** Sends a linked member what is held against it. */
  #remind(name: string): void {
    const record = this.#table.get(name);
    if (record === undefined) return;
    const isBad = record.status === "suspect" || isGone(record);
    if (!isBad && record.incarnation === this.#links.get(name)) return;
    this.#send(name, { kind: "gossip", news: [this.#newsOf(record)] });
  }

  #spread(): void {
    if (this.#gossip.size === 0) return;
    const targets = this.#somebody(FANOUT);
    if (targets.length === 0) return;
    const news = this.#gossip.take(targets.length, this.#table.live);
    for (const to of targets) this.#send(to, { kind: "gossip", news });
  }

  /** So many linked nodes, drawn by chance. */
  #somebody(count: number): string[] {
    const names = [...this.#links.keys()];
    const drawn: string[] = [];
    while (drawn.length < count && names.length > 0) {
      const at = Math.floor(this.#options.random() * names.length);
      drawn.push(...names.splice(at, 1));
    }
    return drawn;
  }

  #makeRoom(): boolean {
    if (!this.#table.isFull) return true;
    const gone = this.#table.evict();
    if (gone !== undefined) this.#forget(gone);
    return gone !== undefined;
  }

  #forget(name: string): void {
    this.#gossip.drop(name);
    this.#ready.forgotten.push(name);
  }

  #liveNews(): News[] {
    const live: News[] = [];
    for (const record of this.#table.records()) {
      if (!isGone(record)) live.push(this.#newsOf(record));
    }
    return live;
  }

  #newsOf(record: MemberRecord): News {
    return { record, accusers: this.#suspicions.get(record.name)?.accusers ?? [] };
  }

  #report({ name, incarnation, status }: MemberRecord, previous: MemberStatus | undefined): void {
    this.#ready.events.push({ name, incarnation, status, previous });
  }

  #send(to: string, message: MemberMessage): void {
    this.#ready.sends.push({ to, message });
  }
}
