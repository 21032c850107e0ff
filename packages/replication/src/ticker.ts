/**
 * The beat of a replica: one tick after the other, and what the sockets hold before each.
 *
 * A process that was paused, or whose event loop stalled, has heard nobody meanwhile: its own
 * silence proves nothing (J1). So a stall makes one tick, not many; the tick comes after the
 * sockets have been drained, and says that it is late, so that it counts for nobody's silence. The
 * second of two late ticks in a row does count, for a loop that is always slow must still notice a
 * silence.
 */
import type { Clock, TimerHandle } from "@troupe/actor";

export interface TickerOptions {
  readonly clock: Clock;
  readonly tickMs: number;
  /** Runs a function after whatever the sockets hold by now has been taken in. */
  readonly drained: (run: () => void) => void;
  readonly onTick: (late: boolean) => void;
}

export class Ticker {
  readonly #options: TickerOptions;
  #timer: TimerHandle | undefined;
  #wasLate = false;
  #stopped = false;

  constructor(options: TickerOptions) {
    this.#options = options;
    this.#arm();
  }

  stop(): void {
    this.#stopped = true;
    if (this.#timer !== undefined) this.#options.clock.clearTimer(this.#timer);
  }

  #arm(): void {
    const { clock, tickMs, drained } = this.#options;
    const due = clock.monotonic() + tickMs;
    this.#timer = clock.setTimer(tickMs, () => {
      const late = clock.monotonic() - due > tickMs;
      drained(() => this.#tick(late));
    });
  }

  #tick(late: boolean): void {
    if (this.#stopped) return;
    const excused = late && !this.#wasLate;
    this.#wasLate = excused;
    this.#options.onTick(excused);
    if (!this.#stopped) this.#arm();
  }
}
