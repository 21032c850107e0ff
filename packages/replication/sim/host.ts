/**
 * One replica in its process: it can crash at any moment and come back with what its disk kept.
 *
 * The replica and the driver are the real ones; this file gives them a simulated world.
 */
import { Codec } from "@troupe/cluster/runtime";
import {
  CheckpointError,
  DamagedLogError,
  Driver,
  type GroupMessage,
  type Journal,
  Replica,
  type StateMachine,
  Ticker,
  type Write,
} from "@troupe/replication/runtime";
import { ActorSubject } from "./actors/actor-subject.ts";
import type { ActorWorld } from "./actors/actor-world.ts";
import type { Checker } from "./checker.ts";
import type { SimDisk } from "./disk.ts";
import { Errands } from "./errands.ts";
import type { EventQueue } from "./event-queue.ts";
import { foldBytes } from "./fold.ts";
import { ChainMachine, textOf } from "./machine.ts";
import type { MemoryGroup, SimMemory } from "./memory-host.ts";
import type { Plant } from "./mutants.ts";
import type { SimNetwork } from "./network.ts";
import type { SimOptions } from "./options.ts";
import { Chance } from "./random.ts";
import { clockOf } from "./sim-clock.ts";
import { newestState, spoiled, whileAwake } from "./states.ts";
import type { Chores, Subject } from "./subject.ts";
import type { Trace } from "./trace.ts";

export const tickMs = 20;
const epochMs = 1_700_000_000_000;

export interface World {
  readonly options: SimOptions;
  readonly events: EventQueue;
  readonly network: SimNetwork;
  readonly checker: Checker;
  readonly plant: Plant | undefined;
  /** Which client session lives where, as replicas learn it from the requests. */
  readonly addressOf: Map<string, number>;
  readonly trace: Trace;
  /** A replica has stopped, and is to be started again. */
  readonly failed: (host: SimHost) => void;
  /** Present if the group is one without journals. */
  readonly memory: MemoryGroup | undefined;
  /** Present if the group replicates a real actor instead of the chain. */
  readonly actors: ActorWorld | undefined;
}

export class SimHost {
  readonly #world: World;
  readonly #disk: SimDisk | SimMemory;
  readonly #chance: Chance;
  readonly #codec = new Codec();
  readonly index: number;
  #driver: Driver | undefined;
  #replica: Replica | undefined;
  #ticker: Ticker | undefined;
  #life = 0;
  /** It found out that nobody can repair its log, and said so. */
  #gaveUp = false;
  #machine: Subject | undefined;
  #chores: Chores | undefined;
  #pulses = 0;
  /** While it is paused: what it will take in when it wakes. */
  #asleep: (() => void)[] | undefined;
  /** This machine's clock differs from the others' by so much, and goes so much faster. */
  #clockOffsetMs: number;
  readonly #clockRate: number;

  constructor(world: World, index: number, disk: SimDisk | SimMemory) {
    this.#world = world;
    this.index = index;
    this.#disk = disk;
    const { seed, clockOffsetMs, clockDrift, clockStepEveryMs } = world.options;
    this.#chance = new Chance(seed, `host-${index}`);
    this.#clockOffsetMs = this.#chance.between(-clockOffsetMs, clockOffsetMs);
    this.#clockRate = 1 + clockDrift * (2 * this.#chance.next() - 1);
    if (clockStepEveryMs > 0) this.#scheduleClockStep();
  }

  get replica(): Replica | undefined {
    return this.#replica;
  }

  /** Whether all that its state wants done outside has been done, as far as the state knows. */
  get isDone(): boolean {
    return this.#machine?.isDone === true;
  }

  get isUp(): boolean {
    return this.#driver !== undefined;
  }

  /** Stopped for good, and loudly. */
  get gaveUp(): boolean {
    return this.#gaveUp;
  }

  start(): void {
    const { options, events, network, checker, plant, trace, actors } = this.#world;
    const life = ++this.#life;
    const { journal, recovered: held } = this.#disk.open();
    const { index } = this;
    const machine = actors?.subject(() => this.#now()) ?? new ChainMachine(options.effects);
    this.#machine = machine;
    const state = held && newestState(this.#disk.checkpoints, this.#codec, machine);
    if (state !== undefined) checker.restored(index, state.op, machine);
    const found = held && (state === undefined ? held : { ...held, checkpoint: state });
    const recovered = found && (plant?.inRecovered?.(found) ?? found);
    const config = plant?.inConfig?.(options.config, index) ?? options.config;
    const { ticks } = options;
    const own = { index, config, ticks, hash: foldBytes, random: this.#chance.next };
    const begun = this.#world.memory?.nextLife(index, this.#now());
    const memory = begun && (plant?.inLife?.(begun, index) ?? begun);
    const replica = new Replica(memory === undefined ? own : { ...own, memory }, recovered);
    this.#replica = replica;
    checker.restarted(index, replica);
    plant?.inReplica?.(replica, recovered);
    this.#chores = this.#choresOf(replica, machine, life);
    const { view, log } = replica.state;
    for (const { op, checksum } of recovered?.damaged ?? []) {
      const named = checksum === undefined ? "" : ` ${checksum.slice(0, 8)}`;
      trace.event(
        "damage",
        () => `r${index} has op ${op}${named} damaged`,
        index,
        op,
        named.length,
      );
    }
    trace.event(
      "start",
      () => `r${index} starts in view ${view}, op ${log.head}`,
      index,
      view,
      log.head,
    );
    this.#driver = new Driver({
      replica,
      journal: this.#whileAwake(journal, life),
      machine: this.#checkedMachine(replica, machine),
      codec: this.#codec,
      chunkBytes: options.chunkBytes,
      send: (to, message) => {
        checker.sent(index, life, message);
        // With one lie in so many pieces a large state would never come.
        const share = network.isHealed ? 0 : options.spoiled;
        network.send(index, to, spoiled(message, share, this.#chance));
      },
      reply: (message) => {
        checker.answered(index, message);
        const to = this.#world.addressOf.get(message.client);
        if (to !== undefined) network.send(index, to, message);
      },
      outside: this.#chores,
      now: () => this.#now(),
      defer: (turn) => {
        events.after(0, () =>
          this.#awake(life, () => {
            turn();
            this.#chores?.turned();
            checker.stepped(index, replica);
          }),
        );
      },
      onFailure: (error) => {
        if (error instanceof CheckpointError && options.rot > 0) {
          // What it was to go on from has rotted meanwhile; started again it finds another way.
          trace.event("unreadable", () => `r${index}: ${error.message}`, index);
          this.#world.failed(this);
          return;
        }
        if (!(options.beyondRepair && error instanceof DamagedLogError)) throw error;
        trace.event("give-up", () => `r${index} gives up: ${error.message}`, index);
        this.#gaveUp = true;
        this.crash();
      },
    });
    network.attach(index, (from, message) => this.#awake(life, () => this.#receive(from, message)));
    events.after(this.#chance.next() * tickMs, () => this.#beat(life));
  }

  /** The life that a journal begins in that is new in the place of a lost one: by the clock. */
  nextLife(): number {
    return this.#now();
  }

  /** The process is stopped for a while, as by SIGSTOP: its sockets fill, its clock goes on. */
  pause(ms: number): void {
    if (!this.isUp || this.#asleep !== undefined) return;
    const life = this.#life;
    this.#asleep = [];
    this.#world.trace.event("pause", () => `r${this.index} is paused`, this.index);
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
    trace.event("crash", () => `r${this.index} crashes`, this.index);
    this.#life++;
    this.#driver?.stop();
    this.#ticker?.stop();
    this.#ticker = undefined;
    this.#driver = undefined;
    this.#replica = undefined;
    this.#machine = undefined;
    this.#chores?.stop();
    this.#chores = undefined;
    network.detach(this.index);
    this.#disk.crash();
  }

  #now(): number {
    const { now } = this.#world.events;
    return epochMs + Math.floor(now * this.#clockRate) + this.#clockOffsetMs;
  }

  /** A paused process learns of a finished write when it wakes. */
  #whileAwake(journal: Journal, life: number): Journal {
    return {
      append: (write: Write, done) => journal.append(write, () => this.#awake(life, done)),
      close: () => journal.close(),
      checkpoints: whileAwake(this.#disk.checkpoints, (run) => this.#awake(life, run)),
    };
  }

  #choresOf(replica: Replica, machine: Subject, life: number): Chores {
    const { actors } = this.#world;
    if (machine instanceof ChainMachine) return this.#errandsOf(replica, machine, life);
    if (actors === undefined || !(machine instanceof ActorSubject)) {
      throw new Error("nobody does anything for this machine");
    }
    return actors.chores(machine, {
      index: this.index,
      replica,
      now: () => this.#now(),
      pulse: (body) => this.#driver?.step({ type: "pulse", body }),
      awake: (run) => this.#awake(life, run),
    });
  }

  #errandsOf(replica: Replica, machine: ChainMachine, life: number): Errands {
    const { checker, events, options } = this.#world;
    const { index } = this;
    const outside = {
      begin: (errand: string, done: () => void) => {
        events.after(this.#chance.exponential(options.effectMs), () => {
          checker.outside.done(errand);
          this.#awake(life, done);
        });
      },
      tell: (body: Uint8Array) => {
        checker.outside.tells(textOf(body).split(" ")[0] ?? "");
        this.#driver?.step({ type: "pulse", body });
      },
      name: () => `${index}p${++this.#pulses}`,
      onBegin: (errand: string) => checker.outside.begins(index, errand, replica, machine),
    };
    return new Errands(replica, machine, outside, options.config.batchBytesMax);
  }

  #checkedMachine(replica: Replica, machine: Subject): StateMachine {
    const { checker } = this.#world;
    return {
      apply: (committed) => {
        const applied = machine.apply(committed);
        const entry = replica.state.log.get(committed.op);
        checker.executed(this.index, committed, entry.checksum, machine);
        return applied;
      },
      answer: (query) => machine.answer(query),
      digest: (extra) => machine.digest(extra),
      snapshot: () => machine.snapshot(),
      restore: (at) => {
        const intake = machine.restore(at);
        const end = () => {
          intake.end();
          checker.restored(this.index, at.op, machine);
        };
        return { take: intake.take, end };
      },
    };
  }

  #scheduleClockStep(): void {
    const { events, options } = this.#world;
    events.after(this.#chance.exponential(options.clockStepEveryMs), () => {
      this.#clockOffsetMs += this.#chance.between(-5000, 5000);
      this.#scheduleClockStep();
    });
  }

  /** Runs something in this life, now or when the process wakes. */
  #awake(life: number, run: () => void): void {
    if (life !== this.#life) return;
    if (this.#asleep !== undefined) this.#asleep.push(run);
    else run();
  }

  /** The real ticker: after a pause one tick comes, late, when the sockets have been drained. */
  #beat(life: number): void {
    if (life !== this.#life) return;
    const { events } = this.#world;
    const awake = (run: () => void) => this.#awake(life, run);
    this.#ticker = new Ticker({
      clock: clockOf(events, this.#clockRate, awake),
      tickMs,
      drained: (tick) => events.after(0, () => awake(tick)),
      onTick: (late) => {
        this.#driver?.step({ type: "tick", late });
        this.#chores?.tick();
      },
    });
  }

  #receive(from: number, message: GroupMessage): void {
    const { trace, events } = this.#world;
    const line = () => `${Math.round(events.now)} ${from} -> r${this.index} ${describe(message)}`;
    const { type, view = 0, op = 0, commit = 0 } = message as Partial<Numbered> & GroupMessage;
    trace.event(type, line, events.now, from * 16 + this.index, view, op * 0x10000 + commit);
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
      case "effect":
      case "local_reply":
        break;
      case "effect_ok":
      case "local_query":
        this.#chores?.receive(from, message);
        break;
      default:
        this.#driver?.receive(from, message);
    }
  }
}

interface Numbered {
  readonly view: number;
  readonly op: number;
  readonly commit: number;
}

/** A message in one line: its scalar fields. */
function describe(message: { readonly type: string }): string {
  const fields = Object.entries(message)
    .filter(([name, value]) => name !== "type" && typeof value !== "object")
    .map(([name, value]) => `${name}=${String(value).slice(0, 8)}`);
  return [message.type, ...fields].join(" ");
}
