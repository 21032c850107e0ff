/**
 * `defineActor`: what an actor is, as plain data, for any host to run.
 *
 * A definition holds functions and a name, no state and no behaviour of its own. The handlers stay
 * readable on it, so that a local process, a remote node and a replica run the same ones.
 */
import type { Ctx } from "./ctx.ts";
import type { EffectHandlers } from "./effect.ts";
import { OptionError } from "./errors.ts";
import type { ExitReason } from "./exit-reason.ts";
import {
  booleanOption,
  capacityOption,
  durationOption,
  functionOption,
  integerOption,
  knownOptions,
  nameOption,
  objectOption,
  oneOfOption,
} from "./option.ts";
import type { Inferred, Ref } from "./ref.ts";

/** One operation: reads or changes the state and returns the reply, or a promise of it. */
export type Handler<S> = (state: S, arg: Inferred, ctx: Ctx<S>) => unknown;

/** Handlers by the name of their operation. */
export type Handlers<S> = Record<string, Handler<S>>;

/** A table without handlers: what `queries`, `calls` and `casts` are when left out. */
export type NoHandlers = Record<never, never>;

/** What happens at the capacity of a mailbox: the new message is refused, or the oldest one is. */
export type Overflow = "reject" | "drop_oldest";

/** The mailbox of an actor that must not queue without limit. */
export interface MailboxSpec {
  /** How many messages may wait. What the runtime itself has to say is not counted. */
  readonly capacity: number;
  /** A refused call rejects with `MailboxFullError`, a cast is a dead letter. @default "reject" */
  readonly overflow?: Overflow;
}

/** Looks at a payload before it is queued: true, or in words what was expected. */
export type PayloadCheck = (arg: unknown) => true | string;

/**
 * What `defineActor` makes. `N` is its name, `A` the argument of `init`, `S` the state, and `Q`,
 * `C`, `K`, `I` and `T` are the handlers of its queries, calls, casts, infos and continuations.
 */
export interface ActorDefinition<N extends string, A, S, Q, C, K, I = Inferred, T = Inferred> {
  readonly name: N;
  /** The version of the state's shape. */
  readonly version: number;
  readonly init: (arg: A, ctx: Ctx<Inferred>) => S | PromiseLike<S>;
  readonly queries: Q;
  readonly calls: C;
  readonly casts: K;
  readonly info: I;
  readonly continue: T;
  readonly effects: EffectHandlers;
  readonly terminate: ((state: S, reason: ExitReason) => unknown) | undefined;
  readonly trapExit: boolean;
  /** In milliseconds; `Infinity` for none. */
  readonly idleTimeout: number;
  readonly mailbox: MailboxSpec | undefined;
  readonly payloads: Readonly<Record<string, PayloadCheck>>;
}

/** Any definition. */
export type AnyActorDefinition = ActorDefinition<
  string,
  Inferred,
  Inferred,
  Inferred,
  Inferred,
  Inferred,
  Inferred
>;

/**
 * The ref to a process of this definition.
 *
 * @example
 * ```ts
 * const counters: RefOf<typeof Counter>[] = [];
 * ```
 */
export type RefOf<D> =
  D extends ActorDefinition<string, Inferred, Inferred, infer Q, infer C, infer K, infer I>
    ? Ref<Q, C, K, I>
    : never;

/** What a definition is made from. `init` comes first in the literal, for the compiler's sake. */
export interface ActorSpec<A, S, Q, C, K, I, T> {
  /** The version of the state's shape. @default 1 */
  readonly version?: number;
  /** Makes the state from the argument of `start`. May be async; the process starts when done. */
  readonly init: (arg: A, ctx: Ctx<Inferred>) => S | PromiseLike<S>;
  /** Operations that only read. */
  readonly queries?: Q & Handlers<NoInfer<S>>;
  /** Operations that answer. OTP: `handle_call`. */
  readonly calls?: C & Handlers<NoInfer<S>>;
  /** Operations that nobody waits for. OTP: `handle_cast`. */
  readonly casts?: K & Handlers<NoInfer<S>>;
  /** Plain messages, timers, and what the runtime says: `down`, `exit`, `timeout`. */
  readonly info?: I & Handlers<NoInfer<S>>;
  /** What `ctx.continue` runs before any queued message. OTP: `handle_continue`. */
  readonly continue?: T & Handlers<NoInfer<S>>;
  /**
   * What `ctx.effect` asks for: work outside, done beside the mailbox. Each gets one argument and
   * an `EffectRun`, no state and no `ctx`; it may be async, also for an actor behind a group.
   */
  readonly effects?: EffectHandlers;
  /**
   * Runs when the process stops in an orderly way or crashes; never when it is killed or `init`
   * failed. What it throws becomes the exit reason. OTP: `terminate`.
   */
  readonly terminate?: (state: NoInfer<S>, reason: ExitReason) => unknown;
  /**
   * Exit signals become the info message `exit`, and one from the parent becomes an orderly stop;
   * without it they end the process at once. What a supervisor or `system.stop` asks for is no
   * signal and orderly in any case. OTP: `process_flag(trap_exit, true)`. @default false
   */
  readonly trapExit?: boolean;
  /**
   * After so many milliseconds without a message, the info message `timeout` is handled, once; the
   * next message begins anew. @default Infinity
   */
  readonly idleTimeout?: number;
  /** @default the capacity of the system, which is unlimited unless set */
  readonly mailbox?: MailboxSpec;
  /** Checks of what callers hand in, by operation: for callers that no compiler has checked. */
  readonly payloads?: Readonly<Record<string, PayloadCheck>>;
}

/**
 * Defines an actor.
 *
 * An async handler holds the mailbox until it settles, so one message is handled at a time. Throws
 * `OptionError` when a handler is not a function, when an operation is both a query and a call, or
 * when the name is empty.
 *
 * @example
 * ```ts
 * const Counter = defineActor("counter", {
 *   init: (a: { start: number }) => ({ count: a.start }),
 *   queries: { get: (s) => s.count },
 *   calls: { add: (s, n: number) => (s.count += n) },
 * });
 * ```
 */
export function defineActor<
  const N extends string,
  A,
  S,
  Q extends Handlers<NoInfer<S>> = NoHandlers,
  C extends Handlers<NoInfer<S>> = NoHandlers,
  K extends Handlers<NoInfer<S>> = NoHandlers,
  I extends Handlers<NoInfer<S>> = NoHandlers,
  T extends Handlers<NoInfer<S>> = NoHandlers,
>(name: N, spec: ActorSpec<A, S, Q, C, K, I, T>): ActorDefinition<N, A, S, Q, C, K, I, T> {
  nameOption("name", name);
  knownOptions(objectOption("definition", spec), definitionFields);
  functionOption("init", spec.init);
  if (spec.terminate !== undefined) functionOption("terminate", spec.terminate);
  const queries = handlerTable("queries", spec.queries);
  const calls = handlerTable("calls", spec.calls);
  for (const operation of Object.keys(queries)) {
    if (!(operation in calls)) continue;
    throw new OptionError(`calls.${operation}`, "a name that is not also a query", operation);
  }
  const info = handlerTable("info", spec.info);
  const casts = handlerTable("casts", spec.casts);
  return Object.freeze({
    name,
    version: integerOption("version", spec.version ?? 1, 0),
    init: spec.init,
    queries: queries as Q,
    calls: calls as C,
    casts: casts as K,
    info: info as I,
    continue: handlerTable("continue", spec.continue) as T,
    effects: handlerTable("effects", spec.effects),
    terminate: spec.terminate,
    trapExit: booleanOption("trapExit", spec.trapExit ?? false),
    idleTimeout: idleTimeoutOption(spec.idleTimeout, info),
    mailbox: mailboxOption(spec.mailbox),
    payloads: payloadTable(spec.payloads, [queries, calls, casts, info]),
  });
}

const definitionFields = [
  "version",
  "init",
  "queries",
  "calls",
  "casts",
  "info",
  "continue",
  "effects",
  "terminate",
  "trapExit",
  "idleTimeout",
  "mailbox",
  "payloads",
] as const satisfies readonly (keyof ActorSpec<never, never, never, never, never, never, never>)[];

function idleTimeoutOption(ms: number | undefined, info: object): number {
  if (ms === undefined) return Number.POSITIVE_INFINITY;
  if (!("timeout" in info)) throw new OptionError("info.timeout", "a handler", undefined);
  return durationOption("idleTimeout", ms);
}

function mailboxOption(spec: MailboxSpec | undefined): MailboxSpec | undefined {
  if (spec === undefined) return undefined;
  objectOption("mailbox", spec);
  const { capacity, overflow = "reject" } = spec;
  return Object.freeze({
    capacity: capacityOption("mailbox.capacity", capacity),
    overflow: oneOfOption("mailbox.overflow", overflow, ["reject", "drop_oldest"]),
  });
}

function payloadTable(
  payloads: Readonly<Record<string, PayloadCheck>> | undefined,
  tables: readonly object[],
): Readonly<Record<string, PayloadCheck>> {
  const checks = handlerTable("payloads", payloads);
  for (const operation of Object.keys(checks)) {
    if (tables.some((table) => operation in table)) continue;
    throw new OptionError(`payloads.${operation}`, "the name of an operation", operation);
  }
  return checks;
}

/** Copies a table onto no prototype, so that an operation "constructor" exists only if defined. */
function handlerTable<T extends object>(table: string, handlers: T | undefined): T {
  const copy: T = Object.create(null);
  if (handlers === undefined) return Object.freeze(copy);
  objectOption(table, handlers);
  for (const [operation, handler] of Object.entries(handlers)) {
    nameOption(`${table} operation`, operation);
    functionOption(`${table}.${operation}`, handler);
  }
  return Object.freeze(Object.assign(copy, handlers));
}
