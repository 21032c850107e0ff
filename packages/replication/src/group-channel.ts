/**
 * One node's end of a group: the channel between its nodes, and who listens on this one.
 *
 * Replicas and clients of one group share a channel. What comes in is checked against the group's
 * fingerprint and shape first, then handed to the replica, or to the handles, of this node.
 */
import { OptionError } from "@troupe/actor";
import type { Channel, Node } from "@troupe/cluster";
import { Codec } from "@troupe/cluster/runtime";
import { GroupConfigMismatchError } from "./errors.ts";
import { differences, messageBytesMax, type ResolvedGroupOptions } from "./options.ts";
import type { ReplicaIndex } from "./vsr/index.ts";
import { decodeMessage, encodeMessage, type GroupMessage } from "./wire.ts";

export type Listener = (from: string, message: GroupMessage) => void;

export class GroupChannel {
  readonly options: ResolvedGroupOptions;
  readonly codec = new Codec();
  readonly #channel: Channel;
  readonly #listeners = new Set<Listener>();
  readonly #onMismatch = new Set<(error: GroupConfigMismatchError) => void>();
  /** Messages that were no messages of this protocol: a peer of another version, or a stranger. */
  malformed = 0;

  constructor(node: Node, options: ResolvedGroupOptions) {
    this.options = options;
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

  /** Sends to a node; false if it is not connected, which the protocol repairs by repeating. */
  send(to: string, message: GroupMessage): boolean {
    return this.#channel.send(to, encodeMessage(this.codec, this.options.fingerprint, message));
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
    this.#channel.close();
    this.#listeners.clear();
    this.#onMismatch.clear();
  }

  #receive(from: string, payload: Uint8Array): void {
    const envelope = decodeMessage(this.codec, payload);
    if (envelope === undefined) {
      this.malformed++;
      return;
    }
    const { fingerprint, message } = envelope;
    if (message.type === "config_mismatch") this.#onRefused(from, message.settings);
    else if (fingerprint === this.options.fingerprint) {
      for (const listener of this.#listeners) listener(from, message);
    } else {
      // Says what it was made from, so that the other side can name what differs.
      const settings = JSON.stringify(this.options.shared);
      this.send(from, { type: "config_mismatch", settings });
    }
  }

  #onRefused(from: string, settings: string): void {
    let theirs: Record<string, unknown> = {};
    try {
      theirs = JSON.parse(settings) as Record<string, unknown>;
    } catch {
      this.malformed++;
    }
    const differing = differences(this.options.shared, theirs);
    const error = new GroupConfigMismatchError(this.options.group, from, differing);
    for (const listener of this.#onMismatch) listener(error);
  }
}
