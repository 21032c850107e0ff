/**
 * The replicated directory: small entries that every node writes for itself and all nodes read.
 *
 * Each node is the only writer of its entries, so nothing is ever merged and nobody has to agree:
 * a writer tells every connected node what has changed, numbered and once a turn, and a fresh link
 * begins with all it has. A node that cannot be told, because too much is waiting for it, gets
 * everything anew when there is room. The entries of a node are gone with its link. While nothing
 * changes nothing is sent, and no timer runs.
 */
import { type Clock, isActorError, type TimerHandle } from "@troupe/actor";
import type { Channel } from "../remote/channels.ts";
import {
  type Change,
  decodeDirectoryMessage,
  encodeDirectoryMessage,
  MAX_PLACE_BYTES,
  MESSAGE_HEAD_BYTES,
  type Place,
} from "./directory-messages.ts";
import { OwnEntries, SnapshotWalk } from "./own-entries.ts";
import { WriterView } from "./writer-view.ts";

/** One life of one node, which writes entries. */
export interface Writer {
  readonly name: string;
  readonly incarnation: number;
}

/** An entry of a writer has another value, or none any more. */
export interface DirectoryChange {
  readonly writer: Writer;
  readonly topic: string;
  readonly key: string;
  readonly value: Uint8Array | undefined;
}

/**
 * Told of changes in one space, all of one message at once. What it returns is called when every
 * space has taken its changes in: the time to tell the application.
 */
export type DirectoryListener = (changes: readonly DirectoryChange[]) => (() => void) | undefined;

export interface DirectoryPorts {
  readonly self: Writer;
  readonly channel: Channel;
  readonly clock: Clock;
  /** Calls back when the turn is over. */
  readonly defer: (flush: () => void) => void;
  /** Whether so many bytes can be sent to a node without being in anybody's way. */
  readonly hasRoom: (node: string, bytes: number) => boolean;
  /** The largest message that a link takes. */
  readonly maxMessageBytes: number;
  readonly maxEntries: number;
  readonly maxValueBytes: number;
  readonly warn: (message: string) => void;
}

/** A message with more than one change is at most this large. */
const MESSAGE_BYTES = 32 * 1024;

/** Parts of a snapshot that are sent to one node in one turn. */
const PARTS_PER_TURN = 8;

/** When a node that could not be told is tried again. */
const RETRY_MS = 100;

/** The longest wait between two requests for a snapshot that does not come. */
const MAX_ASK_MS = 30_000;

/** Another node: what we know of it, and what it is still to be told. */
class Peer {
  readonly writer: Writer;
  readonly view: WriterView;
  /** The snapshot that it is being sent. */
  walk: SnapshotWalk | undefined;
  /** It has asked for a snapshot. */
  hasAsked = false;
  /** Its snapshot goes on in the next turn. */
  isGoingOn = false;
  /** When it is asked for a snapshot, if it is to be. */
  askAt: number | undefined;
  askMs = RETRY_MS;

  constructor(writer: Writer, view: WriterView, walk: SnapshotWalk) {
    this.writer = writer;
    this.view = view;
    this.walk = walk;
  }

  /** A walk that has not begun will tell by itself what has changed before it. */
  get takesDeltas(): boolean {
    return this.walk === undefined || this.walk.hasBegun;
  }
}

export class Directory {
  /** What an entry may be valued at, in bytes, given what a frame can carry. */
  readonly maxValueBytes: number;
  readonly #ports: DirectoryPorts;
  readonly #messageBytes: number;
  readonly #largestPart: number;
  readonly #own: OwnEntries;
  readonly #peers = new Map<string, Peer>();
  readonly #listeners = new Map<number, DirectoryListener>();
  #isFlushDue = false;
  #timer: { readonly at: number; readonly handle: TimerHandle } | undefined;
  #isClosed = false;

  constructor(ports: DirectoryPorts) {
    this.#ports = ports;
    const { channel, maxEntries, maxValueBytes, maxMessageBytes } = ports;
    const room = maxMessageBytes - MESSAGE_HEAD_BYTES - MAX_PLACE_BYTES;
    this.maxValueBytes = Math.min(maxValueBytes, room);
    this.#messageBytes = Math.min(MESSAGE_BYTES, maxMessageBytes);
    // An entry that is larger than a message should be has one to itself.
    this.#largestPart = Math.max(
      this.#messageBytes,
      this.maxValueBytes + MESSAGE_HEAD_BYTES + MAX_PLACE_BYTES,
    );
    this.#own = new OwnEntries({
      maxEntries,
      maxValueBytes: this.maxValueBytes,
      maxMessageBytes: this.#messageBytes,
    });
    channel.onMessage((from, payload) => this.#onMessage(from, payload));
  }

  /** Sets who is told of the changes in a space, this node's own included. */
  listen(space: number, listener: DirectoryListener): void {
    this.#listeners.set(space, listener);
  }

  /**
   * Sets an entry of this node. Throws DirectoryFullError or EntryTooLargeError, and then nothing
   * has changed.
   */
  set(place: Place, value: Uint8Array): void {
    const { space, topic, key } = place;
    if (this.#own.set({ space, topic, key, value })) this.#changed({ space, topic, key, value });
  }

  /** Removes an entry of this node, if there is one. */
  remove(place: Place): void {
    const { space, topic, key } = place;
    if (this.#own.remove(place)) this.#changed({ space, topic, key, value: undefined });
  }

  /** A life of a node is connected: it is told everything. */
  nodeUp({ name, incarnation }: Writer): void {
    if (this.#isClosed) return;
    this.nodeDown(name);
    this.#tellDeltas();
    const view = new WriterView(this.#ports.maxEntries);
    const peer = new Peer({ name, incarnation }, view, this.#walk());
    this.#peers.set(name, peer);
    this.#tellSnapshot(peer);
  }

  /** A node is gone, and its entries with it. */
  nodeDown(name: string): void {
    const peer = this.#peers.get(name);
    if (peer === undefined) return;
    this.#peers.delete(name);
    const gone: Change[] = [];
    for (const { space, topic, key } of peer.view.entries) {
      gone.push({ space, topic, key, value: undefined });
    }
    this.#show(peer.writer, gone);
  }

  /** Tells nobody anything any more. */
  close(): void {
    this.#isClosed = true;
    this.#disarm();
    this.#ports.channel.close();
  }

  #walk(): SnapshotWalk {
    return new SnapshotWalk(this.#own, this.#messageBytes);
  }

  #changed(change: Change): void {
    if (!this.#isFlushDue && !this.#isClosed) {
      this.#isFlushDue = true;
      this.#ports.defer(() => {
        this.#isFlushDue = false;
        this.#tellAll();
      });
    }
    this.#show(this.#ports.self, [change]);
  }

  /** Hands changes to the views, and then lets the views tell of them. */
  #show(writer: Writer, changes: readonly Change[]): void {
    if (changes.length === 0) return;
    const bySpace = new Map<number, DirectoryChange[]>();
    for (const { space, topic, key, value } of changes) {
      const list = bySpace.get(space) ?? [];
      if (list.length === 0) bySpace.set(space, list);
      list.push({ writer, topic, key, value });
    }
    const announce: (() => void)[] = [];
    for (const [space, list] of bySpace) {
      const tell = this.#listeners.get(space)?.(list);
      if (tell !== undefined) announce.push(tell);
    }
    for (const tell of announce) tell();
  }

  #tellAll(): void {
    if (this.#isClosed) return;
    this.#tellDeltas();
    for (const peer of this.#peers.values()) this.#tellSnapshot(peer);
  }

  #tellDeltas(): void {
    if (!this.#own.hasUntold) return;
    const deltas = this.#own.takeDeltas();
    for (const peer of this.#peers.values()) {
      if (!peer.takesDeltas) continue;
      // One that is missing makes the rest useless.
      if (deltas.some((delta) => !this.#send(peer, delta))) this.#startOver(peer);
    }
  }

  /** Goes on with the snapshot of a node, as far as there is room. */
  #tellSnapshot(peer: Peer): void {
    const { name } = peer.writer;
    if (peer.isGoingOn) return;
    for (let part = 0; peer.walk !== undefined; part++) {
      if (part === PARTS_PER_TURN) {
        this.#goOnLater(peer);
        return;
      }
      if (!this.#ports.hasRoom(name, this.#largestPart)) {
        this.#wakeIn(RETRY_MS);
        return;
      }
      if (!this.#send(peer, peer.walk.next())) {
        this.#startOver(peer);
        return;
      }
      if (peer.walk.isOver) peer.walk = undefined;
    }
  }

  #goOnLater(peer: Peer): void {
    peer.isGoingOn = true;
    this.#ports.defer(() => {
      peer.isGoingOn = false;
      if (this.#isClosed || this.#peers.get(peer.writer.name) !== peer) return;
      this.#tellDeltas();
      this.#tellSnapshot(peer);
    });
  }

  /** A node has missed something: it gets everything anew, a little later. */
  #startOver(peer: Peer): void {
    peer.walk = this.#walk();
    this.#wakeIn(RETRY_MS);
  }

  #send(peer: Peer, message: Uint8Array): boolean {
    return this.#ports.channel.send(peer.writer.name, message);
  }

  #onMessage(from: string, payload: Uint8Array): void {
    const peer = this.#peers.get(from);
    if (peer === undefined) return;
    try {
      const message = decodeDirectoryMessage(payload, this.maxValueBytes);
      if (message.kind === "ask") {
        // Answered at the next retry, so that asking often costs no more than asking once.
        peer.hasAsked = true;
        this.#wakeIn(RETRY_MS);
        return;
      }
      const changes = peer.view.take(message);
      this.#heed(peer);
      this.#show(peer.writer, changes);
    } catch (error) {
      if (!isActorError(error, "ERR_PROTOCOL")) throw error;
      peer.view.lose("gap");
      this.#ports.warn(`node ${from} sent a bad directory message: ${error.message}`);
      this.#heed(peer);
    }
  }

  /** Sees to it that a view that is lost becomes exact again. */
  #heed(peer: Peer): void {
    const { view } = peer;
    if (view.isExact) peer.askMs = RETRY_MS;
    if (view.loss === undefined) peer.askAt = undefined;
    if (view.loss === undefined || peer.askAt !== undefined) return;
    if (view.loss === "full") {
      this.#ports.warn(`node ${peer.writer.name} has more directory entries than may be here`);
    }
    peer.askAt = this.#ports.clock.monotonic() + peer.askMs;
    this.#wakeIn(peer.askMs);
  }

  /** Asks for a snapshot if it is time; each time it waits longer, because it may never come. */
  #ask(peer: Peer, now: number): void {
    if (peer.askAt === undefined) return;
    if (peer.askAt <= now) {
      this.#send(peer, encodeDirectoryMessage({ kind: "ask" }));
      peer.askMs = Math.min(peer.askMs * 2, MAX_ASK_MS);
      peer.askAt = now + peer.askMs;
    }
    this.#wakeIn(peer.askAt - now);
  }

  #retry(): void {
    this.#timer = undefined;
    const now = this.#ports.clock.monotonic();
    for (const peer of this.#peers.values()) {
      if (peer.hasAsked) {
        peer.hasAsked = false;
        peer.walk = this.#walk();
      }
      this.#ask(peer, now);
    }
    this.#tellAll();
  }

  /** Sees to it that `#retry` runs in so many milliseconds, or earlier. */
  #wakeIn(ms: number): void {
    if (this.#isClosed) return;
    const { clock } = this.#ports;
    const at = clock.monotonic() + ms;
    if (this.#timer !== undefined && this.#timer.at <= at) return;
    this.#disarm();
    this.#timer = { at, handle: clock.setTimer(ms, () => this.#retry()) };
  }

  #disarm(): void {
    if (this.#timer !== undefined) this.#ports.clock.clearTimer(this.#timer.handle);
    this.#timer = undefined;
  }
}
