/**
 * `runPure`: one handler, run without a system, with everything that it did as a value.
 *
 * The handler gets a copy of the state and a `ctx` that notes what it is asked for. There is no
 * process, no mailbox and no time; whoever wants those makes a test system.
 */
import type { AnyActorDefinition } from "../actor.ts";
import type { Random } from "../clock.ts";
import type { TimerId } from "../ctx.ts";
import { OptionError, PayloadError, UnknownOperationError } from "../errors.ts";
import { booleanOption, integerOption, objectOption, oneOfOption } from "../option.ts";
import { clonePlainData } from "../plain-data.ts";
import { programOf } from "../program.ts";
import type { AnyRef, Reply, ReplyTo, Rest } from "../ref.ts";
import { isThenable } from "../run-once.ts";
import { type Effect, PureContext, type PureSources } from "./pure-effects.ts";
import { seededRandom } from "./seeded-random.ts";
import { stubRef } from "./stub-ref.ts";

/** The table of a definition that each kind of operation stands in. */
interface Tables {
  readonly query: "queries";
  readonly call: "calls";
  readonly cast: "casts";
  readonly info: "info";
  readonly continue: "continue";
}

const kinds = ["query", "call", "cast", "info", "continue"] as const;

/** What {@link runPure} can run. */
export type PureKind = keyof Tables;

/** The state of a definition: what its `init` makes. */
export type StateOf<D extends AnyActorDefinition> = Awaited<ReturnType<D["init"]>>;

/** What `runPure` takes after the argument. */
export interface PureOptions {
  /** What `ctx.now` gives. @default 1 January 2026, UTC */
  readonly now?: number;
  /** What `ctx.random` and `ctx.id` draw from. @default the same numbers in every run */
  readonly random?: Random;
  /** What `ctx.self` is. @default a ref that reaches nobody */
  readonly self?: AnyRef;
  /** What `ctx.signal` is. @default one that is never aborted */
  readonly signal?: AbortSignal;
  /** The timers that `ctx.cancel` finds, besides those of this handler. @default every one */
  readonly timers?: readonly TimerId[];
  /** The number of the first timer, monitor and deferred reply: `t1`, `m1`. @default 1 */
  readonly firstId?: number;
  /** Gives the ref of what the handler starts. @default a ref that reaches nobody */
  readonly start?: PureSources["start"];
  /** False runs the handler on the very state, which need not be plain data then. @default true */
  readonly copyState?: boolean;
}

/**
 * What a handler did. Exactly one of `reply`, `refused`, `thrown` and `deferred` is there for a
 * call or a query; a cast, an info and a continuation have none of them when they return.
 */
export interface PureResult<S, R> {
  /** What the handler returned. */
  readonly reply?: R;
  /** What it gave to `ctx.fail`. */
  readonly refused?: { readonly code: string; readonly data: unknown };
  /** What it threw; its process would crash. */
  readonly thrown?: unknown;
  /** Where it left the reply for later. */
  readonly deferred?: ReplyTo<R>;
  /** The state afterwards. What a handler changed before it refused or threw stays changed. */
  readonly state: S;
  /**
   * What it asked for, in order; nothing when it refused or threw, but for what it had started,
   * which is no effect and has begun.
   */
  readonly effects: readonly Effect[];
}

/** A promise for an async handler, and both for one that may be. */
type Awaiting<R, T> = unknown extends R
  ? T | Promise<T>
  : [Extract<R, PromiseLike<unknown>>] extends [never]
    ? T
    : [Exclude<R, PromiseLike<unknown>>] extends [never]
      ? Promise<T>
      : T | Promise<T>;

type Result<F> = F extends (...args: never[]) => infer R ? R : unknown;

type ReplyOf<K extends PureKind, F> = K extends "call" | "query" ? Reply<F> : never;

const defaultNow = Date.UTC(2026, 0, 1);

/**
 * Runs one handler without a system. The state that is handed in stays as it is.
 *
 * A synchronous handler gives its result at once, an async one a promise of it. Throws
 * `UnknownOperationError` and `PayloadError` as a process would refuse the message, `OptionError`,
 * and `NotSerializableError` for a state that is no plain data (see `copyState`).
 *
 * @example
 * ```ts
 * runPure(Counter, { count: 1 }, "call", "add", 5);
 * // => { reply: 6, state: { count: 6 }, effects: [] }
 * runPure(Counter, { count: 1 }, "call", "take", 5);
 * // => { refused: { code: "insufficient", data: { have: 1 } }, state: { count: 1 }, effects: [] }
 * ```
 */
export function runPure<
  D extends AnyActorDefinition,
  K extends PureKind,
  O extends keyof D[Tables[K]] & string,
>(
  definition: D,
  state: StateOf<D>,
  kind: K,
  operation: O,
  ...rest: Rest<D[Tables[K]][O], [options?: PureOptions]>
): Awaiting<Result<D[Tables[K]][O]>, PureResult<StateOf<D>, ReplyOf<K, D[Tables[K]][O]>>>;
export function runPure(
  definition: AnyActorDefinition,
  given: unknown,
  kind: PureKind,
  name: string,
  arg?: unknown,
  options: PureOptions = {},
): unknown {
  const program = programOf(definition);
  const table = program[oneOfOption("kind", kind, kinds)];
  const operation = table.get(name);
  if (operation === undefined) {
    throw new UnknownOperationError(definition.name, kind, name, table.keys());
  }
  const expected = operation.expects?.(arg) ?? true;
  if (expected !== true) throw new PayloadError(definition.name, name, expected, arg);
  const sources = resolveSources(definition, kind === "call" || kind === "query", options);
  const copies = booleanOption("copyState", options.copyState ?? true);
  const state = copies ? clonePlainData(given, "state") : given;
  const ctx = new PureContext(program, operation, sources);
  const returned = (reply: unknown) => resultOf(ctx, state, reply, sources.hasCaller);
  const threw = (error: unknown) => failureOf(ctx, state, error);
  let reply: unknown;
  try {
    reply = operation.handler(state, arg, ctx);
  } catch (error) {
    return threw(error);
  }
  return isThenable(reply) ? Promise.resolve(reply).then(returned, threw) : returned(reply);
}

function resultOf(ctx: PureContext, state: unknown, reply: unknown, hasCaller: boolean) {
  ctx.close();
  const { effects, deferred } = ctx;
  if (!hasCaller) return { state, effects };
  return deferred === undefined ? { reply, state, effects } : { deferred, state, effects };
}

function failureOf(ctx: PureContext, state: unknown, error: unknown) {
  ctx.close();
  ctx.rollback();
  const { effects } = ctx;
  const refusal = ctx.refusalIn(error);
  if (refusal === undefined) return { thrown: error, state, effects };
  return { refused: { code: refusal.code, data: refusal.data }, state, effects };
}

function resolveSources(
  definition: AnyActorDefinition,
  hasCaller: boolean,
  options: PureOptions,
): PureSources {
  objectOption("options", options);
  const { now = defaultNow, firstId = 1, timers } = options;
  if (typeof now !== "number") throw new OptionError("now", "a number of milliseconds", now);
  const nobody: PureSources["start"] = (startee) =>
    stubRef("name" in startee ? startee.name : "supervisor");
  return {
    now,
    timers,
    hasCaller,
    firstId: integerOption("firstId", firstId, 1),
    random: options.random ?? seededRandom(1),
    self: options.self ?? stubRef(definition),
    signal: options.signal ?? new AbortController().signal,
    start: options.start ?? nobody,
  };
}
