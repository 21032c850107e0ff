/**
 * The messages of one process that wait for their turn.
 *
 * Messages stand in a ring with three cells each (operation, argument, reply port), so a message
 * costs no object. The ring grows to the size of a chunk; what is more stands behind it in a chain
 * of chunks, each of which becomes the ring when its turn comes. At its capacity `push` answers
 * false and the sender is told. The system lane is taken first and has no capacity; nor has a
 * notice, which stands in order with the messages: both carry what the runtime itself has to say,
 * which must never be lost and is bounded by what the process has asked for. The mailbox handles
 * nothing.
 */
import type { Operation } from "../program.ts";
import type { ReplyPort } from "../ref.ts";
import { RingQueue } from "../ring-queue.ts";
import { cellsPerMessage, chunkMessages, MessageChain } from "./message-chain.ts";

const firstMessages = 4;

/** Until the first message there is no ring. */
const noCells: unknown[] = [];

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
  /** The ring: the oldest messages. */
  #cells: unknown[] = noCells;
  #mask = -1;
  #head = 0;
  #inRing = 0;
  /** At how many messages the ring takes no more: 0 while there are messages behind it. */
  #room = 0;
  #behind: MessageChain | undefined = undefined;
  /** How many messages and notices there are, in the ring and behind it. */
  #size = 0;
  /** How many of them are notices. */
  #notices = 0;
  #system: RingQueue<SystemMessage> | undefined = undefined;

  constructor(capacity: number) {
    // As a small integer: Infinity would be an object of its own in every mailbox.
    this.capacity = Math.min(capacity, 0x7fff_ffff);
  }

  /** How many messages wait, without notices and the system lane. */
  get size(): number {
    return this.#size - this.#notices;
  }

  /** How many of the messages that wait have somebody who waits for the answer. */
  get callers(): number {
    let callers = 0;
    this.#find((cells, at) => {
      if (cells[at + 2] !== undefined) callers += 1;
      return false;
    });
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
    this.#dropFirst();
    if (operation.kind === "notice") this.#notices -= 1;
    else this.taken += 1;
    return operation;
  }

  /**
   * Takes the oldest message that is not a notice, as `shift` does, so that there is room for
   * another one. It moves the notices before it by one place.
   */
  evict(): Operation | undefined {
    if (this.size === 0) return undefined;
    // Each notice on the way is put down one place further on, and the first place is left free.
    let carried: [operation: unknown, arg: unknown] = [undefined, undefined];
    let evicted: Operation | undefined;
    this.#find((cells, at) => {
      const operation = cells[at] as Operation;
      if (operation.kind !== "notice") {
        evicted = operation;
        this.arg = cells[at + 1];
        this.from = cells[at + 2] as ReplyPort | undefined;
        cells[at + 2] = undefined;
      }
      const next: typeof carried = [cells[at], cells[at + 1]];
      [cells[at], cells[at + 1]] = carried;
      carried = next;
      return evicted !== undefined;
    });
    this.#dropFirst();
    return evicted;
  }

  /** Lets go of the message that `shift` took last, so that an idle process holds no argument. */
  release(): void {
    this.arg = undefined;
    this.from = undefined;
  }

  #append(operation: Operation, arg: unknown, from: ReplyPort | undefined): void {
    this.#size += 1;
    if (this.#inRing >= this.#room && !this.#makeRoom()) {
      this.#room = 0;
      this.#behind ??= new MessageChain();
      this.#behind.push(operation, arg, from);
      return;
    }
    const at = ((this.#head + this.#inRing) & this.#mask) * cellsPerMessage;
    const cells = this.#cells;
    cells[at] = operation;
    cells[at + 1] = arg;
    cells[at + 2] = from;
    this.#inRing += 1;
  }

  /** The first place of the ring is free. */
  #dropFirst(): void {
    this.#head = (this.#head + 1) & this.#mask;
    this.#size -= 1;
    this.#inRing -= 1;
    if (this.#inRing === 0 && this.#behind !== undefined) this.#takeChunk(this.#behind);
  }

  /** The ring is empty: the oldest chunk behind it becomes the ring. */
  #takeChunk(behind: MessageChain): void {
    this.#cells = behind.shift();
    this.#mask = chunkMessages - 1;
    this.#head = 0;
    this.#inRing = this.#size - behind.size;
    if (behind.size > 0) return;
    this.#room = chunkMessages;
    this.#behind = undefined;
  }

  /** Makes the ring larger; false when there are chunks, or it is as large as one. */
  #makeRoom(): boolean {
    if (this.#behind !== undefined || this.#mask + 1 >= chunkMessages) return false;
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
    this.#room = messages;
    this.#head = 0;
    return true;
  }

  /** Looks at every message, oldest first, until `visit` answers true. */
  #find(visit: (cells: unknown[], at: number) => boolean): boolean {
    for (let place = 0; place < this.#inRing; place += 1) {
      const at = ((this.#head + place) & this.#mask) * cellsPerMessage;
      if (visit(this.#cells, at)) return true;
    }
    return this.#behind?.find(visit) === true;
  }
}
