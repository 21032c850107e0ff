/**
 * The messages of the replicated directory, to the byte.
 *
 * They travel on a channel, so a link gives them order and an end. What comes in is held against
 * the limits before anything is kept: a message that is cut short, or has more in it than may be,
 * is a ProtocolError and costs that message.
 */
import { ByteReader, ByteWriter } from "../bytes.ts";
import { ProtocolError } from "../errors.ts";

/** Whose entries: one number per view on the directory. An unknown one is kept and not shown. */
export const Space = { groups: 1, pubsub: 2, presence: 3 } as const;

/** Where an entry stands. */
export interface Place {
  readonly space: number;
  readonly topic: string;
  readonly key: string;
}

/** One entry of one writer. */
export interface Entry extends Place {
  readonly value: Uint8Array;
}

/** What has become of a place; without a value the entry is gone. */
export interface Change extends Place {
  readonly value: Uint8Array | undefined;
}

/** All entries of the writer, in parts; deltas may come in between. */
export interface SnapshotMessage {
  readonly kind: "snapshot";
  readonly isFirst: boolean;
  readonly isLast: boolean;
  /** The number of the last delta that is part of it. */
  readonly version: number;
  readonly changes: readonly Change[];
}

/** What has changed since the delta before. */
export interface DeltaMessage {
  readonly kind: "delta";
  readonly version: number;
  readonly changes: readonly Change[];
}

/** Asks for a snapshot. */
export interface AskMessage {
  readonly kind: "ask";
}

export type DirectoryMessage = SnapshotMessage | DeltaMessage | AskMessage;

const KIND_SNAPSHOT = 1;
const KIND_DELTA = 2;
const KIND_ASK = 3;

const FLAG_FIRST = 1;
const FLAG_LAST = 2;

/** Marks a place whose entry is gone. */
const GONE = 0x80;

/** Topics and keys, in bytes: they travel with every change. */
export const MAX_NAME_BYTES = 256;

/** A key of a view may say a little more than the name that it was made from. */
export const MAX_KEY_BYTES = MAX_NAME_BYTES + 24;

/** What a message has besides its changes. */
export const MESSAGE_HEAD_BYTES = 1 + 1 + 8 + 4;

/** What the largest place has besides its value. */
export const MAX_PLACE_BYTES = 1 + 2 + MAX_NAME_BYTES + 2 + MAX_KEY_BYTES + 4;

export function changeBytes({ topic, key, value }: Change): number {
  const names = 1 + 2 + Buffer.byteLength(topic) + 2 + Buffer.byteLength(key);
  return value === undefined ? names : names + 4 + value.length;
}

export function encodeDirectoryMessage(message: DirectoryMessage): Buffer {
  if (message.kind === "ask") return new ByteWriter(1).u8(KIND_ASK).done();
  const { kind, version, changes } = message;
  let size = MESSAGE_HEAD_BYTES;
  for (const change of changes) size += changeBytes(change);
  const writer = new ByteWriter(size);
  if (kind === "snapshot") {
    const flags = (message.isFirst ? FLAG_FIRST : 0) | (message.isLast ? FLAG_LAST : 0);
    writer.u8(KIND_SNAPSHOT).u8(flags);
  } else writer.u8(KIND_DELTA).u8(0);
  writer.u64(version).u32(changes.length);
  for (const { space, topic, key, value } of changes) {
    writer
      .u8(value === undefined ? space | GONE : space)
      .text16(topic)
      .text16(key);
    if (value !== undefined) writer.u32(value.length).bytes(value);
  }
  return writer.done();
}

/** Throws ProtocolError for anything that the other half could not have written. */
export function decodeDirectoryMessage(bytes: Uint8Array, maxValueBytes: number): DirectoryMessage {
  const reader = new ByteReader(bytes, "DIRECTORY");
  const kind = reader.u8();
  if (kind === KIND_ASK) {
    expectEnd(reader);
    return { kind: "ask" };
  }
  if (kind !== KIND_SNAPSHOT && kind !== KIND_DELTA) {
    throw new ProtocolError(`directory message of kind ${kind}`);
  }
  const flags = reader.u8();
  const version = reader.u64();
  const changes: Change[] = [];
  // Each one takes bytes, so a count that lies ends at the end of the message.
  for (let left = reader.u32(); left > 0; left--) changes.push(readChange(reader, maxValueBytes));
  expectEnd(reader);
  if (kind === KIND_DELTA) return { kind: "delta", version, changes };
  if (changes.some(({ value }) => value === undefined)) {
    throw new ProtocolError("a directory snapshot with an entry that is gone");
  }
  const isFirst = (flags & FLAG_FIRST) !== 0;
  return { kind: "snapshot", isFirst, isLast: (flags & FLAG_LAST) !== 0, version, changes };
}

function readChange(reader: ByteReader, maxValueBytes: number): Change {
  const mark = reader.u8();
  const space = mark & ~GONE;
  const topic = limited(reader.text16(), MAX_NAME_BYTES, "topic");
  const key = limited(reader.text16(), MAX_KEY_BYTES, "key");
  if ((mark & GONE) !== 0) return { space, topic, key, value: undefined };
  const size = reader.u32();
  if (size > maxValueBytes) throw new ProtocolError(`a directory value of ${size} bytes`);
  // A copy of its own: an entry that is kept must not pin the message it came in.
  return { space, topic, key, value: new Uint8Array(reader.bytes(size)) };
}

function limited(text: string, max: number, what: string): string {
  if (Buffer.byteLength(text) <= max) return text;
  throw new ProtocolError(`a directory ${what} of more than ${max} bytes`);
}

function expectEnd(reader: ByteReader): void {
  if (reader.rest().length > 0) throw new ProtocolError("a directory message with a tail");
}

/** One text for one place. */
export function placeId({ space, topic, key }: Place): string {
  return `${space}:${topic.length}:${topic}${key}`;
}

export function sameBytes(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return Buffer.compare(a, b) === 0;
}
