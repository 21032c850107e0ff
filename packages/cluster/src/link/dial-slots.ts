/**
 * Who may be dialled next: a few at a time, and nobody's list before everybody else's.
 *
 * A source that names a thousand addresses where nobody answers keeps its own addresses waiting,
 * not those of others, and not the nodes that were met already.
 */

/** What is known of an address that waits. */
export interface Waiting {
  /** Whoever wants it dialled: sources, or the node that was met there. Never empty. */
  wantedBy(): Iterable<unknown>;
  /** How often it was tried in vain. */
  readonly attempts: number;
}

export class DialSlots<T extends Waiting> {
  readonly #max: number;
  /** Begins; false if there is no need to any more. */
  readonly #start: (waiting: T) => boolean;
  /** In the order of arrival. */
  readonly #waiting = new Set<T>();
  /** Those under way, each with those who wanted it when it was begun. */
  readonly #taken = new Map<T, readonly unknown[]>();
  readonly #load = new Map<unknown, number>();

  constructor(max: number, start: (waiting: T) => boolean) {
    this.#max = max;
    this.#start = start;
  }

  /** Starts it now if there is room, or else at its turn. */
  enter(candidate: T): void {
    if (this.#taken.has(candidate)) return;
    this.#waiting.add(candidate);
    this.#fill();
  }

  /** It does not wait any more. What is under way goes on until it is over. */
  giveUp(candidate: T): void {
    this.#waiting.delete(candidate);
  }

  /** What was under way is over. */
  leave(candidate: T): void {
    const wantedBy = this.#taken.get(candidate);
    if (wantedBy === undefined) return;
    this.#taken.delete(candidate);
    for (const who of wantedBy) this.#add(who, -1);
    this.#fill();
  }

  #fill(): void {
    while (this.#taken.size < this.#max) {
      const next = this.#next();
      if (next === undefined) return;
      this.#waiting.delete(next);
      if (!this.#start(next)) continue;
      const wantedBy = [...next.wantedBy()];
      this.#taken.set(next, wantedBy);
      for (const who of wantedBy) this.#add(who, 1);
    }
  }

  /** Whoever has the least under way comes first; of theirs, what was tried least. */
  #next(): T | undefined {
    let best: T | undefined;
    let bestLoad = Number.POSITIVE_INFINITY;
    for (const candidate of this.#waiting) {
      const load = this.#loadOf(candidate);
      const isBetter = load < bestLoad || (load === bestLoad && isFresher(candidate, best));
      if (!isBetter) continue;
      best = candidate;
      bestLoad = load;
    }
    return best;
  }

  #loadOf(candidate: T): number {
    let least = Number.POSITIVE_INFINITY;
    for (const who of candidate.wantedBy()) least = Math.min(least, this.#load.get(who) ?? 0);
    return least;
  }

  #add(who: unknown, by: number): void {
    const load = (this.#load.get(who) ?? 0) + by;
    if (load === 0) this.#load.delete(who);
    else this.#load.set(who, load);
  }
}

function isFresher(candidate: Waiting, best: Waiting | undefined): boolean {
  return best === undefined || (candidate.attempts === 0 && best.attempts > 0);
}
