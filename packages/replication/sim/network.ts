/**
 * A network that loses, repeats, delays, reorders, clogs and cuts, all from the seed.
 *
 * No two replicas share a message: each gets a copy. Every so manieth of each kind is encoded and
 * decoded as on a real link, so that a message which would not survive the wire shows here too; to
 * do that with all of them would take most of the time of a run.
 */
import { Codec } from "@troupe/cluster/runtime";
import {
  decodeMessage,
  decodeReplies,
  decodeRequests,
  encodeMessage,
  encodeReplies,
  encodeRequests,
  type GroupMessage,
  type Header,
  type WireMessage,
} from "@troupe/replication/runtime";
import { Violation } from "./checkers/violation.ts";
import type { EventQueue } from "./event-queue.ts";
import type { SimOptions } from "./options.ts";
import { Chance } from "./random.ts";

/** Replicas are 0, 1, …; clients follow them. */
export type Address = number;
export type Receive = (from: Address, message: GroupMessage) => void;

/** One message of each kind out of so many goes through the codec. */
const encodeEvery = 32;
const healedMeanMs = 5;

export class SimNetwork {
  readonly #options: SimOptions;
  readonly #events: EventQueue;
  readonly #chance: Chance;
  readonly #codec = new Codec();
  readonly #header: Header;
  readonly #receivers: (Receive | undefined)[] = [];
  readonly #addresses: number;
  /** By path: whether it is cut, and until when it is clogged. */
  readonly #cut: Uint8Array;
  readonly #clogged: Float64Array;
  /** Replicas that no other replica hears or reaches, though clients do. */
  readonly #isolated = new Set<Address>();
  readonly #sentOf = new Map<GroupMessage["type"], number>();
  #healed = false;
  sent = 0;
  delivered = 0;

  constructor(options: SimOptions, events: EventQueue) {
    this.#options = options;
    const { root: configuration } = options.config;
    this.#header = { group: "sim", configuration, epoch: 0, incarnation: 0 };
    this.#events = events;
    this.#chance = new Chance(options.seed, "network");
    this.#addresses = options.config.replicaCount + options.clients + options.receivers;
    this.#cut = new Uint8Array(this.#addresses ** 2);
    this.#clogged = new Float64Array(this.#addresses ** 2);
    if (options.partitionEveryMs > 0) this.#scheduleCut();
    if (options.clogEveryMs > 0) this.#scheduleClog();
  }

  /** Delivers to `receive` from now on; nothing is delivered to an address without one. */
  attach(address: Address, receive: Receive): void {
    this.#receivers[address] = receive;
  }

  detach(address: Address): void {
    this.#receivers[address] = undefined;
  }

  send(from: Address, to: Address, message: GroupMessage): void {
    this.sent++;
    const { loss, duplication, copyLaterMs, inFlightArrives } = this.#options;
    if (!this.#healed) {
      if (inFlightArrives && this.#isCut(from, to)) return;
      if (loss > 0 && this.#chance.hits(loss)) return;
    }
    const copy = this.#copy(message);
    const straying = this.#healed ? 0 : this.#strayingOf(message);
    const strays = straying > 0 && this.#chance.hits(straying);
    this.#deliverLater(from, to, copy, strays ? this.#chance.exponential(copyLaterMs) : 0);
    if (!this.#healed && duplication > 0 && this.#chance.hits(duplication)) {
      this.#deliverLater(from, to, copy, this.#chance.exponential(copyLaterMs));
    }
  }

  /** Whether messages can go both ways: a link that is cut in one direction does not last. */
  isOpen(a: Address, b: Address): boolean {
    return !this.#isCut(a, b) && !this.#isCut(b, a);
  }

  /** What is counted towards a quorum must not be counted once it is of the past. */
  #strayingOf({ type }: GroupMessage): number {
    const { straying, roundOksStray } = this.#options;
    if (type === "read_round_ok") return roundOksStray;
    return type === "start_view_change" || type === "do_view_change" ? straying : 0;
  }

  get isHealed(): boolean {
    return this.#healed;
  }

  /** From now on nothing is lost or cut, and delays are short. */
  heal(): void {
    this.#healed = true;
    this.#cut.fill(0);
    this.#clogged.fill(0);
    this.#isolated.clear();
  }

  /** Cuts a replica off from the other replicas. */
  isolate(replica: Address): void {
    if (!this.#healed) this.#isolated.add(replica);
  }

  rejoin(replica: Address): void {
    this.#isolated.delete(replica);
  }

  #path(from: Address, to: Address): number {
    return from * this.#addresses + to;
  }

  #isCut(from: Address, to: Address): boolean {
    if (this.#cut[this.#path(from, to)] === 1) return true;
    if (this.#isolated.size === 0) return false;
    const { replicaCount } = this.#options.config;
    if (from >= replicaCount || to >= replicaCount) return false;
    return this.#isolated.has(from) || this.#isolated.has(to);
  }

  #copy(message: GroupMessage): GroupMessage {
    const { type } = message;
    const count = this.#sentOf.get(type) ?? 0;
    this.#sentOf.set(type, count + 1);
    if (count % encodeEvery !== 0) return copyOf(message);
    const payload = encodeMessage(this.#codec, this.#header, inBatch(message));
    const decoded = decodeMessage(this.#codec, payload)?.message;
    const [copy] = decoded === undefined ? [] : (outOfBatch(decoded) ?? []);
    if (copy === undefined) {
      throw new Violation("Encoding", `a ${type} does not survive its encoding`);
    }
    return copy;
  }

  #deliverLater(from: Address, to: Address, message: GroupMessage, laterMs: number): void {
    const { latencyMinMs, latencyMeanMs, inFlightArrives } = this.#options;
    const mean = this.#healed ? Math.min(latencyMeanMs, healedMeanMs) : latencyMeanMs;
    let delay = latencyMinMs + laterMs + this.#chance.exponential(mean);
    const clogged = this.#clogged[this.#path(from, to)] ?? 0;
    if (clogged > this.#events.now) delay += clogged - this.#events.now;
    this.#events.after(delay, () => {
      if (!inFlightArrives && this.#isCut(from, to)) return;
      this.delivered++;
      this.#receivers[to]?.(from, message);
    });
  }

  #scheduleClog(): void {
    const { clogEveryMs, clogMeanMs } = this.#options;
    this.#events.after(this.#chance.exponential(clogEveryMs), () => {
      if (this.#healed) return;
      const path = this.#chance.between(0, this.#clogged.length - 1);
      this.#clogged[path] = this.#events.now + this.#chance.exponential(clogMeanMs);
      this.#scheduleClog();
    });
  }

  #scheduleCut(): void {
    const { partitionEveryMs, partitionMeanMs } = this.#options;
    this.#events.after(this.#chance.exponential(partitionEveryMs), () => {
      if (this.#healed) return;
      this.#cutSome();
      this.#events.after(this.#chance.exponential(partitionMeanMs), () => {
        this.#cut.fill(0);
        if (!this.#healed) this.#scheduleCut();
      });
    });
  }

  /** Splits everybody into two sides; messages between them are lost, one way or both. */
  #cutSome(): void {
    const { oneWay, replicasOnly, config } = this.#options;
    const split = this.#chance.hits(replicasOnly) ? config.replicaCount : this.#addresses;
    const sides = this.#sides(split);
    const cutsOneWay = this.#chance.hits(oneWay);
    for (let a = 0; a < split; a++) {
      for (let b = 0; b < split; b++) {
        if (sides[a] === sides[b]) continue;
        if (!cutsOneWay || sides[a] === true) this.#cut[this.#path(a, b)] = 1;
      }
    }
  }

  /** Each to a side by chance; or a side of a size by chance; or one against all. */
  #sides(split: number): boolean[] {
    const shape = this.#chance.pick(["each", "size", "one"]);
    if (shape === "each") return Array.from({ length: split }, () => this.#chance.hits(0.5));
    const size = shape === "one" ? 1 : this.#chance.between(1, split);
    const sides = new Array<boolean>(split).fill(false);
    for (let left = size; left > 0; ) {
      const chosen = this.#chance.between(0, split - 1);
      if (sides[chosen] === true) continue;
      sides[chosen] = true;
      left--;
    }
    return sides;
  }
}

function inBatch(message: GroupMessage): WireMessage {
  if (message.type === "request") return { type: "requests", batch: encodeRequests([message]) };
  if (message.type === "reply") return { type: "replies", batch: encodeReplies([message]) };
  return message;
}

function outOfBatch(message: WireMessage): readonly GroupMessage[] | undefined {
  if (message.type === "requests") return decodeRequests(message.batch);
  return message.type === "replies" ? decodeReplies(message.batch) : [message];
}

/** A message of its own for the receiver: only the bodies, which nobody changes, are shared. */
function copyOf(message: GroupMessage): GroupMessage {
  switch (message.type) {
    case "prepare":
      return { ...message, entry: { ...message.entry } };
    case "do_view_change":
    case "start_view":
    case "new_state":
      return { ...message, entries: message.entries.map((entry) => ({ ...entry })) };
    default:
      return { ...message };
  }
}
