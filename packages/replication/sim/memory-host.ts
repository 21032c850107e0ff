/**
 * Groups without journals: what a crash takes is gone, and who comes back is in another life.
 *
 * A group can spare a minority. So in most worlds no more are forgetful at once than that, and the
 * group must go on; in those that go `beyond` it more crash at one moment, and then it must either
 * have all that was acknowledged, or say that it is lost.
 */
import type { MemoryLife, OpenedJournal, Write } from "@troupe/replication/runtime";
import { quorumOf } from "@troupe/replication/runtime";
import { CheckpointStore, type StoreEvents } from "./checkpoint-store.ts";
import type { EventQueue } from "./event-queue.ts";
import type { SimHost } from "./host.ts";
import type { Chance } from "./random.ts";

/** Drawn apart from the other options, so that worlds with disks are what they would be anyway. */
export function memoryOptions(chance: Chance) {
  const memory = chance.hits(0.25);
  const sometimes = (value: number) => (memory && chance.hits(0.5) ? value : 0);
  return {
    memory,
    beyond: chance.hits(0.15),
    foundingMs: chance.pick([0, 100, 2000]),
    votersCrash: sometimes(0.3),
    straying: sometimes(0.3),
    waverEveryMs: sometimes(chance.between(500, 3000)),
  };
}

/** In the place of a disk: a write is as safe as it gets when it has been handed over. */
export class SimMemory {
  readonly #events: EventQueue;
  readonly #held: (write: Write) => void;
  readonly #kept: StoreEvents["kept"];
  readonly #chance: Chance;
  #life = 0;
  checkpoints: CheckpointStore;

  constructor(
    events: EventQueue,
    chance: Chance,
    held: (write: Write) => void,
    kept: StoreEvents["kept"],
  ) {
    this.#events = events;
    this.#chance = chance;
    this.#held = held;
    this.#kept = kept;
    this.checkpoints = this.#empty();
  }

  open(): OpenedJournal {
    const life = ++this.#life;
    this.checkpoints = this.#empty();
    const append = (write: Write, done: () => void) => {
      this.#held(write);
      this.#events.after(0, () => {
        if (life === this.#life) done();
      });
    };
    const { checkpoints } = this;
    return { journal: { append, close: async () => undefined, checkpoints }, recovered: undefined };
  }

  heal(): void {}

  crash(): void {
    this.#life++;
    this.checkpoints.crash();
  }

  #empty(): CheckpointStore {
    const ports = { syncMs: () => 0, sliceMs: () => 0.2, kept: this.#kept, mayLose: () => false };
    return new CheckpointStore(this.#events, this.#chance, ports);
  }
}

/** The lives of a memory group's replicas, and how many of them may end at once. */
export class MemoryGroup {
  readonly #hosts: readonly SimHost[];
  /** Of each replica, the life that it is in or was in last. */
  readonly #lives: number[];
  readonly #spare: number;
  readonly #quorum: number;
  #isFounded = false;
  /** Those that crashed before there was a group: any number of times, but only so many of them. */
  readonly #crashedEarly = new Set<number>();
  #beyond = false;

  constructor(hosts: readonly SimHost[], replicaCount: number) {
    this.#hosts = hosts;
    this.#lives = new Array<number>(replicaCount).fill(0);
    this.#quorum = quorumOf(replicaCount);
    this.#spare = replicaCount - this.#quorum;
  }

  /** The life of a replica that starts now; its host has been told whether the group ever ran. */
  nextLife(index: number, nowMs: number): MemoryLife {
    const incarnation = Math.max(Math.floor(nowMs), (this.#lives[index] ?? 0) + 1);
    this.#lives[index] = incarnation;
    return { incarnation, bootstrap: !this.isFounded };
  }

  /**
   * Whether a quorum has begun, so that a minority cannot forget that there is a group: whoever is
   * started from then on is not told that it has never run. Asked before each crash and start, so
   * that the moment is not missed.
   */
  get isFounded(): boolean {
    this.#isFounded ||= this.#begun.length >= this.#quorum;
    return this.#isFounded;
  }

  get #begun(): readonly SimHost[] {
    return this.#hosts.filter(({ replica }) => replica?.state.isForgetful === false);
  }

  /** More have forgotten everything at once than the group can spare: it may be lost. */
  get mayBeLost(): boolean {
    return this.#beyond;
  }

  mayCrash(host: SimHost): boolean {
    if (!this.isFounded) {
      if (!this.#crashedEarly.has(host.index) && this.#crashedEarly.size >= this.#spare)
        return false;
      this.#crashedEarly.add(host.index);
      return true;
    }
    // A founder that has not heard yet that the group runs knows nothing of it either.
    const forgetful = this.#hosts.filter((one) => one.replica?.state.isForgetful ?? true);
    return forgetful.includes(host) || forgetful.length < this.#spare;
  }

  /** Who crashes together when the world goes beyond; nobody while there is no whole group. */
  strike(chance: Chance): readonly SimHost[] {
    if (!this.isFounded || this.#hosts.some(isFounding)) return [];
    this.#beyond = true;
    const struck = [...this.#hosts];
    const spared = chance.between(0, struck.length - this.#spare - 1);
    for (let i = 0; i < spared; i++) struck.splice(chance.between(0, struck.length - 1), 1);
    return struck;
  }

  /** How many may stay down for good when everything else heals. */
  get mayStayDown(): number {
    return this.isFounded && !this.#beyond ? this.#spare : 0;
  }

  /** All who have forgotten everything say so; nobody is left who could come back. */
  get isLost(): boolean {
    const up = this.#hosts.flatMap(({ replica }) => (replica === undefined ? [] : [replica]));
    const lost = up.filter(({ state }) => state.status === "lost");
    const asks = up.some(({ state }) => state.status === "recovering");
    return this.#beyond && !asks && lost.length > this.#spare;
  }
}

/** It waits for the others, to begin the group with them. */
function isFounding({ replica }: SimHost): boolean {
  const { status, memory } = replica?.state ?? {};
  return status === "recovering" && memory?.bootstrap === true;
}
