/**
 * A message of the runtime to a process: a timer that fired, a monitor, an exit signal, a stop.
 *
 * It stands in the mailbox in order with everything else, because what a process sends before it
 * ends must be handled before the news of its end. At its turn a notice decides whether there is
 * still something to handle, so taking one back costs no search.
 */
import type { ExitReason } from "../exit-reason.ts";
import type { Operation } from "../program.ts";

/** A message of the runtime. */
export interface Notice {
  /** What handles it; undefined for a notice that is done once it is taken. */
  readonly operation: Operation | undefined;
  readonly arg: unknown;
  /** Called at its turn. False: there is nothing to handle. */
  take(): boolean;
  /** Called instead when the process ends before its turn. */
  drop?(reason: ExitReason): void;
}

/** The operation under which a notice stands in a mailbox. It is never handled as such. */
export const noticeOperation: Operation = {
  kind: "notice",
  name: "notice",
  handler: () => undefined,
  expects: undefined,
};

/** Runs a function of the runtime between two messages. */
export class Interlude implements Notice {
  readonly operation = undefined;
  readonly arg = undefined;
  readonly #run: () => void;
  readonly #drop: ((reason: ExitReason) => void) | undefined;

  constructor(run: () => void, drop?: (reason: ExitReason) => void) {
    this.#run = run;
    this.#drop = drop;
  }

  take(): boolean {
    this.#run();
    return false;
  }

  drop(reason: ExitReason): void {
    this.#drop?.(reason);
  }
}
