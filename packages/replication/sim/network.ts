/**
 * A network that loses, repeats, delays, reorders and cuts, all from the seed.
 *
 * What is sent is encoded and decoded as on a real link, so a message that would not survive the
 * wire does not survive here either, and no two replicas share an object.
 */
import { Codec } from "@troupe/cluster/runtime";
import { decodeMessage, encodeMessage, type GroupMessage } from "@troupe/replication/runtime";
import type { EventQueue } from "./event-queue.ts";
import type { SimOptions } from "./options.ts";
import { Chance } from "./random.ts";

/** Replicas are 0, 1, …; clients follow them. */
export type Address = number;
export type Receive = (from: Address, message: GroupMessage) => void;

export class SimNetwork {
  readonly #options: SimOptions;
  readonly #events: EventQueue;
  readonly #chance: Chance;
  readonly #codec = new Codec();
  readonly #receivers = new Map<Address, Receive>();
  readonly #cut = new Set<string>();
  /** Replicas that no other replica hears or reaches, though clients do. */
  readonly #isolated = new Set<Address>();
  #healed = false;
  sent = 0;
  delivered = 0;

  constructor(options: SimOptions, events: EventQueue) {
    this.#options = options;
    this.#events = events;
    this.#chance = new Chance(options.seed, "network");
    if (options.partitionEveryMs > 0) this.#scheduleCut();
  }

  /** Delivers to `receive` from now on; nothing is delivered to an address without one. */
  attach(address: Address, receive: Receive): void {
    this.#receivers.set(address, receive);
  }

  detach(address: Address): void {
    this.#receivers.delete(address);
  }

  send(from: Address, to: Address, message: GroupMessage): void {
    this.sent++;
    const { loss, duplication } = this.#options;
    const payload = encodeMessage(this.#codec, this.#options.config.root, message);
    if (!this.#healed && this.#chance.hits(loss)) return;
    this.#deliverLater(from, to, payload);
    if (!this.#healed && this.#chance.hits(duplication)) this.#deliverLater(from, to, payload);
  }

  /** From now on nothing is lost or cut, and delays are short. */
  heal(): void {
    this.#healed = true;
    this.#cut.clear();
    this.#isolated.clear();
  }

  /** Cuts a replica off from the other replicas. */
  isolate(replica: Address): void {
    if (!this.#healed) this.#isolated.add(replica);
  }

  rejoin(replica: Address): void {
    this.#isolated.delete(replica);
  }

  #isIsolated(from: Address, to: Address): boolean {
    const { replicaCount } = this.#options.config;
    if (from >= replicaCount || to >= replicaCount) return false;
    return this.#isolated.has(from) || this.#isolated.has(to);
  }

  #deliverLater(from: Address, to: Address, payload: Uint8Array): void {
    const { latencyMinMs, latencyMeanMs } = this.#options;
    const mean = this.#healed ? Math.min(latencyMeanMs, 5) : latencyMeanMs;
    this.#events.after(latencyMinMs + this.#chance.exponential(mean), () => {
      if (this.#cut.has(`${from}>${to}`) || this.#isIsolated(from, to)) return;
      const envelope = decodeMessage(this.#codec, payload);
      if (envelope === undefined) throw new TypeError("a message does not survive its encoding");
      this.delivered++;
      this.#receivers.get(to)?.(from, envelope.message);
    });
  }

  #scheduleCut(): void {
    const { partitionEveryMs, partitionMeanMs } = this.#options;
    this.#events.after(this.#chance.exponential(partitionEveryMs), () => {
      if (this.#healed) return;
      this.#cutSome();
      this.#events.after(this.#chance.exponential(partitionMeanMs), () => {
        this.#cut.clear();
        if (!this.#healed) this.#scheduleCut();
      });
    });
  }

  /** Splits everybody into two sides; messages between them are lost, one way or both. */
  #cutSome(): void {
    const addresses = this.#options.config.replicaCount + this.#options.clients;
    const isolate = this.#chance.hits(0.4) ? this.#chance.between(0, addresses - 1) : undefined;
    const sides = Array.from({ length: addresses }, (_, address) =>
      isolate === undefined ? this.#chance.hits(0.5) : address === isolate,
    );
    const oneWay = this.#chance.hits(this.#options.oneWay);
    for (let a = 0; a < addresses; a++) {
      for (let b = 0; b < addresses; b++) {
        if (sides[a] === sides[b]) continue;
        if (!oneWay || sides[a] === true) this.#cut.add(`${a}>${b}`);
      }
    }
  }
}
