/**
 * The bytes between the nodes of a group: an envelope, which says for whom a message is meant, and
 * the message in it, encoded by the cluster's codec. Those that every call takes some of are bytes
 * in a layout of their own.
 */
import type { Codec } from "@troupe/cluster/runtime";
import { isHex, isNatural } from "./fields.ts";
import { frequentBytes, isFrequent, readFrequent, writeFrequent } from "./frequent-messages.ts";
import { isNamedMessage, textMax, type WireMessage } from "./wire.ts";

/** What every message begins with: for whom it is, and who speaks. */
export interface Header {
  /** The name of the group. */
  readonly group: string;
  /** The hash of the settings that all members share. */
  readonly configuration: string;
  /** How many configurations the group has had before this one (I53). */
  readonly epoch: number;
  /** The life of the sender's replica, greater than that of its lives before; 0 if it has none. */
  readonly incarnation: number;
}

export interface Envelope extends Header {
  readonly message: WireMessage;
}

/** How a message begins that is bytes: CBOR's byte string, and a length of four bytes. */
const bytesMark = 0x5a;
const markBytes = 5;

export function encodeMessage(codec: Codec, header: Header, message: WireMessage): Uint8Array {
  const front = frontOf(codec, header);
  if (!isFrequent(message)) return Buffer.concat([front, codec.encode(message)]);
  const length = frequentBytes(message);
  const at = front.length + markBytes;
  const bytes = Buffer.allocUnsafe(at + length);
  bytes.set(front);
  bytes[front.length] = bytesMark;
  bytes.writeUInt32BE(length, front.length + 1);
  writeFrequent(message, bytes, at);
  return bytes;
}

const fronts = new WeakMap<Header, Uint8Array>();

/** All of an envelope but its message. Made once for a header, of which a life has one. */
function frontOf(codec: Codec, header: Header): Uint8Array {
  let front = fronts.get(header);
  if (front === undefined) {
    const { group, configuration, epoch, incarnation } = header;
    // What stands for the message is a single byte.
    front = codec.encode([group, configuration, epoch, incarnation, null]).slice(0, -1);
    fronts.set(header, front);
  }
  return front;
}

/** What the bytes say; undefined if it is not a message of this protocol. */
export function decodeMessage(codec: Codec, payload: Uint8Array): Envelope | undefined {
  const value = decodeValue(codec, payload);
  if (!Array.isArray(value) || value.length !== envelopeFields) return undefined;
  const [group, configuration, epoch, incarnation, content] = value as unknown[];
  if (!isHeader(group, configuration, epoch, incarnation)) return undefined;
  const message = messageOf(content);
  return message && ({ group, configuration, epoch, incarnation, message } as Envelope);
}

/** So many nodes are known by their last header; one more, and all are forgotten. */
const knownMax = 256;

/** Reads what comes over one channel: a header is looked at once for each life of its node. */
export class EnvelopeReader {
  readonly #codec: Codec;
  readonly #known = new Map<string, { readonly front: Uint8Array; readonly header: Header }>();

  constructor(codec: Codec) {
    this.#codec = codec;
  }

  /** What a node says; undefined if it is not a message of this protocol. */
  read(from: string, payload: Uint8Array): Envelope | undefined {
    const known = this.#known.get(from);
    const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.length);
    if (known !== undefined && beginsWith(bytes, known.front)) {
      const message = messageAt(this.#codec, bytes, known.front.length);
      const { group, configuration, epoch, incarnation } = known.header;
      return message && { group, configuration, epoch, incarnation, message };
    }
    const envelope = decodeMessage(this.#codec, payload);
    if (envelope !== undefined) this.#remember(from, envelope, bytes);
    return envelope;
  }

  #remember(from: string, envelope: Envelope, bytes: Buffer): void {
    // Field by field: what a rest pattern makes is read slowly for ever.
    const { group, configuration, epoch, incarnation } = envelope;
    const header = { group, configuration, epoch, incarnation };
    const front = frontOf(this.#codec, header);
    if (!beginsWith(bytes, front)) return;
    if (this.#known.size >= knownMax) this.#known.clear();
    this.#known.set(from, { front, header });
  }
}

function beginsWith(bytes: Buffer, front: Uint8Array): boolean {
  const { length } = front;
  return bytes.length > length && bytes.compare(front, 0, length, 0, length) === 0;
}

/** The message that all bytes from there on are. */
function messageAt(codec: Codec, bytes: Buffer, at: number): WireMessage | undefined {
  if (bytes[at] !== bytesMark) return messageOf(decodeValue(codec, bytes.subarray(at)));
  const isWhole = bytes.length >= at + markBytes;
  if (!isWhole || bytes.readUInt32BE(at + 1) !== bytes.length - at - markBytes) return undefined;
  return readFrequent(bytes, at + markBytes);
}

function messageOf(content: unknown): WireMessage | undefined {
  if (!(content instanceof Uint8Array)) return isNamedMessage(content) ? content : undefined;
  return readFrequent(Buffer.from(content.buffer, content.byteOffset, content.length), 0);
}

/** The value; undefined, which is no message either, if the bytes are none. */
function decodeValue(codec: Codec, bytes: Uint8Array): unknown {
  try {
    return codec.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Those of the header, and the message. */
const envelopeFields = 5;

function isHeader(...[group, configuration, epoch, incarnation]: unknown[]): boolean {
  const isName = typeof group === "string" && group.length <= textMax;
  return isName && isHex(configuration) && isNatural(epoch) && isNatural(incarnation);
}
