/**
 * Everything that was sent from actor to actor, and what became of it: the book in which both ends
 * of a conversation can be compared.
 */
import { isActorError } from "@troupe/actor";
import type { Numbered } from "./actors.ts";
import type { SimProcess } from "./sim-process.ts";

/** What one process sends to one other, in order. */
export class Stream {
  readonly key: string;
  /** The number of the next message. */
  next = 1;
  /** The first number that was sent over each link. */
  readonly firstOf = new Map<number, number>();
  /** Numbers that were taken back: their calls say that they did not run. */
  readonly skipped = new Set<number>();
  #epoch = -1;
  #last = 0;

  constructor(key: string) {
    this.key = key;
  }

  /** The receiver got this one. What is wrong with that, if anything. */
  take(epoch: number, number: number): string | undefined {
    const before = `${this.#last} of link ${this.#epoch}`;
    const where = `${this.key}: number ${number} of link ${epoch} after ${before}`;
    if (epoch < this.#epoch) return `${where}: an old link's message after a new one's`;
    let due = epoch > this.#epoch ? (this.firstOf.get(epoch) ?? number) : this.#last + 1;
    while (this.skipped.has(due)) due += 1;
    this.#epoch = epoch;
    this.#last = number;
    return number === due ? undefined : `${where}: ${due} was due`;
  }
}

interface Call {
  readonly id: number;
  readonly from: SimProcess;
  readonly to: string;
  readonly epoch: number;
  readonly what: string;
  readonly timeoutMs: number;
  readonly began: number;
  readonly settles: (result: unknown) => string | undefined;
  readonly stream: Stream | undefined;
  readonly number: number;
  ran: number;
  settled: "resolved" | "not_run" | "ran" | "unknown" | undefined;
}

export interface NewCall {
  readonly from: SimProcess;
  /** The node that is called. */
  readonly to: string;
  readonly epoch: number;
  readonly what: string;
  readonly timeoutMs: number;
  /** What is wrong with an answer, if anything. */
  readonly settles?: (result: unknown) => string | undefined;
  readonly stream?: Stream;
  readonly number?: number;
}

export class Ledger {
  readonly #violate: (problem: string) => void;
  readonly #streams = new Map<string, Stream>();
  readonly #calls = new Map<number, Call>();
  readonly #open = new Set<Call>();
  #lastCall = 0;
  handledCount = 0;
  answeredCount = 0;

  constructor(violate: (problem: string) => void) {
    this.#violate = violate;
  }

  stream(key: string): Stream {
    let stream = this.#streams.get(key);
    if (stream === undefined) {
      stream = new Stream(key);
      this.#streams.set(key, stream);
    }
    return stream;
  }

  /** A process has handled a message. */
  handled(process: SimProcess, message: Numbered): void {
    this.handledCount += 1;
    const problem = this.stream(message.stream).take(message.epoch, message.number);
    if (problem !== undefined) this.#violate(`order at ${process.label}: ${problem}`);
    const call = this.#calls.get(message.call);
    if (call === undefined) return;
    call.ran += 1;
    if (call.ran > 1) this.#violate(`${describe(call)} ran twice, at ${process.label}`);
    if (call.settled === "not_run") this.#violate(`${describe(call)} ran although it said not_run`);
  }

  /** Opens a call; `send` makes it. */
  call(begun: NewCall, send: (id: number) => Promise<unknown>): void {
    this.#lastCall += 1;
    const call: Call = {
      settles: () => undefined,
      stream: undefined,
      number: 0,
      ...begun,
      id: this.#lastCall,
      began: begun.from.clock.monotonic(),
      ran: 0,
      settled: undefined,
    };
    this.#calls.set(call.id, call);
    this.#open.add(call);
    send(call.id).then(
      (result) => this.#resolved(call, result),
      (error: unknown) => this.#rejected(call, error),
    );
  }

  /** Calls of a process that nobody has answered, over links up to a given one to one node. */
  openTo(from: SimProcess, to: string, epoch: number): string[] {
    const open = [...this.#open].filter(
      (call) => call.from === from && call.to === to && call.epoch <= epoch,
    );
    return open.map(describe);
  }

  /** Calls of living processes that nobody has answered. */
  open(): string[] {
    return [...this.#open].filter(({ from }) => from.alive).map(describe);
  }

  /** A process is gone: what it waited for will never come. */
  forget(process: SimProcess): void {
    for (const call of [...this.#open]) if (call.from === process) this.#open.delete(call);
  }

  #resolved(call: Call, result: unknown): void {
    this.answeredCount += 1;
    this.#settle(call, "resolved");
    const problem = call.settles(result);
    if (problem !== undefined) this.#violate(`${describe(call)}: ${problem}`);
    if (call.stream !== undefined && call.ran !== 1) {
      this.#violate(`${describe(call)} was answered and ran ${call.ran} times`);
    }
  }

  #rejected(call: Call, error: unknown): void {
    if (!isActorError(error)) {
      this.#settle(call, "unknown");
      this.#violate(`${describe(call)} rejected with ${String(error)}`);
      return;
    }
    const { outcome, code } = error;
    this.#settle(call, outcome);
    if (outcome === "not_run") call.stream?.skipped.add(call.number);
    if (call.stream === undefined) return;
    if (outcome === "not_run" && call.ran > 0) {
      this.#violate(`${describe(call)} says not_run (${code}) and ran`);
    }
    if (outcome === "ran" && call.ran !== 1) {
      this.#violate(`${describe(call)} says that it ran (${code}), which it did ${call.ran} times`);
    }
    const spent = call.from.clock.monotonic() - call.began;
    if (code === "ERR_CALL_TIMEOUT" && spent < call.timeoutMs) {
      this.#violate(`${describe(call)} timed out after ${spent} ms`);
    }
  }

  #settle(call: Call, settled: NonNullable<Call["settled"]>): void {
    if (call.settled !== undefined) this.#violate(`${describe(call)} settled twice`);
    call.settled = settled;
    this.#open.delete(call);
  }
}

function describe({ id, from, to, what, epoch, timeoutMs }: Call): string {
  return `call ${id} (${what}) of ${from.label} to ${to}, link ${epoch}, timeout ${timeoutMs}`;
}
