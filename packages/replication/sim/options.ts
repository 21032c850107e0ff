/**
 * What kind of world a seed stands for: swarm testing, so that each run stresses a few things hard
 * instead of all of them a little. Sizes are shrunk, so that full pipelines, queues and session
 * tables are frequent.
 */
import type { GroupConfig } from "@troupe/replication/runtime";
import { Chance } from "./random.ts";

export interface SimOptions {
  readonly seed: number;
  readonly config: GroupConfig;
  readonly clients: number;
  /** Calls that a client may have waiting: with few it stalls soon, with many never. */
  readonly clientQueue: number;
  /** Of clients: that begin only later, when views have changed already. */
  readonly lateClients: number;
  /** Milliseconds of virtual time with faults, before everything heals. */
  readonly faultyMs: number;
  /** Of messages. */
  readonly loss: number;
  readonly duplication: number;
  readonly latencyMinMs: number;
  readonly latencyMeanMs: number;
  /** Mean time between two partitions; 0 for none. */
  readonly partitionEveryMs: number;
  readonly partitionMeanMs: number;
  /** Partitions that cut one direction only, as a share of all. */
  readonly oneWay: number;
  /** Mean time between two crashes; 0 for none. */
  readonly crashEveryMs: number;
  readonly downMeanMs: number;
  /** Of crashes: all replicas at once. */
  readonly crashAll: number;
  /** Of new primaries: crashed, paused or deposed soon after they began to lead. */
  readonly hunted: number;
  /** Mean time between two pauses of a process; 0 for none. */
  readonly pauseEveryMs: number;
  readonly pauseMeanMs: number;
  /** A minority of the replicas stays down when everything else heals. */
  readonly leavesMinorityDown: boolean;
  readonly diskMinMs: number;
  readonly diskMeanMs: number;
  /** Mean pause between a client's operations. */
  readonly thinkMs: number;
  readonly queries: number;
}

export function swarm(seed: number): SimOptions {
  const chance = new Chance(seed, "options");
  const sometimes = (probability: number, value: number) => (chance.hits(probability) ? value : 0);
  return {
    seed,
    config: {
      replicaCount: chance.pick([1, 2, 3, 3, 3, 3, 4, 5, 5, 7]),
      root: new Chance(seed, "root").hex(),
      pipelineMax: chance.pick([1, 2, 4, 8]),
      batchRequestsMax: chance.pick([1, 3, 16]),
      batchBytesMax: 4096,
      newStateBytesMax: chance.pick([1, 256, 4096]),
      queueMax: chance.pick([4, 64]),
      sessionsMax: chance.pick([2, 4, 64]),
      sessionWindow: chance.pick([1, 4, 16]),
      checkpointEvery: 16,
    },
    clients: chance.between(1, 5),
    clientQueue: chance.pick([8, 100]),
    lateClients: sometimes(0.5, 0.5),
    faultyMs: chance.between(5, 20) * 1000,
    loss: sometimes(0.6, chance.next() * 0.2),
    duplication: sometimes(0.5, chance.next() * 0.3),
    latencyMinMs: chance.between(0, 10),
    latencyMeanMs: chance.between(1, 60),
    partitionEveryMs: sometimes(0.6, chance.between(500, 8000)),
    partitionMeanMs: chance.between(200, 4000),
    oneWay: sometimes(0.5, chance.next()),
    crashEveryMs: sometimes(0.7, chance.between(300, 8000)),
    downMeanMs: chance.between(50, 4000),
    crashAll: sometimes(0.3, 0.3),
    hunted: sometimes(0.5, 0.5),
    pauseEveryMs: sometimes(0.4, chance.between(500, 8000)),
    pauseMeanMs: chance.between(20, 3000),
    leavesMinorityDown: chance.hits(0.3),
    diskMinMs: chance.between(0, 5),
    diskMeanMs: chance.pick([1, 10, 40, 40, 200]),
    thinkMs: chance.between(5, 100),
    queries: chance.next() * 0.5,
  };
}
