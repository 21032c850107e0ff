/**
 * The primary's part for the world outside: it begins what the state wants done, watches whom the
 * state monitors, looks at the clock for timers, and tells the log what has come of it.
 *
 * All that it knows can be found in the state again, so a new primary needs nothing from the old
 * one. What it does may have been begun before: effects are named for ever by op and index, for
 * the receiver to tell. The log is told by pulses, one at a time; what the core drops is told again
 * with the next tick.
 */
import type { ExitReason, MonitorId, RefAddress } from "@troupe/actor";
import {
  type ActorMemory,
  effectName,
  type OpenEffect,
  type OpenMessage,
  type OpenPerformance,
} from "./actor-memory.ts";
import type { Outside } from "./driver.ts";
import type { Pulse } from "./pulse.ts";
import type { Effect } from "./vsr/index.ts";

/** What is open in the state. */
export interface OpenWork {
  readonly nextDue: number | undefined;
  readonly memory: Pick<ActorMemory, "effects" | "monitors">;
}

export interface EffectRunnerPorts {
  readonly machine: OpenWork;
  /** Wall clock in milliseconds, of the same machine that stamps prepares. */
  readonly now: () => number;
  /** Whether this replica may act for the group. */
  readonly leads: () => boolean;
  /** Hands to the core what it tells the log. */
  readonly pulse: (pulse: Pulse) => void;
  /** Sees to it that a message arrives, and says when it need not be sent again. */
  readonly deliver: (effect: OpenMessage, floor: number, done: () => void) => void;
  /** Performs an effect, and says what came of it; undefined if nobody is to be told. */
  readonly perform: (effect: OpenPerformance, settled: Settled) => void;
  /** Stops all that `deliver` and `perform` were asked for. */
  readonly forget: () => void;
  /** Tells once when an actor is over. Returns what takes it back. */
  readonly watch: (target: RefAddress, down: (reason: ExitReason) => void) => () => void;
}

/** Told once of an effect that was performed; never when it was stopped before. */
export type Settled = (outcome: Uint8Array | undefined) => void;

/** So many effects of a group have a place with its primary, until the log knows the outcome. */
export const performedAtOnce = 64;

export class EffectRunner implements Outside {
  readonly #ports: EffectRunnerPorts;
  /** Begun in this leadership, and of those: what is done and not known to be so to the state. */
  readonly #begun = new Set<string>();
  readonly #done = new Set<string>();
  /** Effects that have no place yet, those that have, and of these what is to be told. */
  readonly #waiting: OpenPerformance[] = [];
  readonly #performing = new Set<string>();
  readonly #outcomes = new Map<string, Uint8Array>();
  readonly #watches = new Map<MonitorId, () => void>();
  readonly #downs = new Map<MonitorId, ExitReason>();
  #isActive = false;
  #isOver = false;

  constructor(ports: EffectRunnerPorts) {
    this.#ports = ports;
  }

  resume(): void {
    if (this.#isOver) return;
    this.rest();
    this.#isActive = true;
    for (const effect of this.#ports.machine.memory.effects.values()) this.#begin(effect);
    this.#watchAll();
  }

  begin(effects: readonly Effect[]): void {
    if (this.#isOver) return;
    const open = this.#ports.machine.memory.effects;
    for (const { op, index } of effects) {
      const effect = open.get(effectName({ op, index }));
      if (effect !== undefined) this.#begin(effect);
    }
  }

  /** Tells the log what is due, if there is something. */
  tick(): void {
    if (this.#isOver) return;
    const { leads, machine, now, pulse } = this.#ports;
    if (!leads()) {
      if (this.#isActive) this.rest();
      return;
    }
    this.#watchAll();
    this.#dropKnown();
    const isDue = (machine.nextDue ?? Number.POSITIVE_INFINITY) <= now();
    const told = this.#done.size + this.#downs.size + this.#outcomes.size;
    if (!isDue && told === 0) return;
    pulse({ done: [...this.#done], downs: [...this.#downs], outcomes: [...this.#outcomes] });
  }

  /**
   * The replica is over. Its core may have led when it stopped, and says so for ever: what it is
   * asked for in the rest of that turn would be stopped by nobody.
   */
  stop(): void {
    this.#isOver = true;
    this.rest();
  }

  /** This replica leads no more: what it had begun is another one's to do. */
  rest(): void {
    this.#isActive = false;
    this.#begun.clear();
    this.#done.clear();
    this.#waiting.length = 0;
    this.#performing.clear();
    this.#outcomes.clear();
    this.#downs.clear();
    for (const unwatch of this.#watches.values()) unwatch();
    this.#watches.clear();
    this.#ports.forget();
  }

  #begin(effect: OpenEffect): void {
    const name = effectName(effect);
    if (this.#begun.has(name)) return;
    this.#begun.add(name);
    if (effect.kind === "effect") {
      this.#waiting.push(effect);
      this.#performNext();
      return;
    }
    this.#ports.deliver(effect, this.#floor, () => {
      if (this.#begun.has(name)) this.#done.add(name);
    });
  }

  /** Gives the free places to those that have waited longest. */
  #performNext(): void {
    while (this.#performing.size < performedAtOnce) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      const name = effectName(next);
      this.#performing.add(name);
      this.#ports.perform(next, (outcome) => {
        if (!this.#performing.has(name)) return;
        if (outcome === undefined) this.#done.add(name);
        else this.#outcomes.set(name, outcome);
      });
    }
  }

  /** All messages that were wanted before this time have arrived and are known to have. */
  get #floor(): number {
    for (const { kind, at } of this.#ports.machine.memory.effects.values()) {
      if (kind !== "effect") return at;
    }
    return 0;
  }

  #watchAll(): void {
    const { monitors } = this.#ports.machine.memory;
    for (const [id, unwatch] of this.#watches) {
      if (monitors.has(id)) continue;
      this.#watches.delete(id);
      unwatch();
    }
    for (const [id, target] of monitors) {
      if (this.#watches.has(id)) continue;
      const down = (reason: ExitReason) => {
        if (this.#watches.has(id)) this.#downs.set(id, reason);
      };
      this.#watches.set(id, () => undefined);
      this.#watches.set(id, this.#ports.watch(target, down));
    }
  }

  /** What the state knows need not be told again. */
  #dropKnown(): void {
    const { effects, monitors } = this.#ports.machine.memory;
    for (const name of [...this.#done, ...this.#outcomes.keys()]) {
      if (effects.has(name)) continue;
      this.#done.delete(name);
      this.#outcomes.delete(name);
      this.#performing.delete(name);
      this.#begun.delete(name);
    }
    this.#performNext();
    for (const id of this.#downs.keys()) if (!monitors.has(id)) this.#downs.delete(id);
  }
}
