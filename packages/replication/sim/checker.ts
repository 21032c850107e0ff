/**
 * What must be true at every step, whatever the world does (research §2.9). The checkers know the
 * whole run and none of the protocol's reasoning; each property has its file in `checkers/`.
 */
import type {
  CheckpointName,
  Committed,
  GroupConfig,
  GroupMessage,
  Replica,
  ReplyToClient,
} from "@troupe/replication/runtime";
import { ActorSubject } from "./actors/actor-subject.ts";
import type { ActorHistory } from "./checkers/actors.ts";
import { anyEntry, checksumAt } from "./checkers/damage.ts";
import { Executions } from "./checkers/executions.ts";
import { Ledger } from "./checkers/ledger.ts";
import { Linearizability } from "./checkers/linearizability.ts";
import { type Founding, Lives } from "./checkers/lives.ts";
import { OutsideWorld } from "./checkers/outside.ts";
import { Promises } from "./checkers/promises.ts";
import { holds } from "./checkers/violation.ts";
import { foldBytes } from "./fold.ts";
import { ChainMachine } from "./machine.ts";
import type { Subject } from "./subject.ts";

export class Checker {
  readonly ledger: Ledger;
  readonly clients = new Linearizability();
  readonly outside: OutsideWorld;
  /** In the place of the two, if the group replicates a real actor. */
  readonly actors: ActorHistory | undefined;
  readonly #promises: Promises;
  readonly #executions: Executions;
  /** Present if the group is one without journals. */
  readonly #lives: Lives | undefined;
  /** Told of each replica that begins to lead. */
  onLeader: (index: number) => void = () => undefined;
  /** Told of each vote for a view that leaves its sender. */
  onVote: (index: number) => void = () => undefined;
  /** Those that rejoin without what was on their disks. */
  readonly #rejoins: Lives;
  readonly #leaders = new Map<number, number>();
  readonly #views = new Map<number, number>();
  /** The op of each call, by its place in the chain. */
  readonly #opOf: number[] = [0];
  readonly #checkpoints = new Map<number, string>();
  #running = 0;

  constructor(config: GroupConfig, memory?: Founding, actors?: ActorHistory) {
    const { replicaCount, root, pipelineMax } = config;
    this.outside = new OutsideWorld(config.checkpointEvery);
    this.ledger = new Ledger(replicaCount, root);
    this.#promises = new Promises(this.ledger, replicaCount, pipelineMax);
    this.#lives = memory && new Lives(this.ledger, memory);
    this.#rejoins = new Lives(this.ledger, { isFounded: true, mayBeLost: false });
    this.actors = actors;
    this.#executions = new Executions(config, (call, length, state) => {
      if (actors !== undefined) return;
      this.#opOf[length] = this.#running;
      this.clients.ran(call, length, state);
    });
  }

  get ops(): number {
    return this.#executions.ops;
  }

  get acks(): number {
    return (this.actors ?? this.clients).acks;
  }

  get reads(): number {
    return (this.actors ?? this.clients).reads;
  }

  /** A replica ran an op; the machine shows what has become of it. */
  executed(index: number, committed: Committed, checksum: string, machine: Subject): void {
    this.ledger.backs(committed.op, checksum, () => `replica ${index}, which runs it,`);
    this.#running = committed.op;
    this.#executions.executed(index, committed, checksum, machine);
    if (machine instanceof ChainMachine) this.outside.executed(index, committed, machine);
    else this.outside.checkpoints(index, committed);
    if (machine instanceof ActorSubject) this.actors?.executed(index, committed, machine);
  }

  /** A machine has taken the state after an op from a checkpoint. */
  restored(index: number, op: number, machine: Subject): void {
    this.#executions.restored(index, op, machine);
  }

  /** CheckpointsEqual: at one op all disks keep the same bytes, whoever wrote them. */
  keeps(index: number, { op, id }: CheckpointName, content: Uint8Array): void {
    const digest = foldBytes(content);
    const first = this.#checkpoints.get(op) ?? digest;
    this.#checkpoints.set(op, first);
    holds(first === digest && first === id, "CheckpointsEqual", () => {
      return `replica ${index} keeps another state after op ${op} than was kept first`;
    });
    this.ledger.keeps(index, op);
  }

  sent(index: number, life: number, message: GroupMessage): void {
    this.#promises.sent(index, life, message);
    if (message.type === "do_view_change") this.onVote(index);
  }

  answered(index: number, message: ReplyToClient): void {
    this.#promises.answered(index, message);
  }

  evicted(client: string, session: number): void {
    this.#executions.evicted(client, session);
  }

  /** After every step of a replica: its own invariants, and what the others know of it. */
  stepped(index: number, replica: Replica): void {
    const { state } = replica;
    state.invariants();
    const { op: begins, checksum } = state.log.base;
    this.ledger.begins(index, begins);
    this.ledger.backs(begins, checksum, () => `the log of replica ${index}, which begins there,`);
    const { view, isPrimary } = state;
    const seen = this.#views.get(index) ?? 0;
    holds(view >= seen, "ViewsGoUp", () => {
      return `replica ${index} went back from view ${seen} to ${view}`;
    });
    this.#views.set(index, view);
    this.#acknowledgedNotLost(index, replica);
    this.#promises.stepped(index, replica);
    this.#lives?.stepped(index, replica);
    this.#rejoins.stepped(index, replica);
    this.#executions.stepped(index, replica);
    if (!isPrimary) return;
    const leader = this.#leaders.get(view);
    holds(leader === undefined || leader === index, "OnePrimaryPerView", () => {
      return `view ${view} has two primaries: ${leader}, ${index}`;
    });
    if (leader !== undefined) return;
    this.#leaders.set(view, index);
    this.onLeader(index);
  }

  /** AckedNotLost: what a client was told of is in the log of every view that begins after it. */
  #acknowledgedNotLost(index: number, replica: Replica): void {
    const { state } = replica;
    const acknowledged = this.actors?.floor ?? this.#opOf[this.clients.floor] ?? 0;
    const op = Math.min(acknowledged, this.ledger.committedBefore(state.logView));
    const held = checksumAt(replica, op);
    holds(held === anyEntry || held === this.ledger.at(op), "AckedNotLost", () => {
      return `replica ${index} has a log of view ${state.logView} without acknowledged op ${op}`;
    });
  }

  /** A restart may not lose a view that was durable; but one that was not may be taken back. */
  restarted(index: number, { state }: Replica): void {
    this.#views.set(index, state.view);
    this.ledger.begins(index, state.log.base.op);
    if (this.#lives !== undefined) {
      this.#lives.begins(index);
      this.ledger.forgets(index);
      this.#promises.forgets(index);
      if (index === 0 && !this.#lives.isFounded) this.#promises.foundsAnew();
    }
    this.#promises.restarted(index, state.view, state.logView);
  }

  /** A disk is lost: what it held it held, and whoever comes back without it promised nothing. */
  wiped(index: number): void {
    this.ledger.forgets(index);
    this.#promises.forgets(index);
    this.#rejoins.begins(index);
  }

  /** At the end everybody has run everything. */
  converged(index: number, replica: Replica): void {
    this.#executions.converged(index, replica);
    this.outside.converged();
  }
}
