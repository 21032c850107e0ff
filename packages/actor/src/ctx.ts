/**
 * What a handler may touch besides its state: the `ctx` that a host supplies, and what the runtime
 * tells a handler.
 *
 * Types only; nothing here runs. A local process, a replica and a test each bring their own `ctx`.
 */
import type { ActorDefinition } from "./actor.ts";
import type { ActorError } from "./actor-error.ts";
import type { EffectId, EffectOptions } from "./effect.ts";
import type { ExitReason } from "./exit-reason.ts";
import type { AnyRef, Deferred, Inferred, Ref, ReplyTo } from "./ref.ts";
import type { Launchable, StartOptions, StartRest } from "./system/start-options.ts";

/** Names a timer within its process. */
export type TimerId = string;

/** Names a monitor within its process. */
export type MonitorId = string;

/** What the info message `down` carries: a monitored process is over. OTP: `{'DOWN', …}`. */
export interface Down {
  readonly monitor: MonitorId;
  /** The process; undefined when a name was monitored that nobody had. */
  readonly ref: AnyRef | undefined;
  /** The name, when it was monitored by name. */
  readonly name: string | undefined;
  readonly reason: ExitReason;
}

/** What the info message `exit` carries to a process that traps exits. OTP: `{'EXIT', …}`. */
export interface ExitSignal {
  /** Who sent the signal; undefined when it came from outside of every process. */
  readonly ref: AnyRef | undefined;
  readonly reason: ExitReason;
}

/**
 * What a handler may touch besides its state. Everything that is not a function of state and
 * argument comes through here, so that another host can answer the same on every replica.
 *
 * Effects take place in order once the handler has returned: a handler that throws, or refuses
 * with `fail`, has had none. This differs from OTP, where a message is sent when the function is
 * called. What is no effect says so. One `ctx` serves every message of a process, so it must not
 * be used after the handler has ended. `_S` is the type of the state, carried for helpers that
 * take both.
 */
export interface Ctx<_S = unknown> {
  /**
   * The process itself. Calling it before the first `await` of a handler rejects with
   * `CallingSelfError`; after it, the call waits for its own handler and times out.
   */
  readonly self: AnyRef;
  /** Aborted when the process is over: pass it on to what an async handler waits for. */
  readonly signal: AbortSignal;
  /** Wall clock time in milliseconds. */
  now(): number;
  /** A number in `[0, 1)`. */
  random(): number;
  /** A new identifier, 32 hexadecimal digits long. */
  id(): string;
  /**
   * Refuses the call: it rejects with `ReplyError` (ran), which carries `code` and `data`, and
   * nothing crashes. Undoes no change of the state, so refuse before changing it. Without a
   * caller (in a cast or an info) the message becomes a dead letter. An `ActorError` given in
   * place of a code is what the caller gets.
   */
  fail(refusal: string | ActorError, data?: unknown): never;
  /**
   * Effect: ends the process. `terminate` runs, then the reply is sent. The default reason is
   * `"normal"`. OTP: `{stop, Reason, Reply, State}`.
   */
  stop(reason?: ExitReason): void;
  /**
   * Effect: sends this process an info message `ms` milliseconds later. Throws
   * `UnknownOperationError` at once when there is no such info handler.
   */
  sendAfter(ms: number, message: string, arg?: unknown): TimerId;
  /** Effect: takes a timer back. True: its message will not be handled; false: no such timer. */
  cancel(timer: TimerId): boolean;
  /** Effect: sends a plain message, as `target.send` does at once. */
  send(target: AnyRef, message: string, arg?: unknown): void;
  /** Effect: sends a cast, as `target.cast` does at once. */
  cast(target: AnyRef, operation: string, arg?: unknown): void;
  /**
   * Leaves the reply of this call for later: return what it returns. `keep` gets the address of
   * the reply, to be answered by `ctx.reply` or `ctx.refuse` in any later handler, of any process
   * of this system or of a connected node. When the process ends first, the caller is told. Throws
   * `NoCallerError` outside of a call or query. OTP: `{noreply, State}` and `gen_server:reply/2`.
   *
   * @example
   * ```ts
   * const Gate = defineActor("gate", {
   *   init: () => ({ waiting: [] as ReplyTo<string>[] }),
   *   calls: { pass: (s, _: void, ctx) => ctx.defer<string>((to) => s.waiting.push(to)) },
   *   casts: {
   *     open: (s, _: void, ctx) => {
   *       for (const to of s.waiting.splice(0)) ctx.reply(to, "go");
   *     },
   *   },
   * });
   * ```
   */
  defer<R>(keep: (to: ReplyTo<R>) => void): Deferred<R>;
  /** Effect: answers a deferred call. A reply that comes late, or second, is dropped. */
  reply<R>(to: ReplyTo<R>, reply: R): void;
  /** Effect: refuses a deferred call, as `fail` does. */
  refuse(to: ReplyTo<never>, refusal: string | ActorError, data?: unknown): void;
  /**
   * Effect: asks for one of the definition's `effects`, which is begun once the handler has
   * returned, and returns its id. It holds no message up. When it has settled, the message
   * `info` follows, once, with an `EffectResult`: what it returned, or why it failed. It is done
   * once in a process, whose end aborts it; behind a group at least once, by the primary, after the
   * commit, and always under the same id. It is not repeated because it failed: what is to be done
   * then is the actor's to say. A failure without `info` is reported as the event `effectFailed`.
   *
   * Throws `UnknownOperationError` at once when there is no such effect, or no such info,
   * `OptionError`, and `MailboxFullError` when too many are open: 1,024 of a process.
   *
   * @example
   * ```ts
   * const Shop = defineActor("shop", {
   *   init: () => ({ paid: [] as string[], failed: [] as string[] }),
   *   casts: {
   *     buy: (_s, item: string, ctx) => void ctx.effect("charge", item, { info: "charged" }),
   *   },
   *   info: {
   *     charged: (s, result: EffectResult<string>) => {
   *       if ("value" in result) s.paid.push(result.value);
   *       else s.failed.push(result.error.message);
   *     },
   *   },
   *   effects: {
   *     charge: async (item: string, { id, signal }) => {
   *       await fetch(`https://bank/charge/${item}?key=${id}`, { method: "POST", signal });
   *       return item;
   *     },
   *   },
   * });
   * ```
   */
  effect(name: string, arg?: unknown, options?: EffectOptions): EffectId;
  /**
   * Effect: runs a handler of the `continue` table before any queued message, after the reply.
   * Throws `UnknownOperationError` at once when there is none. OTP: `handle_continue`.
   */
  continue(operation: string, arg?: unknown): void;
  /**
   * Effect: the info message `timeout` follows unless another message is handled within `ms`
   * milliseconds. Once; it takes the place of the definition's `idleTimeout` this time. With 0 it
   * yields to what is queued already. OTP: a timeout in the return value.
   */
  idleTimeout(ms: number): void;
  /**
   * Effect: watches a process: when it is over, the info message `down` follows, exactly once; at
   * once with `"noproc"` when there is no such process. One on another node is also over, with
   * `"noconnection"`, when the connection to that node is lost, or there is none. OTP: `monitor/2`.
   */
  monitor(target: AnyRef | string): MonitorId;
  /** Effect: watches no longer. A `down` that is already queued is removed. OTP: `flush`. */
  demonitor(monitor: MonitorId): void;
  /**
   * Effect: links this process and another: when one ends with a reason other than `"normal"`, so
   * does the other, unless it traps exits. A process on another node is over, with
   * `"noconnection"`, when the connection to that node is lost, or there is none. OTP: `link/1`.
   */
  link(target: AnyRef): void;
  /** Effect: takes the link back. No signal of it is seen any more, not even one queued already. */
  unlink(target: AnyRef): void;
  /** Effect: sends an exit signal; `"kill"` cannot be trapped. OTP: `exit/2`. */
  exit(target: AnyRef, reason: ExitReason | "kill"): void;
  /** Starts a process that is not linked to this one. No effect: it begins at once. */
  start: StartActor;
  /**
   * Starts a process whose parent is this one: they are linked before `init` runs, and a child that
   * traps exits terminates when its parent ends. No effect: it begins at once. OTP: `start_link`.
   */
  startLink: StartActor;
}

/** Starting a process from within one: see `ActorSystem.start`. */
export interface StartActor {
  <A, Q, C, K, I>(
    definition: ActorDefinition<string, A, Inferred, Q, C, K, I>,
    ...rest: StartRest<A, StartOptions>
  ): Promise<Ref<Q, C, K, I>>;
  <R extends AnyRef>(definition: Launchable<R>, options?: StartOptions): Promise<R>;
}
