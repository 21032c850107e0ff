/**
 * Reports what happens again and again to people without flooding them: a wrong key is retried for
 * ever, and would otherwise be reported every few seconds; so would a name server that is down.
 */
import type { Clock } from "@troupe/actor";

/** The same thing is said again after this long. */
const REPEAT_AFTER_MS = 60_000;

/** Different things remembered at a time; strangers decide what they are called. */
const MAX_REMEMBERED = 256;

export class RefusalLog {
  readonly #clock: Clock;
  readonly #warn: (message: string, error?: unknown) => void;
  readonly #saidAt = new Map<string, number>();

  constructor(clock: Clock, warn: (message: string, error?: unknown) => void) {
    this.#clock = clock;
    this.#warn = warn;
  }

  /** Passes the message on unless it was said just now; `error` does not make it another one. */
  say(message: string, error?: unknown): void {
    const now = this.#clock.monotonic();
    const last = this.#saidAt.get(message);
    if (last !== undefined && now - last < REPEAT_AFTER_MS) return;
    if (this.#saidAt.size >= MAX_REMEMBERED) this.#saidAt.clear();
    this.#saidAt.set(message, now);
    if (error === undefined) this.#warn(message);
    else this.#warn(message, error);
  }
}
