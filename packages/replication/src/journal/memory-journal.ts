/**
 * A journal that keeps nothing: for tests of what stands above it.
 *
 * It still completes asynchronously and in order, because a host that relied on a write completing
 * at once would break on the real one. It is no storage for a group that is to survive a restart.
 */
import type { Write } from "../vsr/index.ts";
import { type Journal, type OpenedJournal, Recovery } from "./journal.ts";

/** What survives a `MemoryJournal`: hand the same disk to the next one to come back with it. */
export class MemoryDisk {
  readonly writes: Write[] = [];
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
  return { journal: new MemoryJournal(disk), recovered: recovery.state };
}
