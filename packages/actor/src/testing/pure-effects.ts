/**
 * What a handler asks of the runtime, as values that a test compares, and the `ctx` that notes it.
 *
 * The checks are those of a real `ctx`, so that a handler which would throw there throws here.
 * Nothing that is noted ever happens.
 */
import type { AnyActorDefinition } from "../actor.ts";
import type { ActorError } from "../actor-error.ts";
import { drawId, type Random } from "../clock.ts";
import type { Ctx, MonitorId, TimerId } from "../ctx.ts";
import { type EffectId, type EffectOptions, effectOptions, limitEffects } from "../effect.ts";
import {
  NoCallerError,
  OptionError,
  OutsideHandlerError,
  PayloadError,
  UnknownOperationError,
} from "../errors.ts";
import { type ExitReason, isExitReason } from "../exit-reason.ts";
import { durationOption, nameOption } from "../option.ts";
import { refusalOf } from "../process/refusal.ts";
import type { Operation, Program } from "../program.ts";
import type { AnyRef, Deferred, ReplyTo } from "../ref.ts";
import type { Launchable } from "../system/start-options.ts";

/** One thing that a handler asked for; `type` is the name of the method of `ctx`. */
export type Effect =
  | { readonly type: "send"; readonly to: AnyRef; readonly message: string; readonly arg: unknown }
  | {
      readonly type: "cast";
      readonly to: AnyRef;
      readonly operation: string;
      readonly arg: unknown;
    }
  | {
      readonly type: "sendAfter";
      readonly timer: TimerId;
      readonly ms: number;
      readonly message: string;
      readonly arg: unknown;
    }
  | { readonly type: "cancel"; readonly timer: TimerId }
  | { readonly type: "reply"; readonly to: ReplyTo<never>; readonly reply: unknown }
  | {
      readonly type: "refuse";
      readonly to: ReplyTo<never>;
      readonly code: string;
      readonly data: unknown;
    }
  | {
      readonly type: "effect";
      readonly id: EffectId;
      readonly effect: string;
      readonly arg: unknown;
      readonly info: string | undefined;
      /** In milliseconds. */
      readonly timeout: number;
    }
  | { readonly type: "continue"; readonly operation: string; readonly arg: unknown }
  | { readonly type: "idleTimeout"; readonly ms: number }
  | { readonly type: "monitor"; readonly monitor: MonitorId; readonly target: AnyRef | string }
  | { readonly type: "demonitor"; readonly monitor: MonitorId }
  | { readonly type: "link"; readonly target: AnyRef }
  | { readonly type: "unlink"; readonly target: AnyRef }
  | { readonly type: "exit"; readonly target: AnyRef; readonly reason: ExitReason | "kill" }
  | { readonly type: "stop"; readonly reason: ExitReason }
  | {
      readonly type: "start" | "startLink";
      readonly definition: Startee;
      readonly rest: readonly unknown[];
      /** What the handler was given for it. */
      readonly ref: AnyRef;
    };

/** What a handler can start. */
type Startee = AnyActorDefinition | Launchable<AnyRef>;

/** What a noting `ctx` answers with. */
export interface PureSources {
  readonly self: AnyRef;
  readonly signal: AbortSignal;
  readonly now: number;
  readonly random: Random;
  /** The timers that can be cancelled; undefined for any. */
  readonly timers: readonly TimerId[] | undefined;
  /** The number of the first timer, monitor and deferred reply. */
  readonly firstId: number;
  /** Whether somebody waits for a reply. */
  readonly hasCaller: boolean;
  /** Makes the ref of what the handler starts. */
  readonly start: (definition: Startee, rest: readonly unknown[]) => AnyRef | PromiseLike<AnyRef>;
}

const deferredReply = Object.freeze({}) as Deferred<never>;

/** A `ctx` that notes what it is asked for. */
export class PureContext implements Ctx {
  /** What was asked for, in order. */
  readonly effects: Effect[] = [];
  readonly self: AnyRef;
  readonly signal: AbortSignal;
  /** Where the deferred reply goes; undefined when it was not deferred. */
  deferred: ReplyTo<never> | undefined = undefined;
  readonly #sources: PureSources;
  readonly #program: Program;
  readonly #operation: Operation;
  readonly #cancelled = new Set<TimerId>();
  readonly #set = new Set<TimerId>();
  #lastTimer: number;
  #lastMonitor: number;
  #refusal: ActorError | undefined = undefined;
  #isOver = false;

  constructor(program: Program, operation: Operation, sources: PureSources) {
    this.#program = program;
    this.#operation = operation;
    this.#sources = sources;
    this.self = sources.self;
    this.signal = sources.signal;
    this.#lastTimer = sources.firstId - 1;
    this.#lastMonitor = sources.firstId - 1;
  }

  now(): number {
    return this.#sources.now;
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

  /** The handler has not returned: it has asked for nothing but what has begun already. */
  rollback(): void {
    const begun = this.effects.filter(({ type }) => type === "start" || type === "startLink");
    this.effects.splice(0, this.effects.length, ...begun);
  }

  stop(reason: ExitReason = "normal"): void {
    if (!isExitReason(reason)) throw new OptionError("reason", "an exit reason", reason);
    this.#note({ type: "stop", reason });
  }

  sendAfter(ms: number, message: string, arg?: unknown): TimerId {
    durationOption("ms", ms);
    this.#check("info", message, arg);
    this.#lastTimer += 1;
    const timer = `t${this.#lastTimer}`;
    this.#note({ type: "sendAfter", timer, ms, message, arg });
    this.#set.add(timer);
    return timer;
  }

  cancel(timer: TimerId): boolean {
    this.#mayAct("cancel");
    const { timers } = this.#sources;
    const isPending = this.#set.has(timer) || timers === undefined || timers.includes(timer);
    if (!isPending || this.#cancelled.has(timer)) return false;
    this.#cancelled.add(timer);
    this.#note({ type: "cancel", timer });
    return true;
  }

  send(target: AnyRef, message: string, arg?: unknown): void {
    this.#note({ type: "send", to: checkRef(target), message, arg });
  }

  cast(target: AnyRef, operation: string, arg?: unknown): void {
    this.#note({ type: "cast", to: checkRef(target), operation, arg });
  }

  defer<R>(keep: (to: ReplyTo<R>) => void): Deferred<R> {
    this.#mayAct("defer");
    if (!this.#sources.hasCaller) throw new NoCallerError(this.#operation.name);
    const to: ReplyTo<R> = { replyTo: this.#sources.firstId, system: "pure" };
    this.deferred = to;
    keep(to);
    return deferredReply;
  }

  reply<R>(to: ReplyTo<R>, reply: R): void {
    this.#note({ type: "reply", to: checkReplyTo(to), reply });
  }

  refuse(to: ReplyTo<never>, refusal: string | ActorError, given?: unknown): void {
    const { code, data } = refusalOf(refusal, given);
    this.#note({ type: "refuse", to: checkReplyTo(to), code, data });
  }

  effect(name: string, arg?: unknown, options?: EffectOptions): EffectId {
    const { info, timeoutMs: timeout } = effectOptions(options);
    const { name: actor, effects: table } = this.#program.definition;
    if (table[name] === undefined) {
      throw new UnknownOperationError(actor, "effect", name, Object.keys(table));
    }
    if (info !== undefined && this.#program.info.get(info) === undefined) {
      throw this.#unknown("info", info);
    }
    const open = this.effects.filter(({ type }) => type === "effect").length;
    limitEffects(actor, open);
    const id = this.id();
    this.#note({ type: "effect", id, effect: name, arg, info, timeout });
    return id;
  }

  continue(operation: string, arg?: unknown): void {
    this.#check("continue", operation, arg);
    this.#note({ type: "continue", operation, arg });
  }

  idleTimeout(ms: number): void {
    this.#check("info", "timeout", undefined);
    this.#note({ type: "idleTimeout", ms: durationOption("ms", ms) });
  }

  monitor(target: AnyRef | string): MonitorId {
    if (this.#program.info.get("down") === undefined) throw this.#unknown("info", "down");
    if (typeof target === "string") nameOption("target", target);
    else checkRef(target);
    this.#lastMonitor += 1;
    const monitor = `m${this.#lastMonitor}`;
    this.#note({ type: "monitor", monitor, target });
    return monitor;
  }

  demonitor(monitor: MonitorId): void {
    this.#note({ type: "demonitor", monitor });
  }

  link(target: AnyRef): void {
    this.#note({ type: "link", target: checkRef(target) });
  }

  unlink(target: AnyRef): void {
    this.#note({ type: "unlink", target: checkRef(target) });
  }

  exit(target: AnyRef, reason: ExitReason | "kill"): void {
    if (reason !== "kill" && !isExitReason(reason)) {
      throw new OptionError("reason", 'an exit reason or "kill"', reason);
    }
    this.#note({ type: "exit", target: checkRef(target), reason });
  }

  start(definition: Startee, ...rest: unknown[]): Promise<never> {
    return this.#start("start", definition, rest);
  }

  startLink(definition: Startee, ...rest: unknown[]): Promise<never> {
    return this.#start("startLink", definition, rest);
  }

  /** The handler is over: nothing can be asked for any more. */
  close(): void {
    this.#isOver = true;
  }

  /** The refusal behind what a handler threw; undefined when it is not its own. */
  refusalIn(error: unknown): ActorError | undefined {
    return error === this.#refusal ? this.#refusal : undefined;
  }

  async #start(
    type: "start" | "startLink",
    definition: Startee,
    rest: readonly unknown[],
  ): Promise<never> {
    const ref = await this.#sources.start(definition, rest);
    this.effects.push({ type, definition, rest, ref });
    return ref as never;
  }

  #check(kind: "info" | "continue", name: string, arg: unknown): void {
    const operation = this.#program[kind].get(name);
    if (operation === undefined) throw this.#unknown(kind, name);
    const expected = operation.expects?.(arg) ?? true;
    if (expected !== true) throw new PayloadError(String(this.self), name, expected, arg);
  }

  #unknown(kind: "info" | "continue", name: string): Error {
    const known = this.#program[kind].keys();
    return new UnknownOperationError(this.#program.definition.name, kind, name, known);
  }

  #note(effect: Effect): void {
    this.#mayAct(effect.type);
    this.effects.push(effect);
  }

  #mayAct(method: string): void {
    if (this.#isOver) throw new OutsideHandlerError(method);
  }
}

function checkRef(target: AnyRef): AnyRef {
  if (typeof target?.send === "function") return target;
  throw new OptionError("target", "a ref", target);
}

function checkReplyTo(to: ReplyTo<never>): ReplyTo<never> {
  if (typeof to?.replyTo === "number") return to;
  throw new OptionError("to", "what ctx.defer gave", to);
}
