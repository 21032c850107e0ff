/**
 * A disk that takes its time, hangs, and, when its replica crashes, keeps no more than it promised.
 *
 * Of the writes under way at a crash none survives, or all, or a random prefix: the kernel may have
 * got that far. The one on which the crash falls is torn; opening tells it by its checksum and
 * drops it with all after it, which is what a prefix stands for here. What was durable may rot.
 */
import {
  type CheckpointName,
  type Journal,
  type OpenedJournal,
  type Recovered,
  Recovery,
  type Write,
} from "@troupe/replication/runtime";
import { CheckpointStore } from "./checkpoint-store.ts";
import type { EventQueue } from "./event-queue.ts";
import type { Plant } from "./mutants.ts";
import type { SimOptions } from "./options.ts";
import type { Chance } from "./random.ts";
import type { Rot } from "./rot.ts";

const healedMeanMs = 10;
const healedSliceMs = 1;

const emptyWrite: Write = { write: 0, view: 0, log_view: 0, commit: 0, entries: [] };

interface UnderWay {
  readonly write: Write;
  readonly done: () => void;
}

export interface DiskEvents {
  /** A write will survive from now on. */
  readonly durable: (write: Write) => void;
  /** It begins to write, for so long. */
  readonly syncing: (ms: number) => void;
  /** These slots were durable and cannot be read any more. */
  readonly damaged: (ops: readonly number[]) => void;
  /** A checkpoint will survive from now on. */
  readonly kept: (name: CheckpointName, content: Uint8Array) => void;
  /** After which op the log of the replica that runs here begins; beyond all if none runs. */
  readonly logBase: () => number;
  /** Whether another disk, which is not to be lost, keeps the state after that op or a later. */
  readonly isElsewhere: (op: number) => boolean;
}

export class SimDisk {
  readonly #options: SimOptions;
  readonly #events: EventQueue;
  readonly #chance: Chance;
  readonly #plant: Plant | undefined;
  readonly #rot: Rot;
  readonly #told: DiskEvents;
  readonly #durable: Write[] = [];
  #waiting: UnderWay[] = [];
  #syncing: UnderWay[] = [];
  /** Which life of the replica the callbacks belong to. */
  #life = 0;
  #used = false;
  #isRejoining = false;
  #healed = false;
  readonly checkpoints: CheckpointStore;

  constructor(
    options: SimOptions,
    events: EventQueue,
    chance: Chance,
    plant: Plant | undefined,
    rot: Rot,
    told: DiskEvents,
  ) {
    this.#options = options;
    this.#events = events;
    this.#chance = chance;
    this.#plant = plant;
    this.#rot = rot;
    this.#told = told;
    const syncMs = () => {
      const ms = this.#syncMs();
      told.syncing(ms);
      return ms;
    };
    const mayLose = (op: number) => this.#losesNow(op);
    const sliceMs = () => chance.exponential(this.#healed ? healedSliceMs : options.sliceMs);
    const ports = { syncMs, sliceMs, kept: told.kept, mayLose };
    this.checkpoints = new CheckpointStore(events, chance, ports, plant);
  }

  open(): OpenedJournal {
    const journal: Journal = {
      append: (write, done) => this.#append({ write, done }),
      close: async () => undefined,
      checkpoints: this.checkpoints,
    };
    const recovered = this.#used ? this.#recover() : undefined;
    this.#used = true;
    return { journal, recovered };
  }

  /** It is lost; in its place is another one, whose journal begins by order in a new life. */
  wipe(index: number, life: number): void {
    const { replicaCount } = this.#options.config;
    const known = Array.from({ length: replicaCount }, (_, i) => (i === index ? life : 0));
    const lives = { lives: known, rejoining: true };
    this.#durable.splice(0, this.#durable.length, { ...emptyWrite, lives });
    this.#isRejoining = true;
    this.#used = true;
    this.checkpoints.wipe();
  }

  /** Its journal was begun in the place of a lost one, and its replica has not got the log yet. */
  get isRejoining(): boolean {
    return this.#isRejoining;
  }

  /** From now on it is as quick as a good disk. */
  heal(): void {
    this.#healed = true;
  }

  /** Power is lost. */
  crash(): void {
    this.#life++;
    this.checkpoints.crash();
    const pending = [...this.#syncing, ...this.#waiting];
    const surviving = this.#chance.pick([
      0,
      pending.length,
      this.#chance.between(0, pending.length),
    ]);
    for (const { write } of pending.slice(0, surviving)) this.#keep(write);
    this.#syncing = [];
    this.#waiting = [];
  }

  #recover(): Recovered {
    let state = this.#fold();
    if (this.#rot.strike(this.#durable, state)) state = this.#fold();
    const recovered = this.#rot.read(state);
    const base = state.base?.op ?? 0;
    if (this.#rot.strikesCheckpoint()) this.#loseOne(base);
    // Where the group need not live, all may go: then it has to say so.
    const { beyondRepair, config } = this.#options;
    if (beyondRepair && config.replicaCount > 1 && this.#chance.hits(0.3)) {
      for (const { op } of this.checkpoints.names) this.checkpoints.lose(op);
    }
    const lost = recovered.damaged?.map(({ op }) => op) ?? [];
    const head = base + state.entries.length;
    this.#told.damaged(lost.filter((op) => op <= head));
    return recovered;
  }

  /** Whether others can go on from here who lack what is after an op. */
  hasStateFor(op: number): boolean {
    const least = Math.max(op, this.#fold().base?.op ?? 0);
    return this.checkpoints.names.some((name) => name.op >= least);
  }

  /** One of the checkpoints is not what was written, if the group can live without it. */
  #loseOne(base: number): void {
    const { names } = this.checkpoints;
    const { op } = names[this.#chance.between(0, names.length - 1)] ?? {};
    if (op !== undefined && this.#mayLoseState(op, base)) this.checkpoints.lose(op);
  }

  /** Another one goes on from here, or another disk has one that this replica can fetch. */
  #mayLoseState(op: number, base: number): boolean {
    if (this.#options.config.replicaCount === 1) return false;
    if (this.#options.beyondRepair) return true;
    const others = this.checkpoints.names.filter((name) => name.op !== op);
    return others.some((name) => name.op >= base) || this.#told.isElsewhere(base);
  }

  #losesNow(op: number): boolean {
    if (this.#options.config.replicaCount === 1 || !this.#rot.losesOnRead()) return false;
    // The core offers the other one then, and would begin from it, if its log still goes on from
    // there: it may have cut off more already than its disk has.
    const others = this.checkpoints.names.filter((name) => name.op !== op);
    const base = this.#told.logBase();
    const hasOther = others.some((name) => name.op >= base);
    return this.#options.beyondRepair || hasOther || this.#told.isElsewhere(op);
  }

  #fold(): Recovered {
    const recovery = new Recovery();
    for (const write of this.#durable) recovery.add(write);
    return recovery.state ?? { view: 0, log_view: 0, commit: 0, entries: [] };
  }

  #keep(write: Write): void {
    const kept = this.#plant?.onDisk?.(write) ?? write;
    this.#durable.push(kept);
    this.#isRejoining = kept.lives?.rejoining ?? this.#isRejoining;
    this.#told.durable(kept);
  }

  #append(underWay: UnderWay): void {
    this.#waiting.push(underWay);
    if (this.#plant?.lyingDisk === true) underWay.done();
    if (this.#syncing.length === 0) this.#sync();
  }

  /** One sync for all that waits, as the real journal does it. */
  #sync(): void {
    this.#syncing = this.#waiting;
    this.#waiting = [];
    const life = this.#life;
    const ms = this.#syncMs();
    this.#told.syncing(ms);
    this.#events.after(ms, () => {
      if (life !== this.#life) return;
      const synced = this.#syncing;
      this.#syncing = [];
      for (const { write } of synced) this.#keep(write);
      if (this.#plant?.lyingDisk !== true) for (const { done } of synced) done();
      if (this.#waiting.length > 0 && this.#syncing.length === 0) this.#sync();
    });
  }

  #syncMs(): number {
    const { diskMinMs, diskMeanMs, diskStall, diskStallMeanMs } = this.#options;
    if (this.#healed) {
      return diskMinMs + this.#chance.exponential(Math.min(diskMeanMs, healedMeanMs));
    }
    const stalls = diskStall > 0 && this.#chance.hits(diskStall);
    const usual = diskMinMs + this.#chance.exponential(diskMeanMs);
    return stalls ? usual + this.#chance.exponential(diskStallMeanMs) : usual;
  }
}
