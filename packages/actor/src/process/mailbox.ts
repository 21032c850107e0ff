/**
 * The messages of one process that wait for their turn.
 *
 * Messages stand in a ring with three cells each (operation, argument, reply port), so a message
 * costs no object. At its capacity `push` answers false and the sender is told. The system lane
 * is taken first and has no capacity; nor has a notice, which stands in order with the messages:
 * both carry what the runtime itself has to say, which must never be lost and is bounded by what
 * the process has asked for. The mailbox handles nothing.
 */
import type { Operation } from "../program.ts";
import type { ReplyPort } from "../ref.ts";
import { RingQueue } from "../ring-queue.ts";

const cellsPerMessage = 3;
const firstMessages = 8;

/** An empty mailbox keeps room for so many messages; it gives back what a burst took beyond. */
const keptMessages = 1024;

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
  /** Whether the message that `shift` took last stood in the system lane. */
  isSystem = false;
  /** How many messages `shift` has taken so far, without notices. */
  taken = 0;
  #cells: unknown[] = [];
  #mask = -1;
  #head = 0;
  #size = 0;
  /** How many of the messages in the ring are notices. */
  #notices = 0;
  #system: RingQueue<SystemMessage> | undefined = undefined;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  /** How many messages wait, without notices and the system lane. */
  get size(): number {
    return this.#size - this.#notices;
  }

  /** How many of the messages that wait have somebody who waits for the answer. */
  get callers(): number {
    let callers = 0;
    for (let place = 0; place < this.#size; place += 1) {
      if (this.#cells[this.#cellAt(place) + 2] !== undefined) callers += 1;
    }
    return callers;
  }

  /** True when neither lane holds a message. */
  get isEmpty(): boolean {
    return this.#size === 0 && (this.#system === undefined || this.#system.size === 0);
  }

  /** Appends a message; false at the capacity, and then nothing has changed. */
  push(operation: Operation, arg: unknown, from: ReplyPort | undefined): boolean {
    if (this.#size - this.#notices >= this.capacity) return false;
    this.#append(operation, arg, from);
    return true;
  }

  /** Appends a message of the runtime, in order and beyond the capacity. */
  pushNotice(operation: Operation, notice: unknown): void {
    this.#notices += 1;
    this.#append(operation, notice, undefined);
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
        this.isSystem = true;
        this.taken += 1;
        return message.operation;
      }
      this.isSystem = false;
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
    if (operation.kind === "notice") this.#notices -= 1;
    else this.taken += 1;
    // A burst must not hold its memory for ever.
    if (this.#size === 0 && this.#mask >= keptMessages) this.#forgetCells();
    return operation;
  }

  /**
   * Takes the oldest message that is not a notice, as `shift` does, so that there is room for
   * another one. It moves the notices before it by one place.
   */
  evict(): Operation | undefined {
    const cells = this.#cells;
    for (let behind = 0; behind < this.#size; behind += 1) {
      const at = this.#cellAt(behind);
      const operation = cells[at] as Operation;
      if (operation.kind === "notice") continue;
      this.arg = cells[at + 1];
      this.from = cells[at + 2] as ReplyPort | undefined;
      for (let place = behind; place > 0; place -= 1) this.#copy(place - 1, place);
      cells.fill(undefined, this.#cellAt(0), this.#cellAt(0) + cellsPerMessage);
      this.#head = (this.#head + 1) & this.#mask;
      this.#size -= 1;
      return operation;
    }
    return undefined;
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

  #cellAt(place: number): number {
    return ((this.#head + place) & this.#mask) * cellsPerMessage;
  }

  #copy(from: number, to: number): void {
    const source = this.#cellAt(from);
    this.#cells.copyWithin(this.#cellAt(to), source, source + cellsPerMessage);
  }

  #forgetCells(): void {
    this.#cells = [];
    this.#mask = -1;
    this.#head = 0;
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
