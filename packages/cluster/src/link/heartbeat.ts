/**
 * Tells, once per round, whether a link needs a tick and whether anything was heard over it.
 *
 * Anything that comes in is a sign of life, and a tick is sent only when a round went by without
 * anything else to send. What silence means is decided by the failure detector, which counts the
 * rounds of all members. Pure: no clock is read here and no timer set.
 *
 * Source: OTP `net_ticktime` (kernel_app), any inbound byte counts.
 */

/** A round this much later than due means that this process was paused. */
const LATE_FACTOR = 1.5;

/** What one round has brought on one link. */
export interface Beat {
  /** Anything came in. */
  readonly heard: boolean;
  /** Nothing was sent: the other side is owed a tick. */
  readonly idle: boolean;
}

/** The signs of life on one link, in both directions. */
export class Pulse {
  #heard = true;
  #sent = true;

  /** Anything came in. */
  heard(): void {
    this.#heard = true;
  }

  /** Anything was sent. */
  sent(): void {
    this.#sent = true;
  }

  /** Ends a round. */
  round(): Beat {
    const beat = { heard: this.#heard, idle: !this.#sent };
    this.#heard = false;
    this.#sent = false;
    return beat;
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
