/**
 * What comes before the next message of a process: continuations, and a suspension. Most processes
 * never have either, so this is made when first needed.
 */
import type { Operation } from "../program.ts";
import { RingQueue } from "../ring-queue.ts";

/** An operation that runs before the next message. */
export interface Continuation {
  readonly operation: Operation;
  readonly arg: unknown;
}

/** What comes before the next message of one process. */
export class Interruptions {
  suspended = false;
  /** Bounded by the context. */
  #continuations: RingQueue<Continuation> | undefined = undefined;

  /** How many continuations wait. */
  get continuations(): number {
    return this.#continuations?.size ?? 0;
  }

  /** Adds a continuation. The context bounds them when they are asked for. */
  push(operation: Operation, arg: unknown): void {
    this.#continuations ??= new RingQueue();
    this.#continuations.push({ operation, arg });
  }

  /** Takes the next continuation; undefined when there is none. */
  next(): Continuation | undefined {
    return this.#continuations?.shift();
  }
}
