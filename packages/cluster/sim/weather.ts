/**
 * What was broken, where and until when: who loses something may be asked whether it had a reason.
 */
import type { EventQueue } from "./event-queue.ts";

export class Weather {
  readonly #events: EventQueue;
  /** When a machine, or a pair of them, was last disturbed; infinite while it still is. */
  readonly #until = new Map<string, number>();
  readonly #ongoing = new Map<string, number>();
  #healed = false;

  constructor(events: EventQueue) {
    this.#events = events;
  }

  /** Nothing is broken any more, and nothing will be. */
  healAll(): void {
    for (const key of this.#ongoing.keys()) this.#until.set(key, this.#events.now);
    this.#ongoing.clear();
    this.#healed = true;
  }

  /** Something happened in a moment. */
  strike(...hosts: readonly number[]): void {
    this.#until.set(keyOf(hosts), this.#events.now);
  }

  /** Something lasts, until `end` is called as often. */
  begin(...hosts: readonly number[]): void {
    if (this.#healed) return;
    const key = keyOf(hosts);
    this.#ongoing.set(key, (this.#ongoing.get(key) ?? 0) + 1);
  }

  end(...hosts: readonly number[]): void {
    if (this.#healed) return;
    const key = keyOf(hosts);
    const left = (this.#ongoing.get(key) ?? 0) - 1;
    if (left > 0) this.#ongoing.set(key, left);
    else this.#ongoing.delete(key);
    this.#until.set(key, this.#events.now);
  }

  /** Milliseconds since two machines, or the way between them, were last disturbed. */
  calmMs(a: number, b: number): number {
    let last = Number.NEGATIVE_INFINITY;
    for (const key of [keyOf([a]), keyOf([b]), keyOf([a, b])]) {
      if (this.#ongoing.has(key)) return 0;
      last = Math.max(last, this.#until.get(key) ?? Number.NEGATIVE_INFINITY);
    }
    return this.#events.now - last;
  }
}

function keyOf(hosts: readonly number[]): string {
  return [...hosts].sort((a, b) => a - b).join();
}
