/**
 * The `ctx` of a replicated handler: the same answers on every replica and at every replay.
 *
 * Time is the primary's at the moment it prepared the op; chance and ids are drawn from a hash of
 * the group, the op and the request's place in it. What a handler asks for is noted, and takes
 * place in the actor's memory when the handler has returned; so a throw and a refusal have asked
 * for nothing. What cannot go through the log is refused by name.
 */
import {
  type ActorError,
  type AnyActorDefinition,
  type AnyRef,
  type Ctx,
  type Deferred,
  type EffectId,
  type EffectOptions,
  isActorError,
  MailboxFullError,
  type MonitorId,
  NoCallerError,
  OptionError,
  PayloadError,
  type RefAddress,
  ReplyError,
  type ReplyTo,
  type TimerId,
  UnknownOperationError,
} from "@troupe/actor";
import { durationOption, effectOptions, functionOption, nameOption } from "@troupe/actor/runtime";
import { type ActorMemory, memoryLimits } from "./actor-memory.ts";
import { checksum } from "./checksum.ts";
import { NotReplicableError } from "./errors.ts";
import { TargetRef } from "./target-ref.ts";
import type { Op, RequestName } from "./vsr/index.ts";

const refusals = new WeakSet<object>();

/** Whether a handler threw this to refuse, through `ctx.fail`. */
export function isOwnRefusal(error: unknown): boolean {
  return typeof error === "object" && error !== null && refusals.has(error);
}

/** One thing that a handler asked for. */
export type Asked =
  | ({ readonly type: "timer"; readonly id: TimerId; readonly due: number } & Message)
  | { readonly type: "cancel"; readonly id: TimerId }
  | ({ readonly type: "effect"; readonly to: RefAddress } & Message)
  | ({ readonly type: "perform" } & Performance)
  | { readonly type: "defer"; readonly reply: number; readonly call: RequestName }
  | { readonly type: "answer"; readonly reply: number; readonly body: Uint8Array }
  | { readonly type: "monitor"; readonly id: MonitorId; readonly target: RefAddress }
  | { readonly type: "demonitor"; readonly id: MonitorId }
  | { readonly type: "continue"; readonly name: string; readonly arg: Uint8Array };

interface Message {
  readonly kind: "info" | "cast";
  readonly name: string;
  readonly arg: Uint8Array;
}

interface Performance {
  readonly id: EffectId;
  readonly name: string;
  readonly arg: Uint8Array;
  readonly info: string | undefined;
  readonly timeout: number;
}

/** Where a handler runs, and on whose behalf. */
export interface Place {
  readonly op: Op;
  /** Its place in the op: what chance and names are drawn from. */
  readonly index: number | string;
  /** Of the op, in microseconds. */
  readonly timestamp: number;
  /** The call that waits for a reply; absent if none does. */
  readonly call?: RequestName | undefined;
  /** How many continuations may still be asked for. */
  readonly room?: number;
  /** Set where nothing can be asked for: `"a query"`, `"init"`. */
  readonly bare?: string;
}

/** What all handlers of one machine have in common. */
export interface ContextSources {
  readonly definition: AnyActorDefinition;
  /** Names the history that chance is drawn from. */
  readonly seed: string;
  readonly group: string;
  /** Encodes what a message carries; throws NotSerializableError. */
  readonly encode: (value: unknown, root: string) => Uint8Array;
  /** Encodes the reply to a deferred call, and a refusal of it. */
  readonly encodeReply: (value: unknown) => Uint8Array;
  readonly encodeRefusal: (error: unknown) => Uint8Array;
}

/** More requests than any op has: so that op and index make one number. */
const requestsMax = 2 ** 20;

/** What a handler that defers its reply returns; the type is the compiler's. */
const deferredReply = Object.freeze({}) as Deferred<never>;

export class ReplicatedContext implements Ctx<unknown> {
  readonly #sources: ContextSources;
  readonly #place: Place;
  /** What is open now; absent where there is nothing yet. */
  readonly #memory: ActorMemory | undefined;
  #asked: Asked[] | undefined;
  readonly #counts: Partial<Record<Asked["type"], number>> = {};
  #deferred = false;
  #drawn = 0;

  constructor(sources: ContextSources, place: Place, memory?: ActorMemory) {
    this.#sources = sources;
    this.#place = place;
    this.#memory = memory;
  }

  /** What the handler asked for, in order. */
  get asked(): readonly Asked[] {
    return this.#asked ?? [];
  }

  /** Whether the reply was left for later. */
  get hasDeferred(): boolean {
    return this.#deferred;
  }

  /** The group, as a target of messages to itself. It cannot be kept in the state. */
  get self(): AnyRef {
    const { group, definition } = this.#sources;
    const { name: actor } = definition;
    return new TargetRef({ kind: "group", node: undefined, incarnation: 0, id: 0, actor, group });
  }

  get signal(): never {
    throw new NotReplicableError("ctx.signal");
  }

  now(): number {
    return Math.floor(this.#place.timestamp / 1000);
  }

  random(): number {
    // 52 bits fill the mantissa of a double evenly.
    return Number.parseInt(this.#draw().slice(0, 13), 16) / 2 ** 52;
  }

  id(): string {
    return this.#draw();
  }

  fail(refusal: string | ActorError, data?: unknown): never {
    const error = errorOf(refusal, data);
    refusals.add(error);
    throw error;
  }

  sendAfter(ms: number, message: string, arg?: unknown): TimerId {
    const delay = durationOption("ms", ms);
    if (delay === Number.POSITIVE_INFINITY) throw new OptionError("ms", "a finite number", ms);
    return this.#setTimer("info", delay, message, arg);
  }

  cancel(timer: TimerId): boolean {
    const staged = this.asked.filter((asked) => "id" in asked && asked.id === timer);
    const last = staged.at(-1);
    const isOpen = last === undefined ? this.#memory?.timers.has(timer) : last.type === "timer";
    if (isOpen !== true) return false;
    this.#ask("ctx.cancel", { type: "cancel", id: timer });
    return true;
  }

  send(target: AnyRef, message: string, arg?: unknown): void {
    this.#sendTo("info", target, message, arg);
  }

  cast(target: AnyRef, operation: string, arg?: unknown): void {
    this.#sendTo("cast", target, operation, arg);
  }

  effect(name: string, arg?: unknown, options?: EffectOptions): EffectId {
    const { info, timeoutMs: timeout } = effectOptions(options);
    const { name: actor, effects, info: infos } = this.#sources.definition;
    if (!Object.hasOwn(effects, name)) throw unknownOperation(actor, "effect", name, effects);
    if (info !== undefined && !Object.hasOwn(infos, info)) {
      throw unknownOperation(actor, "info", info, infos);
    }
    this.#limitEffects("ctx.effect");
    const encoded = this.#sources.encode(arg, "arg");
    // With the time of the op, which tells two histories of one group apart whose ops have the
    // same numbers: a group in memory that is begun anew counts from 1 again.
    const id = this.#draw(`effect/${this.#place.timestamp}`);
    this.#ask("ctx.effect", { type: "perform", id, name, arg: encoded, info, timeout });
    return id;
  }

  defer<R>(keep: (to: ReplyTo<R>) => void): Deferred<R> {
    functionOption("keep", keep);
    const { call } = this.#place;
    if (call === undefined) throw new NoCallerError("defer");
    const { op, index } = this.#place;
    const reply = op * requestsMax + Number(index);
    if (!this.#deferred) this.#ask("ctx.defer", { type: "defer", reply, call });
    this.#deferred = true;
    keep({ replyTo: reply, system: this.#replySystem });
    return deferredReply;
  }

  reply<R>(to: ReplyTo<R>, reply: R): void {
    this.#answer("ctx.reply", to, this.#sources.encodeReply(reply));
  }

  refuse(to: ReplyTo<never>, refusal: string | ActorError, data?: unknown): void {
    this.#answer("ctx.refuse", to, this.#sources.encodeRefusal(errorOf(refusal, data)));
  }

  continue(operation: string, arg?: unknown): void {
    this.#check("continue", operation, arg);
    if (this.#count("continue") >= (this.#place.room ?? 0)) {
      throw new MailboxFullError("continuations of a replicated actor", this.#place.room ?? 0);
    }
    const encoded = this.#sources.encode(arg, "arg");
    this.#ask("ctx.continue", { type: "continue", name: operation, arg: encoded });
  }

  monitor(target: AnyRef | string): MonitorId {
    this.#check("info", "down", undefined);
    // A name is one of a node, and the group is on several.
    if (typeof target === "string") throw new NotReplicableError("ctx.monitor of a name");
    const address = this.#addressOf(target);
    if (address === undefined) throw new NotReplicableError("ctx.monitor of itself");
    limit("monitors", this.#open("ctx.monitor").monitors.size + this.#count("monitor"));
    const id = this.#newId();
    this.#ask("ctx.monitor", { type: "monitor", id, target: address });
    return id;
  }

  demonitor(monitor: MonitorId): void {
    this.#ask("ctx.demonitor", { type: "demonitor", id: monitor });
  }

  stop(): never {
    throw new NotReplicableError("ctx.stop");
  }

  idleTimeout(): never {
    throw new NotReplicableError("ctx.idleTimeout");
  }

  link(): never {
    throw new NotReplicableError("ctx.link");
  }

  unlink(): never {
    throw new NotReplicableError("ctx.unlink");
  }

  exit(): never {
    throw new NotReplicableError("ctx.exit");
  }

  start(): never {
    throw new NotReplicableError("ctx.start");
  }

  startLink(): never {
    throw new NotReplicableError("ctx.startLink");
  }

  get #replySystem(): string {
    return `group:${this.#sources.group}`;
  }

  #setTimer(kind: "info" | "cast", delay: number, name: string, arg: unknown): TimerId {
    this.#check(kind, name, arg);
    limit("timers", this.#open("ctx.sendAfter").timers.size + this.#count("timer"));
    const id = this.#newId();
    const due = this.now() + delay;
    const encoded = this.#sources.encode(arg, "arg");
    this.#ask("ctx.sendAfter", { type: "timer", id, due, kind, name, arg: encoded });
    return id;
  }

  #sendTo(kind: "info" | "cast", target: AnyRef, name: string, arg: unknown): void {
    const to = this.#addressOf(target);
    if (to === undefined) {
      this.#setTimer(kind, 0, name, arg);
      return;
    }
    const method = kind === "info" ? "ctx.send" : "ctx.cast";
    this.#limitEffects(method);
    const encoded = this.#sources.encode(arg, "arg");
    this.#ask(method, {
      type: "effect",
      to,
      kind,
      name: nameOption("operation", name),
      arg: encoded,
    });
  }

  #answer(method: string, to: ReplyTo<never>, body: Uint8Array): void {
    if (typeof to?.replyTo !== "number" || to.system !== this.#replySystem) {
      throw new OptionError("to", "what ctx.defer gave in this group", to);
    }
    this.#ask(method, { type: "answer", reply: to.replyTo, body });
  }

  /** The address of another actor; undefined for the group itself. */
  #addressOf(target: AnyRef): RefAddress | undefined {
    if (!(target instanceof TargetRef)) throw new OptionError("target", "a ref", target);
    const { address } = target;
    return address.kind === "group" ? undefined : address;
  }

  /** Whether there is such an operation, which takes such an argument. */
  #check(kind: "info" | "cast" | "continue", name: string, arg: unknown): void {
    const { definition } = this.#sources;
    const tables = { info: definition.info, cast: definition.casts, continue: definition.continue };
    const table = tables[kind];
    if (!Object.hasOwn(table, name)) {
      throw unknownOperation(definition.name, kind, name, table);
    }
    const expected = kind === "continue" ? true : (definition.payloads[name]?.(arg) ?? true);
    if (expected !== true) throw new PayloadError(definition.name, name, expected, arg);
  }

  #limitEffects(method: string): void {
    const asked = this.#count("effect") + this.#count("perform");
    limit("effects", this.#open(method).effects.size + asked);
  }

  #open(method: string): ActorMemory {
    const { bare } = this.#place;
    if (bare === undefined && this.#memory !== undefined) return this.#memory;
    throw new NotReplicableError(`${method} in ${bare ?? "init"}`);
  }

  #ask(method: string, asked: Asked): void {
    this.#open(method);
    this.#asked ??= [];
    this.#asked.push(asked);
    this.#counts[asked.type] = this.#count(asked.type) + 1;
  }

  #count(type: Asked["type"]): number {
    return this.#counts[type] ?? 0;
  }

  /** Names what is asked for: no other op, request or question has this one. */
  #newId(): string {
    const { op, index } = this.#place;
    return `${op}/${index}/${this.asked.length}`;
  }

  #draw(what?: string): string {
    this.#drawn++;
    const { op, index } = this.#place;
    const place = `${this.#sources.seed}/${op}/${index}/${this.#drawn}`;
    const source = what === undefined ? place : `${place}/${what}`;
    return checksum(new TextEncoder().encode(source));
  }
}

function errorOf(refusal: string | ActorError, data: unknown): ActorError {
  return isActorError(refusal) ? refusal : new ReplyError(refusal, data);
}

function unknownOperation(actor: string, kind: string, name: string, table: object): Error {
  return new UnknownOperationError(actor, kind, name, Object.keys(table));
}

function limit(what: keyof typeof memoryLimits, size: number): void {
  const max = memoryLimits[what];
  if (size >= max) throw new MailboxFullError(`${what} of a replicated actor`, max);
}
