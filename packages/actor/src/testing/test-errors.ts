/**
 * The errors of `@troupe/actor/testing`: what makes a test fail. None of them is about one call,
 * so their outcome is always `"unknown"`.
 */
import { ActorError } from "../actor-error.ts";

/** The system did not come to rest, or the test waits for what cannot happen. */
export class NotSettledError extends ActorError {
  declare readonly data: { busy: readonly string[] };

  /** `busy` names the processes that are to blame. */
  constructor(message: string, busy: readonly string[]) {
    super(busy.length === 0 ? message : `${message}: ${listed(busy)}`, {
      name: "NotSettledError",
      code: "ERR_NOT_SETTLED",
      outcome: "unknown",
      data: { busy },
    });
  }

  /** The processes that are to blame. */
  get busy(): readonly string[] {
    return this.data.busy;
  }
}

/** A probe was not sent what the test expected, or was sent what it did not. */
export class ExpectationError extends ActorError {
  declare readonly data: { expected: string; instead: readonly string[] };

  constructor(probe: string, expected: string, instead: readonly string[]) {
    const came = instead.length === 0 ? "nothing" : `\n  ${instead.join("\n  ")}`;
    super(`${probe} expected ${expected}, and there was ${came}`, {
      name: "ExpectationError",
      code: "ERR_EXPECTATION",
      outcome: "unknown",
      data: { expected, instead },
    });
  }

  /** What was expected, in words. */
  get expected(): string {
    return this.data.expected;
  }

  /** The messages that came instead, each on one line, oldest first. */
  get instead(): readonly string[] {
    return this.data.instead;
  }
}

/** Something is left over that should have ended. */
export class LeakError extends ActorError {
  declare readonly data: { leaks: readonly string[] };

  constructor(leaks: readonly string[]) {
    super(`${leaks.length} left over:\n  ${leaks.join("\n  ")}`, {
      name: "LeakError",
      code: "ERR_LEAK",
      outcome: "unknown",
      data: { leaks },
    });
  }

  /** What is left over, each on one line. */
  get leaks(): readonly string[] {
    return this.data.leaks;
  }
}

/** A test failed under one schedule. The first line of its message says how to replay it. */
export class ScheduleError extends ActorError {
  declare readonly data: { seed: number; turns: readonly string[] };

  /** `cause` is what the test threw, `turns` who had the last turns before it. */
  constructor(seed: number, turns: readonly string[], cause: unknown) {
    const what = cause instanceof Error ? cause.message : String(cause);
    const last = turns.length === 0 ? "" : `\nlast turns: ${turns.join(", ")}`;
    super(
      `seed ${seed} failed; replay: exploreSchedules(1, body, { seed: ${seed} })\n${what}${last}`,
      {
        name: "ScheduleError",
        code: "ERR_SCHEDULE",
        outcome: "unknown",
        data: { seed, turns },
        cause,
      },
    );
  }

  /** The seed of the failing schedule. */
  get seed(): number {
    return this.data.seed;
  }

  /** Who had the last turns, oldest first. */
  get turns(): readonly string[] {
    return this.data.turns;
  }
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 10).join(", ");
  return names.length > 10 ? `${shown} and ${names.length - 10} more` : shown;
}
