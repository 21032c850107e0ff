/**
 * One suspicion: how long a member has to refute it before it is down.
 *
 * A lone accuser may be the one who is ill, so it waits long; with each further accuser less is
 * waited, down to the minimum. Counted in rounds. Pure: no clock is read and no timer set.
 *
 * Source: Lifeguard §III-B (local health aware suspicion); memberlist `suspicion.go`.
 */

/** Rounds that a suspicion lasts with one accuser, and with as many as are waited for. */
export const SUSPICION_ROUNDS = { max: 12, min: 4 } as const;

/** Further accusers after whom nothing more is waited for. */
export const CONFIRMATIONS = 3;

/** One member that is accused, and by whom. */
export class Suspicion {
  readonly #accusers = new Set<string>();
  readonly #confirmations: number;
  #rounds = 0;

  /** `witnesses` is how many nodes there are besides the accused and the first accuser. */
  constructor(witnesses: number) {
    this.#confirmations = Math.min(CONFIRMATIONS, Math.max(0, witnesses));
  }

  get accusers(): readonly string[] {
    return [...this.#accusers];
  }

  /** Adds an accuser. True if that was news: it is worth telling others then. */
  accuse(accuser: string): boolean {
    if (this.#accusers.has(accuser) || this.#accusers.size > this.#confirmations) return false;
    this.#accusers.add(accuser);
    return true;
  }

  /** Ends a round that was on time. True once the member had its time. */
  round(): boolean {
    this.#rounds += 1;
    return this.#rounds >= this.timeoutRounds();
  }

  /** How many rounds it lasts, with the accusers there are. */
  timeoutRounds(): number {
    const { max, min } = SUSPICION_ROUNDS;
    // Nobody else could confirm it: waiting longer would bring nothing.
    if (this.#confirmations === 0) return min;
    const confirmed = Math.max(0, this.#accusers.size - 1);
    const share = Math.log(confirmed + 1) / Math.log(this.#confirmations + 1);
    return Math.max(min, Math.ceil(max - share * (max - min)));
  }
}
