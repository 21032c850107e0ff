/**
 * What the driver needs of a state machine: ops in, replies and states out. `ActorMachine` is the
 * one that runs actors; the simulator has another one besides.
 *
 * Types only; nothing here runs.
 */
import type { Committed, LateReply } from "./vsr/index.ts";

/** What an op came to. */
export interface Applied {
  /** One for each request, in order; none where it comes later. */
  readonly replies: readonly (Uint8Array | undefined)[];
  readonly late?: readonly LateReply[];
  /** What is to be done outside, once for each place in this list. */
  readonly effects?: readonly Uint8Array[];
}

/** What the driver needs of a state machine; the simulator brings another one. */
export interface StateMachine {
  /** Runs the requests of a committed op. */
  apply(committed: Committed): Applied;
  answer(query: Uint8Array): Uint8Array;
  /** A hash of the state: equal on all replicas that have run the same ops. */
  digest(extra: unknown): string;
  /**
   * The state as it is now, in slices, each made when it is asked for; nothing is applied before
   * the last one has been. Equal states give equal slices on all replicas. Throws what it cannot
   * encode.
   */
  snapshot(): Iterable<Uint8Array>;
  /** Begins to take in the state as it was after an op, instead of the one that it has. */
  restore(at: { readonly op: number; readonly timestamp: number }): StateIntake;
}

/** Takes the slices of a `snapshot` in, in their order; the machine has the state after `end`. */
export interface StateIntake {
  take(slice: Uint8Array): void;
  end(): void;
}
