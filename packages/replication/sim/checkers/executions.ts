/**
 * What replicas run: the same everywhere, each call once, in its client's order; and a model of the
 * sessions, which tells when the group may forget a client (I47–I51).
 */
import type { Committed, GroupConfig, Replica } from "@troupe/replication/runtime";
import { foldText } from "../fold.ts";
import type { Subject } from "../subject.ts";
import { holds } from "./violation.ts";

interface Executed {
  readonly checksum: string;
  readonly length: number;
  readonly state: number;
}

interface ModelSession {
  readonly session: number;
  lastOp: number;
}

/** A call that ran for the first time, at its place in the chain. */
export type OnRun = (call: string, length: number, state: number) => void;

/** Tables are compared at every so manieth op: often enough, and cheap. */
const tableEvery = 4;

export class Executions {
  readonly #sessionsMax: number;
  readonly #onRun: OnRun;
  /** What was run at each op, by whoever ran it first. */
  readonly #history: Executed[] = [];
  readonly #ran = new Map<string, number>();
  /** Of each client, the last of its calls that ran. */
  readonly #lastOf = new Map<string, number>();
  readonly #sessions = new Map<string, ModelSession>();
  /** A digest of the client table, by the op after which it was taken. */
  readonly #tables = new Map<number, number>();
  readonly #tabled: number[] = [];

  constructor({ sessionsMax }: GroupConfig, onRun: OnRun) {
    this.#sessionsMax = sessionsMax;
    this.#onRun = onRun;
  }

  /** How many ops anybody has run. */
  get ops(): number {
    return this.#history.length;
  }

  /** PrefixAgreement, and each call at most once. */
  executed(replica: number, committed: Committed, checksum: string, machine: Subject): void {
    const { op } = committed;
    const { length, state } = machine;
    const first = this.#history[op - 1];
    if (first === undefined) {
      holds(op === this.#history.length + 1, "PrefixAgreement", () => {
        return `replica ${replica} ran op ${op} before anybody ran op ${op - 1}`;
      });
      this.#history.push({ checksum, length, state });
      this.#firstRun(committed, machine);
      return;
    }
    const same = first.checksum === checksum && first.length === length && first.state === state;
    holds(same, "PrefixAgreement", () => {
      return `replica ${replica} ran another op ${op} than others`;
    });
  }

  /** StatesEqual: a state that is taken from a checkpoint is the one that others had there. */
  restored(replica: number, op: number, { length, state }: Subject): void {
    const ran = this.#history[op - 1];
    holds(ran?.length === length && ran.state === state, "StatesEqual", () => {
      return `replica ${replica} took another state after op ${op} than there was`;
    });
  }

  #firstRun({ op, requests }: Committed, machine: Subject): void {
    for (const request of requests) {
      const { client, session, number } = request;
      // A late copy of a registration may register an evicted client anew: it gets a session that
      // no call will ever name, which harms nobody (I51).
      if (request.kind === "register") {
        this.#register(client, op);
        continue;
      }
      if (request.kind !== "call") continue;
      const id = `${client}/${session}/${number}`;
      const before = this.#ran.get(id);
      holds(before === undefined, "AtMostOnce", () => {
        return `a request ran at op ${before} and again at op ${op}: ${id}`;
      });
      this.#ran.set(id, op);
      const model = this.#sessions.get(client);
      holds(model?.session === session, "AtMostOnce", () => {
        return `op ${op} ran a request of session ${session}, which is not there any more`;
      });
      if (model !== undefined) model.lastOp = op;
    }
    for (const { call, length, state } of machine.ranLast) {
      this.#inOrder(call, op);
      this.#onRun(call, length, state);
    }
  }

  /** The session that has been idle for longest goes when there is no room (I51). */
  #register(client: string, op: number): void {
    if (this.#sessions.size >= this.#sessionsMax) {
      let idlest = "";
      for (const [name, { lastOp }] of this.#sessions) {
        const least = this.#sessions.get(idlest)?.lastOp ?? Number.POSITIVE_INFINITY;
        if (lastOp < least || (lastOp === least && name < idlest)) idlest = name;
      }
      this.#sessions.delete(idlest);
    }
    this.#sessions.set(client, { session: op, lastOp: op });
  }

  /** A client's calls run in the order in which it made them, whatever was lost in between. */
  #inOrder(call: string, op: number): void {
    const colon = call.lastIndexOf(":");
    const client = call.slice(0, colon);
    const number = Number(call.slice(colon + 1));
    const last = this.#lastOf.get(client) ?? -1;
    holds(number > last, "AtMostOnce", () => {
      return `op ${op} ran call ${number} of client ${client} after call ${last}`;
    });
    this.#lastOf.set(client, number);
  }

  /** A client believes that it has been forgotten; it must have been. */
  evicted(client: string, session: number): void {
    holds(this.#sessions.get(client)?.session !== session, "EvictedForAReason", () => {
      return `session ${session} was told that it is gone, and is not`;
    });
  }

  /** TablesEqual: what a table holds after an op is the same everywhere. */
  stepped(index: number, { state }: Replica): void {
    const { commitMin, applying, clients, isHollow } = state;
    if (isHollow) return;
    if (commitMin % tableEvery !== 0 || applying.length > 0) return;
    if (this.#tabled[index] === commitMin) return;
    this.#tabled[index] = commitMin;
    this.#compareTable(index, commitMin, clients.snapshot());
  }

  #compareTable(index: number, op: number, table: readonly unknown[]): void {
    const digest = foldTable(table);
    const first = this.#tables.get(op);
    if (first === undefined) this.#tables.set(op, digest);
    else
      holds(first === digest, "TablesEqual", () => {
        return `replica ${index} has another client table at op ${op} than others`;
      });
  }

  /** At the end everybody has run everything. */
  converged(index: number, { state }: Replica): void {
    const { commitMin, clients } = state;
    holds(commitMin === this.#history.length, "Convergence", () => {
      return `replica ${index} ended at op ${commitMin} of ${this.#history.length} that were run`;
    });
    this.#compareTable(index, commitMin, clients.snapshot());
  }
}

/** A number that two different tables hardly share. */
function foldTable(value: unknown, seed = 7): number {
  if (typeof value === "number") return Math.imul(seed ^ value, 0x01000193) >>> 0;
  if (typeof value === "string") return foldText(value, seed);
  let hash = seed;
  const items = value as ArrayLike<unknown>;
  for (let i = 0; i < items.length; i++) hash = foldTable(items[i], Math.imul(hash, 31) + 1);
  return hash >>> 0;
}
