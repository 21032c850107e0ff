/**
 * Keeps dialling: every address that the book holds, for as long as nobody there is connected.
 *
 * An address is tried at once, then again and again with a jittered, capped backoff, for ever:
 * a node that was down for a week must be found when it comes back. Only a few are tried at a
 * time, so that addresses that lead nowhere cost little, however many there are. One that leads to
 * ourselves, or to a node that is connected by another address, is looked at again now and then:
 * it may be somebody else's by then.
 */
import type { Clock, Random } from "@troupe/actor";
import type { RefusalReason } from "../errors.ts";
import { AddressBook, type Candidate, MAX_NODES, MAX_PROPOSED } from "./address-book.ts";
import { type BackoffOptions, backoffMs } from "./backoff.ts";
import { DialSlots } from "./dial-slots.ts";
import type { GreetingOutcome } from "./greeting.ts";
import type { Peer } from "./handshake.ts";

export interface DialerOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly backoff: BackoffOptions;
  readonly dialTimeoutMs: number;
  /** Never rejects. */
  readonly dial: (url: string, signal: AbortSignal) => Promise<GreetingOutcome>;
  readonly isConnected: (name: string) => boolean;
  /** An attempt was refused, by us or by the other side. */
  readonly refused: (
    url: string,
    reason: RefusalReason,
    peer: Peer | undefined,
    detail?: string,
  ) => void;
  /** For people. */
  readonly warn: (message: string) => void;
}

/** Attempts at a time; a cluster of 64 comes together in four rounds. */
const MAX_DIALS = 16;

/** A link that lived for this long was a good one: the backoff begins anew. */
const RESET_AFTER_MS = 10_000;

/** The longest wait, before jitter, after a refusal that needs a human: a wrong key, say. */
const REFUSED_MS = 30_000;

/** An address that was our own is tried again after this long. */
const OWN_AGAIN_MS = 60_000;

/** So is one of a node that is connected by another address. */
const SPARE_AGAIN_MS = 300_000;

export class Dialer {
  readonly #options: DialerOptions;
  readonly #book: AddressBook;
  readonly #slots = new DialSlots<Candidate>(MAX_DIALS, (candidate) => this.#dial(candidate));
  /** Since when the nodes that are connected are. */
  readonly #upSince = new Map<string, number>();
  readonly #warned = new Set<string>();
  #stopped = false;

  constructor(options: DialerOptions) {
    this.#options = options;
    this.#book = new AddressBook({
      isConnected: options.isConnected,
      dropped: (candidate) => {
        this.#clear(candidate);
        this.#slots.giveUp(candidate);
        candidate.attempt?.abort();
      },
      full: (limit) => this.#warnOnce(limits[limit]),
    });
  }

  /** How many addresses are worth dialling, connected ones included. */
  get size(): number {
    return this.#book.size;
  }

  /**
   * A source names these addresses now, and no others. Nobody is disconnected: an address at which
   * a node was met is kept until that node has left.
   */
  propose(source: unknown, urls: readonly string[]): void {
    if (this.#stopped) return;
    for (const candidate of this.#book.propose(source, urls)) {
      if (candidate.timer === undefined) this.#enter(candidate);
    }
  }

  /**
   * Somebody says where a node lives: it is dialled there if it is not connected. Not at once: the
   * other side may have learnt of us by the same word.
   */
  learn(name: string, url: string): void {
    if (this.#stopped || !this.#book.remember(name, url, this.#now())) return;
    if (this.#options.isConnected(name)) return;
    for (const candidate of this.#book.seek(name)) {
      this.#schedule(candidate);
    }
  }

  /** A node will not come back, so that it is looked for only where a source names an address. */
  forget(name: string): void {
    this.#book.forget(name);
  }

  /** A node is up and says where it can be dialled, which is worth knowing once it is lost. */
  nodeUp(name: string, url: string | undefined): void {
    if (this.#stopped) return;
    this.#upSince.set(name, this.#now());
    this.#book.remember(name, url, this.#now());
  }

  /** A node is down: wherever it lived is dialled again. One that has left is not looked for. */
  nodeDown(name: string, left: boolean): void {
    const now = this.#now();
    const wasGood = now - (this.#upSince.get(name) ?? now) >= RESET_AFTER_MS;
    this.#upSince.delete(name);
    if (this.#stopped) return;
    if (left) this.#book.forget(name);
    else this.#book.lost(name, now);
    for (const candidate of this.#book.seek(name)) {
      if (wasGood) candidate.attempts = 0;
      this.#schedule(candidate);
    }
  }

  /** Ends every attempt. Nothing is dialled any more. */
  stop(): void {
    this.#stopped = true;
    this.#book.clear();
    this.#upSince.clear();
  }

  #now(): number {
    return this.#options.clock.monotonic();
  }

  #clear(candidate: Candidate): void {
    if (candidate.timer !== undefined) this.#options.clock.clearTimer(candidate.timer);
    candidate.timer = undefined;
    candidate.isSlow = false;
  }

  #schedule(candidate: Candidate): void {
    if (candidate.attempt !== undefined) return;
    if (candidate.timer !== undefined && !candidate.isSlow) return;
    const { backoff, random } = this.#options;
    const maxMs = Math.max(REFUSED_MS, backoff.maxMs);
    const delay = candidate.isMisfit
      ? backoffMs(LAST, { ...backoff, maxMs }, random)
      : backoffMs(candidate.attempts, backoff, random);
    candidate.attempts += 1;
    this.#arm(candidate, delay);
  }

  #arm(candidate: Candidate, ms: number): void {
    this.#clear(candidate);
    if (!this.#book.has(candidate)) return;
    candidate.timer = this.#options.clock.setTimer(ms, () => {
      candidate.isAgain = candidate.isSlow;
      this.#enter(candidate);
    });
  }

  #lookAgain(candidate: Candidate, ms: number): void {
    this.#arm(candidate, ms);
    candidate.isSlow = true;
  }

  #enter(candidate: Candidate): void {
    this.#clear(candidate);
    if (candidate.attempt === undefined) this.#slots.enter(candidate);
  }

  /** Whoever lives there is connected already. */
  #rest(candidate: Candidate): void {
    if (this.#book.isDoubtful(candidate)) this.#lookAgain(candidate, SPARE_AGAIN_MS);
  }

  #dial(candidate: Candidate): boolean {
    if (!candidate.isAgain && this.#book.isSettled(candidate)) {
      this.#rest(candidate);
      return false;
    }
    candidate.isAgain = false;
    const { clock, dialTimeoutMs, dial } = this.#options;
    const attempt = new AbortController();
    candidate.attempt = attempt;
    const deadline = clock.setTimer(dialTimeoutMs, () => attempt.abort());
    void dial(candidate.url, attempt.signal).then((outcome) => {
      clock.clearTimer(deadline);
      candidate.attempt = undefined;
      try {
        // What was dropped while it was dialled comes too late, whatever became of it.
        if (this.#book.has(candidate)) this.#onOutcome(candidate, outcome);
      } finally {
        this.#slots.leave(candidate);
      }
    });
    return true;
  }

  #onOutcome(candidate: Candidate, outcome: GreetingOutcome): void {
    candidate.isMisfit = outcome.kind === "refused" && isMisfit(outcome.reason);
    if (outcome.kind === "connected") {
      this.#seek(this.#book.met(candidate, outcome.peer.name, this.#now()));
    } else if (outcome.kind === "refused") {
      if (outcome.reason === "self") {
        this.#seek(this.#book.metSelf(candidate));
        this.#lookAgain(candidate, OWN_AGAIN_MS);
        return;
      }
      // A claim: enough to leave a connected node in peace, not to keep the address for it.
      candidate.name = outcome.peer?.name ?? candidate.name;
      if (!isPassing(outcome.reason)) candidate.attempts = LAST;
    }
    // It may be settled by another connection, or this one may be gone already.
    const isSettled = this.#book.isSettled(candidate);
    if (outcome.kind === "refused" && !(isSettled && isPassing(outcome.reason))) {
      this.#options.refused(candidate.url, outcome.reason, outcome.peer, outcome.detail);
    }
    if (isSettled) this.#rest(candidate);
    else this.#schedule(candidate);
  }

  /** Its address was found to be somebody else's. */
  #seek(name: string | undefined): void {
    if (name === undefined || this.#options.isConnected(name)) return;
    for (const candidate of this.#book.seek(name)) this.#schedule(candidate);
  }

  #warnOnce(message: string): void {
    if (this.#warned.has(message)) return;
    this.#warned.add(message);
    this.#options.warn(message);
  }
}

/** An attempt count at which the backoff is at its cap. */
const LAST = 30;

const limits = {
  proposed: `discovery: more than ${MAX_PROPOSED} addresses were named; the others are left out`,
  nodes: `more than ${MAX_NODES} nodes are known; addresses of those lost longest are forgotten`,
} as const;

/** Refusals that only another key, version or set-up of one of the two ends. */
function isMisfit(reason: RefusalReason): boolean {
  return ["auth", "certificate", "version", "cluster", "protocol"].includes(reason);
}

/** Refusals that are over as soon as the connection that caused them is. */
function isPassing(reason: RefusalReason): boolean {
  return ["simultaneous", "already_connected", "stopping", "timeout"].includes(reason);
}
