/**
 * How a node leaves: it says so, finishes what it is doing, says goodbye, and is gone.
 *
 * Each step has a deadline on the injected clock; at the last one whatever is still open is cut.
 * A departure happens once: asking again only makes it hurry.
 */
import type { Clock, TimerHandle } from "@troupe/actor";
import { durationOption, objectOption } from "@troupe/actor/runtime";

/** How a node leaves its cluster. */
export interface LeaveOptions {
  /**
   * How long to wait until no call of another node is handled here and no call of ours waits for
   * an answer, in milliseconds. @default 10000
   */
  readonly drainMs?: number;
}

export const leaveDefaults = { drainMs: 10_000 } as const satisfies LeaveOptions;

/** Fills in and checks the options of `leave`; throws OptionError for a bad one. */
export function resolveLeaveOptions(options: LeaveOptions = {}): Required<LeaveOptions> {
  objectOption("options", options);
  return { drainMs: durationOption("drainMs", options.drainMs ?? leaveDefaults.drainMs) };
}

export interface DeparturePorts {
  readonly clock: Clock;
  /** How long the goodbyes may take. */
  readonly closeTimeoutMs: number;
  /** Nothing new begins from here on, and everybody is told. */
  readonly announce: () => void;
  /** Whether there is anybody to say goodbye to. */
  readonly isLinked: () => boolean;
  /** Whether somebody still waits for something. */
  readonly isBusy: () => boolean;
  /** Says goodbye on every link; resolves when all are closed. */
  readonly farewell: () => Promise<void>;
  /** Closes what the goodbye did not close. */
  readonly cut: () => void;
}

/** How often it is looked whether anybody still waits. */
const LOOK_MS = 20;

/** Looks in a row that find nobody: what was sent before the news came is still on its way. */
const QUIET_LOOKS = 2;

export class Departure {
  readonly #ports: DeparturePorts;
  #gone: Promise<void> | undefined;
  #drainedBy = Number.POSITIVE_INFINITY;

  constructor(ports: DeparturePorts) {
    this.#ports = ports;
  }

  get hasBegun(): boolean {
    return this.#gone !== undefined;
  }

  /** Leaves within so many milliseconds and the time for the goodbyes. Never rejects. */
  depart(drainMs: number): Promise<void> {
    this.#drainedBy = Math.min(this.#drainedBy, this.#ports.clock.monotonic() + drainMs);
    if (this.#gone !== undefined) return this.#gone;
    // Known before it is announced: whoever hears of it may ask, or leave as well.
    let follow: (end: Promise<void>) => void = () => {};
    const gone = new Promise<void>((resolve) => {
      follow = resolve;
    });
    this.#gone = gone;
    follow(this.#depart());
    return gone;
  }

  async #depart(): Promise<void> {
    const { announce, farewell, cut, closeTimeoutMs } = this.#ports;
    announce();
    await this.#drain();
    await withinTime(this.#ports.clock, closeTimeoutMs, farewell());
    cut();
  }

  async #drain(): Promise<void> {
    const { clock, isLinked, isBusy } = this.#ports;
    let quiet = 0;
    while (isLinked() && quiet < QUIET_LOOKS && clock.monotonic() < this.#drainedBy) {
      await new Promise<void>((resolve) => {
        clock.setTimer(LOOK_MS, resolve);
      });
      quiet = isBusy() ? 0 : quiet + 1;
    }
  }
}

/** Waits for a promise, but not for longer than that. */
export async function withinTime(
  clock: Clock,
  ms: number,
  promise: Promise<unknown> | undefined,
): Promise<void> {
  let deadline: TimerHandle | undefined;
  const late = new Promise<void>((resolve) => {
    deadline = clock.setTimer(ms, resolve);
  });
  await Promise.race([promise, late]);
  if (deadline !== undefined) clock.clearTimer(deadline);
}
