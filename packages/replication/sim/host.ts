/**
 * One replica in its process: it can crash at any moment and come back with what its disk kept.
 *
 * The replica and the driver are the real ones; this file gives them a simulated world.
 */
import { checksum, Driver, Replica, timeoutTicksDefaults } from "@troupe/replication/runtime";
import type { Checker } from "./checker.ts";
import type { SimDisk } from "./disk.ts";
import type { EventQueue } from "./event-queue.ts";
import { ChainMachine } from "./machine.ts";
import type { Plant } from "./mutants.ts";
import type { SimNetwork } from "./network.ts";
import type { SimOptions } from "./options.ts";
import { Chance } from "./random.ts";

export const tickMs = 20;

export interface World {
  readonly options: SimOptions;
  readonly events: EventQueue;
  readonly network: SimNetwork;
  readonly checker: Checker;
  readonly plant: Plant | undefined;
  /** Which client session lives where, as replicas learn it from the requests. */
  readonly clientAddress: (client: string) => number | undefined;
  readonly trace: (line: () => string) => void;
}

export class SimHost {
  readonly #world: World;
  readonly #disk: SimDisk;
  readonly #chance: Chance;
  readonly index: number;
  #driver: Driver | undefined;
  #replica: Replica | undefined;
  #life = 0;
  /** While it is paused: what it will take in when it wakes. */
  #asleep: (() => void)[] | undefined;
  /** This machine's clock differs from the others' by so much. */
  readonly #clockOffsetMs: number;

  constructor(world: World, index: number, disk: SimDisk) {
    this.#world = world;
    this.index = index;
    this.#disk = disk;
    this.#chance = new Chance(world.options.seed, `host-${index}`);
    this.#clockOffsetMs = this.#chance.between(-2000, 2000);
  }

  get replica(): Replica | undefined {
    return this.#replica;
  }

  get isUp(): boolean {
    return this.#driver !== undefined;
  }

  start(): void {
    const { options, events, network, checker, plant, trace } = this.#world;
    const life = ++this.#life;
    const { journal, recovered } = this.#disk.open();
    const { index } = this;
    const replica = new Replica(
      {
        index,
        config: options.config,
        ticks: timeoutTicksDefaults,
        hash: checksum,
        random: this.#chance.next,
      },
      recovered,
    );
    plant?.inReplica?.(replica);
    const machine = new ChainMachine();
    const checkedMachine = {
      apply: (committed: Parameters<ChainMachine["apply"]>[0]) => {
        const replies = machine.apply(committed);
        const entry = replica.state.log.get(committed.op);
        checker.executed(index, committed, entry.checksum, replies);
        return replies;
      },
      answer: () => machine.answer(),
      digest: () => machine.digest(),
    };
    this.#replica = replica;
    checker.restarted(index, replica.state.view);
    trace(() => `r${index} starts in view ${replica.state.view}, op ${replica.state.log.head}`);
    this.#driver = new Driver({
      replica,
      journal,
      machine: checkedMachine,
      send: (to, message) => network.send(index, to, message),
      reply: (message) => {
        const to = this.#world.clientAddress(message.client);
        if (to !== undefined) network.send(index, to, message);
      },
      now: () => 1_700_000_000_000 + events.now + this.#clockOffsetMs,
      defer: (turn) => {
        events.after(0, () =>
          this.#awake(life, () => {
            turn();
            checker.stepped(index, replica);
          }),
        );
      },
      onFailure: (error) => {
        throw error;
      },
    });
    network.attach(index, (from, message) => this.#awake(life, () => this.#receive(from, message)));
    events.after(this.#chance.next() * tickMs, () => this.#tick(life));
  }

  /** The process is stopped for a while, as by SIGSTOP: its sockets fill, its clock goes on. */
  pause(ms: number): void {
    if (!this.isUp || this.#asleep !== undefined) return;
    const life = this.#life;
    this.#asleep = [];
    this.#world.trace(() => `r${this.index} is paused`);
    this.#world.events.after(ms, () => {
      if (life !== this.#life) return;
      const waiting = this.#asleep ?? [];
      this.#asleep = undefined;
      for (const wake of waiting) wake();
    });
  }

  crash(): void {
    const { network, trace } = this.#world;
    this.#asleep = undefined;
    trace(() => `r${this.index} crashes`);
    this.#life++;
    this.#driver?.stop();
    this.#driver = undefined;
    this.#replica = undefined;
    network.detach(this.index);
    this.#disk.crash();
  }

  /** Runs something in this life, now or when the process wakes. */
  #awake(life: number, run: () => void): void {
    if (life !== this.#life) return;
    if (this.#asleep !== undefined) this.#asleep.push(run);
    else run();
  }

  #tick(life: number): void {
    this.#awake(life, () => {
      this.#driver?.step({ type: "tick" });
      this.#world.events.after(tickMs, () => this.#tick(life));
    });
  }

  #receive(from: number, message: Parameters<Parameters<SimNetwork["attach"]>[1]>[1]): void {
    const { trace, events } = this.#world;
    trace(() => `${Math.round(events.now)} ${from} -> r${this.index} ${describe(message)}`);
    switch (message.type) {
      case "request":
      case "query":
        this.#driver?.step({ type: "client", message });
        break;
      case "reply":
      case "query_reply":
      case "not_primary":
      case "eviction":
      case "get_status":
      case "status":
      case "config_mismatch":
        break;
      default:
        this.#driver?.step({ type: "message", from, message });
    }
  }
}

/** A message in one line: its scalar fields. */
function describe(message: { readonly type: string }): string {
  const fields = Object.entries(message)
    .filter(([name, value]) => name !== "type" && typeof value !== "object")
    .map(([name, value]) => `${name}=${String(value).slice(0, 8)}`);
  return [message.type, ...fields].join(" ");
}
