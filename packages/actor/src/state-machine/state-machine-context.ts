/**
 * The `ctx` of one event of a state machine: it notes what the handlers want of the transition, and
 * passes everything else on to the `ctx` of the process.
 *
 * It changes nothing of the machine. The step that made it does so when the handlers have returned,
 * and throws the notes away when they have not.
 */

import { type ActorError, isActorError } from "../actor-error.ts";
import type { Ctx, MonitorId, StartActor, TimerId } from "../ctx.ts";
import type { EffectId, EffectOptions } from "../effect.ts";
import { OutsideHandlerError, UnknownOperationError } from "../errors.ts";
import type { ExitReason } from "../exit-reason.ts";
import { durationOption, nameOption } from "../option.ts";
import type { Context } from "../process/context.ts";
import { beforeHandling } from "../process/refusal.ts";
import type { AnyRef, Deferred, Inferred, ReplyTo } from "../ref.ts";
import {
  IllegalActionError,
  TooManyEventsError,
  UnknownStateError,
} from "./state-machine-errors.ts";
import type { Machine } from "./state-machine-program.ts";
import type { MachineCtx, MachineEvent, MachineState, TimeoutTime } from "./state-machine-types.ts";

/** Which code has the context: it decides what may be asked for. */
export type Place = "init" | "event" | "enter" | "query" | "nothing";

/** What to do with a timeout at the end of the step. */
export interface TimeoutAction {
  readonly kind: "stateTimeout" | "eventTimeout" | "timeout";
  readonly name: string;
  readonly time: TimeoutTime;
  readonly arg: unknown;
}

/** What a handler of a queued call returns when it leaves the reply for later. */
const deferredReply = Object.freeze({}) as Deferred<never>;

/** What the handlers of one step are given. */
export class MachineContext implements MachineCtx<Inferred, string> {
  place: Place;
  /** The state that the step leads to. */
  state: string;
  /** Whether the enter handler of that state is to run. */
  enters = false;
  postponed = false;
  deferred = false;
  stopped = false;
  /** The refusal that a handler was left with. */
  refusal: ActorError | undefined = undefined;
  /** The internal events, in order. */
  events: MachineEvent[] | undefined = undefined;
  /** By key, in the order in which they were set last. */
  timeouts: Map<string, TimeoutAction> | undefined = undefined;
  readonly #machine: Machine;
  readonly #from: MachineState<string, unknown> | undefined;
  readonly #event: MachineEvent | undefined;
  readonly #ctx: Ctx;

  /** `from` and `event` are undefined in `init`, and `event` in a query. */
  constructor(
    place: Place,
    machine: Machine,
    ctx: Ctx,
    from: MachineState<string, unknown> | undefined,
    event: MachineEvent | undefined,
  ) {
    this.place = place;
    this.state = from?.state ?? "";
    this.#machine = machine;
    this.#ctx = ctx;
    this.#from = from;
    this.#event = event;
  }

  next(state: string): void {
    this.#allow("next", "event");
    const { name, states } = this.#machine;
    if (!states.has(state)) throw new UnknownStateError(name, state, states.keys());
    this.state = state;
    this.enters = state !== this.#from?.state;
  }

  repeat(): void {
    this.#allow("repeat", "event", "enter");
    // In an enter handler the state is the one that is entered already.
    if (this.place === "event") this.state = this.#from?.state ?? this.state;
    this.enters = true;
  }

  postpone(): Deferred<never> {
    this.#allow("postpone", "event");
    const { name, maxPostponed } = this.#machine;
    if (this.#from !== undefined && this.#from.postponed.length >= maxPostponed) {
      this.#forgetGone(this.#from);
    }
    if ((this.#from?.postponed.length ?? 0) >= maxPostponed) {
      this.fail(beforeHandling(new TooManyEventsError(name, "postponed", maxPostponed)));
    }
    this.postponed = true;
    return deferredReply;
  }

  /** Postponed calls whose callers have given up need no room any more. */
  #forgetGone(from: MachineState<string, unknown>): void {
    const { isAwaited } = this.#ctx as Partial<Context>;
    if (isAwaited === undefined) return;
    from.postponed = from.postponed.filter(
      ({ to }) => to === undefined || isAwaited.call(this.#ctx as Context, to),
    );
  }

  nextEvent(name: string, arg?: unknown): void {
    this.#allow("nextEvent", "event", "init");
    this.#checkKnown("internal", name);
    const { name: machine, maxInternal } = this.#machine;
    this.events ??= [];
    const waiting = this.#from?.queue.filter(({ kind }) => kind === "internal").length ?? 0;
    if (waiting + this.events.length >= maxInternal) {
      throw new TooManyEventsError(machine, "internal", maxInternal);
    }
    this.events.push({ kind: "internal", name, arg });
  }

  stateTimeout(time: TimeoutTime, arg?: unknown): void {
    this.#setTimeout("stateTimeout", "stateTimeout", "stateTimeout", time, arg);
  }

  eventTimeout(time: TimeoutTime, arg?: unknown): void {
    this.#setTimeout("eventTimeout", "eventTimeout", "eventTimeout", time, arg);
  }

  timeout(name: string, time: TimeoutTime, arg?: unknown): void {
    this.#setTimeout(`timeout ${name}`, "timeout", name, time, arg);
  }

  defer<R>(keep: (to: ReplyTo<R>) => void): Deferred<R> {
    this.#allow("defer", "event", "query");
    const to = this.#event?.to;
    this.deferred = true;
    if (to === undefined) return this.#ctx.defer(keep);
    keep(to as ReplyTo<R>);
    return deferredReply;
  }

  stop(reason?: ExitReason): void {
    this.#ctx.stop(reason);
    this.stopped = true;
  }

  get self(): AnyRef {
    return this.#ctx.self;
  }

  get signal(): AbortSignal {
    return this.#ctx.signal;
  }

  get start(): StartActor {
    return this.#ctx.start;
  }

  get startLink(): StartActor {
    return this.#ctx.startLink;
  }

  now(): number {
    return this.#ctx.now();
  }

  random(): number {
    return this.#ctx.random();
  }

  id(): string {
    return this.#ctx.id();
  }

  fail(refusal: string | ActorError, data?: unknown): never {
    try {
      return this.#ctx.fail(refusal, data);
    } catch (error) {
      if (isActorError(error)) this.refusal = error;
      throw error;
    }
  }

  sendAfter(ms: number, message: string, arg?: unknown): TimerId {
    return this.#ctx.sendAfter(ms, message, arg);
  }

  cancel(timer: TimerId): boolean {
    return this.#ctx.cancel(timer);
  }

  send(target: AnyRef, message: string, arg?: unknown): void {
    this.#ctx.send(target, message, arg);
  }

  cast(target: AnyRef, operation: string, arg?: unknown): void {
    this.#ctx.cast(target, operation, arg);
  }

  effect(name: string, arg?: unknown, options?: EffectOptions): EffectId {
    return this.#ctx.effect(name, arg, options);
  }

  reply<R>(to: ReplyTo<R>, reply: R): void {
    this.#ctx.reply(to, reply);
  }

  refuse(to: ReplyTo<never>, refusal: string | ActorError, data?: unknown): void {
    this.#ctx.refuse(to, refusal, data);
  }

  monitor(target: AnyRef | string): MonitorId {
    return this.#ctx.monitor(target);
  }

  demonitor(monitor: MonitorId): void {
    this.#ctx.demonitor(monitor);
  }

  link(target: AnyRef): void {
    this.#ctx.link(target);
  }

  unlink(target: AnyRef): void {
    this.#ctx.unlink(target);
  }

  exit(target: AnyRef, reason: ExitReason | "kill"): void {
    this.#ctx.exit(target, reason);
  }

  #setTimeout(
    key: string,
    kind: TimeoutAction["kind"],
    name: string,
    time: TimeoutTime,
    arg: unknown,
  ): void {
    this.#allow(kind, "event", "enter", "init");
    nameOption("name", name);
    if (time !== "cancel" && time !== "update") durationOption("time", time);
    this.#checkKnown(kind, name);
    this.timeouts ??= new Map();
    // The last one of each kind and name counts, and their order is that of the last ones.
    this.timeouts.delete(key);
    this.timeouts.set(key, { kind, name, time, arg });
  }

  #checkKnown(kind: MachineEvent["kind"], name: string): void {
    const known = this.#machine.events[kind];
    if (!known.has(name)) throw new UnknownOperationError(this.#machine.name, kind, name, known);
  }

  #allow(method: string, ...places: readonly Place[]): void {
    if (this.place === "nothing") throw new OutsideHandlerError(method);
    if (!places.includes(this.place)) throw new IllegalActionError(method, placeNames[this.place]);
  }
}

const placeNames = {
  init: "init",
  event: "the handler of an event",
  enter: "an enter handler",
  query: "a query",
  nothing: "nothing",
} as const satisfies Record<Place, string>;
