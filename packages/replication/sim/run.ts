/**
 * One run: a world with faults, then a healed one in which everything must come to an end.
 */
import type { CheckpointName, Write } from "@troupe/replication/runtime";
import { ActorWorld } from "./actors/actor-world.ts";
import { Checker } from "./checker.ts";
import { holds, Violation } from "./checkers/violation.ts";
import { SimDisk } from "./disk.ts";
import { EventQueue } from "./event-queue.ts";
import { FaultAtlas } from "./fault-atlas.ts";
import { SimHost, type World } from "./host.ts";
import { MemoryGroup, SimMemory } from "./memory-host.ts";
import type { Plant } from "./mutants.ts";
import { SimNetwork } from "./network.ts";
import { type Overrides, optionsOf, type SimOptions } from "./options.ts";
import type { ProfileName } from "./profiles.ts";
import { Chance } from "./random.ts";
import { Rot } from "./rot.ts";
import { isDamaged, isHollowThroughout, laggards, standing } from "./standing.ts";
import { Trace } from "./trace.ts";
import { Wipes } from "./wipes.ts";
import { SimClient } from "./workload.ts";

export interface RunResult {
  readonly seed: number;
  /** Why the run failed; undefined if every property held. */
  readonly violation: string | undefined;
  /** The property that did not hold. */
  readonly checker: string | undefined;
  readonly ops: number;
  readonly acks: number;
  readonly reads: number;
  readonly crashes: number;
  readonly views: number;
  readonly simulatedMs: number;
  /** A hash of all that happened: equal for equal seeds. */
  readonly trace: string;
}

export interface RunOptions {
  readonly profile?: ProfileName | undefined;
  readonly overrides?: Overrides | undefined;
  readonly plant?: Plant | undefined;
  /** Told every event, for a person to read. */
  readonly onTrace?: (line: string) => void;
}

/**
 * Once everything has healed, something must come to an end within so long, again and again until
 * nothing is left to do: a call, a query, an op on a replica that lagged.
 */
const patienceMs = 120_000;
/** And all of it within so long: what is left to do is bounded. */
const healMs = 1_200_000;
/** Beyond repair nothing has to complete: so long is looked what replicas make of what is left. */
const beyondRepairMs = 20_000;
/** How often it is looked whether everything has completed. */
const lookEveryMs = 20;

export function run(seed: number, options: RunOptions = {}): RunResult {
  const { profile = "default", overrides, plant, onTrace } = options;
  const simulation = new Simulation(optionsOf(seed, profile, overrides), plant, onTrace);
  try {
    simulation.run();
  } catch (error) {
    return simulation.result(error);
  }
  return simulation.result(undefined);
}

class Simulation {
  readonly #options: SimOptions;
  readonly #events = new EventQueue();
  readonly #checker: Checker;
  readonly #network: SimNetwork;
  readonly #hosts: SimHost[] = [];
  readonly #disks: (SimDisk | SimMemory)[] = [];
  readonly #clients: SimClient[] = [];
  readonly #chance: Chance;
  readonly #trace: Trace;
  readonly #memory: MemoryGroup | undefined;
  readonly #atlas: FaultAtlas;
  readonly #wipes: Wipes;
  readonly #actors: ActorWorld | undefined;
  /** Those whose disks are lost: they never come back under their names (I20). */
  readonly #gone = new Set<SimHost>();
  #crashes = 0;
  #faulty = true;

  constructor(options: SimOptions, plant: Plant | undefined, onTrace?: (line: string) => void) {
    this.#options = options;
    this.#trace = new Trace(onTrace);
    this.#chance = new Chance(options.seed, "crashes");
    const { config, foundingMs } = options;
    const { replicaCount } = config;
    if (options.memory) this.#memory = new MemoryGroup(this.#hosts, replicaCount);
    this.#atlas = new FaultAtlas(options);
    this.#network = new SimNetwork(options, this.#events);
    if (options.actor !== "") {
      this.#actors = new ActorWorld(options, this.#events, this.#network, plant);
    }
    this.#checker = new Checker(config, this.#memory, this.#actors?.history);
    const [hosts, disks, checker, trace] = [this.#hosts, this.#disks, this.#checker, this.#trace];
    this.#wipes = new Wipes(options, { hosts, disks, checker, trace });
    const world: World = {
      options,
      events: this.#events,
      network: this.#network,
      checker: this.#checker,
      plant,
      addressOf: new Map(),
      trace: this.#trace,
      failed: (host) => {
        host.crash();
        this.#events.after(this.#chance.exponential(options.downMeanMs), () =>
          this.#comeBack(host),
        );
      },
      memory: this.#memory,
      actors: this.#actors,
    };
    for (let index = 0; index < replicaCount; index++) {
      const chance = new Chance(options.seed, `disk-${index}`);
      const durable = (write: Write) => this.#checker.ledger.durable(index, write);
      const syncing = (ms: number) => this.#crashWriting(index, ms);
      const damaged = (ops: readonly number[]) => this.#checker.ledger.damaged(index, ops);
      const rot = new Rot(options, this.#atlas, index, new Chance(options.seed, `rot-${index}`));
      const kept = (name: CheckpointName, content: Uint8Array) =>
        this.#checker.keeps(index, name, content);
      const isElsewhere = (op: number) => this.#isKeptBeside(index, op);
      const nowhere = Number.POSITIVE_INFINITY;
      const logBase = () => this.#hosts[index]?.replica?.state.log.base.op ?? nowhere;
      const ports = { durable, syncing, damaged, kept, logBase, isElsewhere };
      const disk = options.memory
        ? new SimMemory(this.#events, chance, durable, kept)
        : new SimDisk(options, this.#events, chance, plant, rot, ports);
      const host = new SimHost(world, index, disk);
      this.#disks.push(disk);
      this.#hosts.push(host);
      if (!options.memory || foundingMs === 0) host.start();
      else this.#startLater(host, chance.exponential(foundingMs));
    }
    for (let i = 0; i < options.clients; i++) {
      this.#clients.push(new SimClient(world, replicaCount + i));
    }
  }

  run(): void {
    const { faultyMs, crashEveryMs, pauseEveryMs, waverEveryMs, beyond } = this.#options;
    if (crashEveryMs > 0) this.#scheduleCrash();
    if (pauseEveryMs > 0) this.#schedulePause();
    if (waverEveryMs > 0) this.#scheduleWaver();
    if (beyond && this.#memory !== undefined) this.#strikeAfter(this.#chance.next() * faultyMs);
    this.#checker.onLeader = (index) => this.#hunt(index);
    const { memory, wiped } = this.#options;
    if (memory || wiped > 0) this.#checker.onVote = (index) => this.#crashVoter(index);
    while (this.#events.next(faultyMs));
    this.#heal();
    let deadline = faultyMs + patienceMs;
    let done = this.#done;
    let look = faultyMs;
    for (;;) {
      const { now } = this.#events;
      if (now >= look) {
        if (this.#isDone()) break;
        if (now >= faultyMs + beyondRepairMs && this.#isBeyondRepair()) {
          // DamageIsTold: what nobody has any more is not waited for in silence.
          holds(!isHollowThroughout(this.#hosts), "DamageIsTold", () => standing(this.#hosts));
          this.#trace.event("stand", () => `the group stands still: ${standing(this.#hosts)}`);
          return;
        }
        look = now + lookEveryMs;
        if (this.#done > done) deadline = Math.min(now + patienceMs, faultyMs + healMs);
        done = this.#done;
      }
      if (!this.#events.next(deadline)) {
        const ms = Math.round(this.#events.now - faultyMs);
        throw new Violation("Liveness", `${this.#unfinished()} after ${ms} ms without faults`);
      }
    }
    if (this.#memory?.isLost === true) return;
    for (const { index, replica } of this.#hosts) {
      if (replica !== undefined) this.#checker.converged(index, replica);
    }
    this.#actors?.converged();
  }

  result(error: unknown): RunResult {
    const { ops, acks, reads } = this.#checker;
    const views = Math.max(0, ...this.#hosts.map((host) => host.replica?.state.view ?? 0));
    const { seed } = this.#options;
    const violation = error instanceof Error ? `${error.name}: ${error.message}` : undefined;
    const totals = [ops, acks, reads, views, this.#events.now, this.#network.sent, violation];
    this.#trace.text(totals.join());
    return {
      seed,
      violation,
      checker: checkerOf(error),
      ops,
      acks,
      reads,
      crashes: this.#crashes,
      views,
      simulatedMs: Math.round(this.#events.now),
      trace: this.#trace.digest,
    };
  }

  #scheduleCrash(): void {
    const { crashEveryMs, crashAll } = this.#options;
    this.#events.after(this.#chance.exponential(crashEveryMs), () => {
      if (!this.#faulty) return;
      const all = this.#chance.hits(crashAll);
      const chosen = this.#chance.between(0, this.#hosts.length - 1);
      for (const host of this.#hosts) if (all || host.index === chosen) this.#crash(host);
      this.#scheduleCrash();
    });
  }

  #crash(host: SimHost): void {
    if (!host.isUp || !this.#faulty || this.#memory?.mayCrash(host) === false) return;
    this.#end(host);
  }

  #end(host: SimHost): void {
    host.crash();
    this.#crashes++;
    this.#loseDisk(host);
    this.#wipes.strike(host);
    this.#startLater(host, this.#chance.exponential(this.#options.downMeanMs));
  }

  #startLater(host: SimHost, ms: number): void {
    this.#events.after(ms, () => {
      if (this.#faulty) this.#comeBack(host);
    });
  }

  /** More crash at once than a memory group can spare, as soon as there is a group. */
  #strikeAfter(ms: number): void {
    this.#events.after(ms, () => {
      if (!this.#faulty) return;
      const struck = this.#memory?.strike(this.#chance) ?? [];
      for (const host of struck) if (host.isUp) this.#end(host);
      if (struck.length === 0) this.#strikeAfter(200);
    });
  }

  /** Whether a disk that will come back keeps the state after an op, or after a later one. */
  #isKeptBeside(index: number, op: number): boolean {
    return this.#disks.some((disk, other) => {
      if (other === index || this.#atlas.mayLoseDisk(other)) return false;
      return disk instanceof SimDisk && disk.hasStateFor(op);
    });
  }

  #loseDisk(host: SimHost): void {
    const { lostDisks } = this.#options;
    if (lostDisks === 0 || this.#memory !== undefined) return;
    if (!this.#atlas.mayLoseDisk(host.index)) return;
    if (!this.#chance.hits(lostDisks)) return;
    this.#gone.add(host);
    this.#trace.event("lost", () => `r${host.index} has lost its disk`, host.index);
  }

  #comeBack(host: SimHost): void {
    if (host.isUp || host.gaveUp || this.#gone.has(host)) return;
    host.start();
    const after = this.#wipes.crashesAfter(host);
    if (after !== undefined) this.#events.after(after, () => this.#crash(host));
  }

  /** Power goes while a write is under way. */
  #crashWriting(index: number, ms: number): void {
    const { crashWriting } = this.#options;
    if (!this.#faulty || crashWriting === 0 || !this.#chance.hits(crashWriting)) return;
    this.#events.after(this.#chance.next() * ms, () => {
      const host = this.#hosts[index];
      if (host !== undefined) this.#crash(host);
    });
  }

  #schedulePause(): void {
    const { pauseEveryMs, pauseMeanMs } = this.#options;
    this.#events.after(this.#chance.exponential(pauseEveryMs), () => {
      if (!this.#faulty) return;
      const chosen = this.#chance.between(0, this.#hosts.length - 1);
      this.#hosts[chosen]?.pause(this.#chance.exponential(pauseMeanMs));
      this.#schedulePause();
    });
  }

  /** The primary falls silent for about as long as others wait: some give it up, some do not. */
  #scheduleWaver(): void {
    const { waverEveryMs } = this.#options;
    this.#events.after(this.#chance.exponential(waverEveryMs), () => {
      if (!this.#faulty) return;
      const primaries = this.#hosts.filter(({ replica }) => replica?.state.isPrimary === true);
      for (const host of primaries) host.pause(this.#chance.between(200, 900));
      this.#scheduleWaver();
    });
  }

  /** What is begun and not finished is where bugs live: a new primary is hit while it is young. */
  #hunt(index: number): void {
    const host = this.#hosts[index];
    const { hunted } = this.#options;
    if (host === undefined || !this.#faulty || hunted === 0 || !this.#chance.hits(hunted)) return;
    const strike = this.#chance.pick(["crash", "pause", "depose"]);
    this.#events.after(this.#chance.exponential(150), () => {
      if (strike === "crash") this.#crash(host);
      else if (strike === "depose") this.#depose(host);
      else if (this.#faulty) host.pause(this.#chance.exponential(this.#options.pauseMeanMs));
    });
  }

  /** What a vote promised is forgotten while the vote is on its way (I17). */
  #crashVoter(index: number): void {
    const host = this.#hosts[index];
    const { votersCrash } = this.#options;
    if (host === undefined || !this.#faulty || !this.#chance.hits(votersCrash)) return;
    this.#events.after(this.#chance.exponential(40), () => this.#crash(host));
  }

  /**
   * A primary goes on taking calls that nobody acknowledges; the others elect the next one. Just as
   * the old one is heard again the new one dies, so that an old long log meets a new short one.
   */
  #depose(host: SimHost): void {
    this.#network.isolate(host.index);
    this.#events.after(800 + this.#chance.exponential(400), () => {
      this.#network.rejoin(host.index);
      const leaders = this.#hosts.filter(({ replica }) => replica?.state.isPrimary);
      const view = ({ replica }: SimHost) => replica?.state.view ?? -1;
      const [newest] = leaders.sort((a, b) => view(b) - view(a));
      if (newest !== undefined && newest !== host) this.#crash(newest);
    });
  }

  #heal(): void {
    this.#faulty = false;
    this.#trace.event("heal", () => "everything heals");
    this.#network.heal();
    this.#actors?.heal();
    for (const disk of this.#disks) disk.heal();
    const { leavesMinorityDown } = this.#options;
    const minority = this.#memory?.mayStayDown ?? Math.floor((this.#hosts.length - 1) / 2);
    let room = leavesMinorityDown ? minority - this.#gone.size : 0;
    for (const host of this.#hosts) {
      if (host.isUp) continue;
      const mayStay = this.#memory !== undefined || this.#atlas.mayStayDown(host.index);
      if (room > 0 && mayStay) room--;
      else this.#comeBack(host);
    }
    // More clients than the table has room for would push each other out for ever.
    const { sessionsMax } = this.#options.config;
    for (const client of this.#clients.slice(sessionsMax)) client.leave();
    for (const client of this.#clients) client.finish();
  }

  /**
   * All that was asked is answered, every replica has run all that anybody has, and they agree who
   * leads.
   */
  #isDone(): boolean {
    if (this.#memory?.isLost === true) return true;
    return (
      this.#clients.every((client) => client.idle) &&
      laggards(this.#hosts, this.#checker.ops).length === 0
    );
  }

  /** Whether what is not done is excused by damage that a replica still has, and shows. */
  #isBeyondRepair(): boolean {
    return this.#options.beyondRepair && isDamaged(this.#hosts);
  }

  /** What has come to an end so far; it only grows while nobody crashes. */
  get #done(): number {
    const { acks, reads } = this.#checker;
    const ran = this.#hosts.map(({ replica }) => replica?.state.commitMin ?? 0);
    return ran.reduce((sum, op) => sum + op, acks + reads);
  }

  #unfinished(): string {
    const waiting = this.#clients.filter(({ idle }) => !idle).length;
    const lagging = laggards(this.#hosts, this.#checker.ops).map(({ index }) => `r${index}`);
    return `${waiting} clients wait, and [${lagging.join()}] have not caught up`;
  }
}

function checkerOf(error: unknown): string | undefined {
  if (error instanceof Violation) return error.checker;
  return error instanceof Error ? error.name : undefined;
}
