/**
 * Where the slices of a state are kept while the replica goes on: a throw goes back to them.
 *
 * They take as much memory as the state has bytes, and new ones are made at each checkpoint. The
 * garbage collector counts the memory of buffers, and begins to mark a whole heap when that has
 * grown by so little as 64 MiB. It does not count memory that threads may share; so the slices lie
 * in such memory, in blocks that are used again when the slices in them are no longer needed.
 */

const blockBytes = 1024 * 1024;

/** Slices that belong together: those of one state. */
export interface ShelvedSlices extends Iterable<Uint8Array> {
  /** Keeps a copy, and returns it. It may be read until `clear`. */
  add(slice: Uint8Array): Uint8Array;
  /** Gives the memory back; nothing of it may be read any more. */
  clear(): void;
}

export class SliceShelf {
  readonly #spare: Uint8Array[] = [];
  /** Blocks of the usual length in which slices lie. */
  #used = 0;

  begin(): ShelvedSlices {
    const slices: Uint8Array[] = [];
    let blocks: Uint8Array[] = [];
    /** What is left of the last block. */
    let room: Uint8Array = new Uint8Array(0);
    return {
      add: (slice) => {
        const { length } = slice;
        if (length > room.length) {
          room = this.#block(length);
          blocks.push(room);
        }
        const kept = room.subarray(0, length);
        kept.set(slice);
        room = room.subarray(length);
        slices.push(kept);
        return kept;
      },
      clear: () => {
        this.#giveBack(blocks.filter(({ length }) => length === blockBytes));
        slices.length = 0;
        blocks = [];
        room = new Uint8Array(0);
      },
      [Symbol.iterator]: () => slices[Symbol.iterator](),
    };
  }

  #block(bytes: number): Uint8Array {
    if (bytes > blockBytes) return new Uint8Array(new SharedArrayBuffer(bytes));
    this.#used++;
    return this.#spare.pop() ?? new Uint8Array(new SharedArrayBuffer(blockBytes));
  }

  /** The next state may need as many as this one; what a larger one needed is let go. */
  #giveBack(blocks: readonly Uint8Array[]): void {
    this.#used -= blocks.length;
    this.#spare.push(...blocks);
    this.#spare.length = Math.min(this.#spare.length, Math.max(this.#used, 1));
  }
}
