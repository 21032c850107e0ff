/**
 * Effects that a definition names itself: work outside of the actor, which a handler asks for and
 * which is done beside the mailbox once the handler has returned.
 *
 * Here is what such work is given and what comes of it. Who does it, and where, is the host's.
 */
import type { Outcome } from "./actor-error.ts";
import { MailboxFullError, OptionError } from "./errors.ts";
import { durationOption, knownOptions, nameOption, objectOption } from "./option.ts";
import type { Inferred } from "./ref.ts";

/** Names one effect for ever: 32 hexadecimal digits. */
export type EffectId = string;

/** What an effect is given besides its argument. */
export interface EffectRun {
  /**
   * The key to make the work idempotent with. It is the same each time this effect is done again,
   * on whichever node; hand it on to systems that know such keys.
   */
  readonly id: EffectId;
  /**
   * Aborted when nobody waits for the outcome any more: the process is over, the replica leads its
   * group no more, or the time is up. The work may then be done again by another replica.
   */
  readonly signal: AbortSignal;
}

/** Does the work. It gets no state and no `ctx`, and may be async. */
export type EffectHandler = (arg: Inferred, run: EffectRun) => unknown;

/** The effects of a definition, by name. */
export type EffectHandlers = Readonly<Record<string, EffectHandler>>;

/** What `ctx.effect` takes after the argument. */
export interface EffectOptions {
  /** The info handler that is told of the outcome. @default nobody is told */
  readonly info?: string;
  /** How long the work may take, in milliseconds, each time it is done. @default 60000 */
  readonly timeout?: number;
}

/** Why an effect failed, as plain data that a state can keep. */
export interface EffectError {
  /** The name of what was thrown, such as `"TypeError"`. */
  readonly name: string;
  /** Its code; `"ERR_UNKNOWN"` if it had none. */
  readonly code: string;
  /**
   * Whether the work may have been done: what an error of Troupe says of itself, `"ran"` if only
   * what the work returned could not be told, and otherwise `"unknown"`.
   */
  readonly outcome: Outcome;
  readonly message: string;
  readonly data?: unknown;
}

/**
 * What that info message carries: an effect has been done, or has failed. `T` is what the
 * handler of the effect returns.
 *
 * @example
 * ```ts
 * const info = {
 *   charged: (s: Shop, result: EffectResult<Receipt>) => {
 *     if ("error" in result) s.failed.push(result.error.message);
 *     else s.receipts.push(result.value);
 *   },
 * };
 * ```
 */
export type EffectResult<T = unknown> =
  | { readonly id: EffectId; readonly effect: string; readonly value: T }
  | { readonly id: EffectId; readonly effect: string; readonly error: EffectError };

/** So many effects may a local process have open: being done, or with an outcome that waits. */
export const effectsMax = 1024;

/** What an effect is done with when nothing else is said. */
export const effectDefaults = { timeout: 60_000 } as const;

/** Throws `MailboxFullError` when so many effects of somebody are open already. */
export function limitEffects(owner: string, open: number): void {
  if (open >= effectsMax) throw new MailboxFullError(`effects of ${owner}`, effectsMax);
}

/** Reads the options of an effect; throws `OptionError` for a bad one. */
export function effectOptions(options: EffectOptions | undefined): {
  readonly info: string | undefined;
  readonly timeoutMs: number;
} {
  if (options === undefined) return { info: undefined, timeoutMs: effectDefaults.timeout };
  knownOptions(objectOption("options", options), ["info", "timeout"]);
  const { info, timeout = effectDefaults.timeout } = options;
  const timeoutMs = durationOption("timeout", timeout);
  // One that hangs would hold a place of its actor for ever.
  if (timeoutMs === Number.POSITIVE_INFINITY) {
    throw new OptionError("timeout", "a finite number", timeout);
  }
  return { info: info === undefined ? undefined : nameOption("info", info), timeoutMs };
}
