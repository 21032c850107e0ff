/**
 * Named channels of opaque bytes between nodes, for a protocol that brings its own messages.
 *
 * A channel promises what a link does: order per pair while the link lives, no duplicates, and
 * nothing about delivery. It queues nothing for a node that is not connected.
 */
import { OptionError } from "@troupe/actor";
import { nameOption } from "@troupe/actor/runtime";
import { MessageTooLargeError } from "../errors.ts";
import { FrameKind } from "../link/frame.ts";
import { channelLane } from "../link/lanes.ts";
import { channelBytes, writeChannel } from "./messages.ts";
import type { LinkDirectory } from "./outbound.ts";

/** Opaque bytes to and from the same channel of other nodes. */
export interface Channel {
  readonly name: string;
  /** The largest payload that `send` takes, in bytes. */
  readonly maxPayloadBytes: number;
  /**
   * Sends bytes, which are copied. False: the node is not connected, takes no message so large,
   * or has too much waiting for it; nothing was queued then. Sending to oneself is delivered
   * later, never on this stack.
   *
   * Throws MessageTooLargeError for a payload that no link would ever take.
   */
  send(to: string, payload: Uint8Array): boolean;
  /** Sets who gets the messages, in place of the one before. Until then they are dropped. */
  onMessage(listener: (from: string, payload: Uint8Array) => void): void;
  /** Ends the channel; its name may be opened again. */
  close(): void;
}

export interface ChannelsPorts {
  readonly self: string;
  readonly links: LinkDirectory;
  readonly maxMessageBytes: number;
  /** How much may be on its way to oneself. */
  readonly maxLoopbackBytes: number;
  readonly defer: (deliver: () => void) => void;
  /** A listener threw: its fault must not cost the link that all others use. */
  readonly listenerThrew: (channel: string, error: unknown) => void;
}

/** The longest name of a channel: it travels with every message. */
const MAX_NAME_BYTES = 256;

/** Channels whose names begin so are the framework's own. */
const RESERVED = "troupe.";

/** A name for a channel of the application. Throws OptionError for a reserved one. */
export function applicationName(name: string): string {
  if (!nameOption("channel", name).startsWith(RESERVED)) return name;
  throw new OptionError("channel", `a name that does not begin with "${RESERVED}"`, name);
}

export class Channels {
  readonly #ports: ChannelsPorts;
  readonly #open = new Map<string, NodeChannel>();

  constructor(ports: ChannelsPorts) {
    this.#ports = ports;
  }

  open(name: string): Channel {
    nameOption("channel", name);
    if (Buffer.byteLength(name) > MAX_NAME_BYTES) {
      throw new OptionError("channel", `a name of at most ${MAX_NAME_BYTES} bytes`, name);
    }
    if (this.#open.has(name)) {
      throw new OptionError("channel", "a name that is not open already", name);
    }
    const channel = new NodeChannel(name, this.#ports, () => {
      if (this.#open.get(name) === channel) this.#open.delete(name);
    });
    this.#open.set(name, channel);
    return channel;
  }

  /** A message came in. One for a channel that nobody has opened is dropped. */
  deliver(from: string, name: string, payload: Uint8Array): void {
    this.#open.get(name)?.deliver(from, payload);
  }

  closeAll(): void {
    for (const channel of [...this.#open.values()]) channel.close();
  }
}

class NodeChannel implements Channel {
  readonly name: string;
  readonly maxPayloadBytes: number;
  readonly #ports: ChannelsPorts;
  readonly #lane: number;
  readonly #onClose: () => void;
  #listener: ((from: string, payload: Uint8Array) => void) | undefined;
  #loopbackBytes = 0;
  #closed = false;

  constructor(name: string, ports: ChannelsPorts, onClose: () => void) {
    this.name = name;
    this.maxPayloadBytes = ports.maxMessageBytes - 2 - Buffer.byteLength(name);
    this.#lane = channelLane(name);
    this.#ports = ports;
    this.#onClose = onClose;
  }

  send(to: string, payload: Uint8Array): boolean {
    if (this.#closed) return false;
    const { self, links, maxMessageBytes } = this.#ports;
    const bodyBytes = channelBytes(this.name, payload);
    if (bodyBytes > maxMessageBytes) throw new MessageTooLargeError(bodyBytes, maxMessageBytes);
    if (to === self) return this.#loopBack(payload);
    const connection = links.get(to)?.connection;
    if (connection === undefined || bodyBytes > connection.maxMessageBytes) return false;
    const writer = connection.begin(FrameKind.channel, this.#lane, bodyBytes);
    if (writer !== undefined) writeChannel(writer, this.name, payload);
    return writer !== undefined;
  }

  onMessage(listener: (from: string, payload: Uint8Array) => void): void {
    this.#listener = listener;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#listener = undefined;
    this.#onClose();
  }

  deliver(from: string, payload: Uint8Array): void {
    try {
      this.#listener?.(from, payload);
    } catch (error) {
      this.#ports.listenerThrew(this.name, error);
    }
  }

  #loopBack(payload: Uint8Array): boolean {
    if (this.#loopbackBytes + payload.length > this.#ports.maxLoopbackBytes) return false;
    const copy = Uint8Array.from(payload);
    this.#loopbackBytes += copy.length;
    this.#ports.defer(() => {
      this.#loopbackBytes -= copy.length;
      this.deliver(this.#ports.self, copy);
    });
    return true;
  }
}
