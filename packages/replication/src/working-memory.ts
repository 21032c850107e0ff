/**
 * The memory of a replicated actor while its ops run: what handlers asked for takes place here, and
 * here is collected what comes out of it.
 */
import { TooManyCallsError } from "@troupe/actor";
import type { Codec } from "@troupe/cluster/runtime";
import {
  type ActorMemory,
  effectName,
  memoryLimits,
  newMemory,
  type OpenEffect,
} from "./actor-memory.ts";
import { DueQueue } from "./due-queue.ts";
import type { Asked, Place } from "./replicated-context.ts";
import { type ShelvedSlices, SliceShelf } from "./slice-shelf.ts";
import { StandingState } from "./standing-state.ts";
import { sliceLimits, stateSlices } from "./state-image.ts";
import { StateReader } from "./state-reader.ts";
import type { LateReply } from "./vsr/index.ts";

const nothing = new Uint8Array(0);

/** What an op has come to besides its replies. */
export interface Outcomes {
  readonly late: LateReply[];
  /** One for each effect; what it is stands in the memory. */
  readonly effects: Uint8Array[];
}

export class WorkingMemory {
  readonly #codec: Codec;
  readonly #encodeRefusal: (error: unknown) => Uint8Array;
  readonly #shelf = new SliceShelf();
  #memory: ActorMemory;
  #due: DueQueue;
  outcomes: Outcomes = { late: [], effects: [] };

  /** Throws NotSerializableError for a state that cannot be encoded. */
  constructor(codec: Codec, encodeRefusal: (error: unknown) => Uint8Array, state: unknown) {
    this.#codec = codec;
    this.#encodeRefusal = encodeRefusal;
    // By itself first, so that an error names the place in it. A slice is dropped once it is made.
    for (const _ of stateSlices(state, codec));
    this.#memory = newMemory(state);
    this.#due = new DueQueue(this.#memory.timers);
  }

  get now(): ActorMemory {
    return this.#memory;
  }

  /** When the next timer is due, in milliseconds of the log's time; undefined if none is set. */
  get nextDue(): number | undefined {
    return this.#due.nextDue;
  }

  /** The whole of it as bytes, each slice made when it is asked for. */
  slices(standing?: StandingState): Iterable<Uint8Array> {
    return stateSlices(this.#memory, this.#codec, sliceLimits, "state", standing);
  }

  /**
   * The slices once more, and what is not as a restart would find it is replaced meanwhile. A slice
   * may be read until what is returned is cleared. Throws NotSerializableError if a handler has
   * spoilt the state; `undo` has to make it what it was.
   */
  *capture(undo: () => void): Generator<Uint8Array, ShelvedSlices, undefined> {
    const standing = new StandingState(this.#codec);
    const kept = this.#shelf.begin();
    let isWhole = false;
    try {
      for (const slice of this.slices(standing)) yield kept.add(slice);
      isWhole = true;
    } catch (error) {
      // What was shared before no longer is, on this replica and perhaps no other.
      if (standing.changed) undo();
      throw error;
    } finally {
      if (!isWhole) kept.clear();
    }
    this.#goOnAs(standing.end() as ActorMemory);
    return kept;
  }

  /** Takes the place of what is there. */
  restore(slices: Iterable<Uint8Array>): void {
    const reader = new StateReader(this.#codec);
    for (const slice of slices) reader.take(slice);
    this.#goOnAs(reader.end() as ActorMemory);
  }

  /** Like `restore`, slice by slice. Nothing changes before `end`, which returns what was taken. */
  intake(): { take(slice: Uint8Array): void; end(): ShelvedSlices } {
    const kept = this.#shelf.begin();
    const reader = new StateReader(this.#codec);
    return {
      take: (slice) => {
        kept.add(slice);
        reader.take(slice);
      },
      end: () => {
        this.#goOnAs(reader.end() as ActorMemory);
        return kept;
      },
    };
  }

  #goOnAs(memory: ActorMemory): void {
    this.#memory = memory;
    this.#due = new DueQueue(memory.timers);
  }

  /** The timer that is due first, if its time has come. */
  dueAt(now: number): string | undefined {
    const first = this.#due.first;
    return first !== undefined && first.due <= now ? first.id : undefined;
  }

  /** Lets take place what a handler asked for. Continuations are the caller's to run. */
  fulfil(place: Place, asked: readonly Asked[]): void {
    for (const one of asked) this.#fulfilOne(place, one);
  }

  /** Only the first answer counts. */
  answer(reply: number, body: Uint8Array): void {
    const call = this.#memory.deferred.get(reply);
    if (call === undefined) return;
    this.#memory.deferred.delete(reply);
    this.outcomes.late.push({ ...call, body });
  }

  #fulfilOne(place: Place, one: Asked): void {
    const memory = this.#memory;
    switch (one.type) {
      case "timer":
        this.#set(one);
        break;
      case "cancel":
        memory.timers.delete(one.id);
        break;
      case "effect": {
        const { to, kind, name, arg } = one;
        this.#open(place, (place) => ({ ...place, kind, to, name, arg }));
        break;
      }
      case "perform": {
        const { id, name, arg, info, timeout } = one;
        const kind = "effect" as const;
        const told = info === undefined ? {} : { info };
        this.#open(place, (place) => ({ ...place, kind, id, name, arg, timeout, ...told }));
        break;
      }
      case "defer":
        if (memory.deferred.size >= memoryLimits.deferred) this.#refuseOldest();
        memory.deferred.set(one.reply, one.call);
        break;
      case "answer":
        this.answer(one.reply, one.body);
        break;
      case "monitor":
        memory.monitors.set(one.id, one.target);
        break;
      case "demonitor":
        memory.monitors.delete(one.id);
        break;
    }
  }

  #set({ id, due, kind, name, arg }: Extract<Asked, { type: "timer" }>): void {
    const timer = { due, order: ++this.#memory.timersSet, kind, name, arg };
    this.#memory.timers.set(id, timer);
    this.#due.add(id, timer);
  }

  #open(
    { op, timestamp: at }: Place,
    make: (named: Pick<OpenEffect, "op" | "index" | "at">) => OpenEffect,
  ): void {
    const { effects } = this.outcomes;
    const effect = make({ op, index: effects.length, at });
    this.#memory.effects.set(effectName(effect), effect);
    effects.push(nothing);
  }

  /** The calls of sessions that are gone are never answered by anybody else. */
  #refuseOldest(): void {
    for (const [reply] of this.#memory.deferred) {
      this.answer(reply, this.#encodeRefusal(new TooManyCallsError(memoryLimits.deferred)));
      return;
    }
  }
}
