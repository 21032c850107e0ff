/**
 * The layout of the five messages that every call takes some of: fields at fixed places, where the
 * other messages are objects with named fields.
 *
 *     u8 tag | u8 n | f64 lives, n times | fields
 *
 * `tag` names the message, the lives are its `crash_vector`, absent if there are none. docs/wire.md
 * has the fields. Bytes that are not such a message, or hold a number that is none, make none.
 */
import { isNatural } from "./fields.ts";
import type { Checksum, ReplicaMessage } from "./vsr/index.ts";

/** The requests that one turn of a client's node has for a replica. */
export interface RequestsMessage {
  readonly type: "requests";
  readonly batch: Uint8Array;
}

/** The replies that one turn of a replica has for a client's node. */
export interface RepliesMessage {
  readonly type: "replies";
  readonly batch: Uint8Array;
}

type PrepareMessage = Extract<ReplicaMessage, { readonly type: "prepare" }>;
type PlaceMessage = Extract<ReplicaMessage, { readonly type: "prepare_ok" | "commit" }>;
type FromLife = Pick<ReplicaMessage, "crash_vector">;

export type FrequentMessage = RequestsMessage | RepliesMessage | PrepareMessage | PlaceMessage;

const tags = { requests: 1, replies: 2, prepare: 3, prepare_ok: 4, commit: 5 } as const;

/** Of the largest group. */
const livesMax = 7;
const checksumBytes = 16;
/** View and commit; view, op and timestamp of the entry, and two checksums. */
const prepareBytes = 5 * 8 + 2 * checksumBytes;
/** View, op or commit, checksum. */
const placeBytes = 2 * 8 + checksumBytes;

export function isFrequent(message: { readonly type: string }): message is FrequentMessage {
  return Object.hasOwn(tags, message.type);
}

/** How many bytes such a message takes. */
export function frequentBytes(message: FrequentMessage): number {
  switch (message.type) {
    case "requests":
    case "replies":
      return 2 + message.batch.length;
    case "prepare":
      return headBytes(message) + prepareBytes + message.entry.body.length;
    default:
      return headBytes(message) + placeBytes;
  }
}

function headBytes({ crash_vector }: FromLife): number {
  return 2 + 8 * (crash_vector?.length ?? 0);
}

/** Writes it into bytes that have room for it. */
export function writeFrequent(message: FrequentMessage, bytes: Buffer, start: number): void {
  bytes[start] = tags[message.type];
  switch (message.type) {
    case "requests":
    case "replies":
      bytes[start + 1] = 0;
      bytes.set(message.batch, start + 2);
      return;
    case "prepare":
      writePrepare(message, bytes, writeLives(message, bytes, start + 1));
      return;
    case "prepare_ok":
      writePlace(message, message.op, bytes, writeLives(message, bytes, start + 1));
      return;
    case "commit":
      writePlace(message, message.commit, bytes, writeLives(message, bytes, start + 1));
  }
}

function writeLives({ crash_vector }: FromLife, bytes: Buffer, start: number): number {
  const count = crash_vector?.length ?? 0;
  bytes[start] = count;
  let at = start + 1;
  for (let i = 0; i < count; i++) at = bytes.writeDoubleBE(crash_vector?.[i] ?? 0, at);
  return at;
}

function writePrepare({ view, commit, entry }: PrepareMessage, bytes: Buffer, at: number): void {
  bytes.writeDoubleBE(view, at);
  bytes.writeDoubleBE(commit, at + 8);
  bytes.writeDoubleBE(entry.view, at + 16);
  bytes.writeDoubleBE(entry.op, at + 24);
  bytes.writeDoubleBE(entry.timestamp, at + 32);
  bytes.write(entry.parent, at + 40, "hex");
  bytes.write(entry.checksum, at + 56, "hex");
  bytes.set(entry.body, at + prepareBytes);
}

function writePlace(
  { view, checksum }: { readonly view: number; readonly checksum: Checksum },
  op: number,
  bytes: Buffer,
  at: number,
): void {
  bytes.writeDoubleBE(view, at);
  bytes.writeDoubleBE(op, at + 8);
  bytes.write(checksum, at + 16, "hex");
}

/** The message that the bytes from `start` to their end are, with bytes of its own. */
export function readFrequent(bytes: Buffer, start: number): FrequentMessage | undefined {
  const tag = bytes[start];
  const count = bytes[start + 1];
  if (count === undefined) return undefined;
  if (tag === tags.requests || tag === tags.replies) {
    if (count > 0) return undefined;
    const batch = copyFrom(bytes, start + 2);
    return { type: tag === tags.requests ? "requests" : "replies", batch };
  }
  const at = start + 2 + 8 * count;
  if (count > livesMax || at > bytes.length) return undefined;
  const message = readFields(tag, bytes, at);
  if (message === undefined || count === 0) return message;
  const lives = readLives(bytes, start + 2, count);
  // Added to it, and not to a copy: that would be made field by field, for each message.
  (message as { crash_vector?: readonly number[] }).crash_vector = lives;
  return lives.every(isNatural) ? message : undefined;
}

function readFields(
  tag: number | undefined,
  bytes: Buffer,
  at: number,
): PrepareMessage | PlaceMessage | undefined {
  if (tag === tags.prepare) return readPrepare(bytes, at);
  if (bytes.length !== at + placeBytes) return undefined;
  const [view, op] = [bytes.readDoubleBE(at), bytes.readDoubleBE(at + 8)];
  if (!isNatural(view) || !isNatural(op)) return undefined;
  const checksum = bytes.toString("hex", at + 16, at + placeBytes);
  if (tag === tags.prepare_ok) return { type: "prepare_ok", view, op, checksum };
  if (tag === tags.commit) return { type: "commit", view, commit: op, checksum };
  return undefined;
}

function readPrepare(bytes: Buffer, at: number): PrepareMessage | undefined {
  if (bytes.length < at + prepareBytes) return undefined;
  const view = bytes.readDoubleBE(at);
  const commit = bytes.readDoubleBE(at + 8);
  const entry = {
    view: bytes.readDoubleBE(at + 16),
    op: bytes.readDoubleBE(at + 24),
    timestamp: bytes.readDoubleBE(at + 32),
    parent: bytes.toString("hex", at + 40, at + 56),
    checksum: bytes.toString("hex", at + 56, at + prepareBytes),
    body: copyFrom(bytes, at + prepareBytes),
  };
  if (!isNatural(view) || !isNatural(commit)) return undefined;
  if (!isNatural(entry.view) || !isNatural(entry.op) || !isNatural(entry.timestamp)) {
    return undefined;
  }
  return { type: "prepare", view, commit, entry };
}

function readLives(bytes: Buffer, start: number, count: number): number[] {
  const lives = new Array<number>(count);
  for (let i = 0; i < count; i++) lives[i] = bytes.readDoubleBE(start + 8 * i);
  return lives;
}

/** The bytes from there on lie in the memory of a socket, which they would keep. */
function copyFrom(bytes: Buffer, start: number): Uint8Array {
  const copy = new Uint8Array(bytes.length - start);
  copy.set(bytes.subarray(start));
  return copy;
}
