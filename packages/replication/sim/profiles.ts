/**
 * Kinds of worlds, by name. `default` is the whole swarm; the others take most faults away and make
 * one kind frequent, in shorter runs, so that one kind of mistake shows soon.
 */

import type { TimeoutTicks } from "@troupe/replication/runtime";
import { soundDisks } from "./fault-atlas.ts";
import type { SimOptions } from "./options.ts";
import type { Chance } from "./random.ts";

/** Timeouts of a group that suspects soon, so that views change often. */
export const hastyTicks: TimeoutTicks = {
  heartbeat: 3,
  primarySilence: 10,
  primarySilenceMax: 40,
  jitter: 10,
  resend: 4,
  voteWindow: 30,
  abdicate: 40,
};

type Profile = (chance: Chance) => Partial<SimOptions>;

const quiet = {
  loss: 0,
  duplication: 0,
  partitionEveryMs: 0,
  clogEveryMs: 0,
  crashEveryMs: 0,
  crashAll: 0,
  crashWriting: 0,
  hunted: 0,
  pauseEveryMs: 0,
  diskMinMs: 0,
  diskMeanMs: 2,
  diskStall: 0,
  clockOffsetMs: 0,
  clockDrift: 0,
  clockStepEveryMs: 0,
  clientCrashEveryMs: 0,
  givenUp: 0,
  leavesMinorityDown: false,
  effects: 0,
  memory: false,
  ...soundDisks,
  spoiled: 0,
  straying: 0,
  roundOksStray: 0,
  votersCrash: 0,
  waverEveryMs: 0,
} satisfies Partial<SimOptions>;

const short = (chance: Chance) => ({ faultyMs: chance.between(2, 8) * 1000 });

/** Disks are slow, hang, lose what they had not promised, rot, and are lost. */
const storage = (chance: Chance) => ({
  ...quiet,
  ...short(chance),
  loss: chance.next() * 0.1,
  crashEveryMs: chance.between(300, 3000),
  downMeanMs: chance.between(50, 1000),
  crashAll: chance.pick([0, 0.5]),
  crashWriting: chance.next() * 0.05,
  diskMeanMs: chance.pick([10, 40, 200]),
  diskStall: chance.next() * 0.2,
  diskStallMeanMs: chance.between(100, 2000),
  hunted: 0.3,
  rot: chance.pick([0, 0.3, 1]),
  lostHeaders: chance.pick([0, 0.3, 1]),
  lostDisks: chance.pick([0, 0, 0.2]),
  duplication: chance.next() * 0.3,
  copyLaterMs: chance.pick([50, 1000]),
});

/** No journals: replicas forget everything while what they said is still on its way. */
const memory = (chance: Chance) => ({
  ...quiet,
  faultyMs: chance.between(4, 12) * 1000,
  memory: true,
  ticks: hastyTicks,
  beyond: chance.hits(0.1),
  foundingMs: chance.pick([0, 0, 300]),
  votersCrash: chance.pick([0.2, 0.7]),
  straying: chance.pick([0.2, 0.6]),
  waverEveryMs: chance.between(400, 1500),
  loss: chance.hits(0.5) ? chance.next() * 0.1 : 0,
  duplication: chance.next() * 0.3,
  copyLaterMs: chance.pick([300, 1000, 2000]),
  latencyMeanMs: chance.between(1, 30),
  partitionEveryMs: chance.hits(0.3) ? chance.between(500, 3000) : 0,
  partitionMeanMs: chance.between(200, 1000),
  oneWay: chance.next(),
  inFlightArrives: true,
  crashEveryMs: chance.between(1000, 4000),
  downMeanMs: chance.between(10, 200),
  hunted: chance.pick([0, 0.3]),
  thinkMs: chance.between(5, 50),
});

const voters = (chance: Chance) => ({
  ...memory(chance),
  beyond: false,
  votersCrash: 0.7,
  straying: chance.pick([0.7, 0.85]),
  copyLaterMs: chance.pick([400, 1000]),
  waverEveryMs: chance.between(400, 1000),
  latencyMeanMs: 20,
  loss: 0,
  crashEveryMs: 0,
  downMeanMs: 20,
  clients: chance.between(3, 8),
  thinkMs: 10,
  queries: 0.05,
});

/** Disks are lost whole, and their replicas rejoin, also in the midst of rejoining. */
const rejoin = (chance: Chance) => ({
  ...memory(chance),
  memory: false,
  beyond: false,
  foundingMs: 0,
  votersCrash: chance.pick([0, 0.3, 0.7]),
  waverEveryMs: chance.hits(0.6) ? chance.between(400, 1500) : 0,
  crashEveryMs: chance.between(300, 2000),
  downMeanMs: chance.pick([10, 100, 500]),
  crashWriting: chance.pick([0, 0.02]),
  diskMinMs: chance.pick([0, 2]),
  diskMeanMs: chance.pick([1, 10, 40]),
  clockStepEveryMs: chance.hits(0.3) ? chance.between(300, 2000) : 0,
  wiped: chance.pick([0.3, 0.6, 1]),
  rejoinersCrash: chance.pick([0, 0.3, 0.6]),
});

/** The same, of those who have just voted, while their votes are still on their way. */
const rejoiningVoters = (chance: Chance) => ({
  ...voters(chance),
  memory: false,
  foundingMs: 0,
  diskMeanMs: 1,
  wiped: 1,
  rejoinersCrash: 0,
});

export const profiles = {
  default: () => ({}),
  /** Nothing goes wrong: what is left are races. */
  calm: (chance) => ({ ...quiet, ...short(chance), latencyMeanMs: chance.between(1, 20) }),
  /** Messages are lost, repeated, late and cut off; processes and disks are well. */
  network: (chance) => ({
    ...quiet,
    ...short(chance),
    loss: chance.next() * 0.3,
    duplication: chance.next() * 0.5,
    copyLaterMs: chance.pick([50, 2000]),
    partitionEveryMs: chance.between(300, 2000),
    partitionMeanMs: chance.between(200, 3000),
    oneWay: chance.next(),
    clogEveryMs: chance.hits(0.5) ? chance.between(200, 2000) : 0,
    hunted: 0.5,
  }),
  /** Replicas crash, all the time and together; new primaries more often than others. */
  crashes: (chance) => ({
    ...quiet,
    ...short(chance),
    duplication: chance.next() * 0.2,
    copyLaterMs: 1000,
    latencyMeanMs: chance.between(1, 60),
    crashEveryMs: chance.between(200, 2000),
    downMeanMs: chance.between(50, 1500),
    crashAll: chance.pick([0, 0.3]),
    hunted: 0.7,
    pauseEveryMs: chance.hits(0.5) ? chance.between(500, 3000) : 0,
    diskMeanMs: chance.pick([1, 40]),
  }),
  storage,
  /** Every restart finds damage, while the network keeps those apart who could repair it. */
  rot: (chance) => ({
    ...quiet,
    ...short(chance),
    loss: chance.next() * 0.1,
    duplication: chance.next() * 0.3,
    copyLaterMs: chance.pick([50, 1000]),
    latencyMeanMs: chance.between(1, 30),
    partitionEveryMs: chance.between(300, 2000),
    partitionMeanMs: chance.between(200, 2000),
    replicasOnly: 1,
    crashEveryMs: chance.between(200, 1500),
    downMeanMs: chance.between(50, 800),
    crashAll: chance.pick([0, 0.3]),
    hunted: 0.5,
    diskMeanMs: chance.pick([2, 10, 40]),
    rot: 1,
    lostHeaders: chance.pick([0, 0.3, 1]),
  }),
  /** Replicas are away for so long that the others have cut off what they lack. */
  transfer: (chance) => ({
    ...quiet,
    faultyMs: chance.between(4, 12) * 1000,
    loss: chance.next() * 0.1,
    duplication: chance.next() * 0.3,
    copyLaterMs: chance.pick([50, 1000]),
    latencyMeanMs: chance.between(1, 20),
    thinkMs: chance.between(5, 40),
    queries: 0.1,
    partitionEveryMs: chance.between(500, 3000),
    partitionMeanMs: chance.between(500, 4000),
    replicasOnly: 1,
    oneWay: chance.hits(0.3) ? chance.next() : 0,
    crashEveryMs: chance.between(500, 3000),
    downMeanMs: chance.between(500, 3000),
    crashWriting: chance.pick([0, 0.02]),
    hunted: chance.pick([0, 0.5]),
    diskMeanMs: chance.pick([1, 10, 40]),
    diskStall: chance.pick([0, 0.05]),
    diskStallMeanMs: 1000,
    rot: chance.pick([0, 0, 1]),
    spoiled: chance.pick([0, 0.2]),
  }),
  /** More is damaged than a group may survive: all that is demanded is that it does not lie. */
  beyond: (chance) => ({
    ...storage(chance),
    rot: chance.pick([0.5, 1]),
    lostHeaders: chance.pick([0, 0.3, 1]),
    lostDisks: chance.pick([0, 0.2]),
    beyondRepair: true,
  }),
  /** Clients come and go, repeat themselves and give up, and the table has room for few. */
  clients: (chance) => ({
    ...quiet,
    ...short(chance),
    clients: chance.between(3, 13),
    clientCrashEveryMs: chance.between(300, 2000),
    givenUp: 0.2,
    retryTicks: chance.pick([2, 5]),
    loss: chance.next() * 0.2,
    duplication: chance.next() * 0.5,
    copyLaterMs: chance.pick([50, 2000]),
    crashEveryMs: chance.hits(0.5) ? chance.between(1000, 4000) : 0,
    downMeanMs: 300,
    hunted: 0.3,
  }),
  /** Queries above all, to primaries that are cut off without knowing it. */
  reads: (chance) => ({
    ...quiet,
    ...short(chance),
    clients: chance.between(3, 8),
    thinkMs: chance.between(5, 40),
    queries: chance.pick([0.1, 0.5]),
    readers: 0.5,
    // Copies of rounds keep backups loyal for as long as they come; answers that stray do not.
    ...chance.pick([{ duplication: 0.5 }, { roundOksStray: 0.7 }]),
    copyLaterMs: chance.pick([100, 500, 1500, 1500]),
    partitionEveryMs: chance.between(300, 2500),
    partitionMeanMs: chance.between(500, 2000),
    oneWay: chance.pick([0.2, 0.7]),
    replicasOnly: 1,
    inFlightArrives: true,
    hunted: 0.7,
    pauseEveryMs: chance.hits(0.5) ? chance.between(500, 2000) : 0,
    pauseMeanMs: chance.between(200, 2000),
  }),
  /** A real actor, and nodes outside that it sends to; what goes wrong is that of `default`. */
  actors: (chance) => ({
    faultyMs: chance.between(3, 10) * 1000,
    clients: chance.pick([1, 2, 3, 4, 6]),
    clientQueue: chance.pick([8, 100]),
    thinkMs: chance.between(5, 60),
    queries: 0.15,
    readers: 0,
    actor: chance.pick(["ledger", "cache", "queue", "herald", "herald"]),
    receivers: chance.between(1, 3),
    receiverCrashEveryMs: chance.pick([0, 1000, 4000]),
    receiverLeaves: chance.hits(0.2),
    effects: 0,
  }),
  memory,
  /** No journals, and votes that arrive when their senders have long forgotten them. */
  voters,
  /** Disks are lost whole, and their replicas rejoin, while what they said is still on its way. */
  rejoin: (chance) => (chance.hits(0.5) ? rejoin(chance) : rejoiningVoters(chance)),
} satisfies Readonly<Record<string, Profile>>;

export type ProfileName = keyof typeof profiles;

export function profileOf(name: string): ProfileName {
  if (Object.hasOwn(profiles, name)) return name as ProfileName;
  const names = Object.keys(profiles).join(", ");
  throw new RangeError(`--profile: expected one of ${names}, got "${name}"`);
}
