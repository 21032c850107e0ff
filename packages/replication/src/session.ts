/**
 * The client's side of a group: numbers each call, repeats it until it is answered, and finds the
 * primary (VRR §4.5, I47–I52).
 *
 * A session registers itself through the log and then has up to a window of calls under way, which
 * run in the order in which they were made. A call that has been sent is repeated until it is
 * answered even if its caller has given up, because the calls after it wait for it. Nothing here
 * reads a clock: the host ticks. The simulator drives this same code.
 */
import type { ClientMessage, ReplyToClient, RequestMessage } from "./vsr/index.ts";
import { type ClientId, type Op, primaryOf, type ReplicaIndex, type View } from "./vsr/index.ts";

/** What becomes of a call. Exactly one of them is called, once, unless the call was cancelled. */
export interface Answered {
  reply(body: Uint8Array): void;
  evicted(): void;
}

export interface SessionOptions {
  readonly replicaCount: number;
  /** How many calls may be unanswered at the replicas; the same number at every client. */
  readonly window: number;
  /** How many calls and queries may wait here, beyond the window. */
  readonly queueMax: number;
  /** Ticks without an answer after which what is unanswered is sent again. */
  readonly retryTicks: number;
  readonly newClientId: () => ClientId;
  /**
   * The body of a call that says which calls, by number, have been given up, so that none of them
   * is waited for whose reply was left for later. Absent where no reply ever is.
   */
  readonly abandon?: (numbers: readonly number[]) => Uint8Array;
  readonly send: (to: ReplicaIndex, message: ClientMessage) => void;
}

class Call implements Cancel {
  readonly body: Uint8Array;
  /** Absent once the caller has given up. */
  answered: Answered | undefined;
  /** Present once it has been sent. */
  message: RequestMessage | undefined = undefined;
  /** The tick of the last sending. */
  sentAt = 0;
  /** It was given up, and the group has been told. */
  abandoned = false;
  readonly #takeBack: (call: Call) => boolean;

  constructor(body: Uint8Array, answered: Answered, takeBack: (call: Call) => boolean) {
    this.body = body;
    this.answered = answered;
    this.#takeBack = takeBack;
  }

  cancel(): boolean {
    this.answered = undefined;
    return this.#takeBack(this);
  }
}

interface Query {
  readonly number: number;
  readonly body: Uint8Array;
  readonly answered: Answered;
  sentAt: number;
}

/** A call or query that can still be taken back. */
export interface Cancel {
  /** Gives it up. True if it will certainly never run, because it was never sent. */
  cancel(): boolean;
}

export class Session {
  readonly #options: SessionOptions;
  #client: ClientId;
  /** The op that registered the session; undefined until then. */
  #session: Op | undefined;
  /** The tick at which the registration was last sent; undefined if none is under way. */
  #registeringAt: number | undefined;
  #view: View = 0;
  #lastNumber = 0;
  /** Sent and unanswered, in the order of their numbers. */
  #sent = new Map<number, Call>();
  #queue: Call[] = [];
  #queries = new Map<number, Query>();
  #lastQuery = 0;
  #ticks = 0;
  /** The number of the call that tells of those given up; undefined if none is under way. */
  #abandoning: number | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#client = options.newClientId();
  }

  get client(): ClientId {
    return this.#client;
  }

  /** Whether the group has ever taken it. */
  get isRegistered(): boolean {
    return this.#session !== undefined;
  }

  /** The highest view that an answer has told of. */
  get view(): View {
    return this.#view;
  }

  /** Calls and queries without an answer; a call that was sent counts though it was given up. */
  get size(): number {
    return this.#sent.size + this.#queue.length + this.#queries.size;
  }

  /** Makes a call; undefined if too many wait already, and then nothing is sent. */
  call(body: Uint8Array, answered: Answered): Cancel | undefined {
    if (this.#queue.length >= this.#options.queueMax) return undefined;
    const call = new Call(body, answered, this.#takeBack);
    this.#queue.push(call);
    this.#pump();
    return call;
  }

  /** Asks a query; undefined if too many wait already. Queries need no session and no order. */
  query(body: Uint8Array, answered: Answered): Cancel | undefined {
    if (this.#queries.size >= this.#options.queueMax) return undefined;
    const number = ++this.#lastQuery;
    const query: Query = { number, body, answered, sentAt: this.#ticks };
    this.#queries.set(number, query);
    this.#sendQuery(query, this.#primary);
    return {
      cancel: () => {
        this.#queries.delete(number);
        // It was sent at once and may have been answered, though it changed nothing.
        return false;
      },
    };
  }

  receive(message: ReplyToClient): void {
    if (message.client !== this.#client) return;
    const { view } = message;
    if (view > this.#view) this.#followTo(view);
    switch (message.type) {
      case "reply":
        this.#onReply(message.session, message.number, message.body);
        break;
      case "query_reply":
        this.#onQueryReply(message.number, message.body);
        break;
      case "eviction":
        // A replica of an older view may believe that it leads, and not know a session that is
        // younger than that view: only the newest view's word counts (I51).
        if (message.session === this.#session && view === this.#view) this.#onEviction();
        break;
      case "not_primary":
        // If it told of a newer view, that has been followed; else the next retry is soon enough.
        break;
    }
  }

  /**
   * Counts a tick; repeats what has not been answered for too long. Each message has its own time,
   * so that new calls, or answers to queries, do not put off the repetition of a lost one.
   */
  tick(): void {
    this.#ticks++;
    const [oldest] = this.#sent.values();
    if (oldest !== undefined && this.#isLate(oldest.sentAt)) {
      // Those after it wait for it, and were sent to the same replica.
      this.#resendCalls();
      if (oldest.message !== undefined) this.#askOthers(oldest.message);
    }
    if (this.#registeringAt !== undefined && this.#isLate(this.#registeringAt)) {
      this.#sendRegistration();
      this.#askOthers(this.#registration);
    }
    this.#resendLateQueries();
    this.#tellGivenUp();
  }

  /** Forgets everything; whoever waited is told by the caller. */
  close(): void {
    this.#sent.clear();
    this.#queue = [];
    this.#queries.clear();
    this.#registeringAt = undefined;
    this.#abandoning = undefined;
  }

  get #primary(): ReplicaIndex {
    return primaryOf(this.#view, this.#options.replicaCount);
  }

  get #acked(): number {
    for (const number of this.#sent.keys()) return number;
    return this.#lastNumber + 1;
  }

  /** Takes a call out of the queue; false if it has left it. */
  readonly #takeBack = (call: Call): boolean => {
    if (call.message !== undefined) return false;
    const waiting = this.#queue.indexOf(call);
    if (waiting === -1) return false;
    this.#queue.splice(waiting, 1);
    return true;
  };

  /** Sends what the window has room for, once the session is registered. */
  #pump(): void {
    if (this.#queue.length === 0) return;
    if (this.#session === undefined) {
      this.#register();
      return;
    }
    const { window } = this.#options;
    while (this.#queue.length > 0 && this.#lastNumber + 1 < this.#acked + window) {
      const call = this.#queue.shift();
      if (call === undefined) return;
      this.#sendFirst(call, this.#session);
    }
  }

  #sendFirst(call: Call, session: Op): number {
    const number = ++this.#lastNumber;
    const acked = this.#sent.size === 0 ? number : this.#acked;
    call.message = this.#request("call", session, number, acked, call.body);
    this.#sent.set(number, call);
    this.#sendCall(call);
    return number;
  }

  /**
   * A call whose reply was left for later would hold its place in the window for as long as nobody
   * answers it. The group takes one call beyond the window, which is kept for this one: for when it
   * frees the oldest call, without which the window does not move and no other would fit any more.
   */
  #tellGivenUp(): void {
    const { abandon, window } = this.#options;
    if (abandon === undefined || this.#session === undefined) return;
    if (this.#abandoning !== undefined) return;
    const isDue = (call: Call) => call.answered === undefined && !call.abandoned;
    const givenUp = [...this.#sent].filter(([, call]) => isDue(call));
    const [oldest] = givenUp;
    if (oldest === undefined) return;
    const beyond = this.#lastNumber + 1 - (this.#acked + window);
    if (beyond > 0 || (beyond === 0 && oldest[0] !== this.#acked)) return;
    for (const [, call] of givenUp) call.abandoned = true;
    const body = abandon(givenUp.map(([number]) => number));
    const answered = { reply: () => undefined, evicted: () => undefined };
    this.#abandoning = this.#sendFirst(new Call(body, answered, this.#takeBack), this.#session);
  }

  #register(): void {
    if (this.#registeringAt === undefined) this.#sendRegistration();
  }

  #sendRegistration(): void {
    this.#registeringAt = this.#ticks;
    this.#options.send(this.#primary, this.#registration);
  }

  get #registration(): RequestMessage {
    return this.#request("register", 0, 0, 0, new Uint8Array(0));
  }

  #request(
    kind: RequestMessage["kind"],
    session: Op,
    number: number,
    acked: number,
    body: Uint8Array,
  ): RequestMessage {
    return { type: "request", kind, client: this.#client, session, number, acked, body };
  }

  #onReply(session: Op, number: number, body: Uint8Array): void {
    if (number === 0) {
      this.#registeringAt = undefined;
      this.#session ??= session;
      this.#pump();
      return;
    }
    const call = this.#sent.get(number);
    if (call === undefined || session !== this.#session) return;
    this.#sent.delete(number);
    if (number === this.#abandoning) this.#abandoning = undefined;
    call.answered?.reply(body);
    this.#pump();
  }

  #onQueryReply(number: number, body: Uint8Array): void {
    const query = this.#queries.get(number);
    if (query === undefined) return;
    this.#queries.delete(number);
    query.answered.reply(body);
  }

  /** The group forgot us: what was sent may have run; what was not goes on in a new session. */
  #onEviction(): void {
    const lost = [...this.#sent.values()];
    this.#sent.clear();
    this.#client = this.#options.newClientId();
    this.#session = undefined;
    this.#lastNumber = 0;
    this.#abandoning = undefined;
    for (const call of lost) call.answered?.evicted();
    // Queries carry the name too, and an answer to the old one would not be recognised.
    for (const query of this.#queries.values()) this.#sendQuery(query, this.#primary);
    this.#pump();
  }

  #followTo(view: View): void {
    const before = this.#primary;
    this.#view = view;
    if (this.#primary !== before) this.#resend();
  }

  #resend(): void {
    if (this.#registeringAt !== undefined) this.#sendRegistration();
    this.#resendCalls();
    for (const query of this.#queries.values()) this.#sendQuery(query, this.#primary);
  }

  #resendCalls(): void {
    for (const call of this.#sent.values()) this.#sendCall(call);
  }

  #sendCall(call: Call): void {
    if (call.message === undefined) return;
    call.sentAt = this.#ticks;
    this.#options.send(this.#primary, call.message);
  }

  #resendLateQueries(): void {
    let first: Query | undefined;
    for (const query of this.#queries.values()) {
      if (!this.#isLate(query.sentAt)) continue;
      first ??= query;
      this.#sendQuery(query, this.#primary);
    }
    if (first === undefined) return;
    const { number, body } = first;
    this.#askOthers({ type: "query", client: this.#client, number, body });
  }

  /** Somebody knows the view that has begun: one late message asks everybody else for it. */
  #askOthers(message: ClientMessage): void {
    for (let to = 0; to < this.#options.replicaCount; to++) {
      if (to !== this.#primary) this.#options.send(to, message);
    }
  }

  #sendQuery(query: Query, to: ReplicaIndex): void {
    query.sentAt = this.#ticks;
    const { number, body } = query;
    this.#options.send(to, { type: "query", client: this.#client, number, body });
  }

  #isLate(sentAt: number): boolean {
    return this.#ticks - sentAt >= this.#options.retryTicks;
  }
}
