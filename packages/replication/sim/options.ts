/**
 * What kind of world a seed stands for: swarm testing, so that each run stresses a few things hard
 * instead of all of them a little. Sizes are shrunk, so that full pipelines, queues and session
 * tables are frequent. A profile leans the dice towards one kind of trouble.
 */
import type { GroupConfig, TimeoutTicks } from "@troupe/replication/runtime";
import { timeoutTicksDefaults } from "@troupe/replication/runtime";
import { type StorageFaults, storageFaultsOf } from "./fault-atlas.ts";
import { memoryOptions } from "./memory-host.ts";
import { hastyTicks, type ProfileName, profiles } from "./profiles.ts";
import { Chance } from "./random.ts";

export interface SimOptions extends StorageFaults {
  readonly seed: number;
  readonly config: GroupConfig;
  readonly ticks: TimeoutTicks;
  readonly clients: number;
  /** Calls that a client may have waiting: with few it stalls soon, with many never. */
  readonly clientQueue: number;
  /** Of clients: that begin only later, when views have changed already. */
  readonly lateClients: number;
  readonly retryTicks: number;
  /** Calls that one client makes at most. */
  readonly callsMax: number;
  /** Mean pause between a client's operations. */
  readonly thinkMs: number;
  /** Of operations: queries. */
  readonly queries: number;
  /** Of clients: that never call, and so learn from no lost call that their primary is cut off. */
  readonly readers: number;
  /** Of calls: given up by their caller after a while. */
  readonly givenUp: number;
  /** Mean time until a client dies and comes back with another session; 0 for never. */
  readonly clientCrashEveryMs: number;
  /** Milliseconds of virtual time with faults, before everything heals. */
  readonly faultyMs: number;
  /** Of messages. */
  readonly loss: number;
  readonly duplication: number;
  /** How much later than the message its copy comes, in the mean. */
  readonly copyLaterMs: number;
  readonly latencyMinMs: number;
  readonly latencyMeanMs: number;
  /** Mean time between two partitions; 0 for none. */
  readonly partitionEveryMs: number;
  readonly partitionMeanMs: number;
  /** Of partitions: those that cut one direction only. */
  readonly oneWay: number;
  /** Of partitions: those that clients do not notice. */
  readonly replicasOnly: number;
  /** Whether what is under way when a path is cut still arrives; else it is lost. */
  readonly inFlightArrives: boolean;
  /** Mean time between two moments at which a path clogs: nothing is lost, all is late. */
  readonly clogEveryMs: number;
  readonly clogMeanMs: number;
  /** Mean time between two crashes; 0 for none. */
  readonly crashEveryMs: number;
  readonly downMeanMs: number;
  /** Of crashes: all replicas at once. */
  readonly crashAll: number;
  /** Of disk writes: those in which the replica crashes. */
  readonly crashWriting: number;
  /** Of new primaries: crashed, paused or deposed soon after they began to lead. */
  readonly hunted: number;
  /** Mean time between two pauses of a process; 0 for none. */
  readonly pauseEveryMs: number;
  readonly pauseMeanMs: number;
  /** A minority of the replicas stays down when everything else heals. */
  readonly leavesMinorityDown: boolean;
  readonly diskMinMs: number;
  readonly diskMeanMs: number;
  /** Of disk writes: those that hang for a while. */
  readonly diskStall: number;
  readonly diskStallMeanMs: number;
  /** Clocks differ by up to so much. */
  readonly clockOffsetMs: number;
  /** Clocks, and with them ticks, are faster or slower by up to this share. */
  readonly clockDrift: number;
  /** Mean time between two steps of a clock, forwards or backwards; 0 for none. */
  readonly clockStepEveryMs: number;
  /** Of calls: those that want something done outside, once they are committed. */
  readonly effects: number;
  /** The real actor that the group replicates, by name; empty for the chain of hashes. */
  readonly actor: string;
  /** Nodes outside of the group that its actor may send to. */
  readonly receivers: number;
  /** Mean time until one of them dies and comes back; 0 for never. */
  readonly receiverCrashEveryMs: number;
  /** One of them is gone for good before everything heals. */
  readonly receiverLeaves: boolean;
  /** How long it takes to do it, in the mean. */
  readonly effectMs: number;
  /** How long a slice of a checkpoint takes to be written or read, in the mean. */
  readonly sliceMs: number;
  /** Of the pieces of a checkpoint that is fetched: those that are not what their sender keeps. */
  readonly spoiled: number;
  /** Of a checkpoint that is fetched: how many bytes travel at once. */
  readonly chunkBytes: number;
  /** No replica has a journal: with each crash it forgets everything. */
  readonly memory: boolean;
  /** Of memory groups: once, more replicas crash at a time than the group can spare. */
  readonly beyond: boolean;
  /** Of memory groups: the mean time until a replica is started for the first time. */
  readonly foundingMs: number;
  /** Of votes for a view in memory groups: those whose sender crashes just after. */
  readonly votersCrash: number;
  /** Of votes for a view: those that come as late as copies do, with nothing in their place. */
  readonly straying: number;
  /** Of answers to rounds of queries: the same. */
  readonly roundOksStray: number;
  /** Of crashes: those that take the disk, and after which the replica rejoins without it. */
  readonly wiped: number;
  /** Of starts of one that rejoins: those that are followed by a crash. */
  readonly rejoinersCrash: number;
  /** Mean time between two pauses of the primary, each about as long as others wait; 0 for none. */
  readonly waverEveryMs: number;
}

/** Changes to the options of a seed, as `--with` takes them. */
export type Overrides = Partial<Omit<SimOptions, "config" | "ticks">> & {
  readonly config?: Partial<GroupConfig>;
  readonly ticks?: Partial<TimeoutTicks>;
};

export function optionsOf(seed: number, profile: ProfileName, overrides?: Overrides): SimOptions {
  const options = { ...swarm(seed), ...profiles[profile](new Chance(seed, profile)) };
  if (overrides === undefined) return withRoom(options);
  const config = { ...options.config, ...overrides.config };
  const ticks = { ...options.ticks, ...overrides.ticks };
  return withRoom({ ...options, ...overrides, config, ticks });
}

/** What real actors are asked is longer than a link of the chain, and a window keeps a place. */
function withRoom(options: SimOptions): SimOptions {
  if (options.actor === "") return options;
  const { config } = options;
  const batchBytesMax = Math.max(1024, config.batchBytesMax);
  return {
    ...options,
    config: { ...config, batchBytesMax, sessionWindow: config.sessionWindow + 1 },
  };
}

function swarm(seed: number): SimOptions {
  const chance = new Chance(seed, "options");
  const sometimes = (probability: number, value: number) => (chance.hits(probability) ? value : 0);
  return {
    seed,
    config: {
      replicaCount: chance.pick([1, 2, 3, 3, 3, 3, 3, 4, 5, 5, 6, 7]),
      root: new Chance(seed, "root").hex(),
      pipelineMax: chance.pick([1, 2, 4, 8]),
      batchRequestsMax: chance.pick([1, 3, 16]),
      batchBytesMax: chance.pick([64, 4096]),
      newStateBytesMax: chance.pick([1, 256, 4096]),
      queueMax: chance.pick([4, 64]),
      sessionsMax: chance.pick([2, 4, 64]),
      sessionWindow: chance.pick([1, 4, 16]),
      checkpointEvery: new Chance(seed, "checkpoints").pick([2, 4, 8, 16, 64]),
    },
    ticks: chance.hits(0.3) ? hastyTicks : timeoutTicksDefaults,
    clients: chance.pick([1, 2, 2, 3, 3, 4, 5, 8, 13]),
    clientQueue: chance.pick([2, 8, 100]),
    lateClients: sometimes(0.5, 0.5),
    retryTicks: chance.pick([5, 10, 25]),
    callsMax: 1_000_000,
    thinkMs: chance.between(10, 150),
    queries: chance.next() * 0.5,
    readers: sometimes(0.3, 0.5),
    givenUp: sometimes(0.3, 0.2),
    clientCrashEveryMs: sometimes(0.3, chance.between(1000, 8000)),
    faultyMs: chance.between(5, 20) * 1000,
    loss: sometimes(0.6, chance.next() * 0.3),
    duplication: sometimes(0.5, chance.next() * 0.5),
    copyLaterMs: chance.pick([0, 50, 2000]),
    latencyMinMs: chance.between(0, 10),
    latencyMeanMs: chance.between(1, 60),
    partitionEveryMs: sometimes(0.6, chance.between(500, 8000)),
    partitionMeanMs: chance.between(200, 4000),
    oneWay: sometimes(0.5, chance.next()),
    replicasOnly: chance.pick([0, 0.5, 1]),
    inFlightArrives: chance.hits(0.5),
    clogEveryMs: sometimes(0.3, chance.between(200, 4000)),
    clogMeanMs: chance.between(50, 2000),
    crashEveryMs: sometimes(0.7, chance.between(300, 8000)),
    downMeanMs: chance.between(50, 4000),
    crashAll: sometimes(0.3, 0.3),
    crashWriting: sometimes(0.3, chance.next() * 0.02),
    hunted: sometimes(0.5, 0.5),
    pauseEveryMs: sometimes(0.4, chance.between(500, 8000)),
    pauseMeanMs: chance.between(20, 3000),
    leavesMinorityDown: chance.hits(0.3),
    diskMinMs: chance.between(0, 5),
    diskMeanMs: chance.pick([1, 10, 40, 40, 200]),
    diskStall: sometimes(0.3, chance.next() * 0.1),
    diskStallMeanMs: chance.between(100, 3000),
    clockOffsetMs: chance.pick([0, 50, 2000]),
    clockDrift: sometimes(0.5, chance.next() * 0.1),
    clockStepEveryMs: sometimes(0.3, chance.between(500, 5000)),
    roundOksStray: new Chance(seed, "rounds").pick([0, 0, 0.5]),
    effects: new Chance(seed, "effects").pick([0, 0.1, 0.5]),
    actor: "",
    receivers: 0,
    receiverCrashEveryMs: 0,
    receiverLeaves: false,
    effectMs: new Chance(seed, "effect").pick([1, 50, 500]),
    sliceMs: new Chance(seed, "slices").pick([0.2, 0.2, 5, 50]),
    spoiled: new Chance(seed, "spoiled").pick([0, 0, 0.1]),
    chunkBytes: new Chance(seed, "chunks").pick([64, 512, 65536]),
    ...memoryOptions(new Chance(seed, "memory")),
    wiped: 0,
    rejoinersCrash: 0,
    ...storageFaultsOf(seed),
  };
}
