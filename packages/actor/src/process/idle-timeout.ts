/**
 * The idle timeout of one process: a message to itself after so long without any other.
 *
 * It is a deadline among the system's, so that arming and disarming it with every message costs a
 * few pointer writes. What is queued before it fires goes first, and takes it back.
 */
import { Deadline, type Deadlines } from "../deadlines.ts";
import type { Operation } from "../program.ts";
import type { Notice } from "./notice.ts";

/** What an idle timeout needs. */
export interface IdleTimeoutOptions {
  readonly deadlines: Deadlines;
  /** The info operation `timeout`. */
  readonly operation: Operation;
  /** Milliseconds, from the definition. */
  readonly ms: number;
  /** Called when the time is up. */
  readonly fire: (notice: Notice) => void;
}

/** The idle timeout of one process. */
export class IdleTimeout extends Deadline {
  readonly #options: IdleTimeoutOptions;
  /** What the handler asked for, this time only. */
  #once: number | undefined = undefined;
  /** Which spell of idleness this is: the message of an earlier one is void. */
  #spell = 0;

  constructor(options: IdleTimeoutOptions) {
    super();
    this.#options = options;
  }

  /** Takes another time than the definition's, for the next spell. */
  set(ms: number): void {
    this.#once = ms;
  }

  /** A message is being handled: the spell is over. */
  disarm(): void {
    this.#spell += 1;
    this.#options.deadlines.remove(this);
  }

  /** A message has been handled: a new spell begins. After the timeout itself only if asked to. */
  arm(handled: Operation | undefined): void {
    const own = handled === this.#options.operation ? Number.POSITIVE_INFINITY : this.#options.ms;
    const ms = this.#once ?? own;
    this.#once = undefined;
    if (ms === 0) this.expire();
    else this.#options.deadlines.add(this, ms);
  }

  override expire(): void {
    const spell = this.#spell;
    const take = () => spell === this.#spell;
    this.#options.fire({ operation: this.#options.operation, arg: undefined, take });
  }
}
