/**
 * Jobs of a supervisor that take their time: one after the other within a lane.
 *
 * A supervisor's mailbox is never held by a job, so it answers and stops meanwhile. A lane knows
 * nothing of children. Its length is bounded by what waits for it: the exits of its children and
 * the calls that callers have made.
 */
import { RingQueue } from "../ring-queue.ts";

/** Something to be done. It never rejects. */
export type Job = () => Promise<void>;

/** Runs jobs in order, one at a time; an idle lane begins at once. */
export class Lane {
  #busy = false;
  #waiting: RingQueue<Job> | undefined = undefined;

  /** Runs a job when those before it are done. */
  run(job: Job): void {
    if (this.#busy) {
      this.#waiting ??= new RingQueue();
      this.#waiting.push(job);
      return;
    }
    this.#busy = true;
    void this.#drain(job);
  }

  /** Does some work when its turn comes, and passes on what becomes of it. */
  turn<T>(work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.run(() => work().then(resolve, reject));
    });
  }

  async #drain(first: Job): Promise<void> {
    for (let job: Job | undefined = first; job !== undefined; job = this.#waiting?.shift()) {
      await job();
    }
    this.#busy = false;
    this.#waiting = undefined;
  }
}
