/**
 * A node outside of the group, with one actor on it that the group's actor may tell something, and
 * watch. When the node dies another life of it begins at once, and the actor is another one.
 */
import type { ExitReason, RefAddress } from "@troupe/actor";
import {
  EffectInbox,
  type EffectInboxPorts,
  type GroupMessage,
  TargetRef,
} from "@troupe/replication/runtime";
import type { ActorHistory } from "../checkers/actors.ts";
import type { Plant } from "../mutants.ts";
import type { SimNetwork } from "../network.ts";

export class Receiver {
  readonly address: number;
  readonly #network: SimNetwork;
  readonly #history: ActorHistory;
  readonly #plant: Plant | undefined;
  #isGone = false;
  #incarnation = 1;
  #inbox: EffectInbox;
  /** Who is to be told when this life ends. */
  #watchers = new Set<(reason: ExitReason) => void>();

  constructor(
    address: number,
    network: SimNetwork,
    history: ActorHistory,
    plant: Plant | undefined,
  ) {
    this.address = address;
    this.#network = network;
    this.#history = history;
    this.#plant = plant;
    this.#inbox = this.#newInbox();
    network.attach(address, (from, message) => this.#receive(from, message));
  }

  /** A ref to the actor of this life. */
  get ref(): TargetRef {
    const incarnation = this.#incarnation;
    const node = String(this.address);
    return new TargetRef({ kind: "process", node, incarnation, id: 1, actor: "listener" });
  }

  /** Nobody has a link to it any more. */
  get isGone(): boolean {
    return this.#isGone;
  }

  lives({ incarnation }: RefAddress): boolean {
    return !this.#isGone && incarnation === this.#incarnation;
  }

  /** Tells once when that life is over. Returns what takes it back. */
  watch(target: RefAddress, down: (reason: ExitReason) => void): () => void {
    if (!this.lives(target)) {
      down("noproc");
      return () => undefined;
    }
    this.#watchers.add(down);
    return () => this.#watchers.delete(down);
  }

  /** The node dies, and with it all that it remembers. */
  restart(): void {
    this.#incarnation++;
    this.#inbox = this.#newInbox();
    const watchers = this.#watchers;
    this.#watchers = new Set();
    for (const down of watchers) down("noconnection");
  }

  /** The node dies, and no other life of it begins. */
  leave(): void {
    this.#isGone = true;
    this.#network.detach(this.address);
    this.restart();
  }

  #newInbox(): EffectInbox {
    const ports: EffectInboxPorts = {
      deliver: (message) => {
        if (this.lives(message.to)) this.#history.taken(this.address, message);
      },
      send: (to, message) => this.#network.send(this.address, Number(to), message),
    };
    return new EffectInbox(ports);
  }

  #receive(from: number, message: GroupMessage): void {
    if (message.type !== "effect") return;
    const inbox = this.#plant?.inInbox?.(this.#inbox, () => this.#newInbox(), from) ?? this.#inbox;
    this.#inbox = inbox;
    inbox.receive(String(from), message);
  }
}
