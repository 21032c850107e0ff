/**
 * Queries that one replica answers from what it has run, without asking the others: at once, or as
 * soon as it has run a certain op. A replica that has forgotten its state answers none.
 */
import type { Op, Replica } from "./vsr/index.ts";

/** The op whose state a replica's machine has; undefined while that is none of the group's. */
export function readableOp({ state }: Replica): Op | undefined {
  const { isForgetful, isHollow, hold, commitMin, applying } = state;
  if (isForgetful || isHollow || hold?.until === "restored") return undefined;
  // What is committed is run at the end of the turn.
  return commitMin - applying.length;
}

export interface LocalReadsPorts {
  /** The last op that was run; undefined while the replica has no state to speak of. */
  readonly applied: () => Op | undefined;
  readonly answer: (query: Uint8Array) => Uint8Array;
}

interface Waiting {
  readonly query: Uint8Array;
  readonly atLeast: Op;
  readonly answered: (body: Uint8Array) => void;
}

/** Of more that wait the first are dropped, whose callers have waited for longest and ask again. */
const waitingMax = 1024;

export class LocalReads {
  readonly #ports: LocalReadsPorts;
  #waiting: Waiting[] = [];

  constructor(ports: LocalReadsPorts) {
    this.#ports = ports;
  }

  ask(query: Uint8Array, atLeast: Op, answered: (body: Uint8Array) => void): void {
    const applied = this.#ports.applied();
    if (applied !== undefined && applied >= atLeast) {
      answered(this.#ports.answer(query));
      return;
    }
    if (this.#waiting.length >= waitingMax) this.#waiting.shift();
    this.#waiting.push({ query, atLeast, answered });
  }

  /** Ops have been run, or the replica has got its state. */
  flush(): void {
    if (this.#waiting.length === 0) return;
    const applied = this.#ports.applied();
    if (applied === undefined) return;
    const ready = this.#waiting.filter(({ atLeast }) => atLeast <= applied);
    if (ready.length === 0) return;
    this.#waiting = this.#waiting.filter(({ atLeast }) => atLeast > applied);
    for (const { query, answered } of ready) answered(this.#ports.answer(query));
  }
}
