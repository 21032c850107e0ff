/**
 * Bit rot and sectors that cannot be read, on one disk: which stored records are damaged, and what
 * a journal that opens them reports.
 *
 * A record whose header is readable still tells its entry's checksum and the one before it; one
 * whose header is gone tells its op alone. Damage stays until a repair writes the record anew.
 */
import type { DamagedSlot, Recovered, Write } from "@troupe/replication/runtime";
import type { AtlasOptions, FaultAtlas } from "./fault-atlas.ts";
import type { Chance } from "./random.ts";

type Entry = Recovered["entries"][number];

/** Damage is near the end of the log more often: there lies what may be uncommitted. */
const tailOps = 6;
const slotsMax = 4;

export class Rot {
  readonly #options: AtlasOptions;
  readonly #atlas: FaultAtlas;
  readonly #index: number;
  readonly #chance: Chance;
  /** Damaged records, by identity: a repaired slot holds another one. */
  readonly #damage = new Map<Entry, DamagedSlot>();

  constructor(options: AtlasOptions, atlas: FaultAtlas, index: number, chance: Chance) {
    this.#options = options;
    this.#atlas = atlas;
    this.#index = index;
    this.#chance = chance;
  }

  /** Time has passed while nobody looked: some of the records in use are damaged now. */
  strike(stored: Write[], { entries }: Recovered): boolean {
    if (this.#options.rot === 0 || !this.#chance.hits(this.#options.rot)) return false;
    const log = [...entries];
    const before = (entries[0]?.op ?? 1) - 1;
    const head = before + log.length;
    const damaged = new Map<Entry, Entry>();
    for (let left = this.#chance.between(1, slotsMax); left > 0; left--) {
      const low = this.#chance.hits(0.7) ? Math.max(1, log.length - tailOps) : 1;
      const place = this.#chance.between(low, Math.max(low, log.length)) - 1;
      const entry = entries[place];
      if (entry === undefined || damaged.has(entry) || !this.#mayDamage(entry.op, head)) continue;
      // A copy, for in the simulator all replicas share one object per entry.
      const copy = { ...entry };
      this.#damage.set(copy, this.#remains(entry, place, log));
      log[place] = copy;
      damaged.set(entry, copy);
    }
    for (const [i, write] of stored.entries()) {
      if (!write.entries.some((entry) => damaged.has(entry))) continue;
      stored[i] = { ...write, entries: write.entries.map((entry) => damaged.get(entry) ?? entry) };
    }
    return damaged.size > 0;
  }

  /** Whether one of the checkpoints is found to be damaged, rotten or overwritten by another. */
  strikesCheckpoint(): boolean {
    return this.#options.rot > 0 && this.#chance.hits(this.#options.rot / 3);
  }

  /** Whether what has been sound so far turns out to be unreadable. */
  losesOnRead(): boolean {
    return this.#options.rot > 0 && this.#chance.hits(this.#options.rot / 100);
  }

  /** What the journal tells of its records. */
  read(state: Recovered): Recovered {
    const head = state.entries.at(-1);
    // A view may have cut off all that stood behind a damaged slot. Where no head may be lost, the
    // sector is read once more, and can be.
    if (head !== undefined && !this.#atlas.mayLoseHead(this.#index)) this.#damage.delete(head);
    const damaged: DamagedSlot[] = [];
    for (const entry of state.entries) {
      const slot = this.#damage.get(entry);
      if (slot !== undefined) damaged.push(slot);
    }
    if (damaged.length === 0) return state;
    const entries = state.entries.filter((entry) => !this.#damage.has(entry));
    // Without the header of the last record, where the log ended is a guess: too far is safe.
    const last = head && this.#damage.get(head);
    if (last !== undefined && last.checksum === undefined && this.#chance.hits(0.3)) {
      damaged.push({ op: last.op + 1 });
    }
    return { ...state, entries, damaged };
  }

  #mayDamage(op: number, head: number): boolean {
    if (op === head && !this.#atlas.mayLoseHead(this.#index)) return false;
    return this.#atlas.mayDamage(this.#index, op);
  }

  #remains(entry: Entry, place: number, log: readonly Entry[]): DamagedSlot {
    const { op, checksum, parent } = entry;
    const loses = this.#chance.hits(this.#options.lostHeaders);
    const nameless = loses && this.#mayLoseHeader(place, log);
    return nameless ? { op } : { op, checksum, parent };
  }

  /**
   * Two nameless slots side by side: the first cannot be named by the one behind it, and what
   * cannot be named can be neither fetched nor denied. That is beyond repair.
   */
  #mayLoseHeader(place: number, log: readonly Entry[]): boolean {
    if (this.#options.beyondRepair) return true;
    const isNameless = (near: number) => {
      const entry = log[near];
      const slot = entry && this.#damage.get(entry);
      return slot !== undefined && slot.checksum === undefined;
    };
    return !isNameless(place - 1) && !isNameless(place + 1);
  }
}
