/**
 * One run: a world with faults, then a healed one in which everything must come to an end.
 */
import { createHash } from "node:crypto";
import { Checker, Violation } from "./checker.ts";
import { SimDisk } from "./disk.ts";
import { EventQueue } from "./event-queue.ts";
import { SimHost, type World } from "./host.ts";
import type { Plant } from "./mutants.ts";
import { SimNetwork } from "./network.ts";
import { type SimOptions, swarm } from "./options.ts";
import { Chance } from "./random.ts";
import { SimClient } from "./workload.ts";

export interface RunResult {
  readonly seed: number;
  /** Why the run failed; undefined if every property held. */
  readonly violation: string | undefined;
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
  readonly plant?: Plant | undefined;
  /** Told every event, for a person to read. */
  readonly onTrace?: (line: string) => void;
}

/** After healing, this must be enough for everything to complete: liveness. */
const healMs = 120_000;

export function run(seed: number, { plant, onTrace }: RunOptions = {}): RunResult {
  const options = swarm(seed);
  const simulation = new Simulation(options, plant, onTrace);
  let violation: string | undefined;
  try {
    simulation.run();
  } catch (error) {
    violation = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  }
  return simulation.result(violation);
}

class Simulation {
  readonly #options: SimOptions;
  readonly #events = new EventQueue();
  readonly #checker = new Checker();
  readonly #network: SimNetwork;
  readonly #hosts: SimHost[] = [];
  readonly #disks: SimDisk[] = [];
  readonly #clients: SimClient[] = [];
  readonly #chance: Chance;
  readonly #hash = createHash("sha256");
  readonly #onTrace: ((line: string) => void) | undefined;
  #crashes = 0;
  #faulty = true;

  constructor(options: SimOptions, plant: Plant | undefined, onTrace?: (line: string) => void) {
    this.#options = options;
    this.#onTrace = onTrace;
    this.#chance = new Chance(options.seed, "crashes");
    this.#network = new SimNetwork(options, this.#events);
    const world: World = {
      options,
      events: this.#events,
      network: this.#network,
      checker: this.#checker,
      plant,
      clientAddress: (id) => this.#clients.find((client) => client.client === id)?.address,
      trace: (line) => this.#trace(line),
    };
    for (let index = 0; index < options.config.replicaCount; index++) {
      const chance = new Chance(options.seed, `disk-${index}`);
      const disk = new SimDisk(options, this.#events, chance, plant?.lyingDisk ?? false);
      const host = new SimHost(world, index, disk);
      this.#disks.push(disk);
      this.#hosts.push(host);
      host.start();
    }
    for (let i = 0; i < options.clients; i++) {
      this.#clients.push(new SimClient(world, options.config.replicaCount + i));
    }
  }

  run(): void {
    const { faultyMs, crashEveryMs, pauseEveryMs } = this.#options;
    if (crashEveryMs > 0) this.#scheduleCrash();
    if (pauseEveryMs > 0) this.#schedulePause();
    this.#checker.onLeader = (index) => this.#hunt(index);
    while (this.#events.next(faultyMs));
    this.#heal();
    const deadline = faultyMs + healMs;
    while (!this.#isDone()) {
      if (!this.#events.next(deadline)) throw new Violation("liveness: it never came to an end");
    }
    for (const { index, replica } of this.#hosts) {
      if (replica !== undefined) this.#checker.converged(index, replica);
    }
  }

  result(violation: string | undefined): RunResult {
    const { ops, acks, reads } = this.#checker;
    const views = Math.max(0, ...this.#hosts.map((host) => host.replica?.state.view ?? 0));
    const { seed } = this.#options;
    const totals = [ops, acks, reads, views, this.#events.now, this.#network.sent, violation];
    this.#hash.update(totals.join());
    return {
      seed,
      violation,
      ops,
      acks,
      reads,
      crashes: this.#crashes,
      views,
      simulatedMs: Math.round(this.#events.now),
      trace: this.#hash.digest("hex").slice(0, 16),
    };
  }

  #trace(line: () => string): void {
    const text = line();
    this.#hash.update(text);
    this.#onTrace?.(text);
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
    if (!host.isUp || !this.#faulty) return;
    host.crash();
    this.#crashes++;
    this.#events.after(this.#chance.exponential(this.#options.downMeanMs), () => {
      if (!host.isUp && this.#faulty) host.start();
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

  /** What is begun and not finished is where bugs live: a new primary is hit while it is young. */
  #hunt(index: number): void {
    const host = this.#hosts[index];
    if (host === undefined || !this.#faulty || !this.#chance.hits(this.#options.hunted)) return;
    const strike = this.#chance.pick(["crash", "pause", "depose"]);
    this.#events.after(this.#chance.exponential(150), () => {
      if (strike === "crash") this.#crash(host);
      else if (strike === "depose") this.#depose(host);
      else if (this.#faulty) host.pause(this.#chance.exponential(this.#options.pauseMeanMs));
    });
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
    this.#trace(() => "everything heals");
    this.#network.heal();
    for (const disk of this.#disks) disk.heal();
    const { leavesMinorityDown } = this.#options;
    const mayStayDown = leavesMinorityDown ? Math.floor((this.#hosts.length - 1) / 2) : 0;
    const down = this.#hosts.filter((host) => !host.isUp);
    for (const host of down.slice(mayStayDown)) host.start();
    for (const client of this.#clients) client.finish();
  }

  /** All that was asked is answered, and every replica has run all that anybody has. */
  #isDone(): boolean {
    const { ops } = this.#checker;
    return (
      this.#clients.every((client) => client.idle) &&
      this.#hosts.every(({ isUp, replica }) => {
        if (!isUp) return true;
        // What is committed is run at the end of the turn: until then the table lacks replies.
        return replica?.state.commitMin === ops && replica.state.applying.length === 0;
      })
    );
  }
}
