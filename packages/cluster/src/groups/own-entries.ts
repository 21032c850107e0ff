/**
 * The entries that this node has written, and what of them is still to be told.
 *
 * Changes are collected until somebody takes them, then leave as deltas with consecutive numbers;
 * the number of the last one is the version of the whole. Pure: who is told is not known here.
 */
import { DirectoryFullError, EntryTooLargeError } from "../errors.ts";
import {
  type Change,
  changeBytes,
  type Entry,
  encodeDirectoryMessage,
  MESSAGE_HEAD_BYTES,
  type Place,
  placeId,
  sameBytes,
} from "./directory-messages.ts";

export interface EntryLimits {
  readonly maxEntries: number;
  readonly maxValueBytes: number;
  /** A message that has more than one change in it is not larger. */
  readonly maxMessageBytes: number;
}

export class OwnEntries {
  readonly #limits: EntryLimits;
  readonly #entries = new Map<string, Entry>();
  readonly #untold = new Map<string, Change>();
  #version = 0;

  constructor(limits: EntryLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The number of the last delta. */
  get version(): number {
    return this.#version;
  }

  get hasUntold(): boolean {
    return this.#untold.size > 0;
  }

  /** In the order in which they were first set. What is set or removed meanwhile counts. */
  values(): IterableIterator<Entry> {
    return this.#entries.values();
  }

  get(place: Place): Entry | undefined {
    return this.#entries.get(placeId(place));
  }

  /**
   * Sets an entry; false if it was so already. Throws DirectoryFullError or EntryTooLargeError,
   * and then nothing has changed.
   */
  set(entry: Entry): boolean {
    const { maxEntries, maxValueBytes } = this.#limits;
    const { length } = entry.value;
    if (length > maxValueBytes) throw new EntryTooLargeError(length, maxValueBytes);
    const id = placeId(entry);
    const before = this.#entries.get(id);
    if (sameBytes(before?.value, entry.value)) return false;
    if (before === undefined && this.#entries.size >= maxEntries) {
      throw new DirectoryFullError("entries of this node", maxEntries);
    }
    this.#entries.set(id, entry);
    this.#note(id, entry);
    return true;
  }

  /** Removes an entry; false if there was none. */
  remove({ space, topic, key }: Place): boolean {
    const id = placeId({ space, topic, key });
    if (!this.#entries.delete(id)) return false;
    this.#note(id, { space, topic, key, value: undefined });
    return true;
  }

  /** What has changed since the last time, as encoded deltas. */
  takeDeltas(): Buffer[] {
    const deltas: Buffer[] = [];
    for (const changes of packed(this.#untold.values(), this.#limits.maxMessageBytes)) {
      this.#version += 1;
      deltas.push(encodeDirectoryMessage({ kind: "delta", version: this.#version, changes }));
    }
    this.#untold.clear();
    return deltas;
  }

  /** The last change of a place is the one that is told, at the place of the last. */
  #note(id: string, change: Change): void {
    this.#untold.delete(id);
    this.#untold.set(id, change);
  }
}

/** Cuts changes into lists that each fit a message. One that is too large stands alone. */
function* packed<C extends Change>(changes: Iterable<C>, maxBytes: number): Generator<C[]> {
  let list: C[] = [];
  let bytes = MESSAGE_HEAD_BYTES;
  for (const change of changes) {
    const more = changeBytes(change);
    if (list.length > 0 && bytes + more > maxBytes) {
      yield list;
      list = [];
      bytes = MESSAGE_HEAD_BYTES;
    }
    list.push(change);
    bytes += more;
  }
  if (list.length > 0) yield list;
}

/**
 * One walk over the entries, as encoded snapshot messages. Deltas that are sent between two of
 * them belong to the same stream: what the walk has passed they correct, what is still before it
 * is read when it is reached.
 */
export class SnapshotWalk {
  readonly #own: OwnEntries;
  readonly #maxBytes: number;
  readonly #entries: IterableIterator<Entry>;
  #next: Entry | undefined;
  #isFirst = true;
  #isOver = false;

  constructor(own: OwnEntries, maxBytes: number) {
    this.#own = own;
    this.#maxBytes = maxBytes;
    this.#entries = own.values();
  }

  /** Whether a part of it was made: from then on deltas are to be sent too. */
  get hasBegun(): boolean {
    return !this.#isFirst;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** The next part. Every change must have been taken as a delta before. */
  next(): Buffer {
    const { version } = this.#own;
    const changes: Entry[] = [];
    let bytes = MESSAGE_HEAD_BYTES;
    let entry = this.#current();
    while (entry !== undefined) {
      bytes += changeBytes(entry);
      if (changes.length > 0 && bytes > this.#maxBytes) break;
      changes.push(entry);
      entry = this.#advance();
    }
    this.#next = entry;
    this.#isOver = entry === undefined;
    const isFirst = this.#isFirst;
    this.#isFirst = false;
    const isLast = this.#isOver;
    return encodeDirectoryMessage({ kind: "snapshot", isFirst, isLast, version, changes });
  }

  /** The entry at which the last part stopped, as it is by now. */
  #current(): Entry | undefined {
    if (this.#next === undefined) return this.#advance();
    return this.#own.get(this.#next) ?? this.#advance();
  }

  #advance(): Entry | undefined {
    return this.#entries.next().value ?? undefined;
  }
}
