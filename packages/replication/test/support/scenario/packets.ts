/**
 * What travels in a scenario, and the sentences that say what becomes of it:
 * `drop("prepare_ok").from(1).to(0)`.
 */
import type { ReplicaIndex } from "../../../src/vsr/index.ts";
import type { ClientMessage, ReplicaMessage, ReplyToClient } from "../../../src/vsr/message.ts";

/** A replica by its index, a client by its name. */
export type Address = ReplicaIndex | string;
export type Message = ReplicaMessage | ClientMessage | ReplyToClient;
export type MessageType = Message["type"];

export interface Packet {
  readonly from: Address;
  readonly to: Address;
  readonly message: Message;
}

/** A choice of packets: of all, unless types, ends or a view narrow it. */
export class Picked {
  readonly #types: readonly MessageType[];
  #from: readonly Address[] | undefined;
  #to: readonly Address[] | undefined;
  #view: number | undefined;

  constructor(types: readonly MessageType[]) {
    this.#types = types;
  }

  from(...senders: Address[]): this {
    this.#from = senders;
    return this;
  }

  to(...receivers: Address[]): this {
    this.#to = receivers;
    return this;
  }

  /** Only messages that speak of this view. */
  ofView(view: number): this {
    this.#view = view;
    return this;
  }

  picks({ from, to, message }: Packet): boolean {
    if (this.#types.length > 0 && !this.#types.includes(message.type)) return false;
    if (this.#from !== undefined && !this.#from.includes(from)) return false;
    if (this.#to !== undefined && !this.#to.includes(to)) return false;
    return this.#view === undefined || ("view" in message && message.view === this.#view);
  }
}

/** What is to become of the picked packets from now on, until it is stopped or all is healed. */
export class Rule extends Picked {
  readonly kind: "drop" | "hold" | "duplicate";
  readonly held: Packet[] = [];
  readonly #ends: (rule: Rule, late: Packet[]) => void;

  constructor(
    kind: Rule["kind"],
    types: readonly MessageType[],
    ends: (rule: Rule, late: Packet[]) => void,
  ) {
    super(types);
    this.kind = kind;
    this.#ends = ends;
  }

  /** Ends it; what it has held never arrives. */
  stop(): void {
    this.#ends(this, []);
  }

  /** Ends it, and what it has held arrives now, in order or the last one first. */
  release(order: "in order" | "last first" = "in order"): void {
    const late = this.held.splice(0);
    this.#ends(this, order === "in order" ? late : late.reverse());
  }
}

/** Packets that were sent at some time, to be seen again. */
export class Copies extends Picked {
  readonly #sent: readonly Packet[];
  readonly #deliver: (packets: readonly Packet[]) => void;

  constructor(
    types: readonly MessageType[],
    sent: readonly Packet[],
    deliver: (packets: readonly Packet[]) => void,
  ) {
    super(types);
    this.#sent = sent;
    this.#deliver = deliver;
  }

  get all(): Packet[] {
    return this.#sent.filter((packet) => this.picks(packet));
  }

  get count(): number {
    return this.all.length;
  }

  /** A copy of each arrives now, whatever the network is like; fails if there is none. */
  arrive(order: "in order" | "last first" = "in order"): void {
    const copies = this.all;
    if (copies.length === 0) throw new Error("nothing of that kind was ever sent");
    this.#deliver(order === "in order" ? copies : copies.reverse());
  }
}
