/**
 * Publish and subscribe by topic: a message goes once to each node that has a subscriber, and there
 * to each subscription.
 *
 * At most once, and in order per publishing node and topic. Which nodes have subscribers is known
 * through the directory, a little later than it is so: a subscriber misses what other nodes publish
 * before they have heard of the first subscription of its node. Nothing is kept for a node that is
 * not connected, and nothing waits: what a node cannot be sent is counted, returned and reported.
 */
import { type AnyRef, isActorError, OptionError } from "@troupe/actor";
import { functionOption, nameOption, objectOption } from "@troupe/actor/runtime";
import { ByteReader, ByteWriter } from "../bytes.ts";
import type { Codec } from "../codec/codec.ts";
import { DecodeError, DirectoryFullError, MessageTooLargeError } from "../errors.ts";
import type { PublishDropped } from "../node-events.ts";
import type { Channel } from "../remote/channels.ts";
import { Announcer } from "./announcer.ts";
import type { Directory, DirectoryChange } from "./directory.ts";
import { Space } from "./directory-messages.ts";
import type { Residents } from "./residents.ts";
import { topicOption } from "./topic.ts";

/** What became of a message, as far as it can be known here. */
export interface PublishReport {
  /** Other nodes that it was sent to. */
  readonly nodes: number;
  /** Subscriptions on this node that it was given to. */
  readonly local: number;
  /** Nodes with subscribers that it was not sent to: too much waits, or it is too large there. */
  readonly dropped: readonly string[];
}

/** What a subscribed function is told besides the message. */
export interface Published {
  readonly topic: string;
  /** The node on which it was published. */
  readonly node: string;
}

export interface SubscribeOptions {
  /** The info message under which the process gets what is published. */
  readonly as: string;
}

export type SubscribeListener = (message: unknown, about: Published) => void;

export interface PubSubPorts {
  readonly directory: Directory;
  readonly residents: Residents;
  readonly channel: Channel;
  readonly codec: Codec;
  /** This node. */
  readonly self: string;
  readonly maxSubscriptions: number;
  readonly dropped: (event: PublishDropped) => void;
  readonly listenerThrew: (what: string, error: unknown) => void;
}

interface Letter {
  readonly message: unknown;
  readonly about: Published;
}

const NOWHERE: readonly string[] = Object.freeze([]);

const MESSAGE = 1;

/**
 * Publish and subscribe. See {@link Node.pubsub}.
 *
 * @example
 * ```ts
 * const unsubscribe = node.pubsub.subscribe("news", reader, { as: "news" });
 * node.pubsub.publish("news", { title: "hello" }); // => { nodes: 2, local: 1, dropped: [] }
 * ```
 */
export class PubSub {
  readonly #ports: PubSubPorts;
  /** The other nodes that have a subscriber. */
  readonly #nodes = new Map<string, Set<string>>();
  readonly #local: Announcer<Letter>;
  readonly #counts = new Map<string, number>();
  #subscriptions = 0;
  #dropped = 0;

  constructor(ports: PubSubPorts) {
    this.#ports = ports;
    this.#local = new Announcer((topic, error) =>
      ports.listenerThrew(`a subscriber of "${topic}"`, error),
    );
    ports.directory.listen(Space.pubsub, (changes) => this.#take(changes));
    ports.channel.onMessage((from, payload) => this.#onMessage(from, payload));
  }

  /** Messages that could not be sent to a node, or read from one, since this node began. */
  get dropped(): number {
    return this.#dropped;
  }

  /**
   * Subscribes a process of this node, which gets each message as the info message `as`, until it
   * ends; or a function, which is called with it. Returns what ends the subscription.
   *
   * A process or function that subscribes twice gets everything twice. A message is one value for
   * all subscribers of a node: read it, do not change it. The subscription holds for what this node
   * publishes at once, and for what others publish as soon as they know of it.
   *
   * Throws OptionError for a ref of another node, a bad name or a bad option, NoProcessError when
   * the process has ended, and DirectoryFullError at `limits.maxDirectoryEntries`: it did not
   * subscribe then.
   */
  subscribe(topic: string, ref: AnyRef, options: SubscribeOptions): () => void;
  subscribe(topic: string, listener: SubscribeListener): () => void;
  subscribe(
    topic: string,
    subscriber: AnyRef | SubscribeListener,
    options?: SubscribeOptions,
  ): () => void {
    topicOption("topic", topic);
    if (typeof subscriber === "function") {
      functionOption("listener", subscriber);
      return this.#add(topic, ({ message, about }) => subscriber(message, about));
    }
    if (options === undefined) throw new OptionError("options", "an object with `as`", options);
    objectOption("options", options);
    const as = nameOption("as", options.as);
    const { residents } = this.#ports;
    const process = residents.require(subscriber);
    const remove = this.#add(topic, ({ message }) => process.send(as, message));
    const unattend = residents.attend(process, remove);
    return () => {
      unattend();
      remove();
    };
  }

  /**
   * Publishes to the subscribers on all nodes. Never waits; the report says how far it came.
   *
   * Throws NotSerializableError, MessageTooLargeError or OptionError, whoever listens; then nobody
   * got it.
   */
  publish(topic: string, message: unknown): PublishReport {
    topicOption("topic", topic);
    const value = this.#ports.codec.encodeShared(message, "message");
    const payloadBytes = 1 + 2 + Buffer.byteLength(topic) + value.length;
    const { maxPayloadBytes } = this.#ports.channel;
    if (payloadBytes > maxPayloadBytes) {
      throw new MessageTooLargeError(payloadBytes, maxPayloadBytes);
    }
    const payload = new ByteWriter(payloadBytes).u8(MESSAGE).text16(topic).bytes(value).done();
    let nodes = 0;
    let dropped: string[] | undefined;
    for (const node of this.#nodes.get(topic) ?? NOWHERE) {
      if (this.#ports.channel.send(node, payload)) nodes += 1;
      else {
        dropped ??= [];
        dropped.push(node);
      }
    }
    const local = this.publishLocal(topic, message);
    for (const node of dropped ?? NOWHERE) this.#drop({ topic, node, reason: "not_sent" });
    return { nodes, local, dropped: dropped ?? NOWHERE };
  }

  /**
   * Publishes to the subscribers of this node only, and returns how many there are. The message is
   * not encoded, so it may be anything. Functions are called before this returns, unless this was
   * called by one of them.
   */
  publishLocal(topic: string, message: unknown): number {
    topicOption("topic", topic);
    const local = this.#counts.get(topic) ?? 0;
    if (local > 0) this.#announce(topic, message, this.#ports.self);
    return local;
  }

  #announce(topic: string, message: unknown, node: string): void {
    this.#local.announce(topic, { message, about: { topic, node } });
  }

  /** One more subscription; the first one of a topic makes this node one that has subscribers. */
  #add(topic: string, deliver: (letter: Letter) => void): () => void {
    const { maxSubscriptions, directory } = this.#ports;
    if (this.#subscriptions >= maxSubscriptions) {
      throw new DirectoryFullError("subscriptions", maxSubscriptions);
    }
    const count = this.#counts.get(topic) ?? 0;
    if (count === 0) directory.set(placeOf(topic), new Uint8Array());
    this.#counts.set(topic, count + 1);
    this.#subscriptions += 1;
    const unlisten = this.#local.listen(topic, deliver);
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      unlisten();
      this.#removed(topic);
    };
  }

  #removed(topic: string): void {
    this.#subscriptions -= 1;
    const left = (this.#counts.get(topic) ?? 1) - 1;
    if (left > 0) {
      this.#counts.set(topic, left);
      return;
    }
    this.#counts.delete(topic);
    this.#ports.directory.remove(placeOf(topic));
  }

  #take(changes: readonly DirectoryChange[]): undefined {
    for (const { writer, topic, value } of changes) {
      if (writer.name === this.#ports.self) continue;
      const nodes = this.#nodes.get(topic) ?? new Set();
      if (value === undefined) nodes.delete(writer.name);
      else nodes.add(writer.name);
      if (nodes.size > 0) this.#nodes.set(topic, nodes);
      else this.#nodes.delete(topic);
    }
  }

  #onMessage(node: string, payload: Uint8Array): void {
    let topic = "";
    let message: unknown;
    try {
      const reader = new ByteReader(payload, "PUBLISH");
      if (reader.u8() !== MESSAGE) throw new DecodeError("a publication of an unknown kind");
      topic = reader.text16();
      // It may have had its last subscriber taken away while it was on its way.
      if (!this.#counts.has(topic)) return;
      message = this.#ports.codec.decode(reader.rest());
    } catch (error) {
      if (!isActorError(error)) throw error;
      this.#drop({ topic, node, reason: "unreadable" });
      return;
    }
    this.#announce(topic, message, node);
  }

  #drop(event: PublishDropped): void {
    this.#dropped += 1;
    this.#ports.dropped(event);
  }
}

/** That this node has a subscriber of a topic is one entry, however many it has. */
function placeOf(topic: string): { space: number; topic: string; key: string } {
  return { space: Space.pubsub, topic, key: "" };
}
