/**
 * What this node knows of the entries of one other node, the only one that writes them.
 *
 * A view is exact at some version of its writer: it takes a snapshot whole or not at all, and after
 * it every delta in turn. When one is missing it stays as it is and asks for a snapshot. Pure: it
 * sends nothing.
 */
import {
  type Change,
  type DeltaMessage,
  type Entry,
  placeId,
  type SnapshotMessage,
  sameBytes,
} from "./directory-messages.ts";

/** Why a view needs a snapshot: a message was missing, or there was more than may be kept. */
export type Loss = "gap" | "full";

export class WriterView {
  readonly #maxEntries: number;
  #entries = new Map<string, Entry>();
  /** The entries of a snapshot that has not come to its end. */
  #incoming: Map<string, Entry> | undefined;
  /** The number of the last delta that is in; undefined without a snapshot to go on from. */
  #version: number | undefined;
  #loss: Loss | undefined;

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries;
  }

  /** What is shown: the entries at the version of the last whole snapshot, or later. */
  get entries(): Iterable<Entry> {
    return this.#entries.values();
  }

  /** Whether what is shown is what the writer has told last. */
  get isExact(): boolean {
    return this.#version !== undefined && this.#incoming === undefined;
  }

  /** Why a snapshot is needed, if one is and none has begun. */
  get loss(): Loss | undefined {
    return this.#loss;
  }

  /** Takes a message in, and returns what has changed in what is shown. See `loss` afterwards. */
  take(message: SnapshotMessage | DeltaMessage): readonly Change[] {
    return message.kind === "snapshot" ? this.#takePart(message) : this.#takeDelta(message);
  }

  /** Forgets where the writer was: what comes next must be a snapshot. */
  lose(loss: Loss): void {
    this.#incoming = undefined;
    this.#version = undefined;
    this.#loss = loss;
  }

  #takePart({ isFirst, isLast, version, changes }: SnapshotMessage): readonly Change[] {
    if (isFirst) {
      this.#incoming = new Map();
      this.#version = version;
      this.#loss = undefined;
    }
    const incoming = this.#incoming;
    if (incoming === undefined || version !== this.#version) {
      this.lose("gap");
      return [];
    }
    for (const change of changes) if (!this.#put(incoming, change)) return [];
    if (!isLast) return [];
    const before = this.#entries;
    this.#entries = incoming;
    this.#incoming = undefined;
    return differences(before, incoming);
  }

  #takeDelta({ version, changes }: DeltaMessage): readonly Change[] {
    if (this.#version === undefined || version !== this.#version + 1) {
      this.lose("gap");
      return [];
    }
    this.#version = version;
    const entries = this.#incoming ?? this.#entries;
    const shown: Change[] = [];
    for (const change of changes) {
      const before = entries.get(placeId(change))?.value;
      if (!this.#put(entries, change)) break;
      if (entries === this.#entries && !sameBytes(before, change.value)) shown.push(change);
    }
    return shown;
  }

  /** False, and lost, if there is no room. */
  #put(entries: Map<string, Entry>, { space, topic, key, value }: Change): boolean {
    const id = placeId({ space, topic, key });
    if (value === undefined) entries.delete(id);
    else if (entries.size < this.#maxEntries || entries.has(id)) {
      entries.set(id, { space, topic, key, value });
    } else {
      this.lose("full");
      return false;
    }
    return true;
  }
}

function differences(
  before: ReadonlyMap<string, Entry>,
  after: ReadonlyMap<string, Entry>,
): Change[] {
  const changes: Change[] = [];
  for (const [id, { space, topic, key }] of before) {
    if (!after.has(id)) changes.push({ space, topic, key, value: undefined });
  }
  for (const [id, entry] of after) {
    if (!sameBytes(before.get(id)?.value, entry.value)) changes.push(entry);
  }
  return changes;
}
