/**
 * The `ctx` of a local process: one object per process, reused for every message.
 *
 * It stages what a handler asks for. The process commits the effects when the handler has
 * returned, and rolls them back when it has not. A context runs no handler.
 */
import type { ActorError } from "../actor-error.ts";
import { drawId } from "../clock.ts";
import type { Ctx, MonitorId, TimerId } from "../ctx.ts";
import { type EffectId, type EffectOptions, effectOptions } from "../effect.ts";
import {
  MailboxFullError,
  NoProcessError,
  OptionError,
  OutsideHandlerError,
  PayloadError,
  UnknownOperationError,
} from "../errors.ts";
import { type ExitReason, isExitReason } from "../exit-reason.ts";
import { durationOption, functionOption, nameOption } from "../option.ts";
import type { Operation, OperationKind, OperationTable, Program } from "../program.ts";
import type { AnyRef, Deferred, ReplyPort, ReplyTo } from "../ref.ts";
import type { ContextPort, ContextSources, Startee } from "./context-ports.ts";
import { Monitors } from "./monitors.ts";
import { refusalOf } from "./refusal.ts";
import { RunningEffects } from "./running-effects.ts";
import { Timers } from "./timers.ts";

/** What a handler that defers its reply returns; the type is the compiler's. */
const deferredReply = Object.freeze({}) as Deferred<never>;

/** What the handlers of a local process are given. */
export class Context implements Ctx {
  /** True when a handler may have staged something: spares the process a look at the rest. */
  touched = false;
  /** Why the handler wants the process to stop. */
  stopReason: ExitReason | undefined = undefined;
  readonly #port: ContextPort;
  readonly #sources: ContextSources;
  readonly #program: Program;
  #staged: (() => void)[] | undefined = undefined;
  #undo: (() => void)[] | undefined = undefined;
  #timers: Timers | undefined = undefined;
  #monitors: Monitors | undefined = undefined;
  #effects: RunningEffects | undefined = undefined;
  #refusal: ActorError | undefined = undefined;

  constructor(port: ContextPort, sources: ContextSources, program: Program) {
    this.#port = port;
    this.#sources = sources;
    this.#program = program;
  }

  get self(): AnyRef {
    return this.#port.ref;
  }

  get signal(): AbortSignal {
    return this.#port.endSignal;
  }

  /** How many timers the process has. */
  get timers(): number {
    return this.#timers?.size ?? 0;
  }

  /** How many monitors the process has set. */
  get monitors(): number {
    return this.#monitors?.size ?? 0;
  }

  /** How many named effects are being done, or have an outcome that waits. */
  get openEffects(): number {
    return this.#effects?.size ?? 0;
  }

  now(): number {
    return this.#sources.clock.now();
  }

  random(): number {
    return this.#sources.random();
  }

  id(): string {
    return drawId(this.#sources.random);
  }

  fail(refusal: string | ActorError, data?: unknown): never {
    this.#refusal = refusalOf(refusal, data);
    throw this.#refusal;
  }

  /** Whether somebody still waits for a reply that was left for later. */
  isAwaited(to: ReplyTo<never>): boolean {
    return this.#sources.isAwaited(to);
  }

  /** What the message being handled is called in reports, when it came in another one's name. */
  handling(kind: OperationKind, operation: string, arg: unknown): void {
    this.#port.handling(kind, operation, arg);
  }

  stop(reason: ExitReason = "normal"): void {
    if (!isExitReason(reason)) throw new OptionError("reason", "an exit reason", reason);
    if (this.#mayAct("stop")) this.stopReason = reason;
  }

  sendAfter(ms: number, message: string, arg?: unknown): TimerId {
    const delay = durationOption("ms", ms);
    if (delay === Number.POSITIVE_INFINITY) throw new OptionError("ms", "a finite number", ms);
    const operation = this.#operation("info", message, arg);
    if (!this.#mayAct("sendAfter")) return "";
    this.#timers ??= new Timers({
      clock: this.#sources.clock,
      max: this.#sources.maxTimers,
      owner: this.#port.describe(),
      fire: (timer) => this.#port.notify(timer),
    });
    return this.#timers.stage(delay, operation, arg);
  }

  cancel(timer: TimerId): boolean {
    return this.#mayAct("cancel") && this.#timers?.stageCancel(timer) === true;
  }

  send(target: AnyRef, message: string, arg?: unknown): void {
    checkRef(target);
    const sent = this.#copied(arg);
    this.#stage("send", () => target.send(message, sent));
  }

  cast(target: AnyRef, operation: string, arg?: unknown): void {
    checkRef(target);
    const sent = this.#copied(arg);
    this.#stage("cast", () => target.cast(operation, sent));
  }

  defer<R>(keep: (to: ReplyTo<R>) => void): Deferred<R> {
    functionOption("keep", keep);
    if (!this.#mayAct("defer")) return deferredReply;
    const to: ReplyTo<R> = this.#port.defer();
    this.#revoke(() => this.#port.undefer());
    keep(to);
    return deferredReply;
  }

  reply<R>(to: ReplyTo<R>, reply: R): void {
    this.#answer("reply", to, (port) => port.resolve(reply));
  }

  refuse(to: ReplyTo<never>, refusal: string | ActorError, data?: unknown): void {
    const error = refusalOf(refusal, data);
    this.#answer("refuse", to, (port) => port.reject(error));
  }

  effect(name: string, arg?: unknown, options?: EffectOptions): EffectId {
    const { info, timeoutMs } = effectOptions(options);
    const { effects: table } = this.#program.definition;
    const handler = table[name];
    if (handler === undefined) {
      throw new UnknownOperationError(this.#port.describe(), "effect", name, Object.keys(table));
    }
    const told = info === undefined ? undefined : this.#program.info.get(info);
    if (info !== undefined && told === undefined) throw this.#unknown("info", info);
    if (!this.#mayAct("effect")) return "";
    const id = this.id();
    const sent = this.#copied(arg);
    this.#effects ??= this.#makeEffects();
    const effects = this.#effects;
    effects.add({ id, effect: name, handler, arg: sent, timeoutMs, told });
    this.#stage("effect", () => effects.begin(id));
    this.#revoke(() => effects.remove(id));
    return id;
  }

  continue(operation: string, arg?: unknown): void {
    const target = this.#operation("continue", operation, arg);
    const { maxTimers: max } = this.#sources;
    const waiting = this.#port.continuations + (this.#staged?.length ?? 0);
    if (waiting >= max) {
      throw new MailboxFullError(`continuations of ${this.#port.describe()}`, max);
    }
    this.#stage("continue", () => this.#port.continueWith(target, arg));
  }

  idleTimeout(ms: number): void {
    const operation = this.#operation("info", "timeout", undefined);
    const delay = durationOption("ms", ms);
    this.#stage("idleTimeout", () => this.#port.setIdleTimeout(operation, delay));
  }

  monitor(target: AnyRef | string): MonitorId {
    const down = this.#program.info.get("down");
    if (down === undefined) throw this.#unknown("info", "down");
    if (typeof target === "string") nameOption("target", target);
    else checkRef(target);
    const watched = this.#sources.monitorTarget(target);
    if (!this.#mayAct("monitor")) return "";
    this.#monitors ??= new Monitors({
      max: this.#sources.maxTimers,
      watcher: this.#port.ref,
      owner: this.#port.describe(),
      fire: (notice) => this.#port.notify(notice),
    });
    const monitors = this.#monitors;
    const id = monitors.add(watched, down);
    this.#stage("monitor", () => monitors.arm(id));
    this.#revoke(() => monitors.remove(id));
    return id;
  }

  demonitor(monitor: MonitorId): void {
    this.#stage("demonitor", () => this.#monitors?.remove(monitor));
  }

  link(target: AnyRef): void {
    this.#checkPeer(target);
    this.#stage("link", () => this.#port.link(target));
  }

  unlink(target: AnyRef): void {
    this.#checkPeer(target);
    this.#stage("unlink", () => this.#port.unlink(target));
  }

  exit(target: AnyRef, reason: ExitReason | "kill"): void {
    this.#checkPeer(target);
    if (reason !== "kill" && !isExitReason(reason)) {
      throw new OptionError("reason", 'an exit reason or "kill"', reason);
    }
    this.#stage("exit", () => this.#port.sendExit(target, reason));
  }

  start(definition: Startee, ...rest: unknown[]): Promise<never> {
    return this.#start(false, definition, rest);
  }

  startLink(definition: Startee, ...rest: unknown[]): Promise<never> {
    return this.#start(true, definition, rest);
  }

  /** The handler has returned: its effects take place. `stopReason` is left. */
  commit(): void {
    this.touched = false;
    this.#timers?.commit();
    const staged = this.#staged;
    this.#staged = undefined;
    this.#undo = undefined;
    for (const effect of staged ?? []) {
      // An effect may have been the end of the process.
      if (this.#port.effects() === "ignored") return;
      try {
        effect();
      } catch (error) {
        // Only a ref that is not Troupe's own throws when something is sent to it.
        this.#sources.warn(`an effect of ${this.#port.describe()} failed`, error);
      }
    }
  }

  /** The handler has not returned: it has asked for nothing. */
  rollback(): void {
    this.touched = false;
    this.stopReason = undefined;
    this.#timers?.rollback();
    const undo = this.#undo;
    this.#staged = undefined;
    this.#undo = undefined;
    if (undo !== undefined) for (const revoke of undo) revoke();
  }

  /** Whether what a handler threw is its own refusal, and not some other call's. */
  isRefusal(error: unknown): boolean {
    if (error === undefined || error !== this.#refusal) return false;
    this.#refusal = undefined;
    return true;
  }

  /** The process is over: takes its timers and monitors back, and waits for no effect. */
  clear(): void {
    this.#timers?.clear();
    this.#monitors?.clear();
    this.#effects?.clear();
    this.#staged = undefined;
    this.#undo = undefined;
  }

  #makeEffects(): RunningEffects {
    const { clock, copy, effectFailed } = this.#sources;
    const { ref, endSignal } = this.#port;
    return new RunningEffects({
      clock,
      copy,
      ref,
      endSignal,
      owner: this.#port.describe(),
      fire: (notice) => this.#port.notify(notice),
      failed: (...failure) => effectFailed(ref, ...failure),
    });
  }

  #start(linked: boolean, startee: Startee, rest: readonly unknown[]): Promise<never> {
    const parent = this.#port.ref;
    if (this.#port.effects() !== "ignored") {
      return this.#sources.startFrom(parent, linked, startee, rest);
    }
    return Promise.reject(new NoProcessError(this.#port.describe()));
  }

  #answer(method: string, to: ReplyTo<never>, answer: (port: ReplyPort) => void): void {
    if (typeof to?.replyTo !== "number" || !this.#sources.canAnswer(to)) {
      throw new OptionError("to", "what ctx.defer gave in this system", to);
    }
    this.#stage(method, () => this.#sources.answer(to, answer));
  }

  /** The operation that a message to the process itself names; throws when there is none. */
  #operation(kind: "info" | "continue", name: string, arg: unknown): Operation {
    const operation = this.#program[kind].get(name);
    if (operation === undefined) throw this.#unknown(kind, name);
    const expected = operation.expects?.(arg) ?? true;
    if (expected === true) return operation;
    throw new PayloadError(this.#port.describe(), name, expected, arg);
  }

  #unknown(kind: "info" | "continue", name: string): Error {
    const table: OperationTable = this.#program[kind];
    return new UnknownOperationError(this.#port.describe(), kind, name, table.keys());
  }

  #stage(method: string, effect: () => void): void {
    if (!this.#mayAct(method)) return;
    this.#staged ??= [];
    this.#staged.push(effect);
  }

  /** Another process of this system, or what stands for one. */
  #checkPeer(target: AnyRef): void {
    checkRef(target);
    this.#sources.peer(target);
  }

  /** Copied when it is asked for: what cannot be sent is then the error of this handler. */
  #copied(arg: unknown): unknown {
    const { copy } = this.#sources;
    return copy === undefined ? arg : copy(arg, "arg");
  }

  /** What to do instead of the effects when the handler does not return. */
  #revoke(undo: () => void): void {
    this.#undo ??= [];
    this.#undo.push(undo);
  }

  #mayAct(method: string): boolean {
    const effects = this.#port.effects();
    if (effects === "closed") throw new OutsideHandlerError(method);
    if (effects === "ignored") return false;
    this.touched = true;
    return true;
  }
}

function checkRef(target: AnyRef): void {
  if (typeof target?.send !== "function") throw new OptionError("target", "a ref", target);
}
