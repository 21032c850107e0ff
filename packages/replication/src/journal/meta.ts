/**
 * What a journal says of itself besides the log: two copies of what must never be forgotten, and a
 * mark that may be.
 *
 * The meta record is written in turn into `meta-a` and `meta-b`, and synced before anything rests
 * on it: a write that is torn leaves the other copy. The mark says up to where the log is durable.
 * It is written without a sync, after the sync that it speaks of, so it may be old, never wrong.
 */
import type { Checksum, Hash, KnownLives, Op, View } from "../vsr/index.ts";
import {
  checksumBytes,
  formatVersion,
  oldestVersion,
  readBlock,
  type Summary,
  sealBlock,
} from "./summary.ts";

/** By the parity of the record's number. */
export const metaNames = ["meta-a", "meta-b"] as const;
export const markName = "mark";
/** Apart by a sector, by the parity of the mark's number. */
export const markStride = 512;

const metaMagic = 0x54524d32;
/** Of a record that tells of lives, behind the identity; there is none while there is one each. */
const livesMagic = 0x54524c33;
const markMagic = 0x54524b32;
const metaHeaderBytes = 92;

export interface Meta {
  /** Rises with each record; the higher one counts. */
  readonly number: number;
  /** Rises with each opening of the journal. */
  readonly incarnation: number;
  /** Of the group's configuration; 0 until there are others. */
  readonly epoch: number;
  /** The op of the newest checkpoint when this was written; 0 until there are any. */
  readonly checkpoint: Op;
  /** The newest segment that may hold records. */
  readonly segment: number;
  /** The log begins with this segment; those before it are removed. */
  readonly first: number;
  readonly view: View;
  readonly log_view: View;
  /** Names the cluster's group, its replica and its configuration, as text. */
  readonly identity: string;
  /** Which replicas have lost a journal; absent while none has. */
  readonly lives?: KnownLives;
}

export function sealMeta(meta: Meta, hash: Hash): Buffer {
  const identity = Buffer.from(meta.identity, "utf8");
  const lives = meta.lives === undefined ? Buffer.alloc(0) : encodeLives(meta.lives);
  const bytes = Buffer.concat([Buffer.alloc(metaHeaderBytes), identity, lives]);
  bytes.writeUInt32BE(meta.lives === undefined ? metaMagic : livesMagic, 0);
  bytes.writeUInt32BE(formatVersion, 4);
  bytes.writeDoubleBE(meta.number, 8);
  bytes.writeDoubleBE(meta.incarnation, 16);
  bytes.writeDoubleBE(meta.epoch, 24);
  bytes.writeDoubleBE(meta.checkpoint, 32);
  bytes.writeDoubleBE(meta.segment, 40);
  bytes.writeDoubleBE(meta.view, 48);
  bytes.writeDoubleBE(meta.log_view, 56);
  bytes.writeDoubleBE(meta.first, 64);
  bytes.writeUInt32BE(identity.length, 72);
  bytes.write(metaSeal(bytes, hash), 76, "hex");
  return bytes;
}

function metaSeal(bytes: Buffer, hash: Hash): Checksum {
  return hash(bytes.subarray(0, 76), bytes.subarray(76 + checksumBytes));
}

function encodeLives({ lives, rejoining }: KnownLives): Buffer {
  const bytes = Buffer.alloc(livesBytes(lives.length));
  bytes.writeUInt32BE(lives.length, 0);
  bytes.writeUInt32BE(rejoining ? 1 : 0, 4);
  for (const [i, life] of lives.entries()) bytes.writeDoubleBE(life, 8 + 8 * i);
  return bytes;
}

function decodeLives(bytes: Buffer): KnownLives {
  const count = (bytes.length - livesBytes(0)) / 8;
  const lives = Array.from({ length: count }, (_, i) => bytes.readDoubleBE(8 + 8 * i));
  return { lives, rejoining: bytes.readUInt32BE(4) === 1 };
}

function livesBytes(count: number): number {
  return 8 + 8 * count;
}

/** The record in a file; "damaged" if there is none that holds, or the version that wrote it. */
export function readMeta(bytes: Buffer, hash: Hash): Meta | "damaged" | { version: number } {
  if (bytes.length < metaHeaderBytes) return "damaged";
  const magic = bytes.readUInt32BE(0);
  if (magic !== metaMagic && magic !== livesMagic) return "damaged";
  const end = metaHeaderBytes + bytes.readUInt32BE(72);
  const hasLives = magic === livesMagic && bytes.length >= end + 4;
  const whole = bytes.subarray(0, hasLives ? end + livesBytes(bytes.readUInt32BE(end)) : end);
  if (whole.toString("hex", 76, metaHeaderBytes) !== metaSeal(whole, hash)) return "damaged";
  const version = bytes.readUInt32BE(4);
  if (version < oldestVersion || version > formatVersion) return { version };
  return {
    number: whole.readDoubleBE(8),
    incarnation: whole.readDoubleBE(16),
    epoch: whole.readDoubleBE(24),
    checkpoint: whole.readDoubleBE(32),
    segment: whole.readDoubleBE(40),
    view: whole.readDoubleBE(48),
    log_view: whole.readDoubleBE(56),
    // Format 2 had 0 here.
    first: Math.max(1, whole.readDoubleBE(64)),
    identity: whole.toString("utf8", metaHeaderBytes, end),
    ...(hasLives && { lives: decodeLives(whole.subarray(end)) }),
  };
}

export interface Mark {
  readonly number: number;
  /** Segment and offset up to which the log was durable, and what it had come to there. */
  readonly segment: number;
  readonly offset: number;
  readonly summary: Summary;
  readonly identity: Checksum;
}

export function sealMark({ number, segment, offset, summary, identity }: Mark, hash: Hash): Buffer {
  return sealBlock(markMagic, { numbers: [number, segment, offset], summary, identity }, hash);
}

/** The latest mark of that journal; undefined if none can be read. */
export function readMark(bytes: Buffer, of: Checksum, hash: Hash): Mark | undefined {
  let latest: Mark | undefined;
  for (const at of [0, markStride]) {
    const block = readBlock(bytes, at, markMagic, hash);
    if (block === undefined || block.identity !== of) continue;
    const [number, segment, offset] = block.numbers;
    if (number <= (latest?.number ?? 0)) continue;
    latest = { number, segment, offset, summary: block.summary, identity: of };
  }
  return latest;
}
