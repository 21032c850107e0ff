/**
 * The options of a system and of a start: one interface, one default and one resolver each.
 *
 * Only the resolvers read an absent option; everything behind them has values.
 */
import { type Clock, type Random, systemClock } from "../clock.ts";
import { OptionError } from "../errors.ts";
import { type EventLoop, nodeEventLoop } from "../event-loop.ts";
import {
  booleanOption,
  capacityOption,
  durationOption,
  functionOption,
  knownOptions,
  nameOption,
  objectOption,
  portOption,
  withDefaults,
} from "../option.ts";
import { type WireClass, WireClasses } from "../wire-class.ts";
import { type Logger, silentLogger } from "./events.ts";

import type { Schedule } from "./scheduler.ts";

/** What `createSystem` takes. */
export interface SystemOptions {
  /** Time and timers. @default systemClock */
  readonly clock?: Clock;
  /** The source of `ctx.random` and `ctx.id`. @default Math.random */
  readonly random?: Random;
  /** How the runtime asks to be called again. @default the event loop of Node.js */
  readonly loop?: EventLoop;
  /**
   * How many messages a mailbox holds before it refuses more, for every actor whose definition
   * does not say. It also limits the timers, monitors and continuations of a process, which are
   * 1048576 at most in any case. @default Infinity
   */
  readonly mailboxCapacity?: number;
  /** Where crashes are reported; `false` for nowhere. @default console */
  readonly logger?: Logger | false;
  /**
   * Milliseconds that `shutdown` may take in all; what is left then is killed. @default 25000
   */
  readonly shutdownTimeout?: number;
  /**
   * Signals of the operating system on which the system shuts down, after which the program ends
   * by the same signal. @default ["SIGTERM"]
   */
  readonly signals?: readonly string[];
  /** Which process has its turn next, for tests and simulators. @default first come first served */
  readonly schedule?: Schedule;
  /**
   * Copies what local messages carry, and refuses what no wire could carry with
   * `NotSerializableError`: for tests, so that it is found before there is a second node.
   * @default false
   */
  readonly cloneMessages?: boolean;
  /** Classes whose instances may stand in messages, besides what is plain data. @default none */
  readonly classes?: readonly WireClass[];
}

/** {@link SystemOptions} with every value filled in. */
export interface ResolvedSystemOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly loop: EventLoop;
  readonly mailboxCapacity: number;
  readonly logger: Logger;
  readonly shutdownTimeoutMs: number;
  readonly signals: readonly string[];
  readonly schedule: Schedule | undefined;
  readonly cloneMessages: boolean;
  readonly classes: WireClasses;
}

/** The defaults of {@link SystemOptions}. */
export const systemDefaults = {
  clock: systemClock,
  random: Math.random,
  loop: nodeEventLoop,
  mailboxCapacity: Number.POSITIVE_INFINITY,
  logger: console,
  // Kubernetes kills 30 seconds after SIGTERM.
  shutdownTimeout: 25_000,
  signals: ["SIGTERM"],
  cloneMessages: false,
  classes: [],
} as const satisfies SystemOptions;

/** Fills in and checks the options of a system; throws `OptionError` for a bad one. */
export function resolveSystemOptions(options: SystemOptions = {}): ResolvedSystemOptions {
  knownOptions(objectOption("options", options), [...Object.keys(systemDefaults), "schedule"]);
  type Defaults = Required<Omit<SystemOptions, "schedule">>;
  const merged = withDefaults(systemDefaults as Defaults, options);
  const { clock, random, loop, mailboxCapacity, logger, signals, schedule } = merged;
  portOption("clock", clock, ["now", "monotonic", "setTimer", "clearTimer"]);
  functionOption("random", random);
  portOption("loop", loop, ["soon", "later"]);
  if (logger !== false) portOption("logger", logger, ["warn", "error"]);
  if (schedule !== undefined) objectOption("schedule", schedule);
  if (!Array.isArray(signals)) throw new OptionError("signals", "an array", signals);
  for (const signal of signals) nameOption("signals", signal);
  return Object.freeze({
    clock,
    random,
    loop,
    mailboxCapacity: capacityOption("mailboxCapacity", mailboxCapacity),
    logger: logger === false ? silentLogger : calmLogger(logger),
    shutdownTimeoutMs: durationOption("shutdownTimeout", merged.shutdownTimeout),
    signals,
    schedule,
    cloneMessages: booleanOption("cloneMessages", merged.cloneMessages),
    classes: new WireClasses(merged.classes),
  });
}

/** A logger that throws has nobody to tell, and must not disturb the runtime. */
function calmLogger(logger: Logger): Logger {
  const calm =
    (log: "warn" | "error"): Logger["warn"] =>
    (message, details) => {
      try {
        logger[log](message, details);
      } catch {
        // There is no place left to report it.
      }
    };
  return { warn: calm("warn"), error: calm("error") };
}
