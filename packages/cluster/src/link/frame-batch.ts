/**
 * Whole frames, one behind the other, in one piece of memory of at most 64 KiB: what leaves as one
 * message, or waits for its turn to. The memory grows by copying; there is no object per frame.
 */
import { MAX_FRAME_BYTES } from "./frame.ts";

/** A batch has at most this many bytes. */
export const BATCH_BYTES = MAX_FRAME_BYTES;

/** A batch begins with room for a few small frames. */
const FIRST_BYTES = 256;

export class FrameBatch {
  bytes: Buffer;
  length = 0;

  /** `expected` is a guess at how long it will be, which saves the growing. */
  constructor(expected: number) {
    this.bytes = Buffer.allocUnsafe(Math.min(Math.max(expected, FIRST_BYTES), BATCH_BYTES));
  }

  get room(): number {
    return BATCH_BYTES - this.length;
  }

  /** Makes place for so many bytes, which must be within the room; returns where it begins. */
  reserve(length: number): number {
    const at = this.length;
    const needed = at + length;
    if (needed > this.bytes.length) {
      const grown = Buffer.allocUnsafe(Math.min(Math.max(2 * at, needed), BATCH_BYTES));
      this.bytes.copy(grown, 0, 0, at);
      this.bytes = grown;
    }
    this.length = needed;
    return at;
  }

  append(bytes: Uint8Array): void {
    // Reserved first: growing replaces the memory.
    const at = this.reserve(bytes.length);
    this.bytes.set(bytes, at);
  }

  /** What was written. Nothing may be added after it has been handed on. */
  view(): Buffer {
    return this.length === this.bytes.length ? this.bytes : this.bytes.subarray(0, this.length);
  }
}
