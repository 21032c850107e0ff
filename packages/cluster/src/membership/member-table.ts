/**
 * The records of all members that are known, one per name, and of those that are gone.
 *
 * What is gone is remembered for a while, so that old news cannot bring it back, and then
 * forgotten. The table is bounded: at its limit the one that went first makes room, and when
 * nobody has gone, nobody new is taken. Pure; it counts rounds.
 */
import { assert } from "@troupe/actor/runtime";
import { isGone, type MemberRecord, rankOf } from "./member.ts";

/** Names that are remembered, the living and the gone. */
export const MAX_MEMBERS = 4096;

interface Row {
  record: MemberRecord;
  /** The round in which it went; undefined as long as it is there. */
  goneIn: number | undefined;
}

export class MemberTable {
  readonly #rows = new Map<string, Row>();
  readonly #maxMembers: number;
  #round = 0;
  #live = 0;

  constructor(maxMembers: number = MAX_MEMBERS) {
    this.#maxMembers = maxMembers;
  }

  /** How many are not gone. */
  get live(): number {
    return this.#live;
  }

  get(name: string): MemberRecord | undefined {
    return this.#rows.get(name)?.record;
  }

  *records(): IterableIterator<MemberRecord> {
    for (const { record } of this.#rows.values()) yield record;
  }

  get isFull(): boolean {
    return this.#rows.size >= this.#maxMembers;
  }

  /** Puts a record in the place of the one for its name. There must be room. */
  set(record: MemberRecord): void {
    const row = this.#rows.get(record.name);
    assert(row !== undefined || !this.isFull, "the table of members has room");
    if (row !== undefined && !isGone(row.record)) this.#live -= 1;
    const gone = isGone(record);
    if (!gone) this.#live += 1;
    const goneIn = gone ? (row?.goneIn ?? this.#round) : undefined;
    this.#rows.set(record.name, { record, goneIn });
  }

  /** Makes room: forgets who went first, and returns its name. */
  evict(): string | undefined {
    let first: Row | undefined;
    for (const row of this.#rows.values()) {
      if (row.goneIn !== undefined && row.goneIn < (first?.goneIn ?? Number.POSITIVE_INFINITY)) {
        first = row;
      }
    }
    if (first === undefined) return undefined;
    this.#rows.delete(first.record.name);
    return first.record.name;
  }

  /** Ends a round. Returns who was forgotten, having been gone for so many rounds. */
  round(forgetAfterRounds: number): readonly string[] {
    this.#round += 1;
    const forgotten: string[] = [];
    for (const [name, { goneIn }] of this.#rows) {
      if (goneIn !== undefined && this.#round - goneIn >= forgetAfterRounds) forgotten.push(name);
    }
    for (const name of forgotten) this.#rows.delete(name);
    return forgotten;
  }

  /**
   * A number that is the same for equal tables and hardly ever for others. Those who are gone are
   * not in it: a node that has forgotten them, or never knew them, need not hear of them.
   */
  digest(): number {
    let high = 0;
    let low = 0;
    for (const { record } of this.#rows.values()) {
      if (isGone(record)) continue;
      const text = `${record.name} ${record.version} ${rankOf(record.status)}`;
      high = (high + fnv1a(text, 0x811c9dc5)) >>> 0;
      low = (low + fnv1a(text, 0x01000193)) >>> 0;
    }
    // The upper half is cut, so that the whole is an integer that a number holds exactly.
    return (high & 0x1f_ffff) * 0x1_0000_0000 + low;
  }
}

/** FNV-1a over UTF-16 code units. */
function fnv1a(text: string, basis: number): number {
  let hash = basis;
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  }
  return hash >>> 0;
}
