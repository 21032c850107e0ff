/**
 * Whether the clients' history could have happened one operation at a time, each between its
 * question and its answer (Herlihy and Wing). The check is exact, and cheap, because no two calls
 * commute: every answer names its place in the one chain.
 *
 * Places order the calls totally; a query stands between the call whose state it saw and the next.
 * So the history is linearizable just when that order agrees with real time, that is, when whatever
 * was answered before an operation began has a lower place (or, for a query, none higher), and each
 * answer shows the state of its place. Calls without an answer may have a place, and then only one
 * that is above everything answered before they began; or none.
 */
import { type ChainReading, chainFrom } from "../machine.ts";
import { holds, Violation } from "./violation.ts";

interface Call {
  /** The highest place that any answer had named when the call was made. */
  readonly floor: number;
  length: number | undefined;
  /** It was refused or taken back before it was sent: it must not run. */
  never: boolean;
}

export class Linearizability {
  readonly #calls = new Map<string, Call>();
  /** The state after so many calls, computed from their order alone. */
  readonly #states: number[] = [0];
  #floor = 0;
  acks = 0;
  reads = 0;

  /** A client makes a call. */
  called(call: string): void {
    this.#calls.set(call, { floor: this.#floor, length: undefined, never: false });
  }

  /** A call was given up before anybody else heard of it. */
  neverSent(call: string): void {
    const made = this.#called(call);
    holds(made.length === undefined, "NotRun", () => `${call} was never sent, and ran`);
    made.never = true;
  }

  /** The group ran a call: from now on it has its place. */
  ran(call: string, length: number, state: number): void {
    const made = this.#called(call);
    holds(!made.never, "NotRun", () => `${call} was never sent, and ran`);
    holds(length === this.#states.length, "Linearizability", () => {
      return `${call} has place ${length}; ${this.#states.length} is next`;
    });
    holds(length > made.floor, "Linearizability", () => `${call} ran before it was made`);
    made.length = length;
    this.#states.push(chainFrom(this.#states[length - 1] ?? 0, call));
    this.#shows(call, length, state);
  }

  /** A client got the answer to a call. */
  answered(call: string, reading: ChainReading): void {
    this.acks++;
    const made = this.#called(call);
    holds(reading.call === call, "Linearizability", () => {
      return `${call} got the answer to ${reading.call}`;
    });
    holds(reading.length === made.length, "Linearizability", () => {
      return `${call} has place ${made.length}, and its answer says ${reading.length}`;
    });
    this.#shows(`the answer to ${call}`, reading.length, reading.state);
    this.#floor = Math.max(this.#floor, reading.length);
  }

  /** The place that a query which begins now must see at least. */
  get floor(): number {
    return this.#floor;
  }

  /** A client got the answer to a query that it made when the floor was there. */
  queried(floor: number, reading: ChainReading): void {
    this.reads++;
    this.#shows("a query", reading.length, reading.state);
    holds(reading.length >= floor, "Linearizability", () => {
      return `a stale read: ${reading.length} calls seen, ${floor} answered before it began`;
    });
    this.#floor = Math.max(this.#floor, reading.length);
  }

  #called(call: string): Call {
    const made = this.#calls.get(call);
    if (made === undefined) throw new Violation("Linearizability", `nobody made the call ${call}`);
    return made;
  }

  #shows(who: string, length: number, state: number): void {
    holds(this.#states[length] === state, "Linearizability", () => {
      return `${who} showed a state that was never the group's`;
    });
  }
}
