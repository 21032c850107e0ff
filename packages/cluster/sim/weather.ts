/**
 * What was broken, where and until when: who loses something may be asked whether it had a reason.
 * A pause disturbs the machine that is paused; everything else also those around it.
 */
import type { EventQueue } from "./event-queue.ts";

export class Weather {
  readonly #events: EventQueue;
  /** When a machine, or a pair of them, was last disturbed; and how often it is now. */
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
    for (const key of keysOf(hosts)) this.#until.set(key, this.#events.now);
  }

  /** Something lasts, until `end` is called as often. */
  begin(...hosts: readonly number[]): void {
    for (const key of keysOf(hosts)) this.#begin(key);
  }

  end(...hosts: readonly number[]): void {
    for (const key of keysOf(hosts)) this.#end(key);
  }

  beginPause(host: number): void {
    this.#begin(String(host));
  }

  endPause(host: number): void {
    this.#end(String(host));
  }

  /** Milliseconds since two machines, or the way between them, were last disturbed. */
  calmMs(a: number, b: number): number {
    return this.#calmMs([String(a), String(b), pairOf(a, b)]);
  }

  /** Milliseconds since anything happened but pauses of other machines. */
  calmAroundMs(host: number): number {
    return this.#calmMs([String(host), anywhere]);
  }

  #begin(key: string): void {
    if (!this.#healed) this.#ongoing.set(key, (this.#ongoing.get(key) ?? 0) + 1);
  }

  #end(key: string): void {
    if (this.#healed) return;
    const left = (this.#ongoing.get(key) ?? 0) - 1;
    if (left > 0) this.#ongoing.set(key, left);
    else this.#ongoing.delete(key);
    this.#until.set(key, this.#events.now);
  }

  #calmMs(keys: readonly string[]): number {
    let last = Number.NEGATIVE_INFINITY;
    for (const key of keys) {
      if (this.#ongoing.has(key)) return 0;
      last = Math.max(last, this.#until.get(key) ?? Number.NEGATIVE_INFINITY);
    }
    return this.#events.now - last;
  }
}

const anywhere = "anywhere";

function keysOf(hosts: readonly number[]): string[] {
  const [a, b] = hosts;
  return [a !== undefined && b !== undefined ? pairOf(a, b) : String(a), anywhere];
}

function pairOf(a: number, b: number): string {
  return a < b ? `${a}-${b}` : `${b}-${a}`;
}
