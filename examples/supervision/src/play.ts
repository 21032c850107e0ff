/**
 * Plays a system on a virtual clock at the speed of the wall clock.
 *
 * The clock moves from one timer to the next, and not before everything that a timer has caused is
 * done. So what happens, and in which order, depends on the seed only; how long this program waits
 * in between, and how busy the machine is, changes nothing.
 */
import { setTimeout } from "node:timers/promises";
import type { ActorSystem } from "@troupe/actor";
import { type ManualClock, settle } from "@troupe/actor/testing";

/** How a system is played. */
export interface PlayOptions {
  /** The clock of the system. */
  readonly clock: ManualClock;
  /** Waits for nothing. */
  readonly fast: boolean;
  /** Called at first, and after each timer. */
  readonly onChange: () => void;
  /** Looked at after each timer. */
  readonly isOver: () => boolean;
}

/** Plays until it is over, or no timer is left. */
export async function play(system: ActorSystem, options: PlayOptions): Promise<void> {
  const { clock, fast, onChange, isOver } = options;
  await standstill(system);
  onChange();
  for (let ms = clock.nextIn; ms !== undefined && !isOver(); ms = clock.nextIn) {
    if (!fast) await setTimeout(ms);
    clock.advance(ms);
    await standstill(system);
    onChange();
  }
}

/** Resolves when no process handles a message any more. */
async function standstill(system: ActorSystem): Promise<void> {
  let before: string;
  do {
    before = system.tree();
    await settle();
  } while (system.tree() !== before);
}
