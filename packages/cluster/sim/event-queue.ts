/**
 * Virtual time: events in the order of their moment, and of their scheduling within one moment.
 * One that was called off stays in the heap, empty, until its moment comes.
 */
export interface Scheduled {
  readonly at: number;
  readonly order: number;
  /** Undefined once it was called off. */
  run: (() => void) | undefined;
}

export class EventQueue {
  /** A binary heap: the earliest event is at 0. */
  readonly #heap: Scheduled[] = [];
  #scheduled = 0;
  #now = 0;

  /** Milliseconds since the run began. */
  get now(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): Scheduled {
    return this.at(this.#now + ms, run);
  }

  at(at: number, run: () => void): Scheduled {
    const event = { at: Math.max(at, this.#now), order: this.#scheduled++, run };
    this.#heap.push(event);
    this.#rise(this.#heap.length - 1);
    return event;
  }

  /** Takes out the next event; undefined if there is none, or it is later than `until`. */
  take(until: number): (() => void) | undefined {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || first.at > until) {
        this.#now = Math.max(this.#now, until);
        return undefined;
      }
      const last = this.#heap.pop();
      if (last !== undefined && this.#heap.length > 0) {
        this.#heap[0] = last;
        this.#sink(0);
      }
      if (first.run === undefined) continue;
      this.#now = first.at;
      return first.run;
    }
  }

  #rise(from: number): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#swapIfEarlier(at, parent)) return;
      at = parent;
    }
  }

  #sink(from: number): void {
    let at = from;
    for (;;) {
      const left = 2 * at + 1;
      const right = left + 1;
      if (left >= this.#heap.length) return;
      const child = right < this.#heap.length && this.#isEarlier(right, left) ? right : left;
      if (!this.#swapIfEarlier(child, at)) return;
      at = child;
    }
  }

  #isEarlier(a: number, b: number): boolean {
    const [x, y] = [this.#heap[a], this.#heap[b]];
    if (x === undefined || y === undefined) return false;
    return x.at < y.at || (x.at === y.at && x.order < y.order);
  }

  #swapIfEarlier(child: number, parent: number): boolean {
    if (!this.#isEarlier(child, parent)) return false;
    const [x, y] = [this.#heap[child], this.#heap[parent]];
    if (x === undefined || y === undefined) return false;
    this.#heap[child] = y;
    this.#heap[parent] = x;
    return true;
  }
}
