/**
 * A world whose group replicates a real actor: which one, who listens to it outside of the group,
 * and what is checked. It makes what hosts and clients need of that.
 */
import type { EffectHandlers, ExitReason, RefAddress } from "@troupe/actor";
import {
  ActorMachine,
  callsOfWindow,
  type Replica,
  readableOp,
  stateCodec,
} from "@troupe/replication/runtime";
import { ActorHistory } from "../checkers/actors.ts";
import type { EventQueue } from "../event-queue.ts";
import type { Plant } from "../mutants.ts";
import type { SimNetwork } from "../network.ts";
import type { SimOptions } from "../options.ts";
import { Chance } from "../random.ts";
import { clockOf } from "../sim-clock.ts";
import type { Chores } from "../subject.ts";
import type { Script } from "../workload.ts";
import { ActorChores } from "./actor-chores.ts";
import { ActorSubject } from "./actor-subject.ts";
import type { Play } from "./play.ts";
import { playOf } from "./plays.ts";
import { Receiver } from "./receiver.ts";
import { Reference } from "./reference.ts";

const group = "sim";
/** A caller waits for so long, in the mean, and in a healed world at most so long. */
const patienceMeanMs = 2000;

/** One life of a replica's process. */
export interface ActorLife {
  readonly index: number;
  readonly replica: Replica;
  readonly now: () => number;
  readonly pulse: (body: Uint8Array) => void;
  /** Runs something while this life lasts and the process is awake. */
  readonly awake: (run: () => void) => void;
}

export class ActorWorld {
  readonly history: ActorHistory;
  readonly #options: SimOptions;
  readonly #events: EventQueue;
  readonly #network: SimNetwork;
  readonly #plant: Plant | undefined;
  readonly #play: Play;
  readonly #codec = stateCodec();
  readonly #receivers: Receiver[] = [];
  readonly #chance: Chance;
  #faulty = true;
  #receipts = 0;

  constructor(
    options: SimOptions,
    events: EventQueue,
    network: SimNetwork,
    plant: Plant | undefined,
  ) {
    this.#options = options;
    this.#events = events;
    this.#network = network;
    this.#plant = plant;
    this.#play = playOf(options.actor);
    const { definition } = this.#play;
    const { root, replicaCount } = options.config;
    const reference = new Reference(definition, this.#codec, root, group);
    this.history = new ActorHistory(this.#play, reference, this.#codec);
    this.#chance = new Chance(options.seed, "receivers");
    const first = replicaCount + options.clients;
    for (let i = 0; i < options.receivers; i++) {
      this.#receivers.push(new Receiver(first + i, network, this.history, plant));
    }
    if (options.receiverCrashEveryMs > 0) this.#scheduleRestart();
    if (!options.receiverLeaves) return;
    const leaving = new Chance(options.seed, "leaving");
    const leaves = this.#someReceiver(leaving);
    events.after(leaving.next() * options.faultyMs, () => leaves.leave());
  }

  /** The actor of one life of a replica. */
  subject(now: () => number): ActorSubject {
    const plant = this.#plant;
    const { definition: given } = this.#play;
    const definition = plant?.inDefinition?.(given, { now, random: this.#chance.next }) ?? given;
    const { root } = this.#options.config;
    const machine = new ActorMachine(definition, undefined, this.#codec, root, group);
    plant?.inMachine?.(machine, { now });
    return new ActorSubject(machine, this.#codec, (one) => this.#isDone(one));
  }

  chores({ machine }: ActorSubject, life: ActorLife): Chores {
    const { index, replica, now, pulse, awake } = life;
    const later = (run: () => void) => {
      this.#events.after(this.#chance.exponential(50), () => awake(run));
    };
    return new ActorChores(
      {
        codec: this.#codec,
        pulseBytesMax: this.#options.config.batchBytesMax,
        machine,
        now,
        pulse,
        leads: () => replica.state.leads,
        send: (node, message) => {
          if (!this.#isLinked(index, message.to)) return false;
          this.#network.send(index, Number(node), message);
          return true;
        },
        sendPlainly: (effect) => this.history.excuses(effect),
        giveUp: (effect) => this.history.excuses(effect),
        watch: (target, down) => {
          const told = (reason: ExitReason) => later(() => down(reason));
          if (this.#isLinked(index, target)) return this.#watch(target, told);
          // As a node does that has no link to the other one.
          told("noconnection");
          return () => undefined;
        },
        reads: {
          applied: () => readableOp(replica),
          answer: (query) => machine.answer(query),
        },
        reply: (to, message) => this.#network.send(index, to, message),
        onDeliver: (effect) => this.history.begins(index, effect, replica),
        onPerform: (effect) => this.history.takesOn(index, effect, replica),
        effects: this.#sink,
        clock: clockOf(this.#events, 1, awake),
        later,
      },
      this.#plant,
    );
  }

  /** What the client at an address asks. */
  script(address: number): Script {
    const { seed, config } = this.#options;
    const { replicaCount } = config;
    const chance = new Chance(seed, `script-${address}`);
    const { history } = this;
    const listener = () => this.#someReceiver(chance).ref;
    return {
      window: callsOfWindow(config),
      abandon: (numbers) => this.#codec.encode(["abandon", "", numbers]),
      call: (call) => {
        history.called(call);
        return {
          body: this.#codec.encode(this.#play.ask(chance, call, listener)),
          answered: (body) => history.answered(call, body),
          neverSent: () => history.neverSent(call),
          patienceMs: 500 + chance.exponential(patienceMeanMs),
        };
      },
      query: () => {
        const { floor } = history;
        const operation = chance.pick([
          ["query", "all", undefined],
          ["read", "", []],
        ]);
        const body = this.#codec.encode(operation);
        const queried = (reply: Uint8Array) => history.queried(floor, reply);
        if (chance.hits(0.6)) return { body, answered: queried };
        // Any op that somebody was told of: it may have been handed from one client to another.
        const atLeast = chance.hits(0.3) ? 0 : floor;
        return {
          body,
          answered: (reply) => history.readLocally(atLeast, reply),
          local: { to: chance.between(0, replicaCount - 1), atLeast },
        };
      },
    };
  }

  heal(): void {
    this.#faulty = false;
  }

  /** At the end: all that was sent has come to whoever is still there. */
  converged(): void {
    this.history.converged((to) => this.#receiverOf(to).lives(to));
  }

  /** What the effects do: something outside of all processes, which fails now and then. */
  get #sink(): EffectHandlers {
    return {
      print: (arg: unknown, { id }) => {
        const receipt = `receipt ${++this.#receipts}`;
        // More than any pulse holds, or as little as a throw says.
        const isLong = this.#chance.hits(0.03);
        const outcome = isLong ? receipt.repeat(this.#options.config.batchBytesMax) : receipt;
        this.history.performed(id, "print", arg, outcome);
        if (this.#chance.hits(0.2)) throw new Error("no ink");
        return outcome;
      },
    };
  }

  #isDone({ memory }: ActorMachine): boolean {
    const { timers, effects, monitors } = memory;
    if (timers.size + effects.size > 0) return false;
    return [...monitors.values()].every((target) => this.#receiverOf(target).lives(target));
  }

  #watch(target: RefAddress, down: (reason: ExitReason) => void): () => void {
    return this.#receiverOf(target).watch(target, down);
  }

  /** Whether a replica's node has a link to that one. */
  #isLinked(index: number, target: RefAddress): boolean {
    const { address, isGone } = this.#receiverOf(target);
    return !isGone && this.#network.isOpen(index, address);
  }

  #receiverOf({ node }: RefAddress): Receiver {
    const receiver = this.#receivers.find(({ address }) => String(address) === node);
    if (receiver === undefined) throw new Error(`there is no node ${node}`);
    return receiver;
  }

  #someReceiver(chance: Chance): Receiver {
    const at = chance.between(0, this.#receivers.length - 1);
    return this.#receivers[at] as Receiver;
  }

  #scheduleRestart(): void {
    this.#events.after(this.#chance.exponential(this.#options.receiverCrashEveryMs), () => {
      if (!this.#faulty) return;
      this.#someReceiver(this.#chance).restart();
      this.#scheduleRestart();
    });
  }
}
