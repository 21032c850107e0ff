/**
 * The options that supervisors share: one interface, one default and one resolver.
 */
import { OptionError } from "../errors.ts";
import {
  integerOption,
  objectOption,
  oneOfOption,
  positiveOption,
  withDefaults,
} from "../option.ts";
import { type ChildSpec, childSpecOption } from "./child-spec.ts";

/**
 * Whether a supervisor ends by itself when significant children have ended and are not restarted:
 * never, with the first of them, or with the last. OTP: `auto_shutdown`.
 */
export type AutoShutdown = "never" | "any_significant" | "all_significant";

/** When a supervisor gives up, and when it is done. */
export interface RestartOptions {
  /** Restarts that are tolerated within `maxSeconds`; one more ends the supervisor. @default 3 */
  readonly maxRestarts?: number;
  /** The length of the window in seconds; it is measured in milliseconds. @default 5 */
  readonly maxSeconds?: number;
  /** Whether it ends with its significant children. @default "never" */
  readonly autoShutdown?: AutoShutdown;
}

/** {@link RestartOptions} with every value filled in. */
export type ResolvedRestartOptions = Required<RestartOptions>;

/** The defaults of {@link RestartOptions}. Elixir: `Supervisor`, 3 restarts in 5 seconds. */
export const supervisorDefaults = {
  maxRestarts: 3,
  maxSeconds: 5,
  autoShutdown: "never",
} as const satisfies RestartOptions;

/** Fills in and checks {@link RestartOptions}; throws `OptionError` for a bad one. */
export function resolveRestartOptions(options: RestartOptions): ResolvedRestartOptions {
  objectOption("options", options);
  const { maxRestarts, maxSeconds, autoShutdown } = withDefaults(
    supervisorDefaults as ResolvedRestartOptions,
    options,
  );
  return {
    maxRestarts: integerOption("maxRestarts", maxRestarts, 0),
    maxSeconds: positiveOption("maxSeconds", maxSeconds),
    autoShutdown: oneOfOption("autoShutdown", autoShutdown, [
      "never",
      "any_significant",
      "all_significant",
    ]),
  };
}

/** A child spec for a supervisor with such options. OTP: `bad_combination`. */
export function supervisedSpecOption(
  option: string,
  spec: ChildSpec,
  autoShutdown: AutoShutdown,
): ChildSpec {
  childSpecOption(option, spec);
  if (autoShutdown !== "never" || spec.significant !== true) return spec;
  const expected = 'false in a supervisor whose autoShutdown is "never"';
  throw new OptionError(`${option}.significant`, expected, spec.significant);
}
