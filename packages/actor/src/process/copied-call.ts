/**
 * A call whose reply is copied on its way back, in a system that copies its messages.
 *
 * Every reply, direct or deferred, ends here, so this is the one place that looks at replies. The
 * handler has run by then, so a reply that no wire could carry becomes the caller's error.
 */
import { isActorError } from "../actor-error.ts";
import { isReplyError, ReplyError } from "../errors.ts";
import type { CopyMessage } from "../plain-data.ts";
import { type CallTarget, LocalCall } from "./local-call.ts";
import type { Settle } from "./open-call.ts";
import { asRan } from "./refusal.ts";

/** An unanswered call to a local process, whose answer is copied. */
export class CopiedCall extends LocalCall {
  readonly #copy: CopyMessage;

  constructor(
    copy: CopyMessage,
    resolve: Settle<unknown>,
    reject: Settle<unknown>,
    target: CallTarget,
    operation: string,
  ) {
    super(resolve, reject, target, operation);
    this.#copy = copy;
  }

  override resolve(reply: unknown): void {
    try {
      super.resolve(this.#copy(reply, "reply"));
    } catch (error) {
      super.reject(afterTheFact(error));
    }
  }

  override reject(error: unknown): void {
    if (!isReplyError(error) || error.data === undefined) {
      super.reject(error);
      return;
    }
    try {
      super.reject(new ReplyError(error.code, this.#copy(error.data, "data")));
    } catch (unfit) {
      super.reject(afterTheFact(unfit));
    }
  }
}

/** The same error, for an operation that has run. */
function afterTheFact(error: unknown): unknown {
  return isActorError(error, "ERR_NOT_SERIALIZABLE") ? asRan(error) : error;
}
