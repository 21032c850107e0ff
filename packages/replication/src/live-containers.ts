/**
 * The large maps and sets of a state that is being captured: they stay, and only what they hold is
 * replaced by what was read back.
 *
 * Whoever fills a new map one entry after the other waits for the engine each time that it moves
 * all of them into a larger table: with a million entries that is a tenth of a second and more, and
 * a second table of that size is held meanwhile.
 */

export type LiveContainer = Map<unknown, unknown> | Set<unknown>;

/** A smaller one is made anew faster than a millisecond. */
export const liveSizeMin = 16_384;

/** Handed from the writer of slices to their reader, which meets the same containers in turn. */
export class LiveContainers {
  readonly #seen = new Set<LiveContainer>();
  #opened: (LiveContainer | undefined)[] = [];
  #next = 0;
  #used = false;

  /** Whether what stands in a live container may have been replaced. */
  get used(): boolean {
    return this.#used;
  }

  /** The writer has begun with a map or a set. */
  open(container: LiveContainer): void {
    this.#opened.push(this.#stays(container) ? container : undefined);
  }

  /** The reader has come to the next one; undefined if that is to be made anew. */
  next(): LiveContainer | undefined {
    const container = this.#opened[this.#next++];
    if (this.#next === this.#opened.length) {
      this.#opened = [];
      this.#next = 0;
    }
    if (container !== undefined) this.#used = true;
    return container;
  }

  /** One that the state holds twice must become two, and no copy has properties of its own. */
  #stays(container: LiveContainer): boolean {
    if (container.size < liveSizeMin || this.#seen.has(container)) return false;
    this.#seen.add(container);
    return Reflect.ownKeys(container).length === 0;
  }
}
