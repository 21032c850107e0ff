/**
 * One running actor: it initialises, handles its messages one at a time, terminates and exits.
 *
 * Everything that can happen to a process is a move between its phases, and every move is here.
 * A process knows its host through a port; it knows no names, no supervisors and no other process.
 */
import { Context, type ContextPort } from "./context.ts";
import { Bound } from "./deadlines.ts";
import { ProcessExitedError, StartError } from "./errors.ts";
import { type ExitReason, toErrorValue } from "./exit-reason.ts";
import { Inbox, type InboxOwner, timerFired } from "./inbox.ts";
import type { LocalRef } from "./local-ref.ts";
import type { Failure, ProcessHost, ProcessOptions } from "./process-host.ts";
import type { Operation, Program } from "./program.ts";
import type { ReplyPort } from "./ref.ts";
import type { Runnable } from "./scheduler.ts";
import type { Timer } from "./timers.ts";

/**
 * `new` → `initialising` → `ready` ⇄ `busy` → `terminating` → `dead`. Only a ready process takes
 * messages; a busy one waits for an async handler. Any phase may go to `dead`, when killed.
 */
type Phase = "new" | "initialising" | "ready" | "busy" | "terminating" | "dead";

/** One running actor. */
export class Process implements Runnable, InboxOwner, ContextPort {
  readonly inbox: Inbox;
  readonly ref: LocalRef;
  /** How long it may take to stop, in milliseconds. */
  readonly shutdownMs: number;
  readonly #host: ProcessHost;
  readonly #program: Program;
  readonly #ctx: Context;
  /** Until `init` is done. */
  #start: ProcessOptions | undefined;
  #phase: Phase = "new";
  #state: unknown = undefined;
  // The message being handled.
  #operation: Operation | undefined = undefined;
  #arg: unknown = undefined;
  #from: ReplyPort | undefined = undefined;
  /** The reply that waits for `terminate`, when the handler asked to stop. */
  #reply: { readonly value: unknown } | undefined = undefined;
  /** What the outside asked for, and after which message it is due. */
  #exitAsked: ExitReason | undefined = undefined;
  #exitAfter = 0;
  #exitReason: ExitReason | undefined = undefined;
  #failure: Failure | undefined = undefined;
  #bound: Bound | undefined = undefined;
  #exitListeners: ((reason: ExitReason) => void)[] | undefined = undefined;
  #onFulfilled: ((value: unknown) => void) | undefined = undefined;
  #onRejected: ((error: unknown) => void) | undefined = undefined;

  constructor(options: ProcessOptions) {
    const { host, program, address } = options;
    this.shutdownMs = options.shutdownMs;
    this.#start = options;
    this.#host = host;
    this.#program = program;
    this.inbox = new Inbox(this, host, program, address);
    this.#ctx = new Context(this, host, program.info);
    this.ref = options.makeRef(this);
  }

  /** Names the process in messages: `counter <7>`. */
  describe(): string {
    return this.inbox.describe();
  }

  /** Asks for a turn, if the process can use one. In its first turn it initialises. */
  wake(): void {
    if (this.inbox.isQueued || (this.#phase !== "ready" && this.#phase !== "new")) return;
    this.inbox.isQueued = true;
    this.#host.scheduler.ready(this);
  }

  fire(timer: Timer): void {
    this.inbox.fire(timer);
  }

  effects(): "open" | "closed" | "ignored" {
    const phase = this.#phase;
    // A killed process may have an async handler that still goes on.
    if (phase === "dead") return "ignored";
    const handling = phase === "ready" && this.inbox.isOnStack;
    return handling || phase === "busy" || phase === "initialising" ? "open" : "closed";
  }

  /**
   * Asks the process to end: it handles what is queued now, then terminates. The first reason
   * wins. `"killed"` ends it at once, without `terminate`, whatever it is doing.
   *
   * OTP: an exit signal from the parent of a process that traps exits, and `exit(Pid, kill)`.
   */
  exit(reason: ExitReason): void {
    if (reason === "killed") this.#exit("killed");
    else if (this.#exitAsked === undefined) {
      this.#exitAsked = reason;
      this.#exitAfter = this.inbox.mailbox.taken + this.inbox.mailbox.size;
      this.wake();
      if (this.#phase === "initialising") this.#start?.onExitAsked?.();
    }
  }

  /** Calls the listener once with the exit reason; at once when the process is dead. */
  onExit(listener: (reason: ExitReason) => void): void {
    if (this.#exitReason !== undefined) listener(this.#exitReason);
    else if (this.#exitListeners === undefined) this.#exitListeners = [listener];
    else this.#exitListeners.push(listener);
  }

  run(limit: number): number {
    this.inbox.isQueued = false;
    if (this.#phase === "new") this.#init();
    const { mailbox } = this.inbox;
    let used = 0;
    while (this.#phase === "ready") {
      if (this.#exitAsked !== undefined && mailbox.taken >= this.#exitAfter) {
        this.#terminate(this.#exitAsked);
        break;
      }
      if (used === limit) {
        this.wake();
        break;
      }
      const operation = mailbox.shift();
      if (operation === undefined) break;
      used += 1;
      if (operation !== timerFired) this.#handle(operation, mailbox.arg, mailbox.from);
      else {
        const timer = mailbox.arg as Timer;
        if (this.#ctx.take(timer)) this.#handle(timer.operation, timer.arg, undefined);
      }
    }
    mailbox.release();
    return used;
  }

  #init(): void {
    const { arg, startTimeoutMs } = this.#start as ProcessOptions;
    this.#phase = "initialising";
    this.#arg = arg;
    const done = (state: unknown) => this.#initialised(state);
    const failed = (error: unknown) => {
      if (this.#phase === "initialising") this.#fail("init", error);
    };
    this.#runOnce(() => this.#program.definition.init(arg, this.#ctx), done, failed);
    if (this.#phase !== "initialising") return;
    this.#limit(startTimeoutMs, () => {
      const message = `init did not finish within ${startTimeoutMs} ms`;
      this.#exit("killed", { error: { name: "StartTimeout", message } });
    });
  }

  #initialised(state: unknown): void {
    if (this.#phase !== "initialising") return;
    const { stopReason } = this.#ctx;
    if (stopReason !== undefined) {
      this.#exit(stopReason);
      return;
    }
    this.#unlimit();
    const start = this.#start;
    this.#start = undefined;
    this.#arg = undefined;
    this.#state = state;
    this.#phase = "ready";
    this.#ctx.commit();
    start?.onStarted(this);
    if (this.#exitAsked !== undefined || !this.inbox.mailbox.isEmpty) this.wake();
  }

  #handle(operation: Operation, arg: unknown, from: ReplyPort | undefined): void {
    this.#operation = operation;
    this.#arg = arg;
    this.#from = from;
    const { handler } = operation;
    let result: unknown;
    let pending = false;
    this.inbox.isOnStack = true;
    try {
      result = handler(this.#state, arg, this.#ctx);
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
    if (this.#phase === "ready") this.#phase = "busy";
    this.#onFulfilled ??= (value) => {
      if (this.#phase !== "busy") return;
      this.#phase = "ready";
      this.#returned(value);
      this.wake();
    };
    this.#onRejected ??= (error) => {
      if (this.#phase !== "busy") return;
      this.#phase = "ready";
      this.#threw(error);
      this.wake();
    };
    Promise.resolve(result).then(this.#onFulfilled, this.#onRejected);
  }

  /** The handler has returned: its effects take place and its caller is answered. */
  #returned(value: unknown): void {
    // The handler may have killed its own process.
    if (this.#phase === "dead") return;
    if (this.#ctx.touched) {
      this.#ctx.commit();
      const { stopReason } = this.#ctx;
      if (stopReason !== undefined) {
        this.#reply = { value };
        this.#terminate(stopReason);
        return;
      }
    }
    const from = this.#finishMessage();
    if (from !== undefined) from.resolve(value);
  }

  /** The handler has not returned: it has had no effects. It refused, or the process crashes. */
  #threw(error: unknown): void {
    const operation = this.#operation;
    if (this.#phase === "dead" || operation === undefined) return;
    this.#ctx.rollback();
    const arg = this.#arg;
    if (!this.#ctx.isRefusal(error)) {
      this.#failure = { operation: operation.name, arg, error };
      this.#terminate({ error: toErrorValue(error) });
      return;
    }
    const from = this.#finishMessage();
    if (from !== undefined) from.reject(error);
    else this.inbox.drop(operation.kind, operation.name, arg, "refused");
  }

  /** Forgets the message being handled; returns where its answer goes. */
  #finishMessage(): ReplyPort | undefined {
    const from = this.#from;
    this.#operation = undefined;
    this.#arg = undefined;
    this.#from = undefined;
    return from;
  }

  #terminate(reason: ExitReason): void {
    this.#phase = "terminating";
    const { terminate } = this.#program.definition;
    const done = () => this.#exit(reason);
    if (terminate === undefined) {
      done();
      return;
    }
    const failed = (error: unknown) => this.#fail("terminate", error);
    this.#runOnce(() => terminate(this.#state, reason), done, failed);
    if (this.#phase === "terminating") this.#limit(this.shutdownMs, () => this.#exit("killed"));
  }

  /** Runs `init` or `terminate`, which may be async. */
  #runOnce(
    run: () => unknown,
    done: (value: unknown) => void,
    failed: (error: unknown) => void,
  ): void {
    let result: unknown;
    let pending = false;
    this.inbox.isOnStack = true;
    try {
      result = run();
      pending = isThenable(result);
    } catch (error) {
      this.inbox.isOnStack = false;
      failed(error);
      return;
    }
    this.inbox.isOnStack = false;
    if (pending) Promise.resolve(result).then(done, failed);
    else done(result);
  }

  /** Something of the definition that must not throw has thrown. */
  #fail(operation: "init" | "terminate", error: unknown): void {
    if (this.#phase === "dead") return;
    this.#failure = { operation, arg: this.#arg, error };
    this.#exit({ error: toErrorValue(error) });
  }

  #exit(reason: ExitReason, startReason: ExitReason = reason): void {
    if (this.#phase === "dead") return;
    this.#phase = "dead";
    this.#exitReason = reason;
    this.#unlimit();
    this.#ctx.clear();
    this.#host.release(this);
    this.#settleCallers(reason);
    this.#state = undefined;
    this.#arg = undefined;
    const start = this.#start;
    this.#start = undefined;
    start?.onStartFailed(new StartError(this.describe(), startReason, this.#failure?.error));
    this.#host.ended(this, reason, this.#failure);
    const listeners = this.#exitListeners;
    this.#exitListeners = undefined;
    if (listeners !== undefined) for (const listener of listeners) listener(reason);
  }

  /** Answers the call being handled, which may have run, and those that wait. */
  #settleCallers(reason: ExitReason): void {
    const from = this.#from;
    this.#from = undefined;
    if (this.#reply !== undefined) from?.resolve(this.#reply.value);
    else from?.reject(new ProcessExitedError(this.describe(), reason, "unknown"));
    this.inbox.close(reason);
  }

  #limit(ms: number, expired: () => void): void {
    this.#bound = new Bound(expired);
    this.#host.deadlines.add(this.#bound, ms);
  }

  #unlimit(): void {
    if (this.#bound !== undefined) this.#host.deadlines.remove(this.#bound);
    this.#bound = undefined;
  }
}

function isThenable(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return typeof (value as { then?: unknown }).then === "function";
}
