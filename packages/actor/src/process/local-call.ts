/**
 * A call that stands in the mailbox of a local process: the process answers it directly.
 *
 * It needs no number and no table, because the mailbox holds the object itself.
 */
import type { Deadlines } from "../deadlines.ts";
import { CallTimeoutError } from "../errors.ts";
import { OpenCall, type Settle } from "./open-call.ts";

/** Names the process that is called, for the error of a missed deadline. */
export interface CallTarget {
  describe(): string;
}

/** An unanswered call to a local process. */
export class LocalCall extends OpenCall {
  readonly #target: CallTarget;
  readonly #operation: string;
  readonly #timeoutMs: number;
  /** Set by whoever keeps the call to answer it later. */
  onClosed: (() => void) | undefined = undefined;

  constructor(
    deadlines: Deadlines,
    resolve: Settle<unknown>,
    reject: Settle<unknown>,
    target: CallTarget,
    operation: string,
    timeoutMs: number,
  ) {
    super(deadlines, resolve, reject);
    this.#target = target;
    this.#operation = operation;
    this.#timeoutMs = timeoutMs;
  }

  protected override closed(): void {
    if (this.onClosed !== undefined) this.onClosed();
  }

  protected override timeoutError(): Error {
    return new CallTimeoutError(this.#target.describe(), this.#operation, this.#timeoutMs);
  }
}
