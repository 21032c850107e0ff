/**
 * The receiving side of a process: it takes messages from outside, or refuses them with an error
 * or a dead letter that says why.
 *
 * It checks a message before it is queued, so a caller's mistake is the caller's error and not
 * the process's crash. It never handles a message and never runs code of the definition.
 */
import type { Deadlines } from "./deadlines.ts";
import {
  assert,
  CallAbortedError,
  CallingSelfError,
  MailboxFullError,
  NoProcessError,
  ProcessExitedError,
  UnknownOperationError,
} from "./errors.ts";
import type { DeadLetterReason } from "./events.ts";
import type { ExitReason } from "./exit-reason.ts";
import { LocalCall } from "./local-call.ts";
import type { LocalRef, Receiver } from "./local-ref.ts";
import { Mailbox } from "./mailbox.ts";
import type { Settle } from "./open-call.ts";
import type { Operation, OperationKind, Program } from "./program.ts";
import {
  type CallOptions,
  callTimeout,
  describeAddress,
  type RefAddress,
  type ReplyPort,
} from "./ref.ts";
import type { Timer } from "./timers.ts";

/** What an inbox needs from its system. */
export interface InboxHost {
  readonly deadlines: Deadlines;
  readonly mailboxCapacity: number;
  /** A message was not handled and nobody waits for it. */
  deadLetter(
    ref: LocalRef,
    kind: OperationKind,
    operation: string,
    arg: unknown,
    reason: DeadLetterReason,
  ): void;
}

/** The process behind an inbox. */
export interface InboxOwner {
  readonly ref: LocalRef;
  /** Asks for a turn, if the process is in a state to use one. */
  wake(): void;
}

/** The message of a timer that fired: its argument is the timer. Never handled as such. */
export const timerFired: Operation = { kind: "info", name: "timer", handler: () => undefined };

/** Takes the messages of one process. */
export class Inbox implements Receiver {
  readonly address: RefAddress;
  readonly mailbox: Mailbox;
  /** True while the process waits for its turn, so that it need not be woken. */
  isQueued = false;
  /** True while code of the definition is on the stack: it must not wait for its own process. */
  isOnStack = false;
  /** True once the process is dead. */
  isClosed = false;
  readonly #host: InboxHost;
  readonly #program: Program;
  readonly #owner: InboxOwner;

  constructor(owner: InboxOwner, host: InboxHost, program: Program, address: RefAddress) {
    this.#owner = owner;
    this.#host = host;
    this.#program = program;
    this.address = address;
    this.mailbox = new Mailbox(host.mailboxCapacity);
  }

  /** Names the process in messages: `counter <7>`. */
  describe(): string {
    return describeAddress(this.address);
  }

  /** Whether the process lives in that host. */
  isIn(host: InboxHost): boolean {
    return this.#host === host;
  }

  request(
    kind: "call" | "query",
    operation: string,
    arg: unknown,
    options: CallOptions | undefined,
    resolve: Settle<unknown>,
    reject: Settle<unknown>,
  ): void {
    const timeoutMs = callTimeout(options);
    const signal = options?.signal;
    if (signal?.aborted === true || this.isOnStack) {
      reject(this.#refusal(signal));
      return;
    }
    const call = new LocalCall(this.#host.deadlines, resolve, reject, this, operation, timeoutMs);
    if (this.accept(kind, operation, arg, call)) call.begin(timeoutMs, signal);
  }

  /** Queues a message whose answer goes to `from`; false when it was refused, through `from`. */
  accept(kind: "call" | "query", name: string, arg: unknown, from: ReplyPort): boolean {
    if (this.isClosed) {
      from.reject(new NoProcessError(this.describe()));
      return false;
    }
    const table = kind === "call" ? this.#program.call : this.#program.query;
    const operation = table.get(name);
    if (operation === undefined) {
      from.reject(new UnknownOperationError(this.describe(), kind, name, table.keys()));
      return false;
    }
    if (!this.mailbox.push(operation, arg, from)) {
      from.reject(new MailboxFullError(this.describe(), this.mailbox.capacity));
      return false;
    }
    if (!this.isQueued) this.#owner.wake();
    return true;
  }

  send(name: string, arg: unknown): void {
    const operation = this.#program.cast.get(name);
    if (operation === undefined) this.drop("cast", name, arg, "unknown_operation");
    else if (this.isClosed) this.drop("cast", name, arg, "no_process");
    else if (!this.mailbox.push(operation, arg, undefined)) {
      this.drop("cast", name, arg, "mailbox_full");
    } else if (!this.isQueued) this.#owner.wake();
  }

  /** Queues an info message of the runtime ahead of every other; a dead process gets none. */
  inform(name: string, arg: unknown): void {
    const operation = this.#program.info.get(name);
    assert(operation !== undefined, "the runtime informs only of what is handled");
    if (this.isClosed) return;
    this.mailbox.pushSystem(operation, arg);
    if (!this.isQueued) this.#owner.wake();
  }

  /** Queues the message of a timer. */
  fire(timer: Timer): void {
    this.mailbox.pushOwn(timerFired, timer);
    if (!this.isQueued) this.#owner.wake();
  }

  /** The process is dead: answers everything that still waits. None of it has run. */
  close(reason: ExitReason): void {
    this.isClosed = true;
    const { mailbox } = this;
    for (let next = mailbox.shift(); next !== undefined; next = mailbox.shift()) {
      // Timers and what the runtime had to say concern nobody but the process.
      if (next.kind === "info") continue;
      const { arg, from } = mailbox;
      if (from === undefined) this.drop(next.kind, next.name, arg, "exited");
      else from.reject(new ProcessExitedError(this.describe(), reason, "not_run"));
    }
    mailbox.release();
  }

  /** Why a call is refused before it is looked at. */
  #refusal(signal: AbortSignal | undefined): Error {
    if (signal?.aborted === true) return new CallAbortedError("not_run", signal.reason);
    return new CallingSelfError(this.describe());
  }

  /** Reports a message that is not handled and that nobody waits for. */
  drop(kind: OperationKind, operation: string, arg: unknown, reason: DeadLetterReason): void {
    this.#host.deadLetter(this.#owner.ref, kind, operation, arg, reason);
  }
}
