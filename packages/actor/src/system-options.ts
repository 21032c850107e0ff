/**
 * The options of a system and of a start: one interface, one default and one resolver each.
 *
 * Only the resolvers read an absent option; everything behind them has values.
 */
import { type Clock, type Random, systemClock } from "./clock.ts";
import { type EventLoop, nodeEventLoop } from "./event-loop.ts";
import { type Logger, silentLogger } from "./events.ts";
import {
  durationOption,
  functionOption,
  integerOption,
  nameOption,
  objectOption,
  withDefaults,
} from "./option.ts";

/** What `createSystem` takes. */
export interface SystemOptions {
  /** Time and timers. @default systemClock */
  readonly clock?: Clock;
  /** The source of `ctx.random` and `ctx.id`. @default Math.random */
  readonly random?: Random;
  /** How the runtime asks to be called again. @default the event loop of Node.js */
  readonly loop?: EventLoop;
  /** How many messages a mailbox holds before it refuses more. @default 1048576 */
  readonly mailboxCapacity?: number;
  /** Where crashes are reported; `false` for nowhere. @default console */
  readonly logger?: Logger | false;
}

/** {@link SystemOptions} with every value filled in. */
export interface ResolvedSystemOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly loop: EventLoop;
  readonly mailboxCapacity: number;
  readonly logger: Logger;
}

/** The defaults of {@link SystemOptions}. */
export const systemDefaults = {
  clock: systemClock,
  random: Math.random,
  loop: nodeEventLoop,
  mailboxCapacity: 1_048_576,
  logger: console,
} as const satisfies SystemOptions;

/** Fills in and checks the options of a system; throws `OptionError` for a bad one. */
export function resolveSystemOptions(options: SystemOptions = {}): ResolvedSystemOptions {
  objectOption("options", options);
  const merged = withDefaults(systemDefaults as Required<SystemOptions>, options);
  const { clock, random, loop, mailboxCapacity, logger } = merged;
  objectOption("clock", clock);
  functionOption("random", random);
  objectOption("loop", loop);
  return Object.freeze({
    clock,
    random,
    loop,
    mailboxCapacity: integerOption("mailboxCapacity", mailboxCapacity, 1),
    logger: logger === false ? silentLogger : logger,
  });
}

/** What `start` takes after the argument. */
export interface StartOptions {
  /** Registers the process, so that `whereis` finds it. It is registered before `init` runs. */
  readonly name?: string;
  /**
   * Milliseconds that an async `init` may take before the process is killed. OTP waits for ever.
   * @default 30000
   */
  readonly startTimeout?: number;
  /**
   * Milliseconds that the process may take to stop, before it is killed: `terminate` after a crash
   * or `ctx.stop`, and the whole of it when the system shuts down. For a supervisor `"infinity"`.
   * @default 5000
   */
  readonly shutdown?: number | "infinity";
}

/** {@link StartOptions} with every value filled in. */
export interface ResolvedStartOptions {
  readonly name: string | undefined;
  readonly startTimeoutMs: number;
  readonly shutdownMs: number;
}

/** The defaults of {@link StartOptions}, for an actor. OTP: a worker's shutdown is 5000. */
export const startDefaults = {
  startTimeout: 30_000,
  shutdown: 5000,
} as const satisfies StartOptions;

/** Fills in and checks the options of a start; throws `OptionError` for a bad one. */
export function resolveStartOptions(options: StartOptions = {}): ResolvedStartOptions {
  objectOption("options", options);
  const { name, startTimeout, shutdown } = withDefaults(startDefaults as StartOptions, options);
  return {
    name: name === undefined ? undefined : nameOption("name", name),
    startTimeoutMs: durationOption("startTimeout", startTimeout),
    shutdownMs: shutdownOption("shutdown", shutdown),
  };
}

/** A shutdown time in milliseconds, or `"infinity"`. */
export function shutdownOption(option: string, value: unknown): number {
  return value === "infinity" ? Number.POSITIVE_INFINITY : durationOption(option, value);
}
