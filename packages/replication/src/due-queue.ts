/**
 * Which timer is due next: a heap beside the map that owns the timers.
 *
 * What is taken off the map stays in the heap until it comes up, so that cancelling costs nothing;
 * when most of the heap is gone from the map it is made anew.
 */
import type { TimerId } from "@troupe/actor";
import type { OpenTimer } from "./actor-memory.ts";

interface Entry {
  readonly id: TimerId;
  readonly due: number;
  readonly order: number;
}

/** So many entries are not worth making the heap anew. */
const fewEntries = 64;

export class DueQueue {
  #timers: ReadonlyMap<TimerId, OpenTimer>;
  #heap: Entry[] = [];

  constructor(timers: ReadonlyMap<TimerId, OpenTimer>) {
    this.#timers = timers;
    this.#fill();
  }

  /** A timer was put into the map. */
  add(id: TimerId, { due, order }: OpenTimer): void {
    if (this.#heap.length > fewEntries && this.#heap.length > 2 * this.#timers.size) {
      this.#fill();
      return;
    }
    this.#heap.push({ id, due, order });
    this.#up(this.#heap.length - 1);
  }

  /** The timer that is due first, of those due at once the one that was set first. */
  get first(): Entry | undefined {
    for (;;) {
      const [top] = this.#heap;
      if (top === undefined || this.#timers.get(top.id)?.order === top.order) return top;
      this.#takeTop();
    }
  }

  /** When something is due; undefined if there are no timers. */
  get nextDue(): number | undefined {
    return this.first?.due;
  }

  #fill(): void {
    this.#heap = [...this.#timers].map(([id, { due, order }]) => ({ id, due, order }));
    // What is sorted is a heap.
    this.#heap.sort((a, b) => (isBefore(a, b) ? -1 : 1));
  }

  #takeTop(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#down(0);
  }

  #up(at: number): void {
    for (let child = at; child > 0; ) {
      const parent = (child - 1) >> 1;
      if (!this.#swapIfBefore(child, parent)) return;
      child = parent;
    }
  }

  #down(at: number): void {
    for (let parent = at; ; ) {
      const left = 2 * parent + 1;
      const [a, b] = [this.#heap[left], this.#heap[left + 1]];
      if (a === undefined) return;
      const child = b !== undefined && isBefore(b, a) ? left + 1 : left;
      if (!this.#swapIfBefore(child, parent)) return;
      parent = child;
    }
  }

  #swapIfBefore(child: number, parent: number): boolean {
    const [a, b] = [this.#heap[child], this.#heap[parent]];
    if (a === undefined || b === undefined || !isBefore(a, b)) return false;
    this.#heap[child] = b;
    this.#heap[parent] = a;
    return true;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.due < b.due || (a.due === b.due && a.order < b.order);
}
