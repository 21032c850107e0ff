/**
 * What must be true at every step, whatever the world does (research §2.9): the checkers know the
 * whole run and none of the protocol's reasoning.
 */
import type { Committed, GroupConfig, Replica } from "@troupe/replication/runtime";
import { type ChainReading, decodeReading } from "./machine.ts";

/** A property that does not hold; the message says which and where. */
export class Violation extends Error {
  override readonly name = "Violation";
}

interface Executed {
  readonly checksum: string;
  readonly replies: string;
}

interface Acknowledged {
  readonly op: number;
  readonly checksum: string;
  /** The newest view that the client had heard of when it got the answer. */
  readonly view: number;
}

/** What a call says of itself: which client made it, and as its how manieth. */
export interface CallName {
  readonly client: number;
  readonly number: number;
}

export function nameOf(body: string): CallName {
  const [client, number] = body.split(":").map(Number);
  return { client: client ?? -1, number: number ?? -1 };
}

export class Checker {
  /** What was run at each op, by whoever ran it first. */
  readonly #history: Executed[] = [];
  /** The state after that many operations, as whoever got there first had it. */
  readonly #states: string[] = [""];
  /** The op at which the state got that length. */
  readonly #opOfLength: number[] = [0];
  readonly #ran = new Map<string, number>();
  /** The op at which a call that was answered to its client stands. */
  #acknowledged: Acknowledged = { op: 0, checksum: "", view: 0 };
  /** Of each client, the last of its calls that ran. */
  readonly #lastOf = new Map<number, number>();
  /** Told of each replica that begins to lead. */
  onLeader: (index: number) => void = () => undefined;
  /** How many operations the answers so far prove to have happened. */
  #length = 0;
  readonly #leaders = new Map<number, number>();
  readonly #views = new Map<number, number>();
  /** The client table of the first replica that ended. */
  #table: string | undefined;
  acks = 0;
  reads = 0;

  /** PrefixAgreement, and each call at most once. */
  executed(replica: number, committed: Committed, checksum: string, replies: Uint8Array[]): void {
    const { op } = committed;
    const done = { checksum, replies: replies.map(text).join() };
    const first = this.#history[op - 1];
    if (first === undefined) {
      if (op !== this.#history.length + 1) {
        throw new Violation(`replica ${replica} ran op ${op} before anybody ran op ${op - 1}`);
      }
      this.#history.push(done);
      this.#firstRun(committed, replies);
    } else if (first.checksum !== done.checksum || first.replies !== done.replies) {
      throw new Violation(`PrefixAgreement: replica ${replica} ran another op ${op} than others`);
    }
  }

  #firstRun({ op, requests }: Committed, replies: Uint8Array[]): void {
    requests.forEach((request, i) => {
      // A late copy of a registration may register an evicted client anew: it gets a session that
      // no call will ever name, which harms nobody (I51).
      if (request.kind === "register") return;
      const id = `${request.client}/${request.session}/${request.number}`;
      const before = this.#ran.get(id);
      if (before !== undefined) {
        throw new Violation(`a request ran at op ${before} and again at op ${op}: ${id}`);
      }
      this.#ran.set(id, op);
      const reply = replies[i];
      if (reply === undefined) return;
      const reading = decodeReading(reply);
      this.#states.push(reading.state);
      this.#opOfLength.push(op);
      this.#inOrder(nameOf(reading.call ?? ""), op);
    });
  }

  /** A client's calls run in the order in which it made them, whatever was lost in between. */
  #inOrder({ client, number }: CallName, op: number): void {
    const last = this.#lastOf.get(client) ?? -1;
    if (number <= last) {
      throw new Violation(`op ${op} ran call ${number} of client ${client} after call ${last}`);
    }
    this.#lastOf.set(client, number);
  }

  /** A client got its answer: from here on the operation must never be lost. */
  acknowledged(call: string, view: number, reading: ChainReading): void {
    this.acks++;
    this.#checkReading("an answer", reading);
    if (reading.call !== call) throw new Violation(`${call} was answered with ${reading.call}`);
    this.#length = Math.max(this.#length, reading.length);
    const op = this.#opOfLength[reading.length] ?? 0;
    const checksum = this.#history[op - 1]?.checksum ?? "";
    if (op > this.#acknowledged.op) this.#acknowledged = { op, checksum, view };
  }

  /** How many operations a query that begins now must reflect at least. */
  get floor(): number {
    return this.#length;
  }

  /** Linearizable: a query sees all that was acknowledged before it began. */
  queried(floor: number, reading: ChainReading): void {
    this.reads++;
    this.#checkReading("a query", reading);
    if (reading.length < floor) {
      throw new Violation(`stale read: ${reading.length} operations seen, ${floor} acknowledged`);
    }
    this.#length = Math.max(this.#length, reading.length);
  }

  #checkReading(who: string, { length, state }: ChainReading): void {
    if (this.#states[length] !== state) {
      throw new Violation(`${who} showed a state that was never the group's`);
    }
  }

  /** After every step of a replica: its own invariants, and what the others know of it. */
  stepped(index: number, replica: Replica): void {
    replica.state.invariants();
    const { view, isPrimary, log } = replica.state;
    const seen = this.#views.get(index) ?? 0;
    if (view < seen) throw new Violation(`replica ${index} went back from view ${seen} to ${view}`);
    this.#views.set(index, view);
    if (!isPrimary) return;
    const leader = this.#leaders.get(view) ?? index;
    if (leader !== index)
      throw new Violation(`view ${view} has two primaries: ${leader}, ${index}`);
    if (!this.#leaders.has(view)) this.#newLeader(view, index, log);
  }

  /** AckedNotLost: whoever begins to lead holds every acknowledged operation. */
  #newLeader(view: number, index: number, log: Replica["state"]["log"]): void {
    this.#leaders.set(view, index);
    this.onLeader(index);
    const { op, checksum, view: heard } = this.#acknowledged;
    // A view that a later one has overtaken may still begin; it can commit nothing any more.
    if (view >= heard && op > 0 && log.checksumAt(op) !== checksum) {
      throw new Violation(`AckedNotLost: view ${view} began without acknowledged op ${op}`);
    }
  }

  /** No session is forgotten while the table has room for all of them. */
  evicted(client: number, { sessionsMax }: GroupConfig, clients: number): void {
    if (sessionsMax >= clients) throw new Violation(`client ${client} was evicted for no reason`);
  }

  /** A restart may not lose a view that was durable; but one that was not may be taken back. */
  restarted(index: number, view: number): void {
    this.#views.set(index, view);
  }

  /** At the end everybody has run everything. */
  converged(index: number, replica: Replica): void {
    const { commitMin } = replica.state;
    if (commitMin !== this.#history.length) {
      throw new Violation(
        `replica ${index} ended at op ${commitMin} of ${this.#history.length} that were run`,
      );
    }
    const table = JSON.stringify(replica.state.clients.snapshot(), asText);
    this.#table ??= table;
    if (table !== this.#table) {
      throw new Violation(`replica ${index} ended with another client table than others`);
    }
  }

  get ops(): number {
    return this.#history.length;
  }
}

/** Bytes as text, for JSON. */
function asText(_key: string, value: unknown): unknown {
  return value instanceof Uint8Array ? text(value) : value;
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
