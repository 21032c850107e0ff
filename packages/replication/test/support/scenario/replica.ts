/**
 * One replica of a scenario: the real replica in the real driver, with a disk and a state machine
 * that do what the scenario says.
 */

import { Codec } from "@troupe/cluster/runtime";
import { expect } from "vitest";
import { checksum } from "../../../src/checksum.ts";
import { Driver } from "../../../src/driver.ts";
import { Recovery } from "../../../src/journal/journal.ts";
import {
  type Committed,
  decodeBatch,
  type GroupConfig,
  type Input,
  type Recovered,
  Replica,
  type ReplicaIndex,
  type TimeoutTicks,
  type Write,
} from "../../../src/vsr/index.ts";
import type { ReplicaMessage, ReplyToClient } from "../../../src/vsr/message.ts";
import { bytes, text } from "../entries.ts";

/** What a replica needs of the group around it. */
export interface ReplicaWorld {
  readonly config: GroupConfig;
  readonly ticks: TimeoutTicks;
  readonly now: () => number;
  readonly send: (from: ReplicaIndex, to: ReplicaIndex, message: ReplicaMessage) => void;
  readonly reply: (from: ReplicaIndex, message: ReplyToClient) => void;
  /** Puts the end of a turn behind what is being done now. */
  readonly defer: (turn: () => void) => void;
  /** Puts the completion of a write behind what is on its way. */
  readonly queue: (event: () => void) => void;
  readonly settle: () => void;
  readonly cut: (from: ReplicaIndex, which: Isolation) => void;
  readonly ran: (index: ReplicaIndex, committed: Committed, checksum: string) => void;
  readonly wrote: (index: ReplicaIndex, write: Write) => void;
}

/** What an isolated replica can no longer do with the others: clients still reach it. */
export type Isolation = "both" | "send" | "receive";

/** What a scenario may expect of a replica; `calls` are those in its log, in order. */
export interface Expected {
  readonly status?: "normal" | "view_change";
  readonly view?: number;
  readonly log_view?: number;
  readonly op?: number;
  readonly commit?: number;
  readonly sessions?: number;
  readonly leads?: boolean;
  readonly calls?: readonly string[];
  readonly ran?: readonly string[];
}

interface UnderWay {
  readonly write: Write;
  readonly done: () => void;
}

const nothing: Recovered = { view: 0, log_view: 0, commit: 0, entries: [] };

export class ScenarioReplica {
  readonly index: ReplicaIndex;
  readonly #world: ReplicaWorld;
  #driver: Driver | undefined;
  #replica: Replica | undefined;
  readonly #durable: Write[] = [];
  #pending: UnderWay[] = [];
  #slow = false;
  #paused: Input[] | undefined;
  #ran: string[] = [];
  /** Why it stopped itself; a scenario in which that may happen says so with `mayStop`. */
  failure: unknown;
  mayStop = false;

  constructor(index: ReplicaIndex, world: ReplicaWorld) {
    this.index = index;
    this.#world = world;
    this.#start(undefined);
  }

  get isUp(): boolean {
    return this.#replica !== undefined;
  }

  get up(): Replica {
    if (this.#replica === undefined) throw new Error(`replica ${this.index} is down`);
    return this.#replica;
  }

  get state() {
    return this.up.state;
  }

  /** What it has run since it started. */
  get ran(): readonly string[] {
    return this.#ran;
  }

  /** What its disk would give back. */
  get disk(): Recovered {
    const recovery = new Recovery();
    for (const write of this.#durable) recovery.add(write);
    return recovery.state ?? nothing;
  }

  /** The process dies; of the writes under way the disk has kept the first `kept`. */
  crash(kept = 0): void {
    for (const { write } of this.#pending.slice(0, kept)) this.#durable.push(write);
    this.#pending = [];
    this.#paused = undefined;
    this.#driver?.stop();
    this.#driver = undefined;
    this.#replica = undefined;
  }

  /** It comes back with what its disk holds. */
  restart(): void {
    if (this.isUp) throw new Error(`replica ${this.index} is up already`);
    this.#start(this.disk);
    this.#world.settle();
  }

  /** What it sends to the others, or what they send to it, is lost from now on; or both. */
  isolate(which: Isolation): void {
    this.#world.cut(this.index, which);
  }

  /** From now on its writes take for ever, until the disk is quick again. */
  slowDisk(): void {
    this.#slow = true;
  }

  quickDisk(): void {
    this.#slow = false;
    for (const _ of this.#pending) this.#world.queue(() => this.#syncOne());
    this.#world.settle();
  }

  /** The process is stopped as by SIGSTOP: what comes waits, also its own ticks. */
  pause(): void {
    this.#paused ??= [];
  }

  /** It wakes, and takes in what has come: of its ticks no more than one. */
  resume(): void {
    const waiting = this.#paused ?? [];
    this.#paused = undefined;
    const messages = waiting.filter(({ type }) => type !== "tick");
    for (const input of messages) this.step(input);
    if (messages.length < waiting.length) this.step({ type: "tick" });
    this.#world.settle();
  }

  /** Time passes for this one alone. */
  ticks(count: number): void {
    for (let i = 0; i < count; i++) {
      this.step({ type: "tick" });
      this.#world.settle();
    }
  }

  step(input: Input): void {
    if (this.#paused !== undefined) this.#paused.push(input);
    else this.#driver?.step(input);
  }

  expect(expected: Expected): void {
    const { status, view, log_view, op, commit, sessions } = this.up.report;
    const { log, isPrimary: leads } = this.state;
    const calls = this.#callsIn(log.slice(0, log.head));
    const ran = this.#ran;
    const all = { status, view, log_view, op, commit, sessions, leads, calls, ran };
    expect(all, `replica ${this.index}`).toMatchObject(expected);
  }

  #callsIn(entries: Recovered["entries"]): string[] {
    return entries.flatMap(({ body }) =>
      decodeBatch(body)
        .filter(({ kind }) => kind === "call")
        .map((request) => text(request.body)),
    );
  }

  #start(recovered: Recovered | undefined): void {
    const { config, ticks, send, reply, defer, now } = this.#world;
    const { index } = this;
    this.#ran = [];
    const replica = new Replica(
      { index, config, ticks, hash: checksum, random: () => 0 },
      recovered,
    );
    this.#replica = replica;
    this.#driver = new Driver({
      replica,
      journal: {
        append: (write, done) => this.#append({ write, done }),
        close: async () => undefined,
      },
      codec: new Codec(),
      machine: {
        apply: (committed) => ({ replies: this.#apply(committed) }),
        answer: () => bytes(this.#ran.join()),
        digest: () => "",
        snapshot: () => this.#ran.map(bytes),
        restore: () => {
          const ran: string[] = [];
          return {
            take: (slice) => ran.push(text(slice)),
            end: () => {
              this.#ran = ran;
            },
          };
        },
      },
      // Its journal keeps no states, so none are carried.
      send: (to, message) => send(index, to, message as ReplicaMessage),
      reply: (message) => reply(index, message),
      now,
      defer,
      onFailure: (error) => this.#fail(error),
    });
  }

  #fail(error: unknown): void {
    this.failure = error;
    this.crash();
    if (!this.mayStop) throw error;
  }

  #append(underWay: UnderWay): void {
    this.#pending.push(underWay);
    if (!this.#slow) this.#world.queue(() => this.#syncOne());
  }

  #syncOne(): void {
    if (this.#slow) return;
    const underWay = this.#pending.shift();
    if (underWay === undefined) return;
    this.#durable.push(underWay.write);
    this.#world.wrote(this.index, underWay.write);
    underWay.done();
  }

  #apply(committed: Committed): Uint8Array[] {
    this.#world.ran(this.index, committed, this.state.log.get(committed.op).checksum);
    return committed.requests.map((request) => {
      if (request.kind === "register") return bytes("");
      this.#ran.push(text(request.body));
      return bytes(`${this.#ran.length}:${text(request.body)}`);
    });
  }
}
