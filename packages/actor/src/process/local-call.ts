/**
 * A call that stands in the mailbox of a local process: the process answers it directly.
 *
 * It needs no number and no table, because the mailbox holds the object itself.
 */
import type { Deadlines } from "../deadlines.ts";
import { CallTimeoutError } from "../errors.ts";
import { OpenCall, type Settle } from "./open-call.ts";

/** The process that is called. */
export interface CallTarget {
  readonly deadlines: Deadlines;
  /** Names it, for the error of a missed deadline. */
  describe(): string;
}

/** An unanswered call to a local process. There is one for each call, so it holds little. */
export class LocalCall extends OpenCall {
  readonly #target: CallTarget;
  readonly #operation: string;
  /** Set by whoever keeps the call to answer it later. */
  onClosed: (() => void) | undefined = undefined;

  constructor(
    resolve: Settle<unknown>,
    reject: Settle<unknown>,
    target: CallTarget,
    operation: string,
  ) {
    super(resolve, reject);
    this.#target = target;
    this.#operation = operation;
  }

  protected override get deadlines(): Deadlines {
    return this.#target.deadlines;
  }

  protected override closed(): void {
    if (this.onClosed !== undefined) this.onClosed();
  }

  protected override timeoutError(ms: number): Error {
    return new CallTimeoutError(this.#target.describe(), this.#operation, ms);
  }
}
