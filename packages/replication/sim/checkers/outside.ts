/**
 * What reaches the world outside: nothing before it is committed, from a backup or from a replay,
 * nothing that the state knows to be done; and what is said of it in the log stands there once.
 */
import type { Committed, Replica } from "@troupe/replication/runtime";
import { pulsesOf } from "../errands.ts";
import type { ChainMachine } from "../machine.ts";
import { holds } from "./violation.ts";

export class OutsideWorld {
  readonly #every: number;
  /** What the group wants done, by the run of it; and what has been done at least once. */
  readonly #wanted = new Set<string>();
  readonly #begun = new Set<string>();
  readonly #done = new Set<string>();
  readonly #told = new Set<string>();
  /** By name of a pulse: the op in which it ran. */
  readonly #pulses = new Map<string, number>();
  #ops = 0;

  constructor(checkpointEvery: number) {
    this.#every = checkpointEvery;
  }

  /** A replica hands a pulse to the core. */
  tells(name: string): void {
    this.#told.add(name);
  }

  done(errand: string): void {
    this.#done.add(errand);
  }

  /** A replica ran an op: is it told of a checkpoint where one is due? */
  checkpoints(index: number, committed: Committed): void {
    const { op, checkpoint = false } = committed;
    holds(checkpoint === (op % this.#every === 0), "CheckpointsAgree", () => {
      const says = checkpoint ? "takes a checkpoint" : "takes no checkpoint";
      return `replica ${index} ${says} after op ${op}; one is due every ${this.#every} ops`;
    });
  }

  /** A replica of the chain ran an op. */
  executed(index: number, committed: Committed, machine: ChainMachine): void {
    this.checkpoints(index, committed);
    const { op } = committed;
    if (op <= this.#ops) return;
    this.#ops = op;
    for (const index of machine.wantedLast.keys()) this.#wanted.add(`${op}.${index}`);
    for (const [name = "", ...errands] of pulsesOf(committed)) {
      const before = this.#pulses.get(name);
      holds(before === undefined, "PulseOnce", () => {
        return `pulse ${name} ran at op ${before} and again at op ${op}`;
      });
      this.#pulses.set(name, op);
      holds(this.#told.has(name), "PulseOnce", () => `nobody told the pulse ${name}`);
      for (const errand of errands) {
        holds(this.#done.has(errand), "EffectsAfterCommit", () => {
          return `op ${op} says that ${errand} is done, and nobody has done it`;
        });
      }
    }
  }

  /** A replica begins to do something outside. */
  begins(index: number, errand: string, { state }: Replica, machine: ChainMachine): void {
    const who = () => `replica ${index} begins ${errand}`;
    holds(this.#wanted.has(errand), "EffectsAfterCommit", () => `${who()}, which nobody ran`);
    holds(state.leads, "EffectsOfThePrimary", () => `${who()}, and does not lead`);
    holds(machine.open.has(errand), "EffectsOfThePrimary", () => `${who()}, done in its state`);
    this.#begun.add(errand);
  }

  /** At the end: all that was wanted has been done. */
  converged(): void {
    for (const errand of this.#wanted) {
      holds(this.#begun.has(errand), "EffectsAtLeastOnce", () => `${errand} was never begun`);
    }
  }
}
