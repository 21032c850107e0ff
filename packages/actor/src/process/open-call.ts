/**
 * One call that waits for its answer, a missed deadline or an abort, whichever comes first.
 *
 * It settles once; whatever comes later is dropped. It does not know how the call travels.
 */
import { Deadline, type Deadlines } from "../deadlines.ts";
import { CallAbortedError } from "../errors.ts";
import { onAbort } from "../on-abort.ts";
import type { ReplyPort } from "../ref.ts";

/** The resolving function of a promise, or anything like it. */
export type Settle<T> = (value: T) => void;

/** An unanswered call. Subclasses say where its deadline stands, and which error missing it is. */
export abstract class OpenCall<R = unknown> extends Deadline implements ReplyPort {
  /** Undefined once the call is over. */
  #resolve: Settle<R> | undefined;
  readonly #reject: Settle<unknown>;
  #ignoreSignal: (() => void) | undefined = undefined;

  constructor(resolve: Settle<R>, reject: Settle<unknown>) {
    super();
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** Where its deadline stands. A getter, because most calls can read it off what they hold. */
  protected abstract get deadlines(): Deadlines;

  /** The error for a missed deadline of `ms` milliseconds. */
  protected abstract timeoutError(ms: number): Error;

  /** Called once when the call is over, before its promise settles. */
  protected closed(): void {}

  /** Whether somebody still waits. */
  get isOpen(): boolean {
    return this.#resolve !== undefined;
  }

  /** Starts the clock of the call, and listens to its signal. */
  begin(timeoutMs: number, signal: AbortSignal | undefined): void {
    this.deadlines.add(this, timeoutMs);
    if (signal === undefined) return;
    const abort = () => this.reject(new CallAbortedError("unknown", signal.reason));
    this.#ignoreSignal = onAbort(signal, abort);
  }

  resolve(value: R): void {
    const resolve = this.#resolve;
    if (resolve === undefined) return;
    this.#close();
    resolve(value);
  }

  reject(error: unknown): void {
    if (this.#resolve === undefined) return;
    this.#close();
    this.#reject(error);
  }

  override expire(ms: number): void {
    this.reject(this.timeoutError(ms));
  }

  #close(): void {
    this.#resolve = undefined;
    this.deadlines.remove(this);
    if (this.#ignoreSignal !== undefined) this.#ignoreSignal();
    this.closed();
  }
}
