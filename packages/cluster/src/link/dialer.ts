/**
 * Keeps dialling: every address that was proposed, for as long as nobody there is connected.
 *
 * An address is tried at once, then again and again with a jittered, capped backoff, for ever:
 * a node that was down for a week must be found when it comes back. The dialer knows addresses,
 * not nodes; it learns which node lives where from what the attempts tell.
 */
import type { Clock, Random, TimerHandle } from "@troupe/actor";
import type { RefusalReason } from "../errors.ts";
import { type BackoffOptions, backoffMs } from "./backoff.ts";
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
  readonly refused: (url: string, reason: RefusalReason, peer: Peer | undefined) => void;
}

/** A link that lived for this long was a good one: the backoff begins anew. */
const RESET_AFTER_MS = 10_000;

/** Addresses learnt from peers are kept up to this number; proposed ones always. */
const MAX_LEARNT = 256;

interface Candidate {
  readonly url: string;
  readonly learnt: boolean;
  /** Who lives there, as far as we know. */
  name: string | undefined;
  attempts: number;
  timer: TimerHandle | undefined;
  attempt: AbortController | undefined;
  connectedAt: number;
}

export class Dialer {
  readonly #options: DialerOptions;
  readonly #candidates = new Map<string, Candidate>();
  /** Addresses that turned out to be our own. */
  readonly #own = new Set<string>();
  #stopped = false;

  constructor(options: DialerOptions) {
    this.#options = options;
  }

  /** Adds addresses; those that are known already are left as they are. */
  propose(urls: readonly string[]): void {
    for (const url of urls) {
      const candidate = this.#add(url, false);
      if (candidate !== undefined) this.#attempt(candidate);
    }
  }

  /** A node is up and says where it can be dialled, which is worth knowing once it is lost. */
  nodeUp(name: string, url: string | undefined): void {
    const now = this.#options.clock.monotonic();
    let known = false;
    for (const candidate of this.#candidates.values()) {
      if (candidate.name !== name) continue;
      candidate.connectedAt = now;
      known = true;
    }
    if (known || url === undefined || this.#candidates.size >= MAX_LEARNT) return;
    const candidate = this.#add(url, true);
    if (candidate === undefined) return;
    candidate.name = name;
    candidate.connectedAt = now;
  }

  /** A node that is not connected is said to live somewhere: it is dialled there from now on. */
  learn(name: string, url: string): void {
    if (!URL.canParse(url) || this.#candidates.has(new URL(url).href)) return;
    // It has moved: where others said before that it lives is of no use any more.
    this.forget(name);
    const candidate = this.#candidates.size < MAX_LEARNT ? this.#add(url, true) : undefined;
    if (candidate === undefined) return;
    candidate.name = name;
    // Not at once: the other side may have learnt of us by the same word.
    if (!this.#isSettled(candidate)) this.#schedule(candidate);
  }

  /** A node is not coming back: addresses that others told us are not dialled any more. */
  forget(name: string): void {
    for (const candidate of [...this.#candidates.values()]) {
      if (candidate.name === name && candidate.learnt) this.#remove(candidate);
    }
  }

  /** A node is down: wherever it lived is dialled again. One that has left is not looked for. */
  nodeDown(name: string, left: boolean): void {
    const now = this.#options.clock.monotonic();
    for (const candidate of this.#candidates.values()) {
      if (candidate.name !== name) continue;
      if (left && candidate.learnt) this.#remove(candidate);
      else {
        if (now - candidate.connectedAt >= RESET_AFTER_MS) candidate.attempts = 0;
        this.#schedule(candidate);
      }
    }
  }

  /** Ends every attempt. Nothing is dialled any more. */
  stop(): void {
    this.#stopped = true;
    for (const candidate of [...this.#candidates.values()]) this.#remove(candidate);
  }

  #add(url: string, learnt: boolean): Candidate | undefined {
    if (this.#stopped || !URL.canParse(url)) return undefined;
    const key = new URL(url).href;
    if (this.#own.has(key) || this.#candidates.has(key)) return undefined;
    const candidate: Candidate = {
      url: key,
      learnt,
      name: undefined,
      attempts: 0,
      timer: undefined,
      attempt: undefined,
      connectedAt: 0,
    };
    this.#candidates.set(key, candidate);
    return candidate;
  }

  #remove(candidate: Candidate): void {
    this.#candidates.delete(candidate.url);
    this.#clear(candidate);
    candidate.attempt?.abort();
  }

  #clear(candidate: Candidate): void {
    if (candidate.timer !== undefined) this.#options.clock.clearTimer(candidate.timer);
    candidate.timer = undefined;
  }

  #schedule(candidate: Candidate): void {
    if (this.#stopped || candidate.timer !== undefined || candidate.attempt !== undefined) return;
    const { clock, backoff, random } = this.#options;
    const delay = backoffMs(candidate.attempts, backoff, random);
    candidate.attempts += 1;
    candidate.timer = clock.setTimer(delay, () => {
      candidate.timer = undefined;
      this.#attempt(candidate);
    });
  }

  /** An address that leads to a node makes the one which that node told us superfluous. */
  #forgetOthers(candidate: Candidate): void {
    for (const other of [...this.#candidates.values()]) {
      if (other !== candidate && other.learnt && other.name === candidate.name) this.#remove(other);
    }
  }

  #isSettled(candidate: Candidate): boolean {
    return candidate.name !== undefined && this.#options.isConnected(candidate.name);
  }

  #attempt(candidate: Candidate): void {
    if (candidate.attempt !== undefined || this.#isSettled(candidate)) return;
    const { clock, dialTimeoutMs, dial } = this.#options;
    const attempt = new AbortController();
    candidate.attempt = attempt;
    const deadline = clock.setTimer(dialTimeoutMs, () => attempt.abort());
    void dial(candidate.url, attempt.signal).then((outcome) => {
      clock.clearTimer(deadline);
      candidate.attempt = undefined;
      if (this.#candidates.get(candidate.url) === candidate) this.#onOutcome(candidate, outcome);
    });
  }

  #onOutcome(candidate: Candidate, outcome: GreetingOutcome): void {
    if (outcome.kind !== "lost") candidate.name = outcome.peer?.name ?? candidate.name;
    if (outcome.kind === "connected") {
      candidate.connectedAt = this.#options.clock.monotonic();
      this.#forgetOthers(candidate);
    } else if (outcome.kind === "refused" && outcome.reason === "self") {
      this.#own.add(candidate.url);
      this.#remove(candidate);
      return;
    }
    // It may be settled by another connection, or this one may be gone already.
    if (this.#isSettled(candidate)) return;
    if (outcome.kind === "refused") {
      this.#options.refused(candidate.url, outcome.reason, outcome.peer);
      if (!isPassing(outcome.reason)) candidate.attempts = LAST;
    }
    this.#schedule(candidate);
  }
}

/** An attempt count at which the backoff is at its cap. */
const LAST = 30;

/** Refusals that are over as soon as the connection that caused them is; the rest are set-ups. */
function isPassing(reason: RefusalReason): boolean {
  return ["simultaneous", "already_connected", "stopping", "timeout"].includes(reason);
}
