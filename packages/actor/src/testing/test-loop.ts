/**
 * The event loop of a test system: it runs what the runtime asks for one task at a time.
 *
 * Between two tasks it lets every promise reaction run, or does not, as the seed decides: in a
 * real program both happen. Held, it runs nothing by itself, and a test steps it by hand. It knows
 * nothing of time: a reaction that waits for a real timer or a socket is not waited for.
 */
import type { Random } from "../clock.ts";
import type { EventLoop } from "../event-loop.ts";

// Kept from before a test replaces it with a fake one.
const { setImmediate } = globalThis;

/** Resolves when every promise reaction that is under way, and what follows from it, has run. */
export function reactions(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Runs tasks in the order in which they were asked for. */
export class TestLoop implements EventLoop {
  readonly #random: Random;
  /** How likely it is that reactions run between two tasks. */
  readonly #chance: number;
  /** Bounded by what asks for turns: a scheduler and a table of deadlines, one task each. */
  readonly #tasks: (() => void)[] = [];
  #isHeld = false;
  #isArmed = false;

  constructor(random: Random) {
    this.#random = random;
    this.#chance = [0.125, 0.5, 1][Math.floor(random() * 3)] as number;
  }

  /** Whether there is nothing to run. */
  get isIdle(): boolean {
    return this.#tasks.length === 0;
  }

  /** Whether it runs only what it is told to. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  soon(task: () => void): void {
    this.#tasks.push(task);
    this.#arm();
  }

  later(task: () => void): void {
    this.soon(task);
  }

  /** Runs nothing by itself any more. */
  hold(): void {
    this.#isHeld = true;
  }

  /** Runs by itself again. */
  release(): void {
    this.#isHeld = false;
    this.#arm();
  }

  /** Runs one task; false when there is none. */
  runOne(): boolean {
    const task = this.#tasks.shift();
    try {
      task?.();
    } finally {
      this.#arm();
    }
    return task !== undefined;
  }

  /** Runs tasks up to the next point at which reactions run. */
  runSome(): void {
    while (this.runOne()) {
      if (this.#random() < this.#chance) return;
    }
  }

  #arm(): void {
    if (this.#isArmed || this.#isHeld || this.isIdle) return;
    this.#isArmed = true;
    setImmediate(() => {
      this.#isArmed = false;
      if (!this.#isHeld) this.runSome();
    });
  }
}
