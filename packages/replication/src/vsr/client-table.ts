/**
 * The client table: which requests have run, and what they answered (VRR §4.1, I47–I52).
 *
 * It changes at commit only, in the order of the log, so it is the same on every replica. A
 * session's requests run in the order of their numbers, each once; the reply to one is kept until
 * the client has said that it got it. A table written when an op is prepared, as the paper has it,
 * would lock a client out when a view change loses that op.
 */
import { assert } from "./assert.ts";
import type { RequestName } from "./ready.ts";
import type { ClientId, ClientsSnapshot, Op, Request, SessionSnapshot } from "./types.ts";

interface Session {
  /** The op that registered it: tells two sessions of one client name apart. */
  readonly session: Op;
  /** The number of the last request that ran. */
  last: number;
  /** The op of that request; the session with the lowest is evicted first. */
  lastOp: Op;
  readonly replies: Replies;
}

/** The replies that a session has not acknowledged: a window of consecutive numbers. */
class Replies {
  /** What stands at `#start` is the reply to the request of this number. */
  #acked: number;
  #start = 0;
  #slots: (Uint8Array | undefined)[] = [];

  constructor(acked = 1) {
    this.#acked = acked;
  }

  /** Every reply below this number has reached the client. */
  get acked(): number {
    return this.#acked;
  }

  get(number: number): Uint8Array | undefined {
    return number < this.#acked ? undefined : this.#slots[this.#start + number - this.#acked];
  }

  set(number: number, reply: Uint8Array): void {
    assert(number >= this.#acked, "a reply is kept that the client has");
    this.#slots[this.#start + number - this.#acked] = reply;
  }

  /** Forgets the replies below a number. */
  acknowledge(acked: number): void {
    for (; this.#acked < acked; this.#acked++) this.#slots[this.#start++] = undefined;
    if (this.#start < MANY_EMPTY || this.#start < this.#slots.length / 2) return;
    this.#slots = this.#slots.slice(this.#start);
    this.#start = 0;
  }

  /** By number. */
  entries(): [number, Uint8Array][] {
    const entries: [number, Uint8Array][] = [];
    for (let at = this.#start; at < this.#slots.length; at++) {
      const reply = this.#slots[at];
      if (reply !== undefined) entries.push([this.#acked + at - this.#start, reply]);
    }
    return entries;
  }
}

/** So many forgotten replies leave empty places before the rest is moved up. */
const MANY_EMPTY = 256;

/** What is to be done with a request, judged by what has committed before it. */
export type Verdict = "run" | "duplicate" | "too_early" | "no_session";

export class ClientTable {
  readonly #sessionsMax: number;
  readonly #sessions = new Map<ClientId, Session>();

  constructor(sessionsMax: number) {
    this.#sessionsMax = sessionsMax;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** The session of a registered client; undefined if it never was, or has been evicted. */
  sessionOf(client: ClientId): Op | undefined {
    return this.#sessions.get(client)?.session;
  }

  /** The number of the last request of this client that has run. */
  lastOf(client: ClientId): number {
    return this.#sessions.get(client)?.last ?? 0;
  }

  replyTo(client: ClientId, number: number): Uint8Array | undefined {
    return this.#sessions.get(client)?.replies.get(number);
  }

  /** Judges a request without changing anything: the primary asks before it prepares. */
  judge(request: Request): Verdict {
    const session = this.#sessions.get(request.client);
    if (request.kind === "register") return session === undefined ? "run" : "duplicate";
    if (session === undefined || session.session !== request.session) return "no_session";
    if (request.number <= session.last) return "duplicate";
    return request.number === session.last + 1 ? "run" : "too_early";
  }

  /** Takes a committed request at `op`: judges it and, if it is to run, counts it as run. */
  commit(request: Request, op: Op): Verdict {
    const verdict = this.judge(request);
    if (verdict !== "run") return verdict;
    if (request.kind === "register") {
      this.#register(request.client, op);
      return verdict;
    }
    const session = this.#sessions.get(request.client);
    assert(session !== undefined, "a request without a session was judged fit to run");
    session.last = request.number;
    session.lastOp = op;
    session.replies.acknowledge(request.acked);
    return verdict;
  }

  /**
   * Keeps the reply of a request that ran, unless the session is gone (I51) or a later request,
   * committed before this one had run, has acknowledged it: what the table holds must not depend on
   * how many ops a replica commits before it runs them.
   */
  keepReply(request: RequestName, reply: Uint8Array): void {
    const session = this.#sessions.get(request.client);
    if (session?.session !== request.session || request.number < session.replies.acked) return;
    session.replies.set(request.number, reply);
  }

  #register(client: ClientId, op: Op): void {
    if (this.#sessions.size >= this.#sessionsMax) this.#evictIdlest();
    this.#sessions.set(client, {
      session: op,
      last: 0,
      lastOp: op,
      replies: new Replies(),
    });
  }

  /** Every replica evicts the same session at the same op: the longest idle, then by name. */
  #evictIdlest(): void {
    let idlest: [ClientId, Session] | undefined;
    for (const [client, session] of this.#sessions) {
      const older = idlest === undefined || session.lastOp < idlest[1].lastOp;
      const tied = idlest !== undefined && session.lastOp === idlest[1].lastOp;
      if (older || (tied && idlest !== undefined && client < idlest[0])) idlest = [client, session];
    }
    if (idlest !== undefined) this.#sessions.delete(idlest[0]);
  }

  /** Everything that the table holds: plain data in a fixed order, for checkpoints and digests. */
  snapshot(): ClientsSnapshot {
    return [...this.#sessions].map(([client, s]): SessionSnapshot => {
      return [client, s.session, s.last, s.lastOp, s.replies.acked, s.replies.entries()];
    });
  }

  /** Becomes what a snapshot says, whatever it was (I43, I52). */
  restore(snapshot: ClientsSnapshot): void {
    this.#sessions.clear();
    for (const [client, session, last, lastOp, acked, kept] of snapshot) {
      const replies = new Replies(acked);
      for (const [number, reply] of kept) replies.set(number, reply);
      this.#sessions.set(client, { session, last, lastOp, replies });
    }
  }
}
