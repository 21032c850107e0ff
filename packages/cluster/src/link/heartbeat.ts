/**
 * Tells, once per round, whether anything was heard over a link, and whether the round is late.
 *
 * Anything that comes in is a sign of life, but a tick is sent in every round all the same. If one
 * that had something else to send left it out, two signs of life could be two rounds apart, and
 * with the jitter of the network more: a link that sends one thing just after a round would look
 * silent for two. What silence means is decided by the failure detector, which counts the rounds of
 * all members. Pure: no clock is read here and no timer set.
 *
 * Source: OTP `net_ticktime` (kernel_app), any inbound byte counts.
 */

/** A round this much later than due means that this process was paused. */
const LATE_FACTOR = 1.5;

/** The signs of life on one link. */
export class Pulse {
  #heard = true;

  /** Anything came in. */
  heard(): void {
    this.#heard = true;
  }

  /** Ends a round. True: something came in while it lasted. */
  round(): boolean {
    const heard = this.#heard;
    this.#heard = false;
    return heard;
  }
}

/** Tells a round that is due from one that a pause of this process has delayed. */
export class Pace {
  readonly #roundMs: number;
  #last: number;

  constructor(roundMs: number, now: number) {
    this.#roundMs = roundMs;
    this.#last = now;
  }

  /** Called at the start of each round with monotonic time; true if the round is late. */
  isLate(now: number): boolean {
    const late = now - this.#last > this.#roundMs * LATE_FACTOR;
    this.#last = now;
    return late;
  }
}
