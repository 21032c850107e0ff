/**
 * The ready processes of a test system, in an order that a seed decides.
 *
 * Messages of one sender to one process stay in order, because a process takes its own messages
 * as they came; what varies is who has the next turn. Half of the seeds choose evenly at each
 * turn. The others rank the processes, and rank them anew now and then, so that somebody may wait
 * for very long, as in a loaded system, but not for ever. It runs nobody.
 */
import type { Random } from "../clock.ts";
import type { ReadyQueue, Runnable } from "../system/scheduler.ts";

/** How many turns are remembered by name. */
const rememberedTurns = 10_000;

/** How many turns a ranking lasts, on average; the seed takes one of them. */
const turnsPerRanking = [4, 16, 64] as const;

/** Chooses who runs next. */
export class SeededQueue implements ReadyQueue {
  readonly #random: Random;
  readonly #ready: Runnable[] = [];
  /** How likely it is that a turn begins a new ranking. */
  readonly #chance: number;
  /** Undefined for a seed that chooses evenly. */
  #ranks: WeakMap<Runnable, number> | undefined;
  readonly #names: string[] = [];
  #turns = 0;

  constructor(random: Random) {
    this.#random = random;
    this.#ranks = random() < 0.5 ? undefined : new WeakMap();
    this.#chance = 1 / (turnsPerRanking[Math.floor(random() * 3)] as number);
  }

  /** How many turns there were. */
  get turns(): number {
    return this.#turns;
  }

  /** Who had the turns, in order: the last ten thousand of them. */
  get names(): readonly string[] {
    return this.#names.slice(-rememberedTurns);
  }

  /** Who had the last turn. */
  get latest(): string | undefined {
    return this.#names.at(-1);
  }

  /** Who is ready, oldest first. */
  get waiting(): readonly string[] {
    return this.#ready.map(nameOf);
  }

  push(runnable: Runnable): void {
    this.#ready.push(runnable);
  }

  shift(): Runnable | undefined {
    if (this.#ready.length === 0) return undefined;
    const [next] = this.#ready.splice(this.#pick(), 1) as [Runnable];
    this.#turns += 1;
    this.#names.push(nameOf(next));
    if (this.#names.length >= 2 * rememberedTurns) this.#names.splice(0, rememberedTurns);
    return next;
  }

  #pick(): number {
    const ready = this.#ready;
    if (this.#ranks === undefined) return Math.floor(this.#random() * ready.length);
    let first = 0;
    let highest = -1;
    for (const [index, runnable] of ready.entries()) {
      const rank = this.#rankOf(runnable, this.#ranks);
      if (rank <= highest) continue;
      highest = rank;
      first = index;
    }
    if (this.#random() < this.#chance) this.#ranks = new WeakMap();
    return first;
  }

  #rankOf(runnable: Runnable, ranks: WeakMap<Runnable, number>): number {
    let rank = ranks.get(runnable);
    if (rank === undefined) {
      rank = this.#random();
      ranks.set(runnable, rank);
    }
    return rank;
  }
}

function nameOf(runnable: Runnable): string {
  return runnable.describe?.() ?? "somebody";
}
