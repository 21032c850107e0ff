/**
 * One running actor: it initialises, handles its messages one at a time, terminates and exits.
 *
 * Everything that can happen to a process is a move between its phases, and every move is here.
 * A process knows its host through a port; it knows no names and no supervisors.
 */
import { NoCallerError, NoStateError, StartError } from "../errors.ts";
import { type ExitReason, isOrderlyExit, toErrorValue } from "../exit-reason.ts";
import type { Operation, OperationKind } from "../program.ts";
import type { Inferred, ReplyPort, ReplyTo } from "../ref.ts";
import { isThenable, runOnce } from "../run-once.ts";
import type { Runnable } from "../system/scheduler.ts";
import { Context } from "./context.ts";
import type { ContextPort } from "./context-ports.ts";
import { Inbox, type InboxOwner } from "./inbox.ts";
import type { ProcessOptions } from "./launch.ts";
import type { LocalRef } from "./local-ref.ts";
import { Interlude, type Notice } from "./notice.ts";
import type { Failure } from "./process-host.ts";
import type { TraceOutcome } from "./process-info.ts";
import { type Phase, ProcessInside } from "./process-inside.ts";

/** One running actor. */
export class Process extends ProcessInside implements Runnable, InboxOwner, ContextPort {
  readonly inbox: Inbox;
  readonly ref: LocalRef;
  /** How long it may take to stop, in milliseconds. */
  readonly shutdownMs: number;
  readonly #ctx: Context;
  /** Until `init` is done. */
  #start: ProcessOptions | undefined;
  // The message being handled.
  #operation: Operation | undefined = undefined;
  #arg: unknown = undefined;
  #from: ReplyPort | undefined = undefined;
  /** The number of its reply, when that comes later. */
  #deferredId = 0;
  /** The reply that waits for `terminate`, when the handler asked to stop. */
  #reply: { readonly value: unknown } | undefined = undefined;
  /** What the outside asked for; it is due after the messages that were queued then. */
  #exitAsked: ExitReason | undefined = undefined;
  /** True when nothing was queued then. */
  #isExitDue = false;
  #failure: Failure | undefined = undefined;
  #onFulfilled: ((value: unknown) => void) | undefined = undefined;
  #onRejected: ((error: unknown) => void) | undefined = undefined;

  constructor(options: ProcessOptions) {
    const { host, program, address } = options;
    super(host, program, options.parent);
    this.shutdownMs = options.shutdownMs;
    this.#start = options;
    this.inbox = new Inbox(this, host, program, address);
    this.#ctx = new Context(this, host, program);
    this.ref = options.makeRef(this);
  }

  /** What its handlers are given. */
  get context(): Context {
    return this.#ctx;
  }

  /** The name of the operation that it is handling. */
  get operation(): string | undefined {
    return this.phase === "initialising" ? "init" : this.#operation?.name;
  }

  /** How many calls it has not answered: queued, being handled, or deferred. */
  get openCalls(): number {
    const handling = this.#from === undefined ? 0 : 1;
    return this.inbox.mailbox.callers + handling + this.deferred.size;
  }

  /** Asks for a turn, if the process can use one. In its first turn it initialises. */
  override wake(): void {
    if (this.inbox.isQueued || (this.phase !== "ready" && this.phase !== "new")) return;
    this.inbox.isQueued = true;
    this.host.scheduler.ready(this);
  }

  effects(): "open" | "closed" | "ignored" {
    const phase = this.phase;
    // A killed process may have an async handler that still goes on.
    if (phase === "dead") return "ignored";
    const handling = phase === "ready" && this.inbox.isOnStack;
    return handling || phase === "busy" || phase === "initialising" ? "open" : "closed";
  }

  /**
   * Asks the process to end: it handles what is queued now, then terminates. The first reason
   * wins. `"killed"` ends it at once, without `terminate`, whatever it is doing.
   *
   * OTP: `gen_server:stop`, an exit signal of the parent to a process that traps exits, and
   * `exit(Pid, kill)`.
   */
  override exit(reason: ExitReason): void {
    if (reason === "killed") this.#exit("killed");
    else this.requestExit(reason);
  }

  protected override requestExit(reason: ExitReason): void {
    if (this.#exitAsked !== undefined || !this.isListening) return;
    this.#exitAsked = reason;
    this.#isExitDue = this.inbox.mailbox.isEmpty;
    this.isInterrupted = true;
    if (this.#isExitDue) this.wake();
    else this.notify(new Interlude(() => this.#terminate(reason)));
    if (this.phase === "initialising") this.#start?.onExitAsked?.();
  }

  /** Queues a message of the runtime. */
  override notify(notice: Notice): void {
    this.inbox.notify(notice);
  }

  /** Leaves the answer to the call being handled for later. */
  defer(): ReplyTo<Inferred> {
    if (this.#from === undefined) throw new NoCallerError(this.#operation?.name ?? "init");
    this.#deferredId ||= this.host.replies.open(this.#from, this.deferrals());
    return { replyTo: this.#deferredId, system: this.host.systemTag };
  }

  undefer(): void {
    this.host.replies.take(this.#deferredId);
    this.#deferredId = 0;
  }

  get continuations(): number {
    return this.interruptions?.continuations ?? 0;
  }

  continueWith(operation: Operation, arg: unknown): void {
    this.interrupt().push(operation, arg);
  }

  handling(kind: OperationKind, name: string, arg: unknown): void {
    if (this.#operation === undefined) return;
    this.#operation = { ...this.#operation, kind, name };
    this.#arg = arg;
  }

  run(limit: number): number {
    this.inbox.isQueued = false;
    if (this.phase === "new") this.#init();
    const { mailbox } = this.inbox;
    let used = 0;
    while (this.phase === "ready") {
      if (used === limit) {
        if (this.isInterrupted || !mailbox.isEmpty) this.wake();
        break;
      }
      used += 1;
      if (this.isInterrupted) {
        if (this.#comesFirst()) continue;
        if (this.isSuspended) break;
      }
      const operation = mailbox.shift();
      if (operation === undefined) break;
      if (operation.kind === "notice") this.#notice(mailbox.arg as Notice);
      else this.#handle(operation, mailbox.arg, mailbox.from);
    }
    mailbox.release();
    return used;
  }

  /** Does what comes before the next message; false when there is nothing to do. */
  #comesFirst(): boolean {
    const next = this.interruptions?.next();
    if (next !== undefined) this.#handle(next.operation, next.arg, undefined);
    // A suspended process keeps its messages, but it ends when it is asked to.
    else if (this.#exitAsked !== undefined && (this.#isExitDue || this.isSuspended)) {
      this.#terminate(this.#exitAsked);
    } else {
      this.isInterrupted = this.isSuspended;
      return false;
    }
    return true;
  }

  #notice(notice: Notice): void {
    if (!notice.take()) return;
    const { operation, arg } = notice;
    if (operation !== undefined) this.#handle(operation, arg, undefined);
    else this.inbox.drop("info", "exit", arg, "unknown_operation");
  }

  #init(): void {
    const { arg, startTimeoutMs } = this.#start as ProcessOptions;
    this.phase = "initialising";
    this.#arg = arg;
    const done = (state: unknown) => this.#initialised(state);
    const failed = (error: unknown) => {
      if (this.phase === "initialising") this.#initFailed(error);
    };
    runOnce(this.inbox, () => this.program.definition.init(arg, this.#ctx), done, failed);
    if (this.phase !== "initialising") return;
    this.limit(startTimeoutMs, () => {
      const message = `init did not finish within ${startTimeoutMs} ms`;
      this.#exit("killed", { error: { name: "StartTimeout", message } });
    });
  }

  /** A refusal is no crash: the start fails, and nobody linked ends. OTP: `{error, Reason}`. */
  #initFailed(error: unknown): void {
    if (!this.#ctx.isRefusal(error)) this.#fail("init", error);
    else this.#exit("normal", { error: toErrorValue(error) }, error);
  }

  #initialised(state: unknown): void {
    if (this.phase !== "initialising") return;
    const { stopReason } = this.#ctx;
    if (stopReason !== undefined) {
      this.#noteFailure(stopReason);
      this.#exit(stopReason);
      return;
    }
    if (state === undefined) {
      this.#fail("init", new NoStateError(this.describe()));
      return;
    }
    this.unlimit();
    this.#arg = undefined;
    this.state = state;
    this.phase = "ready";
    this.beginIdling();
    this.#ctx.commit();
    // An effect may have been the end of the process, and so of its start.
    if ((this.phase as Phase) === "dead") return;
    this.idle?.arm(undefined);
    this.#start?.listener.onStarted(this);
    this.#start = undefined;
    if (this.isInterrupted || !this.inbox.mailbox.isEmpty) this.wake();
  }

  #handle(operation: Operation, arg: unknown, from: ReplyPort | undefined): void {
    this.#operation = operation;
    this.#arg = arg;
    this.#from = from;
    if (this.idle !== undefined) this.idle.disarm();
    if (this.tracer !== undefined) {
      this.traced({ event: "message", kind: operation.kind, operation: operation.name, arg });
    }
    const { handler } = operation;
    let result: unknown;
    let pending = false;
    this.inbox.isOnStack = true;
    try {
      result = handler(this.state, arg, this.#ctx);
      pending = isThenable(result);
    } catch (error) {
      this.inbox.isOnStack = false;
      this.#threw(error);
      return;
    }
    this.inbox.isOnStack = false;
    if (pending) this.#await(result);
    else this.#returned(result);
  }

  /** Holds the mailbox until the handler's promise settles. */
  #await(result: unknown): void {
    if (this.phase === "ready") this.phase = "busy";
    this.#onFulfilled ??= (value) => {
      if (this.phase !== "busy") return;
      this.phase = "ready";
      this.#returned(value);
      this.wake();
    };
    this.#onRejected ??= (error) => {
      if (this.phase !== "busy") return;
      this.phase = "ready";
      this.#threw(error);
      this.wake();
    };
    Promise.resolve(result).then(this.#onFulfilled, this.#onRejected);
  }

  /** The handler has returned: its effects take place and its caller is answered. */
  #returned(value: unknown): void {
    // The handler may have killed its own process.
    if (this.phase === "dead") return;
    let isDeferred = false;
    if (this.#ctx.touched) {
      isDeferred = this.#deferredId !== 0;
      this.#deferredId = 0;
      if (isDeferred) this.#from = undefined;
      this.#ctx.commit();
      // An effect may have been an exit signal to itself.
      if ((this.phase as Phase) === "dead") return;
      const { stopReason } = this.#ctx;
      if (stopReason !== undefined) {
        this.#reply = { value };
        this.#traceOutcome("returned", value);
        this.#terminate(stopReason);
        return;
      }
    }
    const from = this.#finishMessage(isDeferred ? "deferred" : "returned", value);
    if (from !== undefined) from.resolve(value);
  }

  /** The handler has not returned: it has had no effects. It refused, or the process crashes. */
  #threw(error: unknown): void {
    const operation = this.#operation;
    if (this.phase === "dead" || operation === undefined) return;
    this.#ctx.rollback();
    const arg = this.#arg;
    if (!this.#ctx.isRefusal(error)) {
      this.#failure = { operation: operation.name, arg, error };
      this.#traceOutcome("crashed", error);
      this.#terminate({ error: toErrorValue(error) });
      return;
    }
    const from = this.#finishMessage("refused", error);
    if (from !== undefined) from.reject(error);
    else this.inbox.drop(operation.kind, operation.name, arg, "refused");
  }

  /** Forgets the message being handled; returns where its answer goes. */
  #finishMessage(outcome: TraceOutcome, result: unknown): ReplyPort | undefined {
    const from = this.#from;
    const operation = this.#operation;
    if (this.tracer !== undefined) this.#traceOutcome(outcome, result);
    this.#operation = undefined;
    this.#arg = undefined;
    this.#from = undefined;
    if (this.idle !== undefined) this.idle.arm(operation);
    return from;
  }

  #traceOutcome(outcome: TraceOutcome, result: unknown): void {
    const operation = this.#operation?.name ?? "";
    this.traced({ event: "handled", operation, outcome, result, state: this.state });
  }

  /** OTP: `gen_server` reports every end of its own that is not an orderly one. */
  #noteFailure(reason: ExitReason): void {
    if (isOrderlyExit(reason) || this.#failure !== undefined) return;
    this.#failure = { operation: this.operation, arg: this.#arg, error: undefined };
  }

  #terminate(reason: ExitReason): void {
    if (this.phase === "dead") return;
    this.phase = "terminating";
    this.#noteFailure(reason);
    const { terminate } = this.program.definition;
    const done = () => this.#exit(reason);
    if (terminate === undefined) {
      done();
      return;
    }
    const failed = (error: unknown) => this.#fail("terminate", error);
    runOnce(this.inbox, () => terminate(this.state, reason), done, failed);
    if (this.phase === "terminating") this.limit(this.shutdownMs, () => this.#exit("killed"));
  }

  /** Something of the definition that must not throw has thrown. */
  #fail(operation: "init" | "terminate", error: unknown): void {
    if (this.phase === "dead") return;
    this.#failure = { operation, arg: this.#arg, error };
    this.#exit({ error: toErrorValue(error) });
  }

  protected override die(reason: ExitReason): void {
    this.#exit(reason);
  }

  /** The end. What the process owned is free first, then its callers are told, then the others. */
  #exit(reason: ExitReason, startReason: ExitReason = reason, refusal?: unknown): void {
    if (this.phase === "dead") return;
    this.phase = "dead";
    this.exitReason = reason;
    this.unlimit();
    this.idle?.disarm();
    this.#ctx.clear();
    const name = this.host.release(this);
    this.releaseOwned();
    this.#settleCallers(reason);
    this.state = undefined;
    this.#arg = undefined;
    this.interruptions = undefined;
    this.#start?.listener.onStartFailed(
      new StartError(this.describe(), startReason, refusal ?? this.#failure?.error),
    );
    this.#start = undefined;
    this.host.ended(this, name, reason, this.#failure);
    if (this.tracer !== undefined) this.traced({ event: "exit", reason });
    this.tellOthers(reason);
  }

  /** Answers the calls that it was handling or had deferred, and those that wait. */
  #settleCallers(reason: ExitReason): void {
    const from = this.#from;
    this.#from = undefined;
    if (this.#reply !== undefined) from?.resolve(this.#reply.value);
    else from?.reject(this.exitError(reason));
    for (const id of this.deferred) this.host.replies.take(id)?.reject(this.exitError(reason));
    this.inbox.close(reason);
  }
}
