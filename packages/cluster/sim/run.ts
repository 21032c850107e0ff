/**
 * One run: a world with faults, then a healed one in which everything must come to an end.
 *
 * Between two events of the virtual queue every promise reaction runs; nothing else does, so that
 * the same seed gives the same run.
 */
import { createHash } from "node:crypto";
import type { Node } from "@troupe/cluster";
import { EventQueue } from "./event-queue.ts";
import { Faults } from "./faults.ts";
import { Finale } from "./finale.ts";
import { addressOf, SimHost } from "./host.ts";
import { Ledger } from "./ledger.ts";
import type { Plant } from "./mutants.ts";
import { SimNetwork } from "./network.ts";
import { type SimOptions, swarm } from "./options.ts";
import { Chance } from "./random.ts";
import type { SimProcess } from "./sim-process.ts";
import { framesOf } from "./trace.ts";
import { Watches } from "./watches.ts";
import { Weather } from "./weather.ts";
import type { End } from "./wire.ts";
import { Violation, type World } from "./world.ts";

export interface RunResult {
  readonly seed: number;
  /** Why the run failed; undefined if every property held. */
  readonly violation: string | undefined;
  readonly nodes: number;
  readonly messages: number;
  readonly answers: number;
  readonly links: number;
  readonly faults: number;
  readonly events: number;
  readonly simulatedMs: number;
  /** A hash of all that happened: equal for equal seeds. */
  readonly trace: string;
}

export interface RunOptions {
  readonly plant?: Plant | undefined;
  /** Told every event, for a person to read. */
  readonly onTrace?: (line: string) => void;
}

export async function run(seed: number, { plant, onTrace }: RunOptions = {}): Promise<RunResult> {
  const simulation = new Simulation(swarm(seed), plant, onTrace);
  const uproot = plant?.inCode?.();
  let violation: string | undefined;
  try {
    await simulation.run();
  } catch (error) {
    const known = error instanceof Violation;
    violation = known ? error.message : `it threw: ${error instanceof Error ? error.stack : error}`;
  } finally {
    uproot?.();
  }
  return simulation.result(violation);
}

/** Every promise reaction that is under way, and what follows from it, has run. */
const { setImmediate } = globalThis;
const reactions = () => new Promise<void>((resolve) => setImmediate(resolve));

const trustedKey = "the key of the cluster";

class Simulation implements World {
  readonly options: SimOptions;
  readonly events = new EventQueue();
  readonly network: SimNetwork;
  readonly ledger = new Ledger((problem) => this.violate(problem));
  readonly watches = new Watches((problem) => this.violate(problem));
  readonly weather = new Weather(this.events);
  readonly names: readonly string[];
  readonly #hosts: SimHost[] = [];
  readonly #guests: SimHost[] = [];
  readonly #faults: Faults;
  readonly #processes: SimProcess[] = [];
  readonly #ids = new Map<SimProcess, number>();
  readonly #lives = new Map<string, SimProcess>();
  readonly #hash = createHash("sha256");
  readonly #onTrace: ((line: string) => void) | undefined;
  #endChecks: (() => void)[] = [];
  #problem: string | undefined;
  #count = 0;
  #links = 0;

  constructor(options: SimOptions, plant: Plant | undefined, onTrace?: (line: string) => void) {
    this.options = options;
    this.#onTrace = onTrace;
    this.network = new SimNetwork(options, this.events);
    this.network.resends = plant?.resends ?? false;
    this.network.observer = {
      sent: (end) => this.#sent(end),
      delivered: (end, message) => this.#delivered(end, message),
      linked: (end) => this.#linked(end),
    };
    this.names = Array.from({ length: options.nodes }, (_, host) => `n${host}`);
    this.#settle();
    this.#faults = new Faults(this, this.#hosts);
  }

  async run(): Promise<void> {
    const { startWithinMs, faultyMs } = this.options;
    const chance = new Chance(this.options.seed, "starts");
    const stray = (error: unknown) => this.violate(`a rejection that nobody handles: ${error}`);
    process.on("unhandledRejection", stray);
    try {
      for (const host of this.#hosts) {
        this.events.after(chance.next() * startWithinMs, () => host.start());
      }
      for (const guest of this.#guests) {
        this.events.after(chance.next() * faultyMs, () => guest.start());
      }
      this.#faults.begin();
      await this.#until(faultyMs);
      this.#heal();
      const finale = new Finale(this, this.#hosts, this.#guests);
      await finale.play((moment) => this.#until(moment));
    } finally {
      process.off("unhandledRejection", stray);
    }
  }

  result(violation: string | undefined): RunResult {
    const { handledCount, answeredCount } = this.ledger;
    const { seed, nodes } = this.options;
    const faults = Object.values(this.#faults.counts).reduce((sum, count) => sum + count, 0);
    const totals = [handledCount, answeredCount, this.#links, this.#count, this.events.now];
    this.#hash.update([...totals, violation].join());
    return {
      seed,
      violation,
      nodes,
      messages: handledCount,
      answers: answeredCount,
      links: this.#links,
      faults,
      events: this.#count,
      simulatedMs: Math.round(this.events.now),
      trace: this.#hash.digest("hex").slice(0, 16),
    };
  }

  readonly trace = (line: () => string): void => {
    const text = line();
    this.#hash.update(text);
    this.#onTrace?.(`${this.events.now.toFixed(3)} ${text}`);
  };

  readonly violate = (problem: string): void => {
    this.#problem ??= problem;
  };

  readonly atEndOfEvent = (check: () => void): void => {
    this.#endChecks.push(check);
  };

  readonly rivals = (a: SimProcess, b: SimProcess, since: number): boolean => {
    const names = [a, b].map(({ host }) => this.#hostAt(host)?.name);
    return this.#guests.some(({ wasUpAt, name }) => wasUpAt >= since && names.includes(name));
  };

  born(process: SimProcess, node: Node): void {
    this.#lives.set(`${node.name}/${node.incarnation}`, process);
    this.trace(() => `${process.label} is life ${node.incarnation}`);
  }

  idOf(process: SimProcess): number {
    let id = this.#ids.get(process);
    if (id === undefined) {
      id = this.#processes.push(process) - 1;
      this.#ids.set(process, id);
    }
    return id;
  }

  processOf(id: number): SimProcess | undefined {
    return this.#processes[id];
  }

  life(name: string, incarnation: number): SimProcess | undefined {
    return this.#lives.get(`${name}/${incarnation}`);
  }

  isTrusted(process: SimProcess): boolean {
    return this.#hostAt(process.host)?.options.key === trustedKey;
  }

  /** Runs what happens until a moment. */
  async #until(moment: number): Promise<void> {
    for (;;) {
      const happen = this.events.take(moment);
      if (happen === undefined) return;
      this.#count += 1;
      happen();
      await reactions();
      if (this.#endChecks.length > 0) {
        for (const check of this.#endChecks.splice(0)) check();
      }
      if (this.#problem !== undefined) throw new Violation(this.#problem);
    }
  }

  #heal(): void {
    this.trace(() => "everything heals");
    this.#faults.end();
    this.network.healAll();
    this.weather.healAll();
  }

  /** Makes the machines, and decides who knows whose address. */
  #settle(): void {
    const { nodes, sparse, crossDials, lyingSeeds, rivals, strangers, seed } = this.options;
    const chance = new Chance(seed, "seeds");
    const seeds = this.names.map((): string[] => []);
    for (let a = 0; a < nodes; a++) {
      // Sparse: a tree, so that everybody hears of everybody.
      const known = chance.between(a + 1, nodes - 1);
      for (let b = a + 1; b < nodes; b++) {
        if (sparse && b !== known) continue;
        const both = chance.hits(crossDials);
        const up = chance.hits(0.5);
        if (both || up) seeds[a]?.push(addressOf(b));
        if (both || !up) seeds[b]?.push(addressOf(a));
      }
    }
    for (const list of seeds) {
      if (!chance.hits(lyingSeeds)) continue;
      list.unshift(chance.pick(["sim://nowhere", "sim://alias", "no address at all"]));
      if (chance.hits(0.5)) list.push(addressOf(chance.between(0, nodes - 1)));
    }
    this.names.forEach((name, host) => {
      this.#hosts.push(this.#host(host, name, trustedKey, seeds[host] ?? [], true));
    });
    this.network.addAddress("sim://alias", chance.between(0, nodes - 1));
    const everywhere = this.names.map((_, host) => addressOf(host));
    for (let i = 0; i < rivals; i++) {
      const name = this.names[chance.between(0, nodes - 1)] ?? "n0";
      this.#guests.push(this.#host(nodes + i, name, trustedKey, everywhere, false));
    }
    for (let i = 0; i < strangers; i++) {
      const host = nodes + rivals + i;
      this.#guests.push(this.#host(host, `x${i}`, "another key", everywhere, false));
    }
  }

  #host(host: number, name: string, key: string, seeds: string[], talks: boolean): SimHost {
    return new SimHost(this, { host, name, key, seeds, talks });
  }

  #hostAt(host: number): SimHost | undefined {
    return this.#hosts[host] ?? this.#guests[host - this.#hosts.length];
  }

  #sent(end: End): void {
    const { hardOutboxBytes } = this.options;
    if (end.bufferedBytes > hardOutboxBytes + headroomBytes) {
      this.violate(`${end.process.label} has ${end.bufferedBytes} bytes waiting in ${end.id}`);
    }
  }

  #delivered(end: End, message: Uint8Array): void {
    this.trace(() => {
      const { process, peer, id } = end;
      return `${peer.process.label} ${id} ${process.label} ${message.length} ${framesOf(message)}`;
    });
  }

  #linked(end: End): void {
    this.#links += 1;
    const { process, peer } = end;
    this.trace(() => `${process.label} is linked to ${peer.process.label} by ${end.id}`);
    this.#hostAt(process.host)?.life?.witness.linked(end);
    this.#faults.hunt(process.host, peer.process.host);
  }
}

/** What control frames have above the hard limit, and one frame that was taken just below it. */
const headroomBytes = 1024 * 1024;
