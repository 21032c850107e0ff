/**
 * What the primary's process does for the state of a real actor: the published runner and courier,
 * with the simulated network instead of the group's channel.
 */
import type { ExitReason, RefAddress } from "@troupe/actor";
import type { Codec } from "@troupe/cluster/runtime";
import {
  type Effect,
  EffectCourier,
  type EffectCourierPorts,
  EffectPerformer,
  type EffectPerformerPorts,
  EffectRunner,
  type EffectRunnerPorts,
  encodePulse,
  type GroupMessage,
  LocalReads,
  type LocalReadsPorts,
  type OpenEffect,
  type OpenPerformance,
  outcomeBytesMax,
  retryTicks,
} from "@troupe/replication/runtime";
import type { Plant } from "../mutants.ts";
import type { Chores } from "../subject.ts";

/** What one life of a replica's process has of the world. */
export interface ChoresPorts extends Pick<EffectRunnerPorts, "machine" | "leads" | "now"> {
  readonly codec: Codec;
  readonly pulseBytesMax: number;
  readonly pulse: (body: Uint8Array) => void;
  readonly send: EffectCourierPorts["send"];
  readonly sendPlainly: EffectCourierPorts["sendPlainly"];
  readonly giveUp: EffectCourierPorts["giveUp"];
  readonly watch: (target: RefAddress, down: (reason: ExitReason) => void) => () => void;
  /** For those who are asked by themselves what they have run. */
  readonly reads: LocalReadsPorts;
  readonly reply: (to: number, message: GroupMessage) => void;
  /** Told of each message that is to be carried, and of each effect that is to be performed. */
  readonly onDeliver: (effect: OpenEffect) => void;
  readonly onPerform: (effect: OpenPerformance) => void;
  /** What effects do outside. */
  readonly effects: EffectPerformerPorts["effects"];
  readonly clock: EffectPerformerPorts["clock"];
  /** Runs something in a while, if this life still lasts. */
  readonly later: (run: () => void) => void;
}

export class ActorChores implements Chores {
  readonly #runner: EffectRunner;
  readonly #courier: EffectCourier;
  readonly #performer: EffectPerformer;
  readonly #reads: LocalReads;
  readonly #reply: ChoresPorts["reply"];
  /** How often all that was under way has been forgotten. */
  #forgotten = 0;

  constructor(ports: ChoresPorts, plant: Plant | undefined) {
    const { codec, pulseBytesMax, machine, leads, now, send, sendPlainly, giveUp, watch } = ports;
    const courier: EffectCourierPorts = { retryTicks, send, sendPlainly, giveUp };
    this.#courier = new EffectCourier(plant?.inCourier?.(courier) ?? courier);
    this.#performer = new EffectPerformer({
      actor: "",
      effects: ports.effects,
      clock: ports.clock,
      codec,
      // It begins later all the same, and nothing of the world waits for a turn of the real loop.
      later: (run) => run(),
      outcomeBytesMax: outcomeBytesMax(pulseBytesMax),
      failed: () => undefined,
    });
    const runner: EffectRunnerPorts = {
      machine,
      leads,
      now,
      pulse: (said) => ports.pulse(encodePulse(codec, said, pulseBytesMax)),
      deliver: (effect, floor, done) => {
        ports.onDeliver(effect);
        this.#courier.deliver(effect, floor, done);
      },
      perform: (effect, settled) => {
        ports.onPerform(effect);
        // It takes a while to begin and, what counts the same here, to be done.
        const { later } = ports;
        const begun = this.#forgotten;
        const meanwhile = (run: () => void) => later(() => begun === this.#forgotten && run());
        const told = (outcome: Uint8Array | undefined) => meanwhile(() => settled(outcome));
        meanwhile(() => this.#performer.perform(effect, told));
      },
      forget: () => {
        this.#courier.forget();
        this.#performer.forget();
        this.#forgotten++;
      },
      watch,
    };
    this.#runner = new EffectRunner(plant?.inRunner?.(runner) ?? runner);
    plant?.inChores?.(this.#runner);
    this.#reads = new LocalReads(plant?.inReads?.(ports.reads) ?? ports.reads);
    this.#reply = ports.reply;
  }

  resume(): void {
    this.#runner.resume();
  }

  begin(effects: readonly Effect[]): void {
    this.#runner.begin(effects);
  }

  tick(): void {
    this.#courier.tick();
    this.#runner.tick();
  }

  receive(from: number, message: GroupMessage): void {
    if (message.type === "effect_ok") this.#courier.taken(message);
    if (message.type !== "local_query") return;
    const { client, number, at_least, body } = message;
    this.#reads.ask(body, at_least, (answer) => {
      this.#reply(from, { type: "local_reply", client, number, body: answer });
    });
  }

  turned(): void {
    this.#reads.flush();
  }

  stop(): void {
    this.#runner.rest();
  }
}
