/**
 * What kind of world a seed stands for: swarm testing, so that each run stresses a few things hard
 * instead of all of them a little. Times are in milliseconds of virtual time.
 *
 * A message never takes longer than a quarter of a heartbeat where nothing is broken, so that
 * whoever loses a link without a fault has no excuse.
 */
import { Chance } from "./random.ts";

export interface SimOptions {
  readonly seed: number;
  readonly nodes: number;
  /** Virtual time with faults, before everything heals. */
  readonly faultyMs: number;
  /** Nodes that begin at once; the others begin within so much time. */
  readonly startWithinMs: number;
  readonly heartbeatMs: number;
  readonly heartbeatMisses: number;
  readonly suspectAfterMisses: number;
  readonly handshakeTimeoutMs: number;
  readonly probeTimeoutMs: number;
  readonly reconnectMinMs: number;
  readonly reconnectMaxMs: number;
  readonly closeTimeoutMs: number;
  readonly softOutboxBytes: number;
  readonly hardOutboxBytes: number;
  readonly maxMessageBytes: number;
  readonly latencyMinMs: number;
  readonly latencyMeanMs: number;
  readonly latencyMaxMs: number;
  /** How long after a cut the first bytes may be sent again. */
  readonly retryMs: number;
  /** Mean time after which a machine gives up what is not acknowledged; 0 for never. */
  readonly giveUpMs: number;
  /** What a machine takes off a process's hands before it has arrived. */
  readonly kernelBytes: number;
  /** Whether all that has arrived is read in one turn. */
  readonly coalesces: boolean;
  /** Whether a batch leaves at the end of the turn of the event loop, or of the microtasks. */
  readonly defersLong: boolean;
  /** Of dials that are given up on while the answer is on its way: that are made all the same. */
  readonly lateDials: number;
  /** Of pairs: that know each other's address, and may dial at once. */
  readonly crossDials: number;
  /** Whether each node knows the address of one other only; the rest is gossip. */
  readonly sparse: boolean;
  /** Of stops: that leave first. */
  readonly leaves: number;
  /** Of lists of seeds: with an address that is dead, or somebody else's. */
  readonly lyingSeeds: number;
  /** How much the rates of clocks differ. */
  readonly drift: number;
  /** Mean times between two faults of a kind; 0 for none. */
  readonly cutEveryMs: number;
  readonly cutMeanMs: number;
  /** Of cuts: that cut one direction only. */
  readonly oneWay: number;
  readonly severEveryMs: number;
  readonly pauseEveryMs: number;
  readonly pauseMeanMs: number;
  /** Of pauses: followed by others at once, so that the process has hardly a turn in between. */
  readonly stutters: number;
  readonly crashEveryMs: number;
  readonly downMeanMs: number;
  /** Of crashes: of the machine, which tells nobody. */
  readonly powerCuts: number;
  /** Of restarts: with a wall clock that was set back. */
  readonly setBack: number;
  readonly stopEveryMs: number;
  readonly jumpEveryMs: number;
  readonly slowEveryMs: number;
  /** Of links that have just come up: hit by a fault at once. */
  readonly hunted: number;
  /** How many nodes claim the name of another one, and how many have a wrong key. */
  readonly rivals: number;
  readonly strangers: number;
  /** Mean time between two bursts of a node. */
  readonly thinkMs: number;
  readonly burst: number;
  readonly largeBytes: number;
}

export function swarm(seed: number): SimOptions {
  const chance = new Chance(seed, "options");
  const sometimes = (probability: number, value: number) => (chance.hits(probability) ? value : 0);
  const crowd = chance.hits(0.03);
  const nodes = crowd ? chance.between(9, 64) : chance.pick([2, 2, 3, 3, 3, 4, 4, 5, 6, 8]);
  const heartbeatMs = crowd ? 1000 : chance.pick([100, 200, 500, 1000]);
  const latencyMaxMs = heartbeatMs / 4;
  const latencyMeanMs = Math.min(chance.pick([1, 5, 20, 60]), heartbeatMs / 10);
  const hardOutboxBytes = chance.pick([64, 256, 4096]) * 1024;
  const busy = 8 / Math.max(8, nodes);
  return {
    seed,
    nodes,
    faultyMs: crowd ? 3000 : chance.between(5, 15) * 1000,
    startWithinMs: chance.pick([0, 50, 1000, crowd ? 2000 : 5000]),
    heartbeatMs,
    heartbeatMisses: chance.pick([2, 3, 3, 5]),
    suspectAfterMisses: chance.pick([2, 3]),
    handshakeTimeoutMs: Math.max(500, 10 * latencyMaxMs),
    probeTimeoutMs: Math.max(200, 5 * latencyMaxMs),
    reconnectMinMs: chance.pick([20, 100]),
    reconnectMaxMs: chance.pick([200, 1000, 3000]),
    closeTimeoutMs: chance.pick([300, 3000]),
    softOutboxBytes: hardOutboxBytes / 4,
    hardOutboxBytes,
    maxMessageBytes: chance.pick([64, 1024]) * 1024,
    latencyMinMs: Math.min(chance.between(0, 5), latencyMeanMs),
    latencyMeanMs,
    latencyMaxMs,
    retryMs: chance.pick([10, 200, 1000]),
    giveUpMs: sometimes(0.4, chance.between(500, 5000)),
    kernelBytes: chance.pick([1, 16, 256]) * 1024,
    coalesces: chance.hits(0.5),
    defersLong: chance.hits(0.7),
    lateDials: sometimes(0.5, 0.5),
    crossDials: chance.pick([0, 0.3, 1]),
    sparse: chance.hits(0.3),
    leaves: chance.pick([0, 0.5]),
    lyingSeeds: sometimes(0.4, 0.5),
    drift: sometimes(0.5, 0.01),
    cutEveryMs: sometimes(0.6, chance.between(300, 6000)),
    cutMeanMs: chance.between(50, 4000),
    oneWay: sometimes(0.6, chance.next()),
    severEveryMs: sometimes(0.6, chance.between(200, 6000)),
    pauseEveryMs: sometimes(0.5, chance.between(500, 6000)),
    pauseMeanMs: chance.between(20, 3000),
    stutters: sometimes(0.5, 0.5),
    crashEveryMs: sometimes(0.5, chance.between(1000, 8000)),
    downMeanMs: chance.pick([10, 500, 3000]),
    powerCuts: sometimes(0.5, chance.next()),
    setBack: sometimes(0.3, 0.5),
    stopEveryMs: sometimes(0.4, chance.between(1000, 8000)),
    jumpEveryMs: sometimes(0.3, chance.between(500, 5000)),
    slowEveryMs: sometimes(0.3, chance.between(1000, 6000)),
    hunted: sometimes(0.5, 0.3 * busy),
    rivals: sometimes(0.25, chance.between(1, 2)),
    strangers: sometimes(0.2, 1),
    thinkMs: chance.between(20, 300) / busy,
    burst: chance.pick([1, 5, 20]),
    largeBytes: chance.pick([0, 2000, 100_000, 400_000]),
  };
}
