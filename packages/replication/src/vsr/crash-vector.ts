/**
 * Crash vectors (Michael, Ports, Sharma, Szekeres, DISC 2017): which life of each replica is known.
 *
 * A replica without a journal forgets with each life what it promised in it, and so does one whose
 * journal is lost; all that a journal remembers is one life. It tells the others
 * which life it is in, and they pass that on with everything they say; whoever knows of a younger
 * life of a replica counts nothing any more that an older one has said. The paper's recovery, which
 * lacks this, can lose an acknowledged op (I17).
 */
import { assert } from "./assert.ts";
import type { ReplicaIndex } from "./types.ts";

/**
 * Which life of a replica: each is greater than the one before. 0 stands for "none is known", and
 * where there are journals for the life that every replica begins with.
 */
export type Incarnation = number;

export class CrashVector {
  #lives: readonly Incarnation[];
  #isFirst: boolean;

  constructor(replicaCount: number, lives?: readonly Incarnation[]) {
    const { length } = lives ?? [];
    assert(length === 0 || length === replicaCount, `a crash vector of ${length}`);
    this.#lives = Object.freeze(lives ?? new Array<Incarnation>(replicaCount).fill(0));
    this.#isFirst = this.#lives.every((life) => life === 0);
  }

  /** Whether no life has ended, as far as is known: then there is nothing to tell of lives. */
  get isFirst(): boolean {
    return this.#isFirst;
  }

  /** All entries, in the order of the configuration; never changed, and so fit to be sent. */
  get lives(): readonly Incarnation[] {
    return this.#lives;
  }

  of(replica: ReplicaIndex): Incarnation {
    const life = this.#lives[replica];
    assert(life !== undefined, `replica ${replica} is not of the group`);
    return life;
  }

  /** Whether another knew of exactly the same lives. */
  equals(lives: readonly Incarnation[]): boolean {
    return this.#lives.every((life, replica) => life === lives[replica]);
  }

  /** Takes in what another knows; returns the replicas whose life is a younger one than thought. */
  merge(lives: readonly Incarnation[]): ReplicaIndex[] {
    const { length } = this.#lives;
    assert(lives.length === length, `a crash vector of ${lives.length}, the group has ${length}`);
    const risen: ReplicaIndex[] = [];
    for (let replica = 0; replica < length; replica++) {
      if ((lives[replica] ?? 0) > this.of(replica)) risen.push(replica);
    }
    if (risen.length > 0) {
      this.#lives = Object.freeze(this.#lives.map((life, i) => Math.max(life, lives[i] ?? 0)));
      this.#isFirst = false;
    }
    return risen;
  }

  /** Notes one life; entries only rise. */
  raise(replica: ReplicaIndex, life: Incarnation): void {
    assert(life > this.of(replica), `life ${life} of replica ${replica} is not a younger one`);
    this.#lives = Object.freeze(this.#lives.map((known, i) => (i === replica ? life : known)));
    this.#isFirst = false;
  }
}
