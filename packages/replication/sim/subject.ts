/** What a simulated group replicates: a made-up chain of hashes, or a real actor. */
import type { GroupMessage, Outside, StateMachine } from "@troupe/replication/runtime";

/** A call that ran in the op that was applied last. */
export interface RanCall {
  readonly call: string;
  /** Of the chain: its place, and the state after it. */
  readonly length: number;
  readonly state: number;
}

export interface Subject extends StateMachine {
  /** Two numbers that tell one state from another: equal after equal ops. */
  readonly length: number;
  readonly state: number;
  readonly ranLast: readonly RanCall[];
  /** Whether nothing is left that the group itself has to see to. */
  readonly isDone: boolean;
}

/** What a replica's process does for its state outside of it, in one life. */
export interface Chores extends Outside {
  tick(): void;
  /** What is neither for the replica nor for a session. */
  receive(from: number, message: GroupMessage): void;
  /** A turn of the replica has ended. */
  turned(): void;
  /** The process is over. */
  stop(): void;
}
