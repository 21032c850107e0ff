/**
 * The part of a long queue of messages that stands behind the ring of its mailbox.
 *
 * Messages stand in chunks of equal size, three cells each, one chunk after another. Nothing in it
 * is ever moved: a chunk is filled, and later handed over as it is. So the queue is never copied,
 * and its memory is free again as it is handled.
 */

/** Cells of one message: operation, argument, reply port. */
export const cellsPerMessage = 3;

/** Messages in a chunk. A power of two, because a chunk becomes a ring. */
export const chunkMessages = 1024;

const chunkCells = chunkMessages * cellsPerMessage;

/** The cells of a chunk, and after them the next chunk. */
type Chunk = unknown[];

/** A chain of chunks; it holds at least one message, but while it is made. */
export class MessageChain {
  #first: Chunk = new Array<unknown>(chunkCells + 1);
  #last: Chunk = this.#first;
  /** How many cells of the last chunk are taken. */
  #taken = 0;
  /** How many messages it holds. */
  size = 0;

  /** Appends a message. */
  push(operation: unknown, arg: unknown, from: unknown): void {
    if (this.#taken === chunkCells) {
      const next: Chunk = new Array<unknown>(chunkCells + 1);
      this.#last[chunkCells] = next;
      this.#last = next;
      this.#taken = 0;
    }
    const at = this.#taken;
    const chunk = this.#last;
    chunk[at] = operation;
    chunk[at + 1] = arg;
    chunk[at + 2] = from;
    this.#taken = at + cellsPerMessage;
    this.size += 1;
  }

  /** Hands over the cells of the oldest chunk; `size` tells how many messages fewer are left. */
  shift(): unknown[] {
    const chunk = this.#first;
    if (chunk === this.#last) {
      this.size = 0;
      return chunk;
    }
    this.#first = chunk[chunkCells] as Chunk;
    chunk[chunkCells] = undefined;
    this.size -= chunkMessages;
    return chunk;
  }

  /** Looks at every message, oldest first, until `visit` answers true. */
  find(visit: (cells: unknown[], at: number) => boolean): boolean {
    for (let chunk = this.#first; ; chunk = chunk[chunkCells] as Chunk) {
      const end = chunk === this.#last ? this.#taken : chunkCells;
      for (let at = 0; at < end; at += cellsPerMessage) if (visit(chunk, at)) return true;
      if (chunk === this.#last) return false;
    }
  }
}
