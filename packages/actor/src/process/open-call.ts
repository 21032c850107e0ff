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

/** An unanswered call. Subclasses say which error a missed deadline is. */
export abstract class OpenCall<R = unknown> extends Deadline implements ReplyPort {
  readonly #deadlines: Deadlines;
  readonly #resolve: Settle<R>;
  readonly #reject: Settle<unknown>;
  #ignoreSignal: (() => void) | undefined = undefined;
  #open = true;

  constructor(deadlines: Deadlines, resolve: Settle<R>, reject: Settle<unknown>) {
    super();
    this.#deadlines = deadlines;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** The error for a missed deadline. */
  protected abstract timeoutError(): Error;

  /** Called once when the call is over, before its promise settles. */
  protected closed(): void {}

  /** Whether somebody still waits. */
  get isOpen(): boolean {
    return this.#open;
  }

  /** Starts the clock of the call, and listens to its signal. */
  begin(timeoutMs: number, signal: AbortSignal | undefined): void {
    this.#deadlines.add(this, timeoutMs);
    if (signal === undefined) return;
    const abort = () => this.reject(new CallAbortedError("unknown", signal.reason));
    this.#ignoreSignal = onAbort(signal, abort);
  }

  resolve(value: R): void {
    if (this.#close()) this.#resolve(value);
  }

  reject(error: unknown): void {
    if (this.#close()) this.#reject(error);
  }

  override expire(): void {
    this.reject(this.timeoutError());
  }

  #close(): boolean {
    if (!this.#open) return false;
    this.#open = false;
    this.#deadlines.remove(this);
    if (this.#ignoreSignal !== undefined) this.#ignoreSignal();
    this.closed();
    return true;
  }
}
