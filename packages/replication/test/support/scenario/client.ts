/** A client of a scenario: the real session, and what its user has asked and was told. */
import { expect } from "vitest";
import { Session } from "../../../src/session.ts";
import type { ReplicaIndex } from "../../../src/vsr/index.ts";
import type { ClientMessage, ReplyToClient } from "../../../src/vsr/message.ts";
import { bytes, clientId, text } from "../entries.ts";

export interface ClientWorld {
  readonly replicaCount: number;
  readonly window: number;
  readonly send: (from: string, to: ReplicaIndex, message: ClientMessage) => void;
  readonly settle: () => void;
  /** Told what the user was told, in that order. */
  readonly answered: (content: string, answer: string) => void;
  readonly queried: (mustHold: readonly string[], answer: string) => void;
  /** The calls of which any user has been told the outcome. */
  readonly told: readonly string[];
}

export class ScenarioClient {
  readonly name: string;
  readonly #world: ClientWorld;
  #session: Session;
  #sessions = 0;
  #queries = 0;
  readonly #answers = new Map<string, string>();
  readonly #asked: string[] = [];
  readonly #readings: string[] = [];
  readonly evicted: string[] = [];

  constructor(name: string, world: ClientWorld) {
    this.name = name;
    this.#world = world;
    this.#session = this.#begin();
  }

  /** Makes calls, in this order, and lets happen what follows. */
  call(...contents: string[]): void {
    for (const content of contents) this.#call(content);
    this.#world.settle();
  }

  #call(content: string): void {
    if (this.#asked.includes(content)) throw new Error(`"${content}" has been called already`);
    this.#asked.push(content);
    this.#session.call(bytes(content), {
      reply: (body) => {
        this.#answers.set(content, text(body));
        this.#world.answered(content, text(body));
      },
      evicted: () => this.evicted.push(content),
    });
  }

  /** Asks for everything that has been run, and lets happen what follows. */
  query(): void {
    const mustHold = [...this.#world.told];
    this.#queries++;
    this.#session.query(bytes(""), {
      reply: (body) => {
        this.#readings.push(text(body));
        this.#world.queried(mustHold, text(body));
      },
      evicted: () => undefined,
    });
    this.#world.settle();
  }

  /** Its process dies and another one begins, which knows nothing. */
  crash(): void {
    this.#session.close();
    this.#asked.length = 0;
    for (const content of this.#answers.keys()) this.#asked.push(content);
    this.#queries = this.#readings.length;
    this.#session = this.#begin();
  }

  tick(): void {
    this.#session.tick();
  }

  receive(message: ReplyToClient): void {
    this.#session.receive(message);
  }

  get view(): number {
    return this.#session.view;
  }

  /** Calls without an outcome, in the order in which they were made. */
  get waiting(): string[] {
    return this.#asked.filter((call) => !this.#answers.has(call) && !this.evicted.includes(call));
  }

  get unread(): number {
    return this.#queries - this.#readings.length;
  }

  expectAnswered(...answers: string[]): void {
    expect([...this.#answers.values()], `the answers to ${this.name}`).toEqual(answers);
  }

  expectWaiting(...contents: string[]): void {
    expect(this.waiting, `what ${this.name} waits for`).toEqual(contents);
  }

  expectRead(...readings: string[]): void {
    expect(this.#readings, `what ${this.name} has read`).toEqual(readings);
  }

  #begin(): Session {
    const { replicaCount, window, send } = this.#world;
    return new Session({
      replicaCount,
      window,
      queueMax: 64,
      retryTicks: 10,
      newClientId: () => clientId(`${this.name}${this.#sessions++}`),
      send: (to, message) => send(this.name, to, message),
    });
  }
}
