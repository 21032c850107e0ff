/**
 * The types of a state machine: what a definition is made from, what its handlers are given, and
 * what its process holds.
 *
 * The operations of a machine are the union over its states, and the types here compute them: an
 * argument must suit every state that has a handler, and a reply is what any of them may answer.
 * Types only; nothing here runs.
 */
import type { ActorDefinition, MailboxSpec, NoHandlers, PayloadCheck } from "../actor.ts";
import type { Ctx, TimerId } from "../ctx.ts";
import type { EffectHandlers } from "../effect.ts";
import type { ExitReason } from "../exit-reason.ts";
import type { Deferred, Inferred, ReplyTo } from "../ref.ts";

/** The kinds of events. A query is none: it is answered beside the events. */
export type EventKind =
  | "call"
  | "cast"
  | "info"
  | "internal"
  | "stateTimeout"
  | "eventTimeout"
  | "timeout";

/** An event that waits inside of a machine: plain data. */
export interface MachineEvent {
  readonly kind: EventKind;
  /** The name of the operation or of the timeout; that of a single one is its kind. */
  readonly name: string;
  readonly arg: unknown;
  /** The caller of a call that was postponed. */
  readonly to?: ReplyTo<never>;
  /** Nobody waits for it and it was refused: what is left is to say so. */
  readonly refused?: true;
}

/** A timeout that is running, or is due as soon as nothing else waits inside of the machine. */
export interface MachineTimer {
  readonly kind: EventKind;
  readonly name: string;
  readonly arg: unknown;
  /** Tells this timer from every other one of its kind and name. */
  readonly id: string;
  /** Undefined when its time was zero. */
  readonly timer: TimerId | undefined;
}

/** What the process of a machine holds: plain data, as `system.getState` shows it. */
export interface MachineState<N extends string, D> {
  /** The name of the state. */
  state: N;
  data: D;
  /** What waits for a change of the state, oldest first. */
  postponed: MachineEvent[];
  /**
   * What comes before any message: internal events, and postponed ones that are tried again. The
   * next one is the last, because taking from the front would move all others.
   */
  queue: MachineEvent[];
  /** The timeouts, by kind and name. */
  timers: Map<string, MachineTimer>;
  /** The keys of the timeouts whose time was zero, oldest first. */
  due: string[];
}

/** How long a timeout takes in milliseconds, or what else to do with it. */
export type TimeoutTime = number | "cancel" | "update";

/** What a query may use, besides the data. */
export interface MachineQueryCtx<D, N extends string>
  extends Omit<Ctx<D>, "continue" | "idleTimeout"> {
  /** The name of the state. In an enter handler, the one that is entered. */
  readonly state: N;
}

/** Setting timeouts: what `init`, enter handlers and handlers of events have in common. */
export interface MachineTimeouts {
  /**
   * Effect: the `stateTimeout` handler runs after so long in this state; a change of the state
   * cancels it. Set together with a change, it belongs to the new state. With 0 it runs before any
   * message that waits. Setting it again starts it anew; `"cancel"` or `Infinity` takes it back;
   * `"update"` gives it another argument, or, if it is not running, sets it with 0.
   * OTP: `state_timeout`.
   */
  stateTimeout(time: TimeoutTime, arg?: unknown): void;
  /**
   * Effect: the `eventTimeout` handler runs unless any event comes within so long. Its times are
   * those of `stateTimeout`. OTP: the event time-out, `{timeout, Time, EventContent}`.
   */
  eventTimeout(time: TimeoutTime, arg?: unknown): void;
  /**
   * Effect: the handler of that name in `timeouts` runs after so long, whatever happens meanwhile,
   * in the state of that moment. Its times are those of `stateTimeout`. Throws
   * `UnknownOperationError` when no state has such a timeout. OTP: `{{timeout, Name}, Time, …}`.
   */
  timeout(name: string, time: TimeoutTime, arg?: unknown): void;
}

/** What `init` may use: there is no state yet. */
export interface MachineInitCtx
  extends Omit<Ctx<Inferred>, "continue" | "idleTimeout" | "defer">,
    MachineTimeouts {
  /** Effect: see {@link MachineCtx.nextEvent}. It is handled in the first state. */
  nextEvent(name: string, arg?: unknown): void;
}

/** What an enter handler may use. It may not change the state, postpone, or insert events. */
export interface MachineEnterCtx<D, N extends string>
  extends Omit<MachineQueryCtx<D, N>, "defer">,
    MachineTimeouts {
  /** Effect: calls the enter handler of this state again. OTP: `repeat_state`. */
  repeat(): void;
}

/** What the handler of an event may use. */
export interface MachineCtx<D, N extends string> extends MachineQueryCtx<D, N>, MachineTimeouts {
  /**
   * Effect: goes to a state. If it is another one, its enter handler runs, the state timeout is
   * cancelled and what was postponed is tried again; to the same one it does nothing. The last one
   * counts. Throws `UnknownStateError`. OTP: `next_state`.
   */
  next(state: N): void;
  /** Effect: stays, and calls the enter handler again. OTP: `repeat_state`. */
  repeat(): void;
  /**
   * Keeps this event until the state has changed, and its caller waiting: return what it returns.
   * Throws a refusal (did not run) when `maxPostponed` events are kept already. OTP: `postpone`.
   *
   * @example
   * ```ts
   * const calls = { send: (_data: Link, _text: string, ctx: LinkCtx) => ctx.postpone() };
   * ```
   */
  postpone(): Deferred<never>;
  /**
   * Effect: an event from the `internal` table, handled before any message that waits, and before
   * what else waits inside. Several keep their order. Throws `UnknownOperationError` when no state
   * has it, and `TooManyEventsError` at `maxInternal`. OTP: `{next_event, internal, …}`.
   */
  nextEvent(name: string, arg?: unknown): void;
}

/** One handler of an event. What it returns is the reply, if it is a call. */
export type MachineHandler<D, N extends string> = (
  data: D,
  arg: Inferred,
  ctx: MachineCtx<D, N>,
) => unknown;

/** Handlers by the name of their operation. */
export type MachineHandlers<D, N extends string> = Readonly<Record<string, MachineHandler<D, N>>>;

/** What a machine does in one state, or in every state that does not say otherwise. */
export interface StateSpec<D, N extends string> {
  /**
   * Runs when the machine starts in this state, comes here from `previous`, or repeats it; on start
   * and repeat `previous` is the state itself. OTP: the state enter call.
   */
  readonly enter?: (data: D, previous: N, ctx: MachineEnterCtx<D, N>) => unknown;
  /** Operations that only read. They are no events: they cancel nothing and change no state. */
  readonly queries?: Readonly<
    Record<string, (data: D, arg: Inferred, ctx: MachineQueryCtx<D, N>) => unknown>
  >;
  /** Operations that answer. */
  readonly calls?: MachineHandlers<D, N>;
  /** Operations that nobody waits for. */
  readonly casts?: MachineHandlers<D, N>;
  /** Plain messages, timers of `sendAfter`, and what the runtime says: `down`, `exit`. */
  readonly info?: MachineHandlers<D, N>;
  /** What `ctx.nextEvent` inserts. */
  readonly internal?: MachineHandlers<D, N>;
  /** What `ctx.timeout` sets, by name. */
  readonly timeouts?: MachineHandlers<D, N>;
  /** What `ctx.stateTimeout` sets. */
  readonly stateTimeout?: MachineHandler<D, N>;
  /** What `ctx.eventTimeout` sets. */
  readonly eventTimeout?: MachineHandler<D, N>;
}

/** Where a machine starts. */
export interface MachineStart<N extends string, D> {
  readonly state: N;
  readonly data: D;
}

/**
 * What a machine is made from. `init` comes first in the literal, for the compiler's sake: it gives
 * the type of the data, and the keys of `states` give the names of the states.
 */
export interface StateMachineSpec<A, N extends string, D, T, F> {
  /** The version of the data's shape. @default 1 */
  readonly version?: number;
  /** Makes the data from the argument of `start`, and says in which state to begin. */
  readonly init: (
    arg: A,
    ctx: MachineInitCtx,
  ) => MachineStart<NoInfer<N>, D> | PromiseLike<MachineStart<NoInfer<N>, D>>;
  /** What the machine does, by state. */
  readonly states: T & { readonly [K in N]: StateSpec<NoInfer<D>, N> };
  /** What it does in any state that has no handler of its own for it. */
  readonly any?: F & StateSpec<NoInfer<D>, NoInfer<N>>;
  /** Runs at the end, as `terminate` of an actor does. */
  readonly terminate?: (data: NoInfer<D>, reason: ExitReason, state: NoInfer<N>) => unknown;
  /** What `ctx.effect` asks for, in whatever state, as in an actor. */
  readonly effects?: EffectHandlers;
  /** How many events may be postponed at a time; one more is refused. @default 1000 */
  readonly maxPostponed?: number;
  /** How many internal events may wait at a time; one more is a crash. @default 1000 */
  readonly maxInternal?: number;
  /** As in an actor. @default false */
  readonly trapExit?: boolean;
  /** As in an actor. */
  readonly mailbox?: MailboxSpec;
  /** As in an actor. */
  readonly payloads?: Readonly<Record<string, PayloadCheck>>;
}

/**
 * What `defineStateMachine` makes: an actor's definition. `T` are the handlers of the states, and
 * `F` those of any state.
 */
export interface StateMachineDefinition<N extends string, A, D, T, F = NoHandlers>
  extends ActorDefinition<
    N,
    A,
    MachineState<keyof T & string, D>,
    MachineOperations<T, F, "queries">,
    MachineOperations<T, F, "calls">,
    MachineOperations<T, F, "casts">,
    MachineOperations<T, F, "info">
  > {
  /** The names of the states. */
  readonly states: readonly (keyof T & string)[];
}

/**
 * The operations of one table, over all states. The intersection with `unknown` changes nothing but
 * how the compiler prints the type: as the operations themselves, and not as a formula.
 */
export type MachineOperations<T, F, Table extends keyof StateSpec<Inferred, Inferred>> = {
  readonly [O in NamesOf<TableOf<T[keyof T] | F, Table>> & string]: Merged<
    HandlersOf<TableOf<T[keyof T] | F, Table>, O>
  >;
} & unknown;

/** Refuses, by name, a table that is none: the compiler does not look for surplus keys in `T`. */
export type OnlyKnownTables<T, F> = [Surplus<T[keyof T] | F>] extends [never]
  ? unknown
  : { readonly states: `there is no table "${Surplus<T[keyof T] | F>}"` };

type Surplus<U> = U extends unknown
  ? Exclude<keyof U & string, keyof StateSpec<Inferred, Inferred>>
  : never;

type TableOf<U, Table extends string> = U extends { readonly [K in Table]: infer H } ? H : never;

type NamesOf<H> = H extends unknown ? keyof H : never;

type HandlersOf<H, O extends PropertyKey> = H extends { readonly [K in O]: infer F } ? F : never;

/** One handler that stands for several: it takes what all of them take. */
type Merged<F> = [WithPayload<F>] extends [never]
  ? (state: Inferred) => Returned<F>
  : (state: Inferred, arg: PayloadOfAll<F>) => Returned<F>;

type WithPayload<F> = F extends (...args: infer P) => unknown
  ? P extends [] | [Inferred]
    ? never
    : F
  : never;

/** The intersection: a parameter that every handler of the union would accept. */
type PayloadOfAll<F> = (F extends unknown ? (arg: PayloadOf<F>) => void : never) extends (
  arg: infer A,
) => void
  ? A
  : never;

type PayloadOf<F> = F extends (state: Inferred, arg: infer A, ...rest: Inferred[]) => unknown
  ? A
  : never;

type Returned<F> = F extends (...args: Inferred[]) => infer R ? R : never;
