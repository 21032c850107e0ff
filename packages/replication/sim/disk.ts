/**
 * A disk that takes its time and, when its replica crashes, keeps no more than it has promised.
 *
 * Of the writes under way at a crash a random prefix survives: the kernel may have got that far.
 */
import {
  type Journal,
  type OpenedJournal,
  Recovery,
  type Write,
} from "@troupe/replication/runtime";
import type { EventQueue } from "./event-queue.ts";
import type { SimOptions } from "./options.ts";
import type { Chance } from "./random.ts";

const healedMeanMs = 10;

interface UnderWay {
  readonly write: Write;
  readonly done: () => void;
}

export class SimDisk {
  readonly #options: SimOptions;
  readonly #events: EventQueue;
  readonly #chance: Chance;
  /** Whether it reports a write before the write is durable: a planted bug. */
  readonly #lies: boolean;
  readonly #durable: Write[] = [];
  #waiting: UnderWay[] = [];
  #syncing: UnderWay[] = [];
  /** Which life of the replica the callbacks belong to. */
  #life = 0;
  #used = false;
  #healed = false;

  constructor(options: SimOptions, events: EventQueue, chance: Chance, lies: boolean) {
    this.#options = options;
    this.#events = events;
    this.#chance = chance;
    this.#lies = lies;
  }

  open(): OpenedJournal {
    const journal: Journal = {
      append: (write, done) => this.#append({ write, done }),
      close: async () => undefined,
    };
    const recovery = new Recovery();
    for (const write of this.#durable) recovery.add(write);
    const nothing = { view: 0, log_view: 0, commit: 0, entries: [] };
    const recovered = this.#used ? (recovery.state ?? nothing) : undefined;
    this.#used = true;
    return { journal, recovered };
  }

  /** From now on it is as quick as a good disk. */
  heal(): void {
    this.#healed = true;
  }

  /** Power is lost. */
  crash(): void {
    this.#life++;
    const pending = [...this.#syncing, ...this.#waiting];
    const surviving = this.#chance.between(0, pending.length);
    for (const { write } of pending.slice(0, surviving)) this.#durable.push(write);
    this.#syncing = [];
    this.#waiting = [];
  }

  #append(underWay: UnderWay): void {
    this.#waiting.push(underWay);
    if (this.#lies) underWay.done();
    if (this.#syncing.length === 0) this.#sync();
  }

  /** One sync for all that waits, as the real journal does it. */
  #sync(): void {
    this.#syncing = this.#waiting;
    this.#waiting = [];
    const life = this.#life;
    const { diskMinMs, diskMeanMs } = this.#options;
    const mean = this.#healed ? Math.min(diskMeanMs, healedMeanMs) : diskMeanMs;
    this.#events.after(diskMinMs + this.#chance.exponential(mean), () => {
      if (life !== this.#life) return;
      const synced = this.#syncing;
      this.#syncing = [];
      for (const { write } of synced) this.#durable.push(write);
      if (!this.#lies) for (const { done } of synced) done();
      if (this.#waiting.length > 0 && this.#syncing.length === 0) this.#sync();
    });
  }
}
