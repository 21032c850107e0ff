/**
 * Drives the transfers through the ledger with a fixed number of concurrent callers, and notes
 * what each row was answered. It knows nothing of processes and kills; it only offers a gate, so
 * that a fast run cannot be over before the failures that it is meant to survive.
 */
import { isActorError, isReplyError } from "@troupe/actor";
import type { LedgerRef, Transfer } from "./ledger.ts";
import { insist, isRetryable, type RetryOptions } from "./retry.ts";
import type { Claim } from "./verify.ts";

/** What became of one row. */
export interface Answer {
  readonly transfer: Transfer;
  /** `unresolved`: the patience ended without an answer. */
  readonly outcome: "acknowledged" | "refused" | "unresolved";
  /** An earlier attempt may have run although it was not answered. */
  readonly uncertain: boolean;
  /** When the row was first sent, on the clock of `performance.now()`. */
  readonly sentAt: number;
  readonly answeredAt: number;
}

/** How the rows are driven. */
export interface WorkloadOptions {
  /** How many calls are under way at once. */
  readonly callers: number;
  /** How long one row is insisted on. */
  readonly retry?: Omit<RetryOptions, "onRetry">;
}

/** Looks at the next answer, or at the end of the run (undefined); true when it has seen enough. */
type Watcher = (answer: Answer | undefined) => boolean;

/** One run over all rows. */
export class Workload {
  readonly answers: Answer[] = [];
  readonly #ledger: LedgerRef;
  readonly #rows: readonly Transfer[];
  readonly #options: WorkloadOptions;
  readonly #counts = { acknowledged: 0, refused: 0, unresolved: 0 };
  readonly #watchers = new Set<Watcher>();
  #atGate: (() => void)[] = [];
  #gate = Number.POSITIVE_INFINITY;
  #next = 0;
  #retries = 0;
  #startedAt = 0;
  #finishedAt: number | undefined;

  constructor(ledger: LedgerRef, rows: readonly Transfer[], options: WorkloadOptions) {
    this.#ledger = ledger;
    this.#rows = rows;
    this.#options = options;
  }

  /** How many rows there are. */
  get rows(): number {
    return this.#rows.length;
  }

  /** How many of them have their answer. */
  get answered(): number {
    return this.answers.length;
  }

  get acknowledged(): number {
    return this.#counts.acknowledged;
  }

  get refused(): number {
    return this.#counts.refused;
  }

  get unresolved(): number {
    return this.#counts.unresolved;
  }

  /** How often a call was sent again because its answer did not come. */
  get retries(): number {
    return this.#retries;
  }

  /** For how long the transfers have been running, or ran. */
  get elapsedMs(): number {
    return (this.#finishedAt ?? performance.now()) - this.#startedAt;
  }

  /** Lets the callers take the rows before this one, and no others. */
  gateAt(row: number): void {
    this.#gate = row;
    const waiting = this.#atGate;
    this.#atGate = [];
    for (const resume of waiting) resume();
  }

  /**
   * Resolves when every row has been answered or given up. Rejects at the first error that no
   * repetition can mend: a defect, not a refusal.
   */
  async run(): Promise<void> {
    this.#startedAt = performance.now();
    try {
      await Promise.all(Array.from({ length: this.#options.callers }, () => this.#caller()));
    } finally {
      this.#finishedAt = performance.now();
      this.gateAt(this.#rows.length);
      this.#announce(undefined);
    }
  }

  /** Resolves once this many rows have their answer, or the run is over. */
  async untilAnswered(rows: number): Promise<void> {
    if (this.answered >= rows || this.#isFinished) return;
    await new Promise<void>((resolve) => {
      this.#watchers.add((answer) => {
        const enough = answer === undefined || this.answered >= rows;
        if (enough) resolve();
        return enough;
      });
    });
  }

  /**
   * Resolves with the time of the next success of a row that was first sent after `since`; with
   * undefined if no row before the gate is left that could bring one. Successes of older rows do
   * not count: they may have been on their way already.
   */
  async nextSuccess(since: number): Promise<number | undefined> {
    if (this.#isIdle) return undefined;
    return new Promise((resolve) => {
      this.#watchers.add((answer) => {
        const fresh = answer?.outcome === "acknowledged" && answer.sentAt >= since;
        const seenEnough = fresh || this.#isIdle;
        if (seenEnough) resolve(fresh ? answer.answeredAt : undefined);
        return seenEnough;
      });
    });
  }

  /** What the client was told, for the verification. */
  claim(): Claim {
    const withOutcome = (wanted: (answer: Answer) => boolean) =>
      this.answers.filter(wanted).map(({ transfer }) => transfer);
    return {
      acknowledged: withOutcome(({ outcome }) => outcome === "acknowledged"),
      refused: withOutcome(({ outcome, uncertain }) => outcome === "refused" && !uncertain),
      uncertain: withOutcome(({ outcome, uncertain }) => outcome !== "acknowledged" && uncertain),
    };
  }

  /** True when nothing is under way and nothing can be, unless the gate moves. */
  get #isIdle(): boolean {
    return this.#isFinished || this.answered >= Math.min(this.#gate, this.#rows.length);
  }

  get #isFinished(): boolean {
    return this.#finishedAt !== undefined;
  }

  async #caller(): Promise<void> {
    for (;;) {
      while (this.#next >= this.#gate && this.#next < this.#rows.length && !this.#isFinished) {
        await new Promise<void>((resume) => this.#atGate.push(resume));
      }
      const transfer = this.#rows[this.#next++];
      if (!transfer || this.#isFinished) return;
      const answer = await this.#answerOf(transfer);
      this.answers.push(answer);
      this.#counts[answer.outcome]++;
      this.#announce(answer);
    }
  }

  async #answerOf(transfer: Transfer): Promise<Answer> {
    const sentAt = performance.now();
    let uncertain = false;
    const answer = (outcome: Answer["outcome"]): Answer => {
      return { transfer, outcome, uncertain, sentAt, answeredAt: performance.now() };
    };
    const onRetry = (error: unknown) => {
      this.#retries++;
      uncertain ||= isActorError(error) && error.outcome === "unknown";
    };
    try {
      await insist(() => this.#ledger.call("transfer", transfer), {
        ...this.#options.retry,
        onRetry,
      });
      return answer("acknowledged");
    } catch (error) {
      if (isReplyError(error)) return answer("refused");
      if (!isRetryable(error)) throw error;
      uncertain ||= isActorError(error) && error.outcome === "unknown";
      return answer("unresolved");
    }
  }

  #announce(answer: Answer | undefined): void {
    for (const watcher of [...this.#watchers]) {
      if (watcher(answer)) this.#watchers.delete(watcher);
    }
  }
}
