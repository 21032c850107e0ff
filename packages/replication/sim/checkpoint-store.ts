/**
 * Where a simulated disk keeps checkpoints: written in slices, synced, renamed and made sure of by
 * a sync of the directory, with a crash possible between any two of these. What is durable may rot,
 * and may turn out unreadable at the moment it is needed.
 */
import type { CheckpointName, Checkpoints, CheckpointWriter } from "@troupe/replication/runtime";
import type { EventQueue } from "./event-queue.ts";
import { foldBytes } from "./fold.ts";
import type { Plant } from "./mutants.ts";
import type { Chance } from "./random.ts";

export interface StoreEvents {
  /** How long the next sync takes; it begins now. */
  readonly syncMs: () => number;
  /** How long it takes to hand a slice to the kernel, or to read a piece. */
  readonly sliceMs: () => number;
  /** A checkpoint will survive from now on; these are its bytes. */
  readonly kept: (name: CheckpointName, content: Uint8Array) => void;
  /** Whether a checkpoint that is read now may turn out to be unreadable. */
  readonly mayLose: (op: number) => boolean;
}

interface Kept {
  readonly name: CheckpointName;
  readonly content: Uint8Array;
}

export class CheckpointStore implements Checkpoints {
  readonly #events: EventQueue;
  readonly #chance: Chance;
  readonly #told: StoreEvents;
  readonly #plant: Plant | undefined;
  #kept: Kept[] = [];
  /** Renamed, and lost by a crash before the directory is synced, or not. */
  #renamed: Kept | undefined;
  /** With a bug planted: reported as durable, and not so yet. */
  #unsynced: Kept | undefined;
  #life = 0;

  constructor(events: EventQueue, chance: Chance, told: StoreEvents, plant?: Plant) {
    this.#events = events;
    this.#chance = chance;
    this.#told = told;
    this.#plant = plant;
  }

  get names(): readonly CheckpointName[] {
    return this.#kept.map(({ name }) => name);
  }

  begin(op: number): CheckpointWriter {
    const slices: Uint8Array[] = [];
    const life = this.#life;
    let isOver = false;
    const after = (ms: number, run: () => void) =>
      this.#events.after(ms, () => {
        if (!isOver && life === this.#life) run();
      });
    return {
      write: (slice, done) => {
        // A copy: the caller may use its memory again.
        slices.push(slice.slice());
        after(this.#told.sliceMs(), done);
      },
      commit: (done, expected) => {
        const content = joined(slices);
        const name = { op, id: foldBytes(content), bytes: content.length };
        const isOther = expected !== undefined && expected !== name.id;
        if (isOther && this.#plant?.unverified !== true) {
          after(this.#told.sliceMs(), () => done(undefined));
          return;
        }
        const kept = { name: { ...name, id: expected ?? name.id }, content };
        const kind = expected === undefined ? "own" : "fetched";
        const isEarly = this.#plant?.checkpointAtOnce === kind;
        if (isEarly) {
          this.#unsynced = kept;
          after(0, () => done(kept.name));
        }
        after(this.#told.syncMs(), () => {
          this.#renamed = kept;
          after(this.#told.syncMs(), () => {
            this.#renamed = undefined;
            this.#unsynced = undefined;
            this.#keep(kept);
            if (!isEarly) done(kept.name);
          });
        });
      },
      abandon: () => {
        isOver = true;
      },
    };
  }

  read(
    name: CheckpointName,
    offset: number,
    length: number,
    done: (bytes: Uint8Array | undefined) => void,
  ): void {
    const life = this.#life;
    this.#events.after(this.#told.sliceMs(), () => {
      if (life === this.#life) done(this.readNow(name, offset, length));
    });
  }

  /** The same at once, for a replica that is just starting. */
  readNow({ op, id }: CheckpointName, offset: number, length: number): Uint8Array | undefined {
    const all = this.#unsynced === undefined ? this.#kept : [...this.#kept, this.#unsynced];
    const kept = all.find(({ name }) => name.op === op && name.id === id);
    if (kept === undefined) return undefined;
    if (this.#told.mayLose(op)) {
      this.lose(op);
      return undefined;
    }
    return kept.content.slice(offset, offset + length);
  }

  remove(op: number): void {
    this.#kept = this.#kept.filter(({ name }) => name.op > op);
  }

  /** It cannot be read any more: its bytes are not those of its name. */
  lose(op: number): void {
    const rotten = this.#kept.find(({ name }) => name.op === op);
    if (this.#plant?.rotUnnoticed === true && rotten !== undefined) {
      const at = rotten.content.length - 1;
      rotten.content[at] = (rotten.content[at] ?? 0) ^ 1;
      return;
    }
    this.#kept = this.#kept.filter(({ name }) => name.op !== op);
  }

  /** Everything is lost. */
  wipe(): void {
    this.#kept = [];
  }

  /** Power is lost: what was being written is gone, or is there whole. */
  crash(): void {
    this.#life++;
    if (this.#renamed !== undefined && this.#chance.hits(0.5)) this.#keep(this.#renamed);
    this.#renamed = undefined;
    this.#unsynced = undefined;
  }

  #keep(kept: Kept): void {
    const { op } = kept.name;
    this.#kept = [...this.#kept.filter(({ name }) => name.op !== op), kept];
    this.#kept.sort((a, b) => a.name.op - b.name.op);
    this.#told.kept(kept.name, kept.content);
  }
}

function joined(slices: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(slices.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const slice of slices) {
    bytes.set(slice, at);
    at += slice.length;
  }
  return bytes;
}
