/**
 * Journals that keep nothing on any disk: one for the replicas of memory groups, whose state is in
 * the other replicas, and one that a test can come back with.
 *
 * They still complete asynchronously and in order, because a host that relied on a write completing
 * at once would break on the real one.
 */
import type { Write } from "../vsr/index.ts";
import { type Journal, type OpenedJournal, Recovery } from "./journal.ts";

/** What survives a `MemoryJournal`: hand the same disk to the next one to come back with it. */
export class MemoryDisk {
  readonly writes: Write[] = [];
  /** How often it was opened. */
  openings = 0;
}

export class MemoryJournal implements Journal {
  readonly #disk: MemoryDisk;
  #closed = false;

  constructor(disk: MemoryDisk) {
    this.#disk = disk;
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
