/**
 * Tells listeners of the application what has changed, each one in the same order.
 *
 * A listener may change things itself, add listeners, or throw: what that causes is told after
 * what is being told, a listener that is added hears only what happens from then on, and what is
 * thrown is reported and hides nothing from the others. So a snapshot taken together with
 * `listen` and the events after it make one whole, without a gap and without a repetition.
 */

/** Takes the listener back. Twice is once. */
export type Unlisten = () => void;

interface Listening<E> {
  readonly listener: (event: E) => void;
  /** The number of the first event that it hears. */
  readonly from: number;
}

interface Announcement<E> {
  readonly event: E;
  readonly to: Iterable<Listening<E>>;
  readonly number: number;
}

/** Listeners by topic. */
export class Announcer<E> {
  readonly #threw: (topic: string, error: unknown) => void;
  readonly #byTopic = new Map<string, Set<Listening<E>>>();
  readonly #waiting: (Announcement<E> & { readonly topic: string })[] = [];
  #announced = 0;
  #isTelling = false;

  constructor(threw: (topic: string, error: unknown) => void) {
    this.#threw = threw;
  }

  /** Whether anybody would hear of a topic. */
  hears(topic: string): boolean {
    return this.#byTopic.has(topic);
  }

  listen(topic: string, listener: (event: E) => void): Unlisten {
    const listening = { listener, from: this.#announced + 1 };
    const listeners = this.#byTopic.get(topic) ?? new Set();
    this.#byTopic.set(topic, listeners.add(listening));
    return () => {
      listeners.delete(listening);
      if (listeners.size === 0 && this.#byTopic.get(topic) === listeners) {
        this.#byTopic.delete(topic);
      }
    };
  }

  /** Tells it at once, or after what is being told. */
  announce(topic: string, event: E): void {
    this.#announced += 1;
    const to = this.#byTopic.get(topic);
    if (to === undefined) return;
    this.#waiting.push({ topic, event, to, number: this.#announced });
    if (this.#isTelling) return;
    this.#isTelling = true;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      this.#tell(next.topic, next);
    }
    this.#isTelling = false;
  }

  #tell(topic: string, { event, to, number }: Announcement<E>): void {
    for (const { listener, from } of to) {
      if (number < from) continue;
      try {
        listener(event);
      } catch (error) {
        this.#threw(topic, error);
      }
    }
  }
}
