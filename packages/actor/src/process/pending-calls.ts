/**
 * Calls that left this system and wait for an answer that carries their number.
 *
 * The numbers are consecutive and fit 32 bits; an answer to a number that is no longer open is
 * late, and is dropped. The table has a cap. It never sends anything.
 */
import type { Clock } from "../clock.ts";
import { Deadlines } from "../deadlines.ts";
import { CallAbortedError, TooManyCallsError } from "../errors.ts";
import type { EventLoop } from "../event-loop.ts";
import { integerOption } from "../option.ts";
import { OpenCall, type Settle } from "./open-call.ts";

const largestId = 0xffff_ffff;

/** What a table of calls needs. */
export interface PendingCallsOptions {
  readonly clock: Clock;
  /** How many calls may wait at a time. */
  readonly max: number;
  /** @default the event loop of Node.js */
  readonly loop?: EventLoop;
}

/** One row of the table. */
class PendingCall<R> extends OpenCall<R> {
  readonly #deadlines: Deadlines;
  readonly #id: number;
  readonly #table: Map<number, PendingCall<R>>;
  readonly #makeTimeoutError: () => Error;

  constructor(
    id: number,
    table: Map<number, PendingCall<R>>,
    makeTimeoutError: () => Error,
    deadlines: Deadlines,
    resolve: Settle<R>,
    reject: Settle<unknown>,
  ) {
    super(resolve, reject);
    this.#deadlines = deadlines;
    this.#id = id;
    this.#table = table;
    this.#makeTimeoutError = makeTimeoutError;
  }

  protected override timeoutError(): Error {
    return this.#makeTimeoutError();
  }

  protected override closed(): void {
    this.#table.delete(this.#id);
  }

  protected override get deadlines(): Deadlines {
    return this.#deadlines;
  }
}

/**
 * Calls by number, with deadlines that cost no timer each.
 *
 * @example
 * ```ts
 * const calls = new PendingCalls<number>({ clock: systemClock, max: 1000 });
 * const late = () => new CallTimeoutError("counter <7@b>", "add", 5000);
 * const id = calls.add(resolve, reject, 5000, undefined, late);
 * calls.resolve(id, 42); // => true
 * calls.resolve(id, 43); // => false, the answer is late
 * ```
 */
export class PendingCalls<R> {
  readonly #deadlines: Deadlines;
  readonly #max: number;
  readonly #rows = new Map<number, PendingCall<R>>();
  #lastId = 0;

  constructor(options: PendingCallsOptions) {
    this.#deadlines = new Deadlines(options);
    this.#max = integerOption("max", options.max, 1);
  }

  /** How many calls wait. */
  get size(): number {
    return this.#rows.size;
  }

  /**
   * Opens a call and returns its number, which is never 0.
   *
   * Returns 0, with the call already rejected with `CallAbortedError` (did not run), when the
   * signal is already aborted: then nothing must be sent. Throws `TooManyCallsError` at the cap.
   */
  add(
    resolve: Settle<R>,
    reject: Settle<unknown>,
    timeoutMs: number,
    signal: AbortSignal | undefined,
    makeTimeoutError: () => Error,
  ): number {
    if (signal?.aborted === true) {
      reject(new CallAbortedError("not_run", signal.reason));
      return 0;
    }
    if (this.#rows.size >= this.#max) throw new TooManyCallsError(this.#max);
    const id = this.#nextId();
    const row = new PendingCall(id, this.#rows, makeTimeoutError, this.#deadlines, resolve, reject);
    this.#rows.set(id, row);
    row.begin(timeoutMs, signal);
    return id;
  }

  /** Answers a call; false when it is no longer open. */
  resolve(id: number, value: R): boolean {
    const row = this.#rows.get(id);
    row?.resolve(value);
    return row !== undefined;
  }

  /** Fails a call; false when it is no longer open. */
  reject(id: number, error: unknown): boolean {
    const row = this.#rows.get(id);
    row?.reject(error);
    return row !== undefined;
  }

  /** Fails every open call with the same error, oldest first. */
  rejectAll(error: unknown): void {
    for (const row of [...this.#rows.values()]) row.reject(error);
  }

  /** A call may stay open while the numbers go once round, so a taken one is skipped. */
  #nextId(): number {
    do {
      this.#lastId = this.#lastId === largestId ? 1 : this.#lastId + 1;
    } while (this.#rows.has(this.#lastId));
    return this.#lastId;
  }
}
