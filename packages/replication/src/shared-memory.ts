/**
 * Memory for many small byte strings that are soon forgotten: they share it in blocks, for memory
 * of its own costs each of them more than its content. What is kept for long does not belong here,
 * since it would keep the whole block.
 */
const blockBytes = 16_384;
/** Longer ones would leave too much of a block unused. */
const smallBytes = 1024;

export class SharedMemory {
  #block = new Uint8Array(0);
  #used = 0;

  /** So many bytes, which nobody else has. */
  take(length: number): Uint8Array {
    if (length > smallBytes) return new Uint8Array(length);
    if (this.#used + length > this.#block.length) {
      this.#block = new Uint8Array(blockBytes);
      this.#used = 0;
    }
    const at = this.#used;
    this.#used += length;
    return this.#block.subarray(at, at + length);
  }
}
