/**
 * Decides, once per round, whether a link needs a tick and whether its peer is dead.
 *
 * A peer is dead when nothing at all was heard from it for several rounds in a row. Rounds are
 * counted, not milliseconds: after a pause of this process, which silences everybody at once, one
 * late round is one round, and it is not even counted. A tick is sent only when a round went by
 * without anything else to send. Pure: no clock is read here and no timer set.
 *
 * Source: OTP `net_ticktime` (kernel_app), any inbound byte counts; Orleans, an observer that was
 * itself paused accuses nobody.
 */

/** A round this much later than due means that this process was paused. */
const LATE_FACTOR = 1.5;

export interface HeartbeatOptions {
  /** Milliseconds between rounds. */
  readonly roundMs: number;
  /** Silent rounds after which the peer is dead. */
  readonly deadAfterRounds: number;
}

export type Verdict = "alive" | "idle" | "dead";

/** The silence of one link. */
export class Silence {
  readonly #deadAfterRounds: number;
  #heard = true;
  #sent = true;
  #silentRounds = 0;

  constructor(deadAfterRounds: number) {
    this.#deadAfterRounds = deadAfterRounds;
  }

  /** Anything came in. */
  heard(): void {
    this.#heard = true;
  }

  /** Anything was sent. */
  sent(): void {
    this.#sent = true;
  }

  /** Ends a round. `"idle"` asks for a tick. A late round never adds to the silence. */
  round(late: boolean): Verdict {
    if (this.#heard) this.#silentRounds = 0;
    else if (!late) this.#silentRounds += 1;
    this.#heard = false;
    const idle = !this.#sent;
    this.#sent = false;
    if (this.#silentRounds >= this.#deadAfterRounds) return "dead";
    return idle ? "idle" : "alive";
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
