/**
 * Journals that keep nothing on any disk: one for the replicas of memory groups, whose state is in
 * the other replicas, and one that a test can come back with.
 *
 * They still complete asynchronously and in order, because a host that relied on a write completing
 * at once would break on the real one.
 */
import { checksum } from "../checksum.ts";
import type { Op, Write } from "../vsr/index.ts";
import {
  type CheckpointName,
  type Checkpoints,
  type CheckpointWriter,
  type Journal,
  type OpenedJournal,
  Recovery,
} from "./journal.ts";

/** Checkpoints in memory. Reading and writing complete later, as they do on a disk. */
export class MemoryCheckpoints implements Checkpoints {
  readonly #kept: { readonly name: CheckpointName; readonly content: Uint8Array }[] = [];

  get names(): readonly CheckpointName[] {
    return this.#kept.map(({ name }) => name);
  }

  begin(op: Op): CheckpointWriter {
    const slices: Uint8Array[] = [];
    let isOver = false;
    const later = (run: () => void) =>
      queueMicrotask(() => {
        if (!isOver) run();
      });
    return {
      write: (slice, done) => {
        slices.push(slice.slice());
        later(done);
      },
      commit: (done, expected) =>
        later(() => {
          isOver = true;
          done(this.#keep(op, Buffer.concat(slices), expected));
        }),
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
    const kept = this.#kept.find((one) => one.name.op === name.op && one.name.id === name.id);
    queueMicrotask(() => done(kept?.content.subarray(offset, offset + length)));
  }

  remove(op: Op): void {
    this.#kept.splice(0, this.#kept.filter(({ name }) => name.op <= op).length);
  }

  #keep(op: Op, content: Uint8Array, expected?: string): CheckpointName | undefined {
    const name = { op, id: checksum(content), bytes: content.length };
    if (expected !== undefined && name.id !== expected) return undefined;
    const at = this.#kept.findIndex((one) => one.name.op >= op);
    const same = this.#kept[at]?.name.op === op ? 1 : 0;
    this.#kept.splice(at < 0 ? this.#kept.length : at, same, { name, content });
    return name;
  }
}

/** What survives a `MemoryJournal`: hand the same disk to the next one to come back with it. */
export class MemoryDisk {
  readonly writes: Write[] = [];
  readonly checkpoints = new MemoryCheckpoints();
  /** How often it was opened. */
  openings = 0;
}

export class MemoryJournal implements Journal {
  readonly #disk: MemoryDisk;
  readonly checkpoints: Checkpoints;
  #closed = false;

  constructor(disk: MemoryDisk) {
    this.#disk = disk;
    this.checkpoints = disk.checkpoints;
  }

  append(write: Write, done: () => void): void {
    if (this.#closed) return;
    queueMicrotask(() => {
      this.#disk.writes.push(write);
      done();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
  }
}

export function openMemoryJournal(disk: MemoryDisk): OpenedJournal {
  const recovery = new Recovery();
  for (const write of disk.writes) recovery.add(write);
  const incarnation = ++disk.openings;
  const nothing = { view: 0, log_view: 0, commit: 0, entries: [] };
  const recovered = recovery.state ?? (incarnation > 1 ? nothing : undefined);
  return { journal: new MemoryJournal(disk), recovered, incarnation };
}

/** The journal of a memory group: a write is as safe as it gets when it has been handed over. */
export function openVolatileJournal(): OpenedJournal {
  let isOpen = true;
  const journal: Journal = {
    checkpoints: new MemoryCheckpoints(),
    append: (_write, done) =>
      queueMicrotask(() => {
        if (isOpen) done();
      }),
    close: async () => {
      isOpen = false;
    },
  };
  return { journal, recovered: undefined };
}
