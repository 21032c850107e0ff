/**
 * What a replica knows of lives, and how far one that has forgotten everything has recovered.
 *
 * Data and questions about it; what is done with the answers is in `recovery.ts`.
 */
import type { ReplicaOptions } from "./config.ts";
import type { CrashVector, Incarnation } from "./crash-vector.ts";
import type { RecoveryResponseMessage } from "./message.ts";
import type { ReplicaIndex, View } from "./types.ts";

/** A replica that has said that it knows nothing either. */
interface Forgetful {
  /** It is ready to begin the group, since it was told that the group has never run. */
  readonly founding: boolean;
  /** The round in which this one asked when it first heard so of that life. */
  readonly since: number;
  /** The last round that was answered so. */
  readonly answered: number;
  /** The lives that it knew of when it last said so. */
  readonly lives: readonly Incarnation[];
}

type LifeOptions = Pick<ReplicaOptions, "index" | "memory" | "random">;

export class Memory {
  readonly crash: CrashVector;
  readonly bootstrap: boolean;
  /** It has a journal, begun in the place of one that was lost, and has not got the log yet. */
  isRejoining: boolean;
  /** The view that it may begin with its own vote, for the other one of two has forgotten all. */
  aloneIn: View | undefined;
  readonly #index: ReplicaIndex;
  /**
   * The lives that began the group together; empty if this replica does not know. A life among them
   * had promised nothing before, and so may begin late.
   */
  founders: readonly Incarnation[] = [];
  /** Told with each question, so that answers to other questions are known as such. */
  nonce: number;
  /** Counts the questions: what is answered to a later one was answered later. */
  round = 0;
  /** The highest view that a normal replica has told of. */
  view: View = 0;
  /** The last word of each replica that is normal. */
  readonly responses = new Map<ReplicaIndex, RecoveryResponseMessage>();
  readonly #forgetful = new Map<ReplicaIndex, Forgetful>();

  constructor(options: LifeOptions, crash: CrashVector, isRejoining: boolean) {
    const { index, memory: life, random } = options;
    this.#index = index;
    this.crash = crash;
    if (life !== undefined) this.crash.raise(index, life.incarnation);
    this.bootstrap = life?.bootstrap ?? false;
    this.isRejoining = isRejoining;
    // Who has a journal that tells everything asks nothing.
    this.nonce = life === undefined && !isRejoining ? 0 : Math.floor(random() * 2 ** 32);
  }

  get incarnation(): Incarnation {
    return this.crash.of(this.#index);
  }

  /** It knows nothing either; what it said in an earlier life has been dropped before. */
  noteForgetful(
    from: ReplicaIndex,
    round: number,
    founding: boolean,
    lives: readonly Incarnation[],
  ): void {
    const before = this.#forgetful.get(from);
    // An answer that was overtaken by a later one knew of no more lives than that one did.
    if (before !== undefined && round < before.answered) return;
    const since = before?.since ?? this.round;
    this.#forgetful.set(from, { founding, since, answered: round, lives });
  }

  /** What it said so far does not count any more: it has another life, or has recovered. */
  drop(replica: ReplicaIndex): void {
    this.responses.delete(replica);
    this.#forgetful.delete(replica);
  }

  /** Begins to ask anew. */
  restart(): void {
    this.nonce++;
    this.responses.clear();
    this.#forgetful.clear();
  }

  /**
   * Everybody but this one has said that it is ready to begin the group, knowing all the lives that
   * this one knows. Said to a life before, it is no promise: the group may have begun with that one
   * since, and would now begin a second time.
   */
  get othersFound(): boolean {
    const others = [...this.#forgetful.values()];
    const ready = others.filter(({ founding, lives }) => founding && this.crash.equals(lives));
    return ready.length === this.crash.lives.length - 1;
  }

  /** Whether one that is normal, and can tell it so, knows that its life is one of the first. */
  #isFounder(replica: ReplicaIndex): boolean {
    const life = this.crash.of(replica);
    for (const { founders } of this.responses.values()) {
      if (founders[replica] === life) return true;
    }
    return false;
  }

  /**
   * How many replicas, this one among them, certainly knew nothing at one and the same moment.
   *
   * A set counts whose members were all heard in some round, and again in a later one. They were
   * forgetful in between, all at once; and as the later question told them of each other's lives,
   * none of them counts any more what another may have told it in a life before. A founder that has
   * not heard yet that the group runs has forgotten nothing, and begins as soon as it hears of it.
   */
  get forgetfulAtOnce(): number {
    let most = 1;
    const others: Forgetful[] = [];
    for (const [replica, said] of this.#forgetful) {
      if (!said.founding || !this.#isFounder(replica)) others.push(said);
    }
    for (const { since: moment } of others) {
      const then = others.filter(({ since, answered }) => since <= moment && answered > moment);
      most = Math.max(most, then.length + 1);
    }
    return most;
  }
}
