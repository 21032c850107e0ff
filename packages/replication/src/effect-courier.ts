/**
 * Carries the messages of a replicated actor to others, from the primary: each is repeated until
 * the node of its target has said that it took it.
 *
 * Nobody waits for ever: after some time without an answer the message goes the plain way, as one
 * of an actor would, and after some time without a connection it is given up as a dead letter.
 */
import { effectName, type OpenMessage } from "./actor-memory.ts";
import type { EffectMessage } from "./wire.ts";

export interface EffectCourierPorts {
  /** False if the node is known not to be connected. */
  readonly send: (node: string, message: EffectMessage) => boolean;
  /** The node is there and answers nothing: it may not know the group, so it is sent plainly. */
  readonly sendPlainly: (effect: OpenMessage) => void;
  /** The node has not been there for so long that the message is given up. */
  readonly giveUp: (effect: OpenMessage) => void;
  /** Ticks between two repetitions. */
  readonly retryTicks: number;
}

interface Parcel {
  readonly effect: OpenMessage;
  readonly floor: number;
  readonly done: () => void;
  sentAt: number;
  /** How often it was sent in vain, and how often there was no connection to send it over. */
  unanswered: number;
  unsent: number;
}

/** About 5 s with the default ticks, for a node that is there. */
const unansweredMax = 25;
/** About a minute for one that is not. */
const unsentMax = 300;

export class EffectCourier {
  readonly #ports: EffectCourierPorts;
  readonly #parcels = new Map<string, Parcel>();
  #ticks = 0;

  constructor(ports: EffectCourierPorts) {
    this.#ports = ports;
  }

  deliver(effect: OpenMessage, floor: number, done: () => void): void {
    const parcel = { effect, floor, done, sentAt: 0, unanswered: 0, unsent: 0 };
    this.#parcels.set(effectName(effect), parcel);
    this.#send(parcel);
  }

  /** The target's node has taken it. */
  taken(effect: Pick<OpenMessage, "op" | "index">): void {
    const parcel = this.#parcels.get(effectName(effect));
    if (parcel !== undefined) this.#end(parcel);
  }

  forget(): void {
    this.#parcels.clear();
  }

  tick(): void {
    this.#ticks++;
    for (const parcel of this.#parcels.values()) {
      if (this.#ticks - parcel.sentAt >= this.#ports.retryTicks) this.#send(parcel);
    }
  }

  #send(parcel: Parcel): void {
    const { send, sendPlainly, giveUp } = this.#ports;
    const { effect, floor } = parcel;
    const { op, index, at, kind, to, name, arg } = effect;
    parcel.sentAt = this.#ticks;
    const message = { type: "effect", op, index, at, floor, kind, to, name, arg } as const;
    if (send(to.node ?? "", message)) parcel.unanswered++;
    else parcel.unsent++;
    if (parcel.unsent > unsentMax) giveUp(effect);
    else if (parcel.unanswered > unansweredMax) sendPlainly(effect);
    else return;
    this.#end(parcel);
  }

  #end(parcel: Parcel): void {
    this.#parcels.delete(effectName(parcel.effect));
    parcel.done();
  }
}
