/**
 * Takes the messages of a replicated actor in, on the node of the actor that they are for, and
 * hands each on once, however often it comes and from whichever primary.
 *
 * A message is known by the time of its op and its place in it. Each says up to which time all is
 * known to have arrived, so what came before needs not be remembered: nobody sends it any more, and
 * what is still on its way from an earlier primary is a repetition.
 */
import type { EffectMessage, EffectOkMessage } from "./wire.ts";

export interface EffectInboxPorts {
  readonly deliver: (message: EffectMessage) => void;
  readonly send: (to: string, message: EffectOkMessage) => void;
}

/** More than a group has open at a time, so that none of those is forgotten. */
const rememberedMax = 16_384;
/** So many that are remembered without need are not worth a look at all. */
const fewRemembered = 64;

export class EffectInbox {
  readonly #ports: EffectInboxPorts;
  /** By name: the time of each that was handed on. In the order in which they came. */
  readonly #taken = new Map<string, number>();
  #floor = 0;
  #lookAt = fewRemembered;

  constructor(ports: EffectInboxPorts) {
    this.#ports = ports;
  }

  /** How many are remembered. */
  get size(): number {
    return this.#taken.size;
  }

  receive(from: string, message: EffectMessage): void {
    const { op, index, at, floor } = message;
    this.#floor = Math.max(this.#floor, floor);
    const name = `${at}.${index}`;
    if (at >= this.#floor && !this.#taken.has(name)) {
      this.#taken.set(name, at);
      this.#prune();
      this.#ports.deliver(message);
    }
    this.#ports.send(from, { type: "effect_ok", op, index });
  }

  #prune(): void {
    if (this.#taken.size < this.#lookAt) return;
    for (const [name, at] of this.#taken) {
      if (at < this.#floor || this.#taken.size > rememberedMax) this.#taken.delete(name);
    }
    this.#lookAt = Math.max(fewRemembered, 2 * this.#taken.size);
  }
}
