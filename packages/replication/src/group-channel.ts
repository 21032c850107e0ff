/**
 * One node's end of a group: the channel between its nodes, and who listens on this one.
 *
 * Replicas and clients of one group share a channel. What comes in passes this one place first: a
 * message of another group, configuration, epoch or life reaches nobody. What is left is handed to
 * the replica, or to the handles, of this node. Requests and replies leave in batches.
 */
import { OptionError } from "@troupe/actor";
import type { Channel, Node } from "@troupe/cluster";
import { Codec } from "@troupe/cluster/runtime";
import {
  batchedBytes,
  decodeReplies,
  decodeRequests,
  encodeReplies,
  encodeRequests,
} from "./client-batch.ts";
import { type Envelope, EnvelopeReader, encodeMessage, type Header } from "./envelope.ts";
import { GroupConfigMismatchError } from "./errors.ts";
import { differences, messageBytesMax, type ResolvedGroupOptions } from "./options.ts";
import type { ReplicaIndex, ReplyMessage, RequestMessage } from "./vsr/index.ts";
import type { GroupMessage, WireMessage } from "./wire.ts";

export type Listener = (from: string, message: GroupMessage) => void;

/** How many messages were not let in, by the first reason against them. */
export interface Refused {
  /** No message of this protocol: a peer of another version, or a stranger. */
  malformed: number;
  group: number;
  epoch: number;
  configuration: number;
  /** Of an earlier life of the sender's replica than one that has spoken already. */
  incarnation: number;
}

/** A batch leaves before the turn is over when the next message would make it longer than this. */
const batchBytes = 256 * 1024;

/** What one turn has for one node. */
class Batch<M extends RequestMessage | ReplyMessage> {
  readonly #waiting = new Map<string, { readonly messages: M[]; bytes: number }>();
  readonly #send: (to: string, messages: readonly M[]) => void;

  constructor(send: (to: string, messages: readonly M[]) => void) {
    this.#send = send;
  }

  add(to: string, message: M): void {
    const bytes = batchedBytes(message);
    const waiting = this.#waiting.get(to);
    if (waiting !== undefined && waiting.bytes + bytes <= batchBytes) {
      waiting.messages.push(message);
      waiting.bytes += bytes;
      return;
    }
    if (waiting !== undefined) this.#send(to, waiting.messages);
    this.#waiting.set(to, { messages: [message], bytes });
  }

  flush(): void {
    for (const [to, { messages }] of this.#waiting) this.#send(to, messages);
    this.#waiting.clear();
  }
}

export class GroupChannel {
  readonly options: ResolvedGroupOptions;
  readonly codec = new Codec();
  readonly #reader = new EnvelopeReader(this.codec);
  readonly #channel: Channel;
  readonly #listeners = new Set<Listener>();
  readonly #onMismatch = new Set<(error: GroupConfigMismatchError) => void>();
  readonly refused: Refused = {
    malformed: 0,
    group: 0,
    epoch: 0,
    configuration: 0,
    incarnation: 0,
  };
  #header: Header;
  readonly #requests = new Batch<RequestMessage>((to, messages) => {
    this.#sendNow(to, { type: "requests", batch: encodeRequests(messages) });
  });
  readonly #replies = new Batch<ReplyMessage>((to, messages) => {
    this.#sendNow(to, { type: "replies", batch: encodeReplies(messages) });
  });
  /** The message that was sent last, and its bytes: what goes to all is encoded once. */
  #encoded: WireMessage | undefined;
  #bytes: Uint8Array = new Uint8Array(0);
  readonly #defer: (flush: () => void) => void;
  #flushDue = false;
  /** The latest life of each replica that has spoken. */
  readonly #lives: number[];

  /** `defer` calls back when the turn is over, which is when batches leave. */
  constructor(
    node: Pick<Node, "channel">,
    options: ResolvedGroupOptions,
    defer: (flush: () => void) => void = (flush) => process.nextTick(flush),
  ) {
    this.options = options;
    this.#defer = defer;
    const { group, configuration, epoch, replicas } = options;
    this.#header = { group, configuration, epoch, incarnation: 0 };
    this.#lives = replicas.map(() => 0);
    this.#channel = node.channel(`group:${options.group}`);
    const { maxPayloadBytes } = this.#channel;
    if (messageBytesMax(options) > maxPayloadBytes) {
      this.#channel.close();
      const least = `at least ${messageBytesMax(options)} for this pipeline and batchBytes`;
      throw new OptionError("limits.maxMessageBytes", least, maxPayloadBytes);
    }
    this.#channel.onMessage((from, payload) => this.#receive(from, payload));
  }

  /** The replica that a node holds; -1 if it holds none. */
  indexOf(node: string): ReplicaIndex {
    return this.options.replicas.indexOf(node);
  }

  /** A replica of this node begins a life: it speaks from now on. */
  beginLife(incarnation: number): void {
    this.#header = { ...this.#header, incarnation };
    this.#encoded = undefined;
  }

  /**
   * Sends to a node; false if it is known not to be connected, which the protocol repairs by
   * repeating.
   */
  send(to: string, message: GroupMessage): boolean {
    switch (message.type) {
      case "request":
        this.#requests.add(to, message);
        break;
      case "reply":
        this.#replies.add(to, message);
        break;
      default:
        return this.#sendNow(to, message);
    }
    if (!this.#flushDue) {
      this.#flushDue = true;
      this.#defer(this.#flush);
    }
    return true;
  }

  sendToReplica(to: ReplicaIndex, message: GroupMessage): void {
    const name = this.options.replicas[to];
    if (name !== undefined) this.send(name, message);
  }

  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Told when a replica refuses this node because its settings differ. */
  onMismatch(listener: (error: GroupConfigMismatchError) => void): () => void {
    this.#onMismatch.add(listener);
    return () => this.#onMismatch.delete(listener);
  }

  close(): void {
    this.#flush();
    this.#channel.close();
    this.#listeners.clear();
    this.#onMismatch.clear();
  }

  #receive(from: string, payload: Uint8Array): void {
    const envelope = this.#reader.read(from, payload);
    const { refused } = this;
    if (envelope === undefined) refused.malformed++;
    else if (envelope.group !== this.options.group) refused.group++;
    else if (envelope.message.type === "config_mismatch") {
      this.#onRefused(from, envelope.message.settings);
    } else if (envelope.epoch !== this.options.epoch) {
      refused.epoch++;
      this.#sayWhatDiffers(from);
    } else if (envelope.configuration !== this.options.configuration) {
      refused.configuration++;
      this.#sayWhatDiffers(from);
    } else if (this.#isOfEarlierLife(from, envelope)) refused.incarnation++;
    else this.#handOn(from, envelope.message);
  }

  #handOn(from: string, message: WireMessage): void {
    let messages: readonly GroupMessage[] | undefined;
    if (message.type === "requests") messages = decodeRequests(message.batch);
    else if (message.type === "replies") messages = decodeReplies(message.batch);
    else messages = [message];
    if (messages === undefined) this.refused.malformed++;
    else for (const each of messages) for (const listener of this.#listeners) listener(from, each);
  }

  #sendNow(to: string, message: WireMessage): boolean {
    if (message !== this.#encoded) {
      this.#bytes = encodeMessage(this.codec, this.#header, message);
      this.#encoded = message;
    }
    return this.#channel.send(to, this.#bytes);
  }

  readonly #flush = (): void => {
    this.#flushDue = false;
    this.#requests.flush();
    this.#replies.flush();
  };

  /**
   * What an earlier life of a replica said is dropped like a message that was lost. The protocol
   * does not depend on it. Who has forgotten everything may take itself for younger than it is, for
   * its clock went back, and has to be told so: in a memory group always, and else if it rejoins.
   */
  #isOfEarlierLife(from: string, { incarnation, message }: Envelope): boolean {
    const index = this.indexOf(from);
    if (index < 0 || this.options.durability === "memory") return false;
    const latest = this.#lives[index] ?? 0;
    if (incarnation < latest && message.type !== "recovery") return true;
    this.#lives[index] = incarnation;
    return false;
  }

  /** So that the other side can name it. */
  #sayWhatDiffers(from: string): void {
    this.send(from, { type: "config_mismatch", settings: JSON.stringify(this.options.shared) });
  }

  #onRefused(from: string, settings: string): void {
    let theirs: Record<string, unknown> = {};
    try {
      theirs = JSON.parse(settings) as Record<string, unknown>;
    } catch {
      this.refused.malformed++;
    }
    const differing = differences(this.options.shared, theirs);
    const error = new GroupConfigMismatchError(this.options.group, from, differing);
    for (const listener of this.#onMismatch) listener(error);
  }
}
