/**
 * A timeout that counts ticks. It knows nothing of clocks: the host decides how long a tick is.
 */
export class Timeout {
  readonly #after: number;
  readonly #jitter: number;
  readonly #random: () => number;
  #left = 0;

  constructor(after: number, jitter = 0, random: () => number = () => 0) {
    this.#after = after;
    this.#jitter = jitter;
    this.#random = random;
  }

  get running(): boolean {
    return this.#left > 0;
  }

  /** Starts it anew, with fresh jitter, whether or not it was running; `scale` times as long. */
  start(scale = 1): void {
    this.#left = scale * (this.#after + Math.floor(this.#random() * (this.#jitter + 1)));
  }

  stop(): void {
    this.#left = 0;
  }

  /** Counts one tick. True on the tick at which it fires; it is then stopped. */
  tick(): boolean {
    if (this.#left === 0) return false;
    this.#left--;
    return this.#left === 0;
  }
}
