/**
 * A machine and the node that runs on it, one life after another: it starts, stops in good order,
 * crashes, is paused, and its wall clock jumps. The nodes are the real ones.
 */
import { createNode, type Discovery, type Node } from "@troupe/cluster";
import { type Sink, sinkOf } from "./actors.ts";
import { Commons } from "./commons.ts";
import { MemberWitness } from "./member-witness.ts";
import { Chance } from "./random.ts";
import { SimProcess } from "./sim-process.ts";
import { Witness } from "./witness.ts";
import { Talk } from "./workload.ts";
import type { World } from "./world.ts";

/** What the wall clocks show when a run begins. */
const EPOCH_MS = 1_700_000_000_000;

export interface HostOptions {
  readonly host: number;
  /** The name that its node claims. */
  readonly name: string;
  readonly key: string;
  readonly seeds: readonly string[];
  /** Whether it takes part in the conversations. */
  readonly talks: boolean;
}

/** One life of a node. */
export interface Life {
  readonly process: SimProcess;
  readonly node: Node;
  readonly witness: Witness;
  readonly commons: Commons;
  readonly talk: Talk;
}

export function addressOf(host: number): string {
  return `sim://h${host}`;
}

export class SimHost {
  readonly options: HostOptions;
  readonly #world: World;
  readonly #chance: Chance;
  readonly #rate: number;
  /** What the machine's wall clock is ahead of true time. */
  wallAheadMs: number;
  #process: SimProcess | undefined;
  #life: Life | undefined;
  #lives = 0;
  #endedAt = Number.NEGATIVE_INFINITY;

  constructor(world: World, options: HostOptions) {
    this.#world = world;
    this.options = options;
    this.#chance = new Chance(world.options.seed, `host-${options.host}`);
    this.#rate = 1 + (this.#chance.next() * 2 - 1) * world.options.drift;
    this.wallAheadMs = this.#chance.between(-2000, 2000);
    world.network.addMachine(options.host, addressOf(options.host));
  }

  /** The node that runs here, once it is made. */
  get life(): Life | undefined {
    return this.#life;
  }

  /** When a node last ran here; now, if one does. */
  get wasUpAt(): number {
    return this.isUp ? this.#world.events.now : this.#endedAt;
  }

  get isUp(): boolean {
    return this.#process !== undefined;
  }

  get name(): string {
    return this.options.name;
  }

  /** A wall clock that is so far ahead of true time. */
  wallMs(aheadMs: number): number {
    return EPOCH_MS + this.#world.events.now + aheadMs;
  }

  start(): void {
    if (this.#process !== undefined) return;
    const world = this.#world;
    const { host, name, key, seeds, talks } = this.options;
    this.#lives += 1;
    const label = `${name}@h${host}.${this.#lives}`;
    const process = new SimProcess({
      label,
      host,
      events: world.events,
      wall: () => this.wallMs(this.wallAheadMs),
      rate: this.#rate,
      monotonicStart: this.#chance.between(0, 1_000_000),
    });
    this.#process = process;
    world.network.boot(host);
    world.trace(() => `${label} starts`);
    const chance = new Chance(world.options.seed, label);
    const sink = sinkOf(process, world.ledger);
    void this.#create(process, chance, key, name, seeds, sink).then(async (node) => {
      world.born(process, node);
      const witness = new Witness(world, process, node);
      new MemberWitness(world, process, node);
      const commons = new Commons(world, process, node, chance);
      const talk = new Talk({ world, process, node, witness, commons, sink, chance, talks });
      this.#life = { process, node, witness, commons, talk };
      await talk.begin();
    });
  }

  /** It ends in good order, which takes a while. */
  stop(): Promise<void> {
    const life = this.#life;
    if (life === undefined || life.process.stopping) return Promise.resolve();
    const { process, node } = life;
    process.stopping = true;
    this.#world.trace(() => `${process.label} stops`);
    const leaves = this.#chance.hits(this.#world.options.leaves);
    const left = leaves ? node.leave({ drainMs: this.#chance.between(0, 2000) }) : undefined;
    return Promise.resolve(left)
      .then(() => node.shutdown())
      .then(() => this.#stopped(process));
  }

  #stopped(process: SimProcess): void {
    const { network, ledger, watches, trace, violate, atEndOfEvent } = this.#world;
    trace(() => `${process.label} has stopped`);
    atEndOfEvent(() => {
      for (const wire of network.wires) {
        for (const end of [wire.dialler, wire.acceptor]) {
          if (end.process === process && end.isOpened && !end.isEnded) {
            violate(`${process.label} has stopped and left ${end.id} open`);
          }
        }
      }
      process.kill();
      network.crash(process, false);
      ledger.forget(process);
      watches.forget(process);
      this.#gone(process);
    });
  }

  /** It ends without a word. */
  crash(machineToo: boolean): void {
    const process = this.#process;
    if (process === undefined) return;
    const { network, ledger, watches, trace, weather } = this.#world;
    trace(() => `${process.label} ${machineToo ? "loses power" : "crashes"}`);
    weather.strike(process.host);
    process.kill();
    network.crash(process, machineToo);
    ledger.forget(process);
    watches.forget(process);
    this.#gone(process);
  }

  #gone(process: SimProcess): void {
    if (this.#process !== process) return;
    this.#endedAt = this.#world.events.now;
    this.#process = undefined;
    this.#life = undefined;
  }

  pause(): boolean {
    const process = this.#process;
    if (process === undefined || process.paused) return false;
    this.#world.trace(() => `${process.label} is paused`);
    process.pause();
    return true;
  }

  resume(): void {
    const process = this.#process;
    if (process === undefined || !process.paused) return;
    this.#world.trace(() => `${process.label} goes on`);
    process.resume(this.#chance.hits(0.7));
  }

  #create(
    process: SimProcess,
    chance: Chance,
    key: string,
    name: string,
    seeds: readonly string[],
    sink: Sink,
  ): Promise<Node> {
    const { options, network, trace } = this.#world;
    return createNode({
      name,
      listen: { port: 0 },
      keys: [key],
      clock: process.clock,
      loop: process.loop,
      random: chance.next,
      randomBytes: (size) => Uint8Array.from({ length: size }, () => chance.between(0, 255)),
      transport: network.transport(process, addressOf(process.host)),
      discovery: [listed(seeds)],
      actors: [sink],
      signals: [],
      logger: {
        warn: (text) => trace(() => `${process.label} warns: ${text}`),
        error: (text, details) => trace(() => `${process.label} errs: ${text} ${String(details)}`),
      },
      heartbeatMs: options.heartbeatMs,
      heartbeatMisses: options.heartbeatMisses,
      suspectAfterMisses: options.suspectAfterMisses,
      handshakeTimeoutMs: options.handshakeTimeoutMs,
      probeTimeoutMs: options.probeTimeoutMs,
      reconnectMinMs: options.reconnectMinMs,
      reconnectMaxMs: options.reconnectMaxMs,
      closeTimeoutMs: options.closeTimeoutMs,
      limits: {
        maxMessageBytes: options.maxMessageBytes,
        softOutboxBytes: options.softOutboxBytes,
        hardOutboxBytes: options.hardOutboxBytes,
      },
    });
  }
}

function listed(urls: readonly string[]): Discovery {
  return {
    name: "sim",
    async *watch() {
      yield urls;
    },
  };
}
