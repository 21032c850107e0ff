/**
 * A first-in first-out queue in a ring that grows up to a cap.
 *
 * `Array.prototype.shift` moves every element of a long queue; a ring moves none. The queue never
 * drops anything by itself: at its cap `push` answers false and the owner decides what happens.
 */

const firstSize = 16;

/**
 * A growable ring with a cap.
 *
 * @example
 * ```ts
 * const queue = new RingQueue<string>({ max: 2 });
 * queue.push("a"); // => true
 * queue.push("b"); // => true
 * queue.push("c"); // => false
 * queue.shift(); // => "a"
 * ```
 */
export class RingQueue<T> {
  readonly #max: number;
  #cells: (T | undefined)[] = [];
  #mask = -1;
  #head = 0;
  #size = 0;

  /** `max` is how many items fit; without it the owner must bound the queue in another way. */
  constructor(options: { readonly max?: number } = {}) {
    this.#max = options.max ?? Number.POSITIVE_INFINITY;
  }

  /** How many items wait. */
  get size(): number {
    return this.#size;
  }

  /** Appends an item; false when the queue is at its cap, and then nothing has changed. */
  push(item: T): boolean {
    if (this.#size >= this.#max) return false;
    if (this.#size > this.#mask) this.#grow();
    this.#cells[(this.#head + this.#size) & this.#mask] = item;
    this.#size += 1;
    return true;
  }

  /** Removes and returns the oldest item, or undefined when there is none. */
  shift(): T | undefined {
    if (this.#size === 0) return undefined;
    const item = this.#cells[this.#head];
    this.#cells[this.#head] = undefined;
    this.#head = (this.#head + 1) & this.#mask;
    this.#size -= 1;
    return item;
  }

  /** The oldest item, left in place. */
  peek(): T | undefined {
    return this.#size === 0 ? undefined : this.#cells[this.#head];
  }

  /** Forgets every item and gives the memory back. */
  clear(): void {
    this.#cells = [];
    this.#mask = -1;
    this.#head = 0;
    this.#size = 0;
  }

  #grow(): void {
    const cells = new Array<T | undefined>(Math.max(firstSize, this.#cells.length * 2));
    cells.fill(undefined);
    for (let at = 0; at < this.#size; at += 1) {
      cells[at] = this.#cells[(this.#head + at) & this.#mask];
    }
    this.#cells = cells;
    this.#mask = cells.length - 1;
    this.#head = 0;
  }
}
