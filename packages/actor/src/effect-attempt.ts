/**
 * One effect being done: within its time, until it settles or nobody waits for it any more.
 *
 * It tells its outcome once, and nothing after it was dropped. What becomes of the outcome is the
 * host's to decide; a local process and a primary do so in different ways.
 */
import type { Clock, TimerHandle } from "./clock.ts";
import type { EffectHandler, EffectId, EffectRun } from "./effect.ts";
import { EffectTimeoutError } from "./errors.ts";
import { isThenable } from "./run-once.ts";

/** What came of an effect: what it returned, or what it threw. */
export type Performed = { readonly value: unknown } | { readonly error: unknown };

/** What an attempt needs. */
export interface EffectAttemptOptions {
  readonly id: EffectId;
  /** The name of the effect. */
  readonly effect: string;
  readonly handler: EffectHandler;
  readonly arg: unknown;
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Told once what came of it; before `begin` has returned if the handler is synchronous. */
  readonly settled: (performed: Performed) => void;
}

/** One effect being done. */
export class EffectAttempt {
  readonly #options: EffectAttemptOptions;
  readonly #run: EffectRun;
  #controller: AbortController | undefined = undefined;
  #abortedFor: { readonly reason: unknown } | undefined = undefined;
  #timer: TimerHandle | undefined = undefined;
  #isOver = false;

  constructor(options: EffectAttemptOptions) {
    this.#options = options;
    const signal = () => this.#signal();
    this.#run = {
      id: options.id,
      get signal() {
        return signal();
      },
    };
  }

  /** Does it, unless nobody waits for it any more. Never throws. */
  begin(): void {
    if (this.#isOver) return;
    const { handler, arg } = this.#options;
    try {
      const result = handler(arg, this.#run);
      if (isThenable(result)) this.#await(result);
      else this.#settle({ value: result });
    } catch (error) {
      this.#settle({ error });
    }
  }

  /** What looks like a promise is not always one: this throws what reading it throws. */
  #await(result: unknown): void {
    const { clock, timeoutMs, effect } = this.#options;
    if (!this.#isOver) {
      this.#timer = clock.setTimer(timeoutMs, () => {
        const error = new EffectTimeoutError(effect, timeoutMs);
        this.#settle({ error });
        this.abort(error);
      });
    }
    Promise.resolve(result).then(
      (value) => this.#settle({ value }),
      (error) => this.#settle({ error }),
    );
  }

  /** Nobody waits for the outcome any more: it is told to nobody. */
  drop(): void {
    this.#isOver = true;
    if (this.#timer !== undefined) this.#options.clock.clearTimer(this.#timer);
    this.#timer = undefined;
  }

  /** The same, and the work is told so through its signal. */
  abort(reason: unknown): void {
    this.drop();
    if (this.#abortedFor !== undefined) return;
    this.#abortedFor = { reason };
    this.#controller?.abort(reason);
  }

  #settle(performed: Performed): void {
    if (this.#isOver) return;
    this.drop();
    this.#options.settled(performed);
  }

  /** Made when it is first asked for: most work does not look at it. */
  #signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#abortedFor !== undefined) this.#controller.abort(this.#abortedFor.reason);
    }
    return this.#controller.signal;
  }
}
