/**
 * A group for scenarios: real replicas in real drivers, real sessions, and a world that does
 * nothing that the scenario has not said.
 *
 * Whatever is asked of the group settles before the next line of the scenario: all that is on its
 * way arrives, in order, and every disk finishes, except where a rule, an isolation or a slow disk
 * stands in the way. Time passes only by `ticks`. The laws are checked at every step, and the last
 * line of each scenario is `expectOneGroup`.
 *
 * @example
 * const group = groupOf(3);
 * group.drop("prepare_ok").from(1, 2).to(0);
 * group.call("x");
 * group.client().expectWaiting("x");
 * group.expectOneGroup();
 */
import { expect } from "vitest";
import {
  type GroupConfig,
  type ReplicaIndex,
  type TimeoutTicks,
  timeoutTicksDefaults,
} from "../../../src/vsr/index.ts";
import type { ClientMessage, ReplicaMessage, ReplyToClient } from "../../../src/vsr/message.ts";
import { groupConfig } from "../test-group.ts";
import { ScenarioClient } from "./client.ts";
import { Laws } from "./laws.ts";
import {
  type Address,
  Copies,
  type Message,
  type MessageType,
  type Packet,
  Rule,
} from "./packets.ts";
import { type Isolation, ScenarioReplica } from "./replica.ts";
import { Transcript } from "./transcript.ts";

/** Nothing comes to rest that takes more events than this. */
const eventsMax = 200_000;

export class Scenario {
  readonly replicas: readonly ScenarioReplica[];
  readonly config: GroupConfig;
  readonly transcript = new Transcript();
  readonly laws: Laws;
  readonly #clients = new Map<string, ScenarioClient>();
  readonly #clientOf = new Map<string, string>();
  readonly #sent: Packet[] = [];
  #events: (() => void)[] = [];
  #turns: (() => void)[] = [];
  #rules: Rule[] = [];
  readonly #cuts = new Set<string>();
  #settling = false;
  #together = false;
  /** Whether what was sent last arrives first. */
  lastFirst = false;
  now = 1_000_000;

  constructor(replicaCount: number, changes: Partial<GroupConfig>, ticks: Partial<TimeoutTicks>) {
    this.config = { ...groupConfig, ...changes, replicaCount };
    this.laws = new Laws(replicaCount, (index) => this.replica(index).disk);
    const world = {
      config: this.config,
      ticks: { ...timeoutTicksDefaults, jitter: 0, ...ticks },
      now: () => this.now,
      send: (from: ReplicaIndex, to: ReplicaIndex, message: ReplicaMessage) => {
        this.laws.sent(from, message);
        this.#send({ from, to, message });
      },
      reply: (from: ReplicaIndex, message: ReplyToClient) => {
        const to = this.#clientOf.get(message.client);
        if (to !== undefined) this.#send({ from, to, message });
      },
      defer: (turn: () => void) => this.#turns.push(turn),
      queue: (event: () => void) => this.#events.push(event),
      settle: () => this.deliverAll(),
      cut: (index: ReplicaIndex, which: Isolation) => this.#isolate(index, which),
      ran: (...[index, committed, sum]: Parameters<Laws["ran"]>) => {
        this.transcript.ran(index, committed.op, committed.requests);
        this.laws.ran(index, committed, sum);
      },
      wrote: (...[index, write]: Parameters<Transcript["wrote"]>) =>
        this.transcript.wrote(index, write),
    };
    const indexes = Array.from({ length: replicaCount }, (_, index) => index);
    this.replicas = indexes.map((index) => new ScenarioReplica(index, world));
    this.deliverAll();
  }

  replica(index: ReplicaIndex): ScenarioReplica {
    const replica = this.replicas[index];
    if (replica === undefined) throw new Error(`there is no replica ${index}`);
    return replica;
  }

  /** A client by its name, one of the letters a to f. */
  client(name = "a"): ScenarioClient {
    const known = this.#clients.get(name);
    if (known !== undefined) return known;
    const client = new ScenarioClient(name, {
      replicaCount: this.config.replicaCount,
      window: this.config.sessionWindow,
      send: (from, to, message) => {
        this.#clientOf.set(message.client, from);
        this.#send({ from, to, message });
      },
      settle: () => this.deliverAll(),
      answered: (content) => this.laws.answered(content),
      queried: (mustHold, answer) => this.laws.queried(mustHold, answer),
      told: this.laws.told,
    });
    this.#clients.set(name, client);
    return client;
  }

  call(...contents: string[]): void {
    this.client().call(...contents);
  }

  query(): void {
    this.client().query();
  }

  /** The one that leads the highest view in which anybody leads. */
  get primary(): ScenarioReplica {
    const leaders = this.up.filter(({ state }) => state.isPrimary);
    const [first] = leaders.sort((a, b) => b.state.view - a.state.view);
    if (first === undefined) throw new Error("nobody leads");
    return first;
  }

  get up(): ScenarioReplica[] {
    return this.replicas.filter(({ isUp }) => isUp);
  }

  /** From now on these are lost. */
  drop(...types: MessageType[]): Rule {
    return this.#rule("drop", types);
  }

  /** From now on these are kept back, until the rule releases them. */
  hold(...types: MessageType[]): Rule {
    return this.#rule("hold", types);
  }

  /** From now on these arrive twice, the second time after everything else. */
  duplicate(...types: MessageType[]): Rule {
    return this.#rule("duplicate", types);
  }

  /** What has been sent of these up to now, to be counted or to arrive again. */
  copiesOf(...types: MessageType[]): Copies {
    return new Copies(types, this.#sent.slice(), (packets) => {
      for (const packet of packets) this.#arrive(packet);
      this.deliverAll();
    });
  }

  /** A message that no replica has made arrives. */
  say(from: Address, to: Address, message: Message): void {
    this.#arrive({ from, to, message });
    this.deliverAll();
  }

  /** Nothing passes between the two sides any more; clients reach both. */
  split(a: readonly ReplicaIndex[], b: readonly ReplicaIndex[]): void {
    for (const x of a) for (const y of b) this.cut(x, y);
    for (const x of a) for (const y of b) this.cut(y, x);
  }

  /** What one sends to the other is lost. */
  cut(from: Address, to: Address): void {
    this.#cuts.add(`${from}>${to}`);
  }

  /** No rule, isolation or cut stands any longer; what is held stays with its rule. */
  heal(): void {
    this.#cuts.clear();
    this.#rules = [];
  }

  crashAll(): void {
    for (const replica of this.up) replica.crash();
  }

  restartAll(): void {
    for (const replica of this.replicas) if (!replica.isUp) replica.restart();
  }

  /** Time passes for everybody; after each tick everything settles. */
  ticks(count: number): void {
    for (let i = 0; i < count; i++) {
      this.now += 20;
      for (const replica of this.up) replica.step({ type: "tick" });
      for (const client of this.#clients.values()) client.tick();
      this.deliverAll();
    }
  }

  ticksUntil(holds: () => boolean, max = 1000): void {
    for (let i = 0; i < max; i++) {
      if (holds()) return;
      this.ticks(1);
    }
    throw new Error(`it did not happen within ${max} ticks`);
  }

  /** Until everybody that is up takes part in one view, and has run all of its log. */
  ticksUntilNormal(view?: number): void {
    this.ticksUntil(() => {
      const [first, ...others] = this.up.map(({ up }) => up.report);
      if (first === undefined || (view !== undefined && first.view !== view)) return false;
      const same = others.every((one) => one.view === first.view && one.op === first.op);
      return same && this.up.every(({ up: { report } }) => isAtRest(report));
    });
  }

  /** What is said here arrives in one turn of whoever gets it, as it does on a busy machine. */
  together(happens: () => void): void {
    this.#together = true;
    happens();
    for (const event of this.#events.splice(0)) event();
    this.#together = false;
    this.deliverAll();
  }

  /** Everything that is on its way arrives, unless it is lost or held, and all disks finish. */
  deliverAll(): void {
    if (this.#settling || this.#together) return;
    this.#settling = true;
    try {
      this.#runTurns();
      for (let count = 0; ; count++) {
        const event = this.lastFirst ? this.#events.pop() : this.#events.shift();
        if (event === undefined) return;
        if (count > eventsMax) throw new Error("it does not come to rest");
        event();
        this.#runTurns();
      }
    } finally {
      this.#settling = false;
    }
  }

  expectViews(...views: number[]): void {
    expect(this.replicas.map(({ state }) => state.view)).toEqual(views);
  }

  /**
   * The end of every scenario: the world heals, everybody comes back, and the group must become
   * one again, with one log, one state, every call that was answered, and an answer for the rest.
   */
  expectOneGroup(): void {
    this.heal();
    this.lastFirst = false;
    for (const replica of this.replicas) {
      replica.quickDisk();
      replica.resume();
      if (!replica.isUp && replica.failure === undefined) replica.restart();
    }
    const clients = [...this.#clients.values()];
    this.ticksUntil(
      () => clients.every(({ waiting, unread }) => waiting.length + unread === 0),
      3000,
    );
    this.call("the last word");
    this.ticksUntil(() => this.client().waiting.length === 0, 3000);
    this.ticksUntilNormal();
    this.#expectSame();
  }

  #expectSame(): void {
    const [first, ...others] = this.up.map(({ state, ran, disk }) => ({
      view: state.view,
      log: state.log.slice(0, state.log.head).map(({ checksum }) => checksum),
      disk: disk.entries.map(({ checksum }) => checksum),
      ran,
      table: state.clients.snapshot(),
    }));
    if (first === undefined) throw new Error("nobody is left");
    for (const other of others) expect(other).toEqual(first);
    expect(first.disk).toEqual(first.log);
    expect(first.ran).toEqual(this.laws.history.flatMap(({ calls }) => calls));
    for (const call of this.laws.told) {
      expect(first.ran.filter((one) => one === call)).toEqual([call]);
    }
  }

  #rule(kind: Rule["kind"], types: readonly MessageType[]): Rule {
    const rule = new Rule(kind, types, (ended, late) => {
      this.#rules = this.#rules.filter((one) => one !== ended);
      for (const packet of late) this.#arrive(packet);
      this.deliverAll();
    });
    this.#rules.push(rule);
    return rule;
  }

  #isolate(index: ReplicaIndex, which: Isolation): void {
    for (const { index: other } of this.replicas) {
      if (other === index) continue;
      if (which !== "receive") this.cut(index, other);
      if (which !== "send") this.cut(other, index);
    }
  }

  #send(packet: Packet): void {
    this.#sent.push(packet);
    this.#events.push(() => this.#meet(packet));
  }

  /** A packet meets what stands in its way; the first rule that picks it decides. */
  #meet(packet: Packet): void {
    const rule = this.#rules.find((one) => one.picks(packet));
    if (this.#cuts.has(`${packet.from}>${packet.to}`) || rule?.kind === "drop") {
      this.transcript.lost(packet);
    } else if (rule?.kind === "hold") {
      rule.held.push(packet);
      this.transcript.held(packet);
    } else {
      this.#arrive(packet);
      if (rule?.kind === "duplicate") this.#events.push(() => this.#arrive(packet));
    }
  }

  #arrive(packet: Packet): void {
    const { from, to, message } = packet;
    if (typeof to === "string") {
      this.transcript.arrived(packet);
      this.client(to).receive(message as ReplyToClient);
      return;
    }
    const replica = this.replica(to);
    if (!replica.isUp) {
      this.transcript.lost(packet);
      return;
    }
    this.transcript.arrived(packet);
    if (typeof from === "string") {
      replica.step({ type: "client", message: message as ClientMessage });
    } else {
      replica.step({ type: "message", from, message: message as ReplicaMessage });
    }
    if (!this.#together) this.#runTurns();
  }

  #runTurns(): void {
    for (let turns = this.#turns.splice(0); turns.length > 0; turns = this.#turns.splice(0)) {
      for (const turn of turns) turn();
    }
  }
}

function isAtRest({ status, op, commit }: { status: string; op: number; commit: number }): boolean {
  return status === "normal" && op === commit;
}

/** A group of so many replicas with a client "a" that has registered at op 1. */
export function groupOf(
  replicaCount: number,
  changes: Partial<GroupConfig> = {},
  ticks: Partial<TimeoutTicks> = {},
): Scenario {
  return new Scenario(replicaCount, changes, ticks);
}
