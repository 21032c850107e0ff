/**
 * What the state wants done outside, and who does it: the primary begins it when the core says so,
 * and tells the log by a pulse when it is done, until the state says that it knows.
 */
import type { Committed, Effect, Replica } from "@troupe/replication/runtime";
import { bytesOf, type ChainMachine, textOf } from "./machine.ts";
import type { Chores } from "./subject.ts";

/** What the world does for one life of a replica. */
export interface World {
  /** Does something, and says when it is done. */
  readonly begin: (errand: string, done: () => void) => void;
  /** Hands a pulse to the replica. */
  readonly tell: (body: Uint8Array) => void;
  /** A name for a pulse that no other has. */
  readonly name: () => string;
  /** Told of each errand that the core says to begin. */
  readonly onBegin: (errand: string) => void;
}

export class Errands implements Chores {
  readonly #replica: Replica;
  readonly #machine: ChainMachine;
  readonly #outside: World;
  readonly #bytesMax: number;
  /** Begun in this life, and done in it: not known to the state yet. */
  readonly #begun = new Set<string>();
  readonly #done = new Set<string>();

  constructor(replica: Replica, machine: ChainMachine, outside: World, bytesMax: number) {
    this.#replica = replica;
    this.#machine = machine;
    this.#outside = outside;
    this.#bytesMax = bytesMax;
  }

  /** Says what has been done, as much as fits; the core drops what comes too soon. */
  tick(): void {
    for (const errand of this.#done) {
      if (this.#machine.open.has(errand)) continue;
      this.#done.delete(errand);
      this.#begun.delete(errand);
    }
    if (this.#done.size === 0 || !this.#replica.state.leads) return;
    let text = this.#outside.name();
    for (const errand of this.#done) {
      if (text.length + 1 + errand.length > this.#bytesMax) break;
      text += ` ${errand}`;
    }
    this.#outside.tell(bytesOf(text));
  }

  /** Nobody whom it sends for answers by a message. */
  receive(): void {}

  turned(): void {}

  stop(): void {}

  begin(effects: readonly Effect[]): void {
    for (const { op, index } of effects) this.#begin(`${op}.${index}`);
  }

  resume(): void {
    for (const errand of this.#machine.open) this.#begin(errand);
  }

  #begin(errand: string): void {
    this.#outside.onBegin(errand);
    if (this.#begun.has(errand)) return;
    this.#begun.add(errand);
    this.#outside.begin(errand, () => this.#done.add(errand));
  }
}

/** The name of each pulse of an op, and what it says is done. */
export function pulsesOf({ requests }: Committed): readonly (readonly string[])[] {
  return requests.flatMap(({ kind, body }) => (kind === "pulse" ? [textOf(body).split(" ")] : []));
}
