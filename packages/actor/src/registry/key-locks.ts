/**
 * Locks by key: one function at a time runs under a key, the others wait in the order of asking.
 *
 * Whoever waits may give up, or die, without holding up those behind it. A lock is lost when its
 * holder dies: the function cannot be stopped, but it is told through its signal. The file knows
 * no registry; a key here is a key to nothing else.
 */
import type { Clock } from "../clock.ts";
import { CallAbortedError, NoProcessError, TooManyCallsError } from "../errors.ts";
import { onAbort } from "../on-abort.ts";
import { LockTimeoutError } from "./registry-errors.ts";

/** A process that asks for a lock. */
export interface LockHolder {
  describe(): string;
  /** Calls the listener as soon as it is dead. Returns a function that takes the listener back. */
  onRelease(listener: () => void): () => void;
}

/** How a lock is asked for. */
export interface LockRequest {
  /** The lock ends with it; undefined when it ends with the function only. */
  readonly holder: LockHolder | undefined;
  /** How long to wait for the lock, in milliseconds. */
  readonly timeoutMs: number;
  /** Aborting it gives up waiting. */
  readonly signal: AbortSignal | undefined;
}

/** What the locks need. */
export interface KeyLocksOptions {
  readonly clock: Clock;
  /** Names the locks in errors. */
  readonly owner: string;
  /** How many may wait at a time, over all keys. */
  readonly maxWaiting: number;
}

/** One request, from asking until its function has ended. */
interface Turn {
  /** Aborted when the lock is lost. */
  readonly lost: AbortController;
  /** Why the lock was lost, or not granted. */
  loss: Error | undefined;
  /** Settle the waiting; undefined when there was none. */
  grant: (() => void) | undefined;
  refuse: ((error: Error) => void) | undefined;
}

/** The locks of one registry. */
export class KeyLocks<K> {
  readonly #options: KeyLocksOptions;
  /** The first of a queue has the lock. */
  readonly #queues = new Map<K, Set<Turn>>();
  #waiting = 0;

  constructor(options: KeyLocksOptions) {
    this.#options = options;
  }

  /** How many keys are locked. */
  get size(): number {
    return this.#queues.size;
  }

  /**
   * Runs a function under a key, at once when the key is free, and settles as the function does.
   *
   * Rejects, and has not run the function, with `LockTimeoutError`, with `CallAbortedError`, with
   * `TooManyCallsError` at the cap, and with `NoProcessError` when the holder dies waiting.
   */
  async run<R>(key: K, request: LockRequest, work: (lost: AbortSignal) => R): Promise<Awaited<R>> {
    const { holder, signal } = request;
    if (signal?.aborted === true) throw new CallAbortedError("not_run", signal.reason);
    const turn: Turn = {
      lost: new AbortController(),
      loss: undefined,
      grant: undefined,
      refuse: undefined,
    };
    const isFree = this.#enter(key, turn);
    const forget = holder?.onRelease(() =>
      this.#lose(key, turn, new NoProcessError(holder.describe())),
    );
    try {
      if (!isFree) await this.#wait(key, turn, request);
      // It may have been lost again since it was granted.
      if (turn.loss !== undefined) throw turn.loss;
      return await work(turn.lost.signal);
    } finally {
      forget?.();
      this.#leave(key, turn);
    }
  }

  /** Everybody loses: those that wait are refused, and running functions are told. */
  close(loss: Error): void {
    const queues = [...this.#queues];
    this.#queues.clear();
    for (const [key, turns] of queues) for (const turn of turns) this.#lose(key, turn, loss);
  }

  /** Joins the queue of a key; true when the lock is free. */
  #enter(key: K, turn: Turn): boolean {
    const queue = this.#queues.get(key);
    if (queue === undefined) {
      this.#queues.set(key, new Set([turn]));
      return true;
    }
    const { maxWaiting } = this.#options;
    if (this.#waiting >= maxWaiting) throw new TooManyCallsError(maxWaiting);
    queue.add(turn);
    return false;
  }

  /** Waits until the lock is granted, refused or too late. */
  async #wait(key: K, turn: Turn, { timeoutMs, signal }: LockRequest): Promise<void> {
    const { clock, owner } = this.#options;
    const granted = new Promise<void>((resolve, reject) => {
      turn.grant = resolve;
      turn.refuse = reject;
    });
    const giveUp = (error: Error) => turn.refuse?.(error);
    const expired = () => giveUp(new LockTimeoutError(owner, key, timeoutMs));
    const timer =
      timeoutMs === Number.POSITIVE_INFINITY ? undefined : clock.setTimer(timeoutMs, expired);
    const ignore =
      signal && onAbort(signal, () => giveUp(new CallAbortedError("not_run", signal.reason)));
    this.#waiting += 1;
    try {
      await granted;
    } finally {
      this.#waiting -= 1;
      ignore?.();
      if (timer !== undefined) clock.clearTimer(timer);
    }
  }

  /** The lock is lost, or will not be granted: the next one in the queue need not wait for it. */
  #lose(key: K, turn: Turn, loss: Error): void {
    turn.loss = loss;
    turn.lost.abort(loss);
    turn.refuse?.(loss);
    this.#leave(key, turn);
  }

  /** Leaves the queue, if it stands in it; the lock goes to the next when this one had it. */
  #leave(key: K, turn: Turn): void {
    const queue = this.#queues.get(key);
    if (queue === undefined) return;
    const [first] = queue;
    if (!queue.delete(turn) || first !== turn) return;
    const [next] = queue;
    if (next === undefined) this.#queues.delete(key);
    else next.grant?.();
  }
}
