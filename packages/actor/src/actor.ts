/**
 * `defineActor`: what an actor is, as plain data, for any host to run.
 *
 * A definition holds functions and a name, no state and no behaviour of its own. The handlers stay
 * readable on it, so that a local process, a remote node and a replica run the same ones.
 */
import { OptionError } from "./errors.ts";
import type { ExitReason } from "./exit-reason.ts";
import { functionOption, integerOption, nameOption, objectOption } from "./option.ts";
import type { AnyRef, Inferred, Ref } from "./ref.ts";

/** Names a timer within its process. */
export type TimerId = string;

/**
 * What a handler may touch besides its state. Everything that is not a function of state and
 * argument comes through here, so that another host can answer the same on every replica.
 *
 * Effects (`sendAfter`, `cancel`, `stop`) take place only if the handler returns: a handler that
 * throws, or refuses with `fail`, has had none. This differs from OTP, where a message is sent
 * when the function is called. One `ctx` serves every message of a process, so it must not be
 * used after the handler has ended. `_S` is the type of the state, carried for helpers that take
 * both.
 */
export interface Ctx<_S = unknown> {
  /**
   * The process itself. Calling it before the first `await` of a handler rejects with
   * `CallingSelfError`; after it, the call waits for its own handler and times out.
   */
  readonly self: AnyRef;
  /** Wall clock time in milliseconds. */
  now(): number;
  /** A number in `[0, 1)`. */
  random(): number;
  /** A new identifier, 32 hexadecimal digits long. */
  id(): string;
  /**
   * Refuses the call: it rejects with `ReplyError` (ran), which carries `code` and `data`, and
   * nothing crashes. Undoes no change of the state, so refuse before changing it. Without a
   * caller (in a cast or an info) the message becomes a dead letter.
   */
  fail(code: string, data?: unknown): never;
  /**
   * Ends the process once the handler has returned: `terminate` runs, then the reply is sent.
   * The default reason is `"normal"`. OTP: `{stop, Reason, Reply, State}`.
   */
  stop(reason?: ExitReason): void;
  /**
   * Sends this process an info message `ms` milliseconds after the handler has returned. Throws
   * `UnknownOperationError` at once when there is no such info handler.
   */
  sendAfter(ms: number, operation: string, arg?: unknown): TimerId;
  /** Takes a timer back. True: its message will not be handled; false: there is no such timer. */
  cancel(timer: TimerId): boolean;
}

/** One operation: reads or changes the state and returns the reply, or a promise of it. */
export type Handler<S> = (state: S, arg: Inferred, ctx: Ctx<S>) => unknown;

/** Handlers by the name of their operation. */
export type Handlers<S> = Record<string, Handler<S>>;

/** A table without handlers: what `queries`, `calls` and `casts` are when left out. */
export type NoHandlers = Record<never, never>;

/**
 * What `defineActor` makes. `N` is its name, `A` the argument of `init`, `S` the state, and `Q`,
 * `C` and `K` are the handlers of its queries, calls and casts.
 */
export interface ActorDefinition<N extends string, A, S, Q, C, K> {
  readonly name: N;
  /** The version of the state's shape. */
  readonly version: number;
  readonly init: (arg: A, ctx: Ctx<Inferred>) => S | PromiseLike<S>;
  readonly queries: Q;
  readonly calls: C;
  readonly casts: K;
  readonly info: Readonly<Handlers<S>>;
  readonly terminate: ((state: S, reason: ExitReason) => unknown) | undefined;
}

/** Any definition. */
export type AnyActorDefinition = ActorDefinition<
  string,
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
  D extends ActorDefinition<string, Inferred, Inferred, infer Q, infer C, infer K>
    ? Ref<Q, C, K>
    : never;

/** What a definition is made from. `init` comes first in the literal, for the compiler's sake. */
export interface ActorSpec<A, S, Q, C, K, I> {
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
  /** Messages from the runtime: timers. OTP: `handle_info`. */
  readonly info?: I & Handlers<NoInfer<S>>;
  /**
   * Runs when the process stops in an orderly way or crashes; never when it is killed or `init`
   * failed. What it throws becomes the exit reason. OTP: `terminate`.
   */
  readonly terminate?: (state: NoInfer<S>, reason: ExitReason) => unknown;
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
>(name: N, spec: ActorSpec<A, S, Q, C, K, I>): ActorDefinition<N, A, S, Q, C, K> {
  nameOption("name", name);
  objectOption("definition", spec);
  functionOption("init", spec.init);
  if (spec.terminate !== undefined) functionOption("terminate", spec.terminate);
  const queries = handlerTable("queries", spec.queries);
  const calls = handlerTable("calls", spec.calls);
  for (const operation of Object.keys(queries)) {
    if (!(operation in calls)) continue;
    throw new OptionError(`calls.${operation}`, "a name that is not also a query", operation);
  }
  return Object.freeze({
    name,
    version: integerOption("version", spec.version ?? 1, 0),
    init: spec.init,
    queries: queries as Q,
    calls: calls as C,
    casts: handlerTable("casts", spec.casts) as K,
    info: handlerTable<Handlers<S>>("info", spec.info),
    terminate: spec.terminate,
  });
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
