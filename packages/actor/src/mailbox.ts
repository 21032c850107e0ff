/**
 * The messages of one process that wait for their turn.
 *
 * Messages stand in a ring with three cells each (operation, argument, reply port), so a message
 * costs no object. At its capacity `push` answers false and the sender is told. The system lane
 * is taken first and has no capacity: it carries what the runtime itself has to say, which must
 * never be lost and is bounded by what the process has asked for. The mailbox handles nothing.
 */
import type { Operation } from "./program.ts";
import type { ReplyPort } from "./ref.ts";
import { RingQueue } from "./ring-queue.ts";

const cellsPerMessage = 3;
const firstMessages = 8;

/** A message of the system lane. */
interface SystemMessage {
  readonly operation: Operation;
  readonly arg: unknown;
}

/** A bounded queue of messages, with a lane that goes first. */
export class Mailbox {
  readonly capacity: number;
  /** The argument of the message that `shift` took last. */
  arg: unknown = undefined;
  /** The reply port of the message that `shift` took last; undefined for a cast or an info. */
  from: ReplyPort | undefined = undefined;
  /** How many messages `shift` has taken from the bounded lane so far. */
  taken = 0;
  #cells: unknown[] = [];
  #mask = -1;
  #head = 0;
  #size = 0;
  #system: RingQueue<SystemMessage> | undefined = undefined;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  /** How many messages wait in the bounded lane. */
  get size(): number {
    return this.#size;
  }

  /** True when neither lane holds a message. */
  get isEmpty(): boolean {
    return this.#size === 0 && (this.#system === undefined || this.#system.size === 0);
  }

  /** Appends a message; false at the capacity, and then nothing has changed. */
  push(operation: Operation, arg: unknown, from: ReplyPort | undefined): boolean {
    if (this.#size >= this.capacity) return false;
    this.#append(operation, arg, from);
    return true;
  }

  /**
   * Appends a message that the process itself has asked for: a timer of its own. It may exceed the
   * capacity, by no more than the number of timers, because a tick that is lost is lost for good.
   */
  pushOwn(operation: Operation, arg: unknown): void {
    this.#append(operation, arg, undefined);
  }

  /** Appends a message to the system lane. */
  pushSystem(operation: Operation, arg: unknown): void {
    this.#system ??= new RingQueue();
    this.#system.push({ operation, arg });
  }

  /**
   * Takes the next message and returns its operation, or undefined when there is none. The rest
   * of the message is then in `arg` and `from`.
   */
  shift(): Operation | undefined {
    if (this.#system !== undefined) {
      const message = this.#system.shift();
      if (message !== undefined) {
        this.arg = message.arg;
        this.from = undefined;
        return message.operation;
      }
    }
    if (this.#size === 0) return undefined;
    const cells = this.#cells;
    const at = this.#head * cellsPerMessage;
    const operation = cells[at] as Operation;
    this.arg = cells[at + 1];
    this.from = cells[at + 2] as ReplyPort | undefined;
    cells[at] = undefined;
    cells[at + 1] = undefined;
    cells[at + 2] = undefined;
    this.#head = (this.#head + 1) & this.#mask;
    this.#size -= 1;
    this.taken += 1;
    return operation;
  }

  /** Lets go of the message that `shift` took last, so that an idle process holds no argument. */
  release(): void {
    this.arg = undefined;
    this.from = undefined;
  }

  #append(operation: Operation, arg: unknown, from: ReplyPort | undefined): void {
    if (this.#size > this.#mask) this.#grow();
    const at = ((this.#head + this.#size) & this.#mask) * cellsPerMessage;
    const cells = this.#cells;
    cells[at] = operation;
    cells[at + 1] = arg;
    cells[at + 2] = from;
    this.#size += 1;
  }

  #grow(): void {
    const old = this.#cells;
    const messages = Math.max(firstMessages, (this.#mask + 1) * 2);
    const cells = new Array<unknown>(messages * cellsPerMessage).fill(undefined);
    const split = this.#head * cellsPerMessage;
    // The ring is full when it grows: its oldest part runs from the head to the end.
    for (let from = split, to = 0; from < old.length; from += 1, to += 1) cells[to] = old[from];
    for (let from = 0, to = old.length - split; from < split; from += 1, to += 1) {
      cells[to] = old[from];
    }
    this.#cells = cells;
    this.#mask = messages - 1;
    this.#head = 0;
  }
}
