/**
 * A group of replicas moved by hand: nothing happens unless a test says so, and nothing is hidden.
 *
 * Messages lie in `packets` until they are delivered or lost, writes in a replica's `pending` until
 * its disk is synced. `settle` does what a healthy world would do; everything else breaks it. After
 * every step the invariants are checked, and that no two replicas have run different things.
 */
import { expect } from "vitest";
import { checksum } from "../../src/checksum.ts";
import { Recovery } from "../../src/journal/journal.ts";
import {
  type ClientsSnapshot,
  type Committed,
  type GroupConfig,
  type Input,
  type LateReply,
  type NamedCheckpoint,
  type Prepare,
  type Ready,
  type Recovered,
  Replica,
  type ReplicaIndex,
  type ReplyToClient,
  type RequestName,
  timeoutTicksDefaults,
  type Write,
} from "../../src/vsr/index.ts";
import type { ReplicaMessage, ReplyMessage } from "../../src/vsr/message.ts";
import { bytes, clientId, root, text } from "./entries.ts";

export interface Packet {
  readonly from: ReplicaIndex;
  readonly to: ReplicaIndex;
  readonly message: ReplicaMessage;
}

type Picks = (packet: Packet) => boolean;

/** Ticks without jitter: what is due is known to the tick. */
export const ticks = { ...timeoutTicksDefaults, jitter: 0 };

/** A small group's settings, so that what is bounded is soon full. */
export const groupConfig: GroupConfig = {
  replicaCount: 3,
  root,
  pipelineMax: 4,
  batchRequestsMax: 8,
  batchBytesMax: 4096,
  newStateBytesMax: 512 * 1024,
  queueMax: 16,
  sessionsMax: 8,
  sessionWindow: 8,
  checkpointEvery: 4,
};

/** The packets of these types. */
export function ofType(...types: ReplicaMessage["type"][]): Picks {
  return ({ message }) => types.includes(message.type);
}

/** The view that a message speaks of; undefined if it speaks of none. */
export function viewOf(message: ReplicaMessage): number | undefined {
  return "view" in message ? message.view : undefined;
}

/** A checkpoint as a replica of a test keeps it. */
export interface KeptState {
  readonly checkpoint: NamedCheckpoint;
  readonly clients: ClientsSnapshot;
  readonly ran: readonly string[];
  readonly waiting: readonly RequestName[];
}

/** A replica in its process, with its disk. */
export class TestReplica {
  readonly index: ReplicaIndex;
  readonly durable: Write[] = [];
  readonly pending: Write[] = [];
  /** Whether its disk waits for `sync`. */
  diskHeld = false;
  /** Whether what is committed waits to be run. */
  machineHeld = false;
  readonly held: Committed[] = [];
  /** How often it was told to go on with what the state wants done. */
  resumes = 0;
  /** Ops after which it was to keep its state. */
  readonly checkpoints: number[] = [];
  /** The calls that its state knows of. */
  readonly ran: string[] = [];
  /** The calls that its state owes a reply. */
  readonly waiting: RequestName[] = [];
  /** The states that it keeps, if the group keeps any, oldest first. */
  kept: KeptState[] = [];
  /** Whether its states are not the group's: none of them is gone on from. */
  isDisowned = false;
  replica: Replica | undefined;
  /** Entries on its disk that cannot be read any more, and whether their headers can. */
  readonly rotten = new Map<Prepare, "body" | "all">();

  constructor(index: ReplicaIndex) {
    this.index = index;
  }

  get up(): Replica {
    if (this.replica === undefined) throw new Error(`replica ${this.index} is down`);
    return this.replica;
  }

  get state() {
    return this.up.state;
  }

  get log(): string[] {
    const { log } = this.state;
    return log.slice(0, log.head).map((entry) => entry.checksum);
  }
}

export class TestGroup {
  readonly replicas: readonly TestReplica[];
  readonly config: GroupConfig;
  /** Sent, and neither delivered nor lost. */
  packets: Packet[] = [];
  /** Everything that was ever sent. */
  readonly sent: Packet[] = [];
  readonly replies: (ReplyToClient & { readonly from: ReplicaIndex })[] = [];
  /** What was to be done outside, and who was to do it: `r0 op 3: body`. */
  readonly effects: string[] = [];
  /** What was run at each op by whoever ran it first. */
  readonly history: string[] = [];
  readonly #cuts = new Set<string>();
  readonly #losses = new Set<Picks>();
  now = 1_000_000;
  /** Chance, for those who draw any. */
  random = () => 0;

  /** Whether states are kept; else each that is to be captured is reported as failed. */
  keepsStates = false;

  /** How many lives there have been in a memory group; undefined if its replicas have disks. */
  #lives: number | undefined;

  constructor(changes: Partial<GroupConfig> = {}, { memory = false } = {}) {
    this.config = { ...groupConfig, ...changes };
    if (memory) this.#lives = 0;
    const indexes = Array.from({ length: this.config.replicaCount }, (_, index) => index);
    this.replicas = indexes.map((index) => new TestReplica(index));
    for (const replica of this.replicas) replica.replica = this.#make(replica.index);
    if (!memory) return;
    for (const { index } of this.replicas) this.turn(index);
    this.settle();
  }

  replica(index: ReplicaIndex): TestReplica {
    const replica = this.replicas[index];
    if (replica === undefined) throw new Error(`there is no replica ${index}`);
    return replica;
  }

  state(index: ReplicaIndex) {
    return this.replica(index).state;
  }

  /** The replica that leads the highest view in which anybody leads. */
  get primary(): TestReplica {
    const leaders = this.replicas.filter(({ replica }) => replica?.state.isPrimary);
    const [first] = leaders.sort((a, b) => b.state.view - a.state.view);
    if (first === undefined) throw new Error("nobody leads");
    return first;
  }

  /** One input to one replica, and the turn that it brings. */
  step(index: ReplicaIndex, input: Input): void {
    const { up } = this.replica(index);
    up.step(input, this.now);
    this.turn(index);
  }

  /** Several inputs to one replica in one turn. */
  stepAll(index: ReplicaIndex, inputs: readonly Input[]): void {
    const { up } = this.replica(index);
    for (const input of inputs) up.step(input, this.now);
    this.turn(index);
  }

  /** Takes what a replica has to hand out and carries it out, except for the disk's part. */
  turn(index: ReplicaIndex): void {
    const replica = this.replica(index);
    const { up } = replica;
    do this.#carryOut(replica, up.take());
    while (up.hasReady);
    up.state.invariants();
  }

  /** Lets a replica's disk finish what it has been given. */
  sync(index: ReplicaIndex): void {
    const replica = this.replica(index);
    const writes = replica.pending.splice(0);
    replica.durable.push(...writes);
    const last = writes.at(-1);
    if (last !== undefined) this.step(index, { type: "written", write: last.write });
  }

  /** Delivers the packets that are there now and picked; what they lead to stays on its way. */
  deliver(picks: Picks = () => true): number {
    const picked = this.packets.filter(picks);
    this.packets = this.packets.filter((packet) => !picks(packet));
    for (const { from, to, message } of picked) {
      if (this.replica(to).replica === undefined) continue;
      this.step(to, { type: "message", from, message });
    }
    return picked.length;
  }

  /** A copy of a packet arrives, again or late. */
  inject(packet: Packet): void {
    this.step(packet.to, { type: "message", from: packet.from, message: packet.message });
  }

  /** Everything that is on its way arrives, and every disk that is not held finishes. */
  settle(): void {
    for (let round = 0; round < 10_000; round++) {
      const writing = this.replicas.filter(
        ({ replica, diskHeld, pending }) => replica && !diskHeld && pending.length > 0,
      );
      for (const { index } of writing) this.sync(index);
      if (this.deliver() === 0 && writing.length === 0) return;
    }
    throw new Error("it does not come to rest");
  }

  /** What is on its way and picked never arrives. */
  drop(picks: Picks = () => true): void {
    this.packets = this.packets.filter((packet) => !picks(packet));
  }

  /** From now on such packets are lost; returns what ends that. */
  lose(picks: Picks): () => void {
    this.#losses.add(picks);
    this.drop(picks);
    return () => this.#losses.delete(picks);
  }

  /** Nothing passes between the two sides any more. */
  partition(a: readonly ReplicaIndex[], b: readonly ReplicaIndex[]): void {
    for (const x of a) for (const y of b) this.cutOneWay(x, y);
    for (const x of a) for (const y of b) this.cutOneWay(y, x);
  }

  isolate(index: ReplicaIndex): void {
    const others = this.replicas.map((replica) => replica.index).filter((i) => i !== index);
    this.partition([index], others);
  }

  cutOneWay(from: ReplicaIndex, to: ReplicaIndex): void {
    this.#cuts.add(`${from}>${to}`);
    this.drop((packet) => packet.from === from && packet.to === to);
  }

  heal(): void {
    this.#cuts.clear();
    this.#losses.clear();
  }

  /** Time passes for everybody that is up, and everything arrives between two ticks. */
  tick(count = 1, who: readonly ReplicaIndex[] = this.replicas.map(({ index }) => index)): void {
    for (let i = 0; i < count; i++) {
      this.now += 20;
      for (const index of who) {
        if (this.replica(index).replica !== undefined) this.step(index, { type: "tick" });
      }
      this.settle();
    }
  }

  /** Ticks until something holds; fails if it never does. */
  tickUntil(holds: () => boolean, max = 400): void {
    for (let i = 0; i < max; i++) {
      if (holds()) return;
      this.tick();
    }
    throw new Error(`it did not happen within ${max} ticks`);
  }

  /** The process dies; of the writes under way the disk has kept the first `kept`. */
  crash(index: ReplicaIndex, kept = 0): void {
    const replica = this.replica(index);
    replica.durable.push(...replica.pending.splice(0).slice(0, kept));
    replica.held.length = 0;
    replica.replica = undefined;
  }

  /** It comes back with what its disk kept; in a memory group with nothing. */
  restart(index: ReplicaIndex, bootstrap = false): void {
    const replica = this.replica(index);
    if (this.#lives !== undefined) {
      replica.ran.length = 0;
      replica.waiting.length = 0;
      replica.replica = this.#make(index, undefined, bootstrap);
      this.turn(index);
      return;
    }
    const recovery = new Recovery();
    for (const write of replica.durable) recovery.add(write);
    const nothing = { view: 0, log_view: 0, commit: 0, entries: [] };
    const recovered = recovery.state ?? nothing;
    const { rotten } = replica;
    const damaged = recovered.entries.flatMap((entry) => {
      const { op, checksum, parent } = entry;
      if (!rotten.has(entry)) return [];
      return rotten.get(entry) === "all" ? { op } : { op, checksum, parent };
    });
    const entries = recovered.entries.filter((entry) => !rotten.has(entry));
    const newest = replica.kept.at(-1);
    const { checkpoint, clients = [], ran = [], waiting = [] } = newest ?? {};
    const kept = checkpoint === undefined ? {} : { checkpoint: { ...checkpoint, clients } };
    const known = replica.isDisowned ? { isHollow: true as const } : kept;
    replica.ran.splice(0, replica.ran.length, ...ran);
    replica.waiting.splice(0, replica.waiting.length, ...waiting);
    replica.replica = this.#make(index, { ...recovered, ...known, entries, damaged });
    this.turn(index);
  }

  /** The disk of a replica that is down is lost; on the one in its place it begins that life. */
  wipe(index: number, life: number): void {
    const replica = this.replica(index);
    const lives = this.replicas.map((_, i) => (i === index ? life : 0));
    const empty = { write: 0, view: 0, log_view: 0, commit: 0, entries: [] };
    replica.durable.splice(0, replica.durable.length, {
      ...empty,
      lives: { lives, rejoining: true },
    });
    replica.kept = [];
    replica.rotten.clear();
  }

  /** The disk of a replica that is down loses entries: their bodies, or their headers as well. */
  damage(index: ReplicaIndex, ops: readonly number[], lost: "body" | "all" = "all"): void {
    const { durable, rotten } = this.replica(index);
    durable.forEach((write, i) => {
      const entries = write.entries.map((entry) => {
        if (!ops.includes(entry.op)) return entry;
        const copy = { ...entry };
        rotten.set(copy, lost);
        return copy;
      });
      durable[i] = { ...write, entries };
    });
  }

  /** Registers a client at the primary, and returns its session once everybody knows it. */
  register(client: string, to: ReplicaIndex = this.primary.index): number {
    const id = clientId(client);
    const register = { kind: "register", client: id, session: 0, number: 0, acked: 0 } as const;
    const message = { type: "request", ...register, body: bytes("") } as const;
    this.step(to, { type: "client", message });
    this.settle();
    return this.state(to).clients.sessionOf(id) ?? 0;
  }

  /** The input that is a call of a client. */
  call(client: string, number: number, content: string, session = 1, acked = 1): Input {
    const id = clientId(client);
    const request = { kind: "call", client: id, session, number, acked } as const;
    return { type: "client", message: { type: "request", ...request, body: bytes(content) } };
  }

  /** The input that is a query of a client. */
  query(client: string, number: number): Input {
    const id = clientId(client);
    return { type: "client", message: { type: "query", client: id, number, body: bytes("") } };
  }

  /** What the client was answered to that number. */
  answers(client: string, number: number): string[] {
    return this.replies
      .filter((reply): reply is ReplyMessage & { from: number } => reply.type === "reply")
      .filter((reply) => reply.client === clientId(client) && reply.number === number)
      .map((reply) => text(reply.body));
  }

  queryAnswers(client: string, number: number): string[] {
    return this.replies.flatMap((reply) =>
      reply.type === "query_reply" && reply.client === clientId(client) && reply.number === number
        ? [text(reply.body)]
        : [],
    );
  }

  /** Makes a call at the primary and lets everything happen that follows. */
  run(client: string, number: number, content: string, session = 1): void {
    this.step(this.primary.index, this.call(client, number, content, session));
    this.settle();
  }

  /** Everybody that is up holds the same log and has run all of it, in one view. */
  expectAgreement(): void {
    const up = this.replicas.filter(({ replica }) => replica !== undefined);
    const [first, ...others] = up.map(({ state, log, ran }) => ({
      view: state.view,
      status: state.status,
      commit: state.commitMin,
      log,
      ran,
      table: state.clients.snapshot(),
    }));
    expect(first?.status).toBe("normal");
    expect(first?.commit).toBe(first?.log.length);
    for (const other of others) expect(other).toEqual(first);
  }

  /** What a replica sent of these types, in order. */
  sentOf(from: ReplicaIndex, ...types: ReplicaMessage["type"][]): Packet[] {
    return this.sent.filter((packet) => packet.from === from && ofType(...types)(packet));
  }

  /** Lets a machine that was held run what has been committed meanwhile. */
  releaseMachine(index: ReplicaIndex): void {
    const replica = this.replica(index);
    replica.machineHeld = false;
    for (const committed of replica.held.splice(0)) this.#apply(replica, committed);
    this.turn(index);
  }

  #make(index: ReplicaIndex, recovered?: Recovered, bootstrap = true): Replica {
    const options = {
      index,
      config: this.config,
      ticks,
      hash: checksum,
      random: () => this.random(),
    };
    if (this.#lives === undefined) return new Replica(options, recovered);
    const memory = { incarnation: ++this.#lives, bootstrap };
    return new Replica({ ...options, memory });
  }

  #carryOut(replica: TestReplica, ready: Ready): void {
    if (ready.write !== undefined) replica.pending.push(ready.write);
    if (ready.restore !== undefined) this.#restore(replica, ready.restore.op);
    for (const { to, message } of ready.messages) this.#send(replica.index, to, message);
    for (const committed of ready.apply) {
      if (replica.machineHeld) replica.held.push(committed);
      else this.#apply(replica, committed);
    }
    const answers = ready.queries.map(({ client, number }) => ({
      client,
      number,
      body: bytes(replica.ran.join()),
    }));
    if (answers.length > 0) replica.up.step({ type: "answered", answers }, this.now);
    if (ready.resume) replica.resumes += 1;
    for (const { op, body } of ready.effects) {
      this.effects.push(`r${replica.index} op ${op}: ${text(body)}`);
    }
    for (const reply of ready.replies) this.replies.push({ ...reply, from: replica.index });
    if (ready.checkpoint !== undefined) this.#capture(replica, ready.checkpoint);
    if (ready.fetch !== undefined) this.#fetch(replica, ready.fetch);
  }

  #capture(replica: TestReplica, head: NonNullable<Ready["checkpoint"]>): void {
    const { op, checksum: entry, timestamp, clients } = head;
    if (!this.keepsStates) {
      replica.up.step({ type: "captured", op, failed: true }, this.now);
      return;
    }
    const content = bytes(JSON.stringify([head, replica.ran, replica.waiting]));
    const [id, size] = [checksum(content), content.length];
    const checkpoint = { op, checksum: entry, timestamp, id, bytes: size };
    const [ran, waiting] = [[...replica.ran], [...replica.waiting]];
    this.#keep(replica, { checkpoint, clients, ran, waiting });
    replica.up.step({ type: "captured", op }, this.now);
    replica.up.step({ type: "checkpointed", op, id, bytes: size }, this.now);
  }

  #keep(replica: TestReplica, state: KeptState): void {
    const { op } = state.checkpoint;
    replica.kept = [...replica.kept.filter((one) => one.checkpoint.op !== op), state].slice(-2);
  }

  #fetch(replica: TestReplica, { from, checkpoint }: NonNullable<Ready["fetch"]>): void {
    const state = this.replica(from).kept.find((one) => one.checkpoint.id === checkpoint.id);
    if (state === undefined) {
      replica.up.step({ type: "fetch_failed", op: checkpoint.op }, this.now);
      return;
    }
    this.#keep(replica, state);
    replica.up.step({ type: "fetched", checkpoint, clients: state.clients }, this.now);
  }

  #restore(replica: TestReplica, op: number): void {
    const state = replica.kept.find((one) => one.checkpoint.op === op);
    replica.ran.splice(0, replica.ran.length, ...(state?.ran ?? []));
    replica.waiting.splice(0, replica.waiting.length, ...(state?.waiting ?? []));
    replica.up.step({ type: "restored", op }, this.now);
  }

  /**
   * Calls that begin with `effect` want themselves done outside; what begins with `wait` is
   * answered later, by the next one that begins with `give`.
   */
  #apply(replica: TestReplica, { op, requests, checkpoint }: Committed): void {
    if (checkpoint) replica.checkpoints.push(op);
    const entry = replica.state.log.get(op).checksum;
    expect(entry, `op ${op} of replica ${replica.index}`).toBe(this.history[op - 1] ?? entry);
    this.history[op - 1] = entry;
    const late: LateReply[] = [];
    const replies = requests.map((request) => {
      if (request.kind === "register") return bytes("");
      const { client, session, number, body } = request;
      replica.ran.push(text(body));
      if (text(body).startsWith("wait")) {
        replica.waiting.push({ client, session, number });
        return undefined;
      }
      if (text(body).startsWith("give")) {
        for (const name of replica.waiting.splice(0)) late.push({ ...name, body });
      }
      return bytes(`${replica.ran.length}:${text(body)}`);
    });
    const wanted = requests.map(({ body }) => body).filter((body) => /^effect/.test(text(body)));
    replica.up.step({ type: "applied", op, replies, late, effects: wanted }, this.now);
  }

  #send(from: ReplicaIndex, to: ReplicaIndex, message: ReplicaMessage): void {
    const packet = { from, to, message };
    this.sent.push(packet);
    if (this.#cuts.has(`${from}>${to}`)) return;
    for (const picks of this.#losses) if (picks(packet)) return;
    this.packets.push(packet);
  }
}
