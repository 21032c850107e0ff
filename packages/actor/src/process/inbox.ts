/**
 * The receiving side of a process: it takes messages from outside, or refuses them with an error
 * or a dead letter that says why.
 *
 * It checks a message before it is queued, so a caller's mistake is the caller's error and not
 * the process's crash. It never handles a message and never runs code of the definition.
 */
import type { Overflow } from "../actor.ts";
import type { Deadlines } from "../deadlines.ts";
import {
  assert,
  CallAbortedError,
  CallingSelfError,
  MailboxFullError,
  NoProcessError,
  PayloadError,
  ProcessExitedError,
  UnknownOperationError,
} from "../errors.ts";
import type { ExitReason } from "../exit-reason.ts";
import type { CopyMessage } from "../plain-data.ts";
import type { Operation, OperationKind, Program } from "../program.ts";
import {
  type CallOptions,
  callTimeout,
  describeAddress,
  type RefAddress,
  type ReplyPort,
} from "../ref.ts";
import type { DeadLetterReason } from "../system/events.ts";
import { CopiedCall } from "./copied-call.ts";
import { LocalCall } from "./local-call.ts";
import type { LocalRef, Receiver } from "./local-ref.ts";
import { Mailbox } from "./mailbox.ts";
import { type Notice, noticeOperation } from "./notice.ts";
import type { Settle } from "./open-call.ts";

/** What an inbox needs from its system. */
export interface InboxHost {
  readonly deadlines: Deadlines;
  readonly mailboxCapacity: number;
  /** Copies what is sent as the codec would; throws `NotSerializableError` with the path. */
  readonly copy: CopyMessage | undefined;
  /** A message was not handled and nobody waits for it. */
  deadLetter(
    ref: LocalRef,
    kind: OperationKind,
    operation: string,
    arg: unknown,
    reason: DeadLetterReason,
  ): void;
  /** Reports what somebody should look at. */
  warn(message: string, details: unknown): void;
}

/** The process behind an inbox. */
export interface InboxOwner {
  readonly ref: LocalRef;
  /** Asks for a turn, if the process is in a state to use one. */
  wake(): void;
}

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
  readonly #overflow: Overflow;
  readonly #copy: CopyMessage | undefined;

  constructor(owner: InboxOwner, host: InboxHost, program: Program, address: RefAddress) {
    this.#owner = owner;
    this.#host = host;
    this.#program = program;
    this.address = address;
    const { mailbox } = program.definition;
    this.#copy = host.copy;
    this.#overflow = mailbox?.overflow ?? "reject";
    this.mailbox = new Mailbox(mailbox?.capacity ?? host.mailboxCapacity);
  }

  get deadlines(): Deadlines {
    return this.#host.deadlines;
  }

  /** Names the process in messages: `counter <7>`. */
  describe(): string {
    return describeAddress(this.address);
  }

  /** The process behind it. */
  get owner(): InboxOwner {
    return this.#owner;
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
    const copy = this.#copy;
    // A copy that fails throws, and the promise whose executor this is rejects.
    const sent = copy === undefined ? arg : copy(arg, "arg");
    const call =
      copy === undefined
        ? new LocalCall(resolve, reject, this, operation)
        : new CopiedCall(copy, resolve, reject, this, operation);
    if (this.accept(kind, operation, sent, call)) call.begin(timeoutMs, signal);
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
    const expected = operation.expects === undefined ? true : operation.expects(arg);
    if (expected !== true) {
      from.reject(new PayloadError(this.describe(), name, expected, arg));
      return false;
    }
    if (!this.mailbox.push(operation, arg, from) && !this.#makeRoom(operation, arg, from)) {
      from.reject(new MailboxFullError(this.describe(), this.mailbox.capacity));
      return false;
    }
    if (!this.isQueued) this.#owner.wake();
    return true;
  }

  post(kind: "cast" | "info", name: string, given: unknown): void {
    const table = kind === "cast" ? this.#program.cast : this.#program.info;
    const operation = table.get(name);
    // Only in a system that copies, which is one for tests, can this throw.
    const arg = this.#copy === undefined ? given : this.#copy(given, "arg");
    if (operation === undefined) this.drop(kind, name, arg, "unknown_operation");
    else if (this.isClosed) this.drop(kind, name, arg, "no_process");
    else if (operation.expects !== undefined && operation.expects(arg) !== true) {
      this.drop(kind, name, arg, "bad_payload");
    } else if (
      !this.mailbox.push(operation, arg, undefined) &&
      !this.#makeRoom(operation, arg, undefined)
    ) {
      this.drop(kind, name, arg, "mailbox_full");
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

  /** Queues a message of the runtime, in order with the others and whatever the capacity. */
  notify(notice: Notice): void {
    if (this.isClosed) return;
    this.mailbox.pushNotice(noticeOperation, notice);
    if (!this.isQueued) this.#owner.wake();
  }

  /** The process is dead: answers everything that still waits. None of it has run. */
  close(reason: ExitReason): void {
    this.isClosed = true;
    const { mailbox } = this;
    for (let next = mailbox.shift(); next !== undefined; next = mailbox.shift()) {
      // What the runtime had to say concerns nobody but the process, and whoever asked it.
      if (next === noticeOperation) (mailbox.arg as Notice).drop?.(reason);
      if (next === noticeOperation || mailbox.isSystem) continue;
      const { arg, from } = mailbox;
      if (from === undefined) this.drop(next.kind, next.name, arg, "exited");
      else from.reject(new ProcessExitedError(this.describe(), reason, "not_run"));
    }
    mailbox.release();
  }

  /** At the capacity: drops the oldest message for the new one, if that is the policy. */
  #makeRoom(operation: Operation, arg: unknown, from: ReplyPort | undefined): boolean {
    if (this.#overflow !== "drop_oldest") return false;
    const { mailbox } = this;
    const oldest = mailbox.evict();
    if (oldest === undefined) return false;
    const { arg: lost, from: caller } = mailbox;
    mailbox.release();
    mailbox.push(operation, arg, from);
    if (caller === undefined) this.drop(oldest.kind, oldest.name, lost, "mailbox_full");
    else caller.reject(new MailboxFullError(this.describe(), mailbox.capacity));
    return true;
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
