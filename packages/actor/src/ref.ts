/**
 * What a caller holds: the `Ref` interface, its options, and the types that read an operation's
 * argument and reply off its handler.
 *
 * A ref is one interface with several implementations (local, remote, group). This file has types
 * and the resolving of call options only; it never delivers anything.
 */
import { OptionError } from "./errors.ts";
import { durationOption, objectOption } from "./option.ts";

/**
 * Stands where TypeScript must infer a type from a handler: `unknown` there would refuse every
 * handler, because parameters are compared the other way round.
 */
// biome-ignore lint/suspicious/noExplicitAny: the one `any` of the package; the reason is above
export type Inferred = any;

/** Any handler; the three parameters are state, argument and `ctx`. */
export type AnyHandler = (state: Inferred, arg: Inferred, ctx: Inferred) => unknown;

/** The second parameter of a handler. */
export type Arg<F> = F extends (state: Inferred, arg: infer A, ...rest: Inferred[]) => unknown
  ? A
  : never;

declare const deferredReply: unique symbol;
declare const replyType: unique symbol;

/**
 * What a handler returns instead of its reply when the reply comes later: made by `ctx.defer`.
 * OTP: `{noreply, State}` in `handle_call`.
 */
export interface Deferred<R> {
  /** For the compiler: what the caller will get. */
  readonly [deferredReply]: R;
}

/**
 * Where a deferred reply goes: plain data, so that it may be kept in the state and sent to others.
 * Answer it with `ctx.reply` or `ctx.refuse`; only the first answer counts. OTP: `From`.
 */
export interface ReplyTo<R> {
  readonly replyTo: number;
  /** The system whose caller waits; from a node it can be answered on any that is connected. */
  readonly system: string;
  /** For the compiler: what may be replied. Never present. */
  readonly [replyType]?: (reply: R) => void;
}

type Answered<R> = R extends Deferred<infer D> ? D : R;

/** What a handler answers: its return value, awaited, or what it has deferred. */
export type Reply<F> = F extends (...args: Inferred[]) => infer R ? Answered<Awaited<R>> : never;

/** The parameters after the operation's name: the argument, optional when it may be absent. */
export type Rest<F, Options extends unknown[]> =
  Parameters<F extends (...args: Inferred[]) => unknown ? F : never> extends [] | [Inferred]
    ? [arg?: undefined, ...Options]
    : undefined extends Arg<F>
      ? [arg?: Arg<F>, ...Options]
      : [arg: Arg<F>, ...Options];

/** How long a call may take, and what may abort it. */
export interface CallOptions {
  /**
   * Milliseconds to wait for the answer; `Infinity` waits for as long as the process lives.
   * @default 5000
   */
  readonly timeout?: number;
  /** Aborting it rejects the call with `CallAbortedError`; the operation may still run. */
  readonly signal?: AbortSignal;
}

/** The defaults of {@link CallOptions}. OTP's `gen_server:call` waits as long. */
export const callDefaults = { timeout: 5000 } as const satisfies CallOptions;

/**
 * Where a process, a group of replicas, or whoever has a name on a node, is. Equal addresses reach
 * the same one.
 */
export interface RefAddress {
  readonly kind: "process" | "group" | "name";
  /** The name of the node it runs on; undefined in a system without a name. */
  readonly node: string | undefined;
  /** Which life of that node. */
  readonly incarnation: number;
  /** The number of the process, never reused within one life of a node. */
  readonly id: number;
  /** The name of its definition. */
  readonly actor: string;
  /** The name of the group; its replicas are on several nodes, so the fields above say nothing. */
  readonly group?: string;
  /** The name that is looked up on the node at each use, in any life of it; `id` is 0 then. */
  readonly name?: string;
}

/** A ref whose operations are not known to the compiler. */
export interface AnyRef {
  readonly address: RefAddress;
  call(operation: string, arg?: unknown, options?: CallOptions): Promise<unknown>;
  query(operation: string, arg?: unknown, options?: CallOptions): Promise<unknown>;
  cast(operation: string, arg?: unknown): void;
  send(message: string, arg?: unknown): void;
}

declare const operations: unique symbol;

/**
 * A typed address of a process. `Q`, `C`, `K` and `I` are the handlers of its queries, calls,
 * casts and infos.
 *
 * A ref stays valid as a value when its process ends; calls through it then reject with
 * `NoProcessError` (did not run) and casts become dead letters.
 */
export interface Ref<Q, C, K, I = Inferred> {
  readonly address: RefAddress;
  /** For the compiler: refs of different definitions are different types. Never present. */
  readonly [operations]?: readonly [Q, C, K, I];

  /**
   * Sends a message and waits for the handler's return value.
   *
   * Rejects with `NoProcessError`, `UnknownOperationError`, `MailboxFullError`, `CallingSelfError`
   * (did not run); `ReplyError` when the handler refused (ran); `ProcessExitedError` (see its
   * `outcome`), `CallTimeoutError` and `CallAbortedError` (may have run).
   *
   * @example
   * ```ts
   * await counter.call("add", 5, { timeout: 1000 }); // => 5
   * ```
   */
  call<O extends keyof C & string>(
    operation: O,
    ...rest: Rest<C[O], [options?: CallOptions]>
  ): Promise<Reply<C[O]>>;

  /** Like {@link Ref.call} for an operation that only reads. On a local actor it is a call. */
  query<O extends keyof Q & string>(
    operation: O,
    ...rest: Rest<Q[O], [options?: CallOptions]>
  ): Promise<Reply<Q[O]>>;

  /**
   * Sends a message and waits for nothing. It never throws: a message that cannot be delivered
   * becomes a `deadLetter` event. OTP: `gen_server:cast`.
   */
  cast<O extends keyof K & string>(operation: O, ...rest: Rest<K[O], []>): void;

  /**
   * Sends a plain message, handled by the definition's `info`. Like a cast it never throws; one
   * that has no handler is reported and becomes a dead letter. OTP: `Pid ! Message`.
   */
  send<O extends keyof I & string>(message: O, ...rest: Rest<I[O], []>): void;
}

/** Where the answer to one call goes. Only the first answer counts. */
export interface ReplyPort {
  resolve(value: unknown): void;
  reject(error: unknown): void;
  /** False when nobody waits any more, where that can be known. */
  readonly isOpen?: boolean;
  /** Called once when nobody waits any more; for whoever keeps the port for later. */
  onClosed?: (() => void) | undefined;
}

/**
 * `counter <7>`, or `counter <7@a>` on a named node: how a process is called in messages. A name
 * that is looked up there is `counter <"c1"@a>`, or `<"c1"@a>` for any definition.
 */
export function describeAddress(address: RefAddress): string {
  if (address.group !== undefined) return `${address.actor} in group "${address.group}"`;
  const node = address.node === undefined ? "" : `@${address.node}`;
  if (address.name !== undefined) {
    return `${address.actor} <${JSON.stringify(address.name)}${node}>`.trimStart();
  }
  return `${address.actor} <${address.id}${node}>`;
}

/** Reads the timeout of a call; throws `OptionError` for a bad one, and for a bad signal. */
export function callTimeout(options: CallOptions | undefined): number {
  if (options === undefined) return callDefaults.timeout;
  objectOption("options", options);
  const { signal } = options;
  if (signal !== undefined && typeof signal?.addEventListener !== "function") {
    throw new OptionError("signal", "an AbortSignal", signal);
  }
  if (options.timeout === undefined) return callDefaults.timeout;
  return durationOption("timeout", options.timeout);
}
