/**
 * Who is present where: keys in a topic, each with what its owner says of it (its meta).
 *
 * A presence belongs to a process, with whose end it ends, or to the node. The same key may be
 * present several times, as one person with two devices is: once per process, and once per node.
 * Every node sees the presences of all nodes; in a partition each half sees its own. Like
 * Phoenix.Presence, but with one writer per entry instead of a CRDT.
 */
import { type ActorError, type AnyRef, isActorError, type RefAddress } from "@troupe/actor";
import { functionOption, objectOption } from "@troupe/actor/runtime";
import { ByteReader, ByteWriter } from "../bytes.ts";
import type { Codec } from "../codec/codec.ts";
import { AlreadyTrackedError, ProtocolError } from "../errors.ts";
import { Announcer } from "./announcer.ts";
import type { Directory, DirectoryChange, Writer } from "./directory.ts";
import { Space } from "./directory-messages.ts";
import type { Residents } from "./residents.ts";
import { topicOption } from "./topic.ts";

/** One presence of a key. */
export interface PresenceEntry {
  /** The node on which it is tracked. */
  readonly node: string;
  /** The process that it belongs to; undefined when it belongs to the node. */
  readonly ref: AnyRef | undefined;
  /** What its owner says of it. It is shared by all readers: do not change it. */
  readonly meta: unknown;
}

/** Presences by key. */
export type PresenceMap = ReadonlyMap<string, readonly PresenceEntry[]>;

/** What has changed in a topic. A meta that was updated is there twice: as it was, as it is. */
export interface PresenceDiff {
  readonly topic: string;
  readonly joins: PresenceMap;
  readonly leaves: PresenceMap;
}

/** What `subscribe` gives. */
export interface PresenceSubscription {
  /** Who was present at the moment from which the listener is told. */
  readonly present: PresenceMap;
  /** Ends it. Twice is once. */
  stop(): void;
}

export interface TrackOptions {
  /** The process of this node that it belongs to. @default none: it belongs to the node */
  readonly ref?: AnyRef;
}

/** A presence of this node, for whoever tracks it. */
export interface Tracked {
  /** False once it was taken back, or its process has ended. */
  readonly isTracked: boolean;
  /**
   * Says something else of it. False if it is tracked no more. Throws NotSerializableError or
   * EntryTooLargeError, and then it is as it was.
   */
  update(meta: unknown): boolean;
  /** Takes it back. Twice is once. */
  untrack(): void;
}

export interface PresencePorts {
  readonly directory: Directory;
  readonly residents: Residents;
  readonly codec: Codec;
  readonly refAt: (address: RefAddress) => AnyRef;
  readonly listenerThrew: (what: string, error: unknown) => void;
  readonly unreadable: (node: string, what: string) => void;
}

/** What an entry of the directory says. */
interface Shown extends PresenceEntry {
  readonly key: string;
}

interface MutableDiff {
  readonly topic: string;
  readonly joins: Map<string, PresenceEntry[]>;
  readonly leaves: Map<string, PresenceEntry[]>;
}

/**
 * The presences of a cluster, as this node sees them. See {@link Node.presence}.
 *
 * @example
 * ```ts
 * const alice = node.presence.track("#lobby", "alice", { away: false }, { ref: session });
 * node.presence.list("#lobby").get("alice"); // => [{ node: "a", ref: session, meta: … }]
 * alice.update({ away: true });
 * ```
 */
export class Presence {
  readonly #ports: PresencePorts;
  /** By topic, then by node and the key of the entry. */
  readonly #byTopic = new Map<string, Map<string, Shown>>();
  /** What takes back each presence of this node. */
  readonly #tracked = new Map<string, () => void>();
  readonly #announcer: Announcer<PresenceDiff>;

  constructor(ports: PresencePorts) {
    this.#ports = ports;
    this.#announcer = new Announcer((topic, error) =>
      ports.listenerThrew(`a listener of the presences in "${topic}"`, error),
    );
    ports.directory.listen(Space.presence, (changes) => this.#take(changes));
  }

  /**
   * Makes a key present in a topic, until it is taken back, the process in `ref` ends, or this node
   * is gone. The meta is copied.
   *
   * Throws OptionError for a bad name or the ref of another node, NoProcessError when the process
   * has ended, AlreadyTrackedError, NotSerializableError, EntryTooLargeError for a meta above
   * `limits.maxDirectoryValueBytes`, and DirectoryFullError: nothing was tracked then.
   */
  track(topic: string, key: string, meta?: unknown, options: TrackOptions = {}): Tracked {
    topicOption("topic", topic);
    topicOption("key", key);
    objectOption("options", options);
    const { residents } = this.#ports;
    const process = options.ref === undefined ? undefined : residents.require(options.ref);
    const place = { space: Space.presence, topic, key: `${process?.address.id ?? 0}:${key}` };
    if (this.#tracked.has(idOf(topic, place.key))) {
      throw new AlreadyTrackedError(topic, key, process ? String(process) : "this node");
    }
    return this.#track(topic, place.key, process, meta);
  }

  /** Who is present in a topic: every key with its presences on all connected nodes. */
  list(topic: string): PresenceMap {
    const present = new Map<string, PresenceEntry[]>();
    for (const shown of this.#byTopic.get(topic)?.values() ?? []) add(present, shown);
    return present;
  }

  /**
   * Who is present in a topic now, and from then on who comes and who goes, without a gap in
   * between. What it throws is logged.
   *
   * @example
   * ```ts
   * const { present, stop } = node.presence.subscribe("#lobby", ({ joins, leaves }) => {
   *   for (const name of joins.keys()) console.log(`${name} is here`);
   * });
   * ```
   */
  subscribe(topic: string, listener: (diff: PresenceDiff) => void): PresenceSubscription {
    topicOption("topic", topic);
    functionOption("listener", listener);
    const stop = this.#announcer.listen(topic, listener);
    return { present: this.list(topic), stop };
  }

  #track(topic: string, key: string, process: AnyRef | undefined, meta: unknown): Tracked {
    const { directory, residents } = this.#ports;
    const place = { space: Space.presence, topic, key };
    const id = idOf(topic, key);
    const value = this.#encode(process, meta);
    const untrack = () => {
      if (this.#tracked.get(id) !== untrack) return;
      this.#tracked.delete(id);
      unattend?.();
      directory.remove(place);
    };
    // Before anybody hears of it, because whoever does may end the process.
    this.#tracked.set(id, untrack);
    const unattend = process && residents.attend(process, untrack);
    try {
      directory.set(place, value);
    } catch (error) {
      this.#tracked.delete(id);
      unattend?.();
      throw error;
    }
    const isTracked = () => this.#tracked.get(id) === untrack;
    return {
      get isTracked() {
        return isTracked();
      },
      update: (next) => {
        const encoded = this.#encode(process, next);
        if (!isTracked()) return false;
        directory.set(place, encoded);
        return true;
      },
      untrack,
    };
  }

  /** The name of the process's definition, because its ref says that, and the meta. */
  #encode(process: AnyRef | undefined, meta: unknown): Uint8Array {
    const actor = process?.address.actor ?? "";
    const bytes = this.#ports.codec.encodeShared(meta, "meta");
    const size = 2 + Buffer.byteLength(actor) + bytes.length;
    return new ByteWriter(size).text16(actor).bytes(bytes).done();
  }

  #take(changes: readonly DirectoryChange[]): () => void {
    const diffs = new Map<string, MutableDiff>();
    for (const { writer, topic, key, value } of changes) {
      const diff = diffs.get(topic) ?? { topic, joins: new Map(), leaves: new Map() };
      diffs.set(topic, diff);
      const shown = this.#byTopic.get(topic) ?? new Map<string, Shown>();
      const id = idOf(writer.name, key);
      const before = shown.get(id);
      const after = value === undefined ? undefined : this.#read(writer, key, value);
      if (before !== undefined) add(diff.leaves, before);
      if (after !== undefined) add(diff.joins, after);
      if (after === undefined) shown.delete(id);
      else shown.set(id, after);
      if (shown.size > 0) this.#byTopic.set(topic, shown);
      else this.#byTopic.delete(topic);
    }
    return () => {
      for (const diff of diffs.values()) {
        if (diff.joins.size + diff.leaves.size > 0) this.#announcer.announce(diff.topic, diff);
      }
    };
  }

  /** A node tracks processes of its own only, so the rest of their address is known. */
  #read({ name: node, incarnation }: Writer, entry: string, value: Uint8Array): Shown | undefined {
    try {
      const colon = entry.indexOf(":");
      const id = Number(entry.slice(0, colon));
      const key = entry.slice(colon + 1);
      if (colon < 1 || !Number.isSafeInteger(id) || id < 0 || key === "") {
        throw new ProtocolError(`a presence of the key "${entry}"`);
      }
      const reader = new ByteReader(value, "PRESENCE");
      const actor = reader.text16();
      const meta = this.#ports.codec.decode(reader.rest());
      const address: RefAddress = { kind: "process", node, incarnation, id, actor };
      return { key, node, ref: id === 0 ? undefined : this.#ports.refAt(address), meta };
    } catch (error) {
      if (!isActorError(error)) throw error;
      this.#ports.unreadable(node, `a presence: ${(error as ActorError).message}`);
      return undefined;
    }
  }
}

function idOf(owner: string, key: string): string {
  return `${owner.length}:${owner}${key}`;
}

function add(map: Map<string, PresenceEntry[]>, { key, node, ref, meta }: Shown): void {
  const entries = map.get(key);
  if (entries === undefined) map.set(key, [{ node, ref, meta }]);
  else entries.push({ node, ref, meta });
}
