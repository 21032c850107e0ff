/** A session whose group is the test. */
import { Session, type SessionOptions } from "../../src/session.ts";
import type { ClientMessage, ReplyToClient } from "../../src/vsr/index.ts";
import { bytes, clientId, text } from "./entries.ts";

interface Sent {
  readonly to: number;
  readonly message: ClientMessage;
}

export class SessionBench {
  readonly session: Session;
  readonly outcomes: string[] = [];
  #sent: Sent[] = [];
  #clients = 0;

  constructor(options: Partial<SessionOptions> = {}) {
    this.session = new Session({
      replicaCount: 3,
      window: 2,
      queueMax: 3,
      retryTicks: 10,
      newClientId: () => clientId(`${++this.#clients}`),
      send: (to, message) => this.#sent.push({ to, message }),
      ...options,
    });
  }

  call(content: string) {
    return this.session.call(bytes(content), this.#answered(content));
  }

  query(content: string) {
    return this.session.query(bytes(content), this.#answered(content));
  }

  /** What was sent since the last time: `to kind number acked`. */
  taken(): string[] {
    const sent = this.#sent;
    this.#sent = [];
    return sent.map(({ to, message }) =>
      message.type === "query"
        ? `${to} query ${message.number}`
        : `${to} ${message.kind} ${message.number} ${message.acked}`,
    );
  }

  /** The last message that was sent, as it is. */
  get last(): ClientMessage {
    const message = this.#sent.at(-1)?.message;
    if (message === undefined) throw new Error("nothing was sent");
    return message;
  }

  receive(message: Partial<ReplyToClient> & { type: ReplyToClient["type"] }): void {
    const { client } = this.session;
    this.session.receive({ view: 0, client, session: 5, ...message } as ReplyToClient);
  }

  reply(number: number, content = `r${number}`, view = 0, session = 5): void {
    this.receive({ type: "reply", number, body: bytes(content), view, session });
  }

  seen(number: number): void {
    this.receive({ type: "query_reply", number, body: bytes("seen") });
  }

  /** Registers it as session 5. */
  registered(): this {
    this.call("first");
    this.reply(0);
    this.reply(1);
    this.taken();
    this.outcomes.length = 0;
    return this;
  }

  tick(count: number): void {
    for (let i = 0; i < count; i++) this.session.tick();
  }

  #answered(content: string) {
    return {
      reply: (body: Uint8Array) => this.outcomes.push(`${content}: ${text(body)}`),
      evicted: () => this.outcomes.push(`${content}: evicted`),
    };
  }
}
