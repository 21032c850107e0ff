/**
 * When is the primary's silence long enough to want another one?
 *
 * It depends on how it usually speaks: three of the longest recent pauses between two signs of
 * life, but never less than a floor (a busy primary that falls idle is not dead), nor more than a
 * ceiling. So a group on slow links or busy machines stops deposing primaries that are merely slow.
 * Time is counted in this replica's own ticks, without those during which it was itself asleep.
 */

/** How many pauses are remembered: a rhythm that has become quicker is believed after as many. */
const pausesMax = 16;
/** How many pauses of the longest recent length make a silence. */
const pausesToSilence = 3;

export interface FailureDetectorOptions {
  /** In ticks; jitter comes on top. */
  readonly floor: number;
  readonly ceiling: number;
  readonly jitter: number;
  readonly random: () => number;
}

export class FailureDetector {
  readonly #options: FailureDetectorOptions;
  readonly #pauses: number[] = [];
  /** Ticks since the last sign of life. */
  #silence = 0;
  #left = 0;

  constructor(options: FailureDetectorOptions) {
    this.#options = options;
  }

  get running(): boolean {
    return this.#left > 0;
  }

  /** After so many ticks of silence, before jitter, it is too long. */
  get patience(): number {
    const { floor, ceiling } = this.#options;
    const usual = pausesToSilence * Math.max(0, ...this.#pauses);
    return Math.min(Math.max(floor, usual), Math.max(floor, ceiling));
  }

  /** Waits anew, with fresh jitter, whether or not it was waiting: no sign of life has come. */
  start(): void {
    const { jitter, random } = this.#options;
    this.#left = this.patience + Math.floor(random() * (jitter + 1));
  }

  /** A sign of life. Several within one tick are one. */
  heard(): void {
    if (this.running && this.#silence > 0) {
      this.#pauses.push(this.#silence);
      if (this.#pauses.length > pausesMax) this.#pauses.shift();
    }
    this.#silence = 0;
    this.start();
  }

  /** There is nobody to wait for any more; the next primary has a rhythm of its own. */
  stop(): void {
    this.#left = 0;
    this.#silence = 0;
    this.#pauses.length = 0;
  }

  /** Counts one tick. True on the tick at which the silence is too long; it waits no more then. */
  tick(): boolean {
    if (this.#left === 0) return false;
    this.#silence++;
    this.#left--;
    return this.#left === 0;
  }
}
