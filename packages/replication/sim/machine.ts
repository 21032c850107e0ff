/**
 * The state machine that the simulator replicates: a chain of hashes, in which no two operations
 * commute, so that any difference in order or number shows in every later reply.
 */
import type { Applied, Committed, StateIntake } from "@troupe/replication/runtime";
import { foldText } from "./fold.ts";
import type { RanCall, Subject } from "./subject.ts";

/** What an answer says: how far the state was, what it was, and to a call: which call it was. */
export interface ChainReading {
  readonly length: number;
  readonly state: number;
  /** The body of the call; absent in the answer to a query. */
  readonly call?: string;
}

/** The state after one more call: 52 bits that depend on every call so far and on their order. */
export function chainFrom(state: number, call: string): number {
  const low = state % 0x4000000;
  const high = Math.floor(state / 0x4000000);
  const first = foldText(call, Math.imul(low ^ 0x2545f491, 0x9e3779b1) ^ high);
  const second = foldText(call, Math.imul(high ^ 0x1b873593, 0x85ebca6b) + low);
  return (first % 0x4000000) * 0x4000000 + (second % 0x4000000);
}

export class ChainMachine implements Subject {
  length = 0;
  state = 0;
  /** The calls of the op that was applied last. */
  ranLast: RanCall[] = [];
  /** What is to be done outside, by name, and is not known to be done. */
  readonly open = new Set<string>();
  /** Of that, what the op wants that was applied last. */
  wantedLast: string[] = [];
  /** Of calls: those that want something done outside. */
  readonly #effects: number;

  constructor(effects = 0) {
    this.#effects = effects;
  }

  /** Whether all that is wanted outside has been done, as far as this state knows. */
  get isDone(): boolean {
    return this.open.size === 0;
  }

  apply(committed: Committed): Applied {
    const { op } = committed;
    this.ranLast = [];
    this.wantedLast = [];
    const replies = committed.requests.map((request) => {
      if (request.kind === "pulse") this.#learnDone(textOf(request.body));
      if (request.kind !== "call") return new Uint8Array(0);
      const call = textOf(request.body);
      this.length++;
      this.state = chainFrom(this.state, call);
      const { length, state } = this;
      this.ranLast.push({ length, state, call });
      if (state % 1000 < this.#effects * 1000) {
        const errand = `${op}.${this.wantedLast.length}`;
        this.wantedLast.push(errand);
        this.open.add(errand);
      }
      return encodeReading({ length, state, call });
    });
    return { replies, effects: this.wantedLast.map(bytesOf) };
  }

  #learnDone(pulse: string): void {
    const [, ...errands] = pulse.split(" ");
    for (const errand of errands) this.open.delete(errand);
  }

  answer(): Uint8Array {
    return encodeReading({ length: this.length, state: this.state });
  }

  digest(): string {
    return String(this.state);
  }

  /** In slices of a few bytes, so that a capture takes many turns. */
  *snapshot(): Iterable<Uint8Array> {
    yield bytesOf(`${this.length} ${this.state}`);
    for (const errand of this.open) yield bytesOf(errand);
  }

  restore(): StateIntake {
    const slices: string[] = [];
    return {
      take: (slice) => slices.push(textOf(slice)),
      end: () => {
        const [counts = "", ...open] = slices;
        const [length, state] = counts.split(" ");
        this.length = Number(length);
        this.state = Number(state);
        this.open.clear();
        for (const errand of open) this.open.add(errand);
      },
    };
  }
}

/** ASCII as bytes: what calls and readings are made of. */
export function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

export function textOf(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

function encodeReading({ length, state, call }: ChainReading): Uint8Array {
  return bytesOf(`${length} ${state}${call === undefined ? "" : ` ${call}`}`);
}

export function decodeReading(bytes: Uint8Array): ChainReading {
  const [length, state, call] = textOf(bytes).split(" ");
  const reading = { length: Number(length), state: Number(state) };
  return call === undefined ? reading : { ...reading, call };
}
