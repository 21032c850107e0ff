/**
 * The `ctx` of a local process: one object per process, reused for every message.
 *
 * It stages what a handler asks for (timers, cancels, a stop). The process commits the effects
 * when the handler has returned, and rolls them back when it has not. A context runs no handler.
 */
import type { Ctx, TimerId } from "./actor.ts";
import type { Clock, Random } from "./clock.ts";
import { OptionError, OutsideHandlerError, ReplyError, UnknownOperationError } from "./errors.ts";
import { type ExitReason, isExitReason } from "./exit-reason.ts";
import { durationOption, nameOption } from "./option.ts";
import type { OperationTable } from "./program.ts";
import type { AnyRef } from "./ref.ts";
import { type Timer, Timers } from "./timers.ts";

/** Where a context draws from. */
export interface ContextSources {
  readonly clock: Clock;
  readonly random: Random;
  /** A process may have as many timers as its mailbox holds messages. */
  readonly mailboxCapacity: number;
}

/** What a context asks of its process. */
export interface ContextPort {
  readonly ref: AnyRef;
  describe(): string;
  /** `"closed"` between handlers, and `"ignored"` once the process is dead. */
  effects(): "open" | "closed" | "ignored";
  fire(timer: Timer): void;
}

/** What the handlers of a local process are given. */
export class Context implements Ctx {
  /** True when a handler may have staged something: spares the process a look at the rest. */
  touched = false;
  /** Why the handler wants the process to stop. */
  stopReason: ExitReason | undefined = undefined;
  readonly #port: ContextPort;
  readonly #sources: ContextSources;
  readonly #info: OperationTable;
  #timers: Timers | undefined = undefined;
  #refusal: ReplyError | undefined = undefined;

  constructor(port: ContextPort, sources: ContextSources, info: OperationTable) {
    this.#port = port;
    this.#sources = sources;
    this.#info = info;
  }

  get self(): AnyRef {
    return this.#port.ref;
  }

  now(): number {
    return this.#sources.clock.now();
  }

  random(): number {
    return this.#sources.random();
  }

  id(): string {
    let digits = "";
    for (let word = 0; word < 4; word += 1) {
      const value = Math.floor(this.#sources.random() * 0x1_0000_0000);
      digits += value.toString(16).padStart(8, "0");
    }
    return digits;
  }

  fail(code: string, data?: unknown): never {
    this.#refusal = new ReplyError(nameOption("code", code), data);
    throw this.#refusal;
  }

  stop(reason: ExitReason = "normal"): void {
    if (!isExitReason(reason)) throw new OptionError("reason", "an exit reason", reason);
    if (this.#mayAct("stop")) this.stopReason = reason;
  }

  sendAfter(ms: number, operation: string, arg?: unknown): TimerId {
    const delay = durationOption("ms", ms);
    const info = this.#info;
    const target = info.get(operation);
    if (target === undefined) {
      throw new UnknownOperationError(this.#port.describe(), "info", operation, info.keys());
    }
    if (!this.#mayAct("sendAfter")) return "";
    this.#timers ??= new Timers({
      clock: this.#sources.clock,
      max: this.#sources.mailboxCapacity,
      owner: this.#port.describe(),
      fire: (timer) => this.#port.fire(timer),
    });
    return this.#timers.stage(delay, target, arg);
  }

  cancel(timer: TimerId): boolean {
    return this.#mayAct("cancel") && this.#timers?.stageCancel(timer) === true;
  }

  /** The handler has returned: its timers are armed and cancelled. `stopReason` is left. */
  commit(): void {
    this.touched = false;
    this.#timers?.commit();
  }

  /** The handler has not returned: it has asked for nothing. */
  rollback(): void {
    this.touched = false;
    this.stopReason = undefined;
    this.#timers?.rollback();
  }

  /** Whether what a handler threw is its own refusal, and not some other call's. */
  isRefusal(error: unknown): boolean {
    if (error === undefined || error !== this.#refusal) return false;
    this.#refusal = undefined;
    return true;
  }

  /** Whether the message of a timer is to be handled; it is not when the timer was cancelled. */
  take(timer: Timer): boolean {
    return this.#timers?.take(timer) === true;
  }

  /** The process is over: cancels its timers. */
  clear(): void {
    this.#timers?.clear();
  }

  #mayAct(method: string): boolean {
    const effects = this.#port.effects();
    if (effects === "closed") throw new OutsideHandlerError(method);
    if (effects === "ignored") return false;
    this.touched = true;
    return true;
  }
}
