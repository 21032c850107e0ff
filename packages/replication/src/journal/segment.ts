/**
 * One file of the log: its name, its header, and what is found in it.
 *
 * The header is there twice. It says what the log had come to when the segment was begun, so that
 * one that is missing, or cannot be read, leaves a gap of a known size.
 */
import type { Checksum, Hash } from "../vsr/index.ts";
import { findRecord, type LogRecord, readRecord } from "./record.ts";
import { blockBytes, oldestVersion, readBlock, type Summary, sealBlock } from "./summary.ts";

/** Two blocks, each in a sector of its own. */
export const segmentHeaderBytes = 1024;
const copies = [0, 512];
const magic = 0x54525332;
const digits = 12;
/** Behind the block of a header: when its head was prepared, and whether the log begins anew. */
const beginBytes = 32;

export interface SegmentHeader {
  /** 1, 2, 3, … */
  readonly sequence: number;
  /** The life of the replica that began it. */
  readonly incarnation: number;
  readonly summary: Summary;
  /** The segment before counts up to this offset. */
  readonly previousEnd: number;
  readonly identity: Checksum;
  /** The log begins anew with this segment, after its head: what is in older ones is forgotten. */
  readonly begins?: boolean;
}

/** A run of bytes in which no record can be read. */
export interface Gap {
  readonly start: number;
  readonly end: number;
}

export interface Segment {
  readonly sequence: number;
  /** Where its content ends; behind it are zeros, the room for the records to come. */
  readonly size: number;
  /** Of the file. */
  readonly length: number;
  /** Undefined if neither copy can be read: then nothing else can be. */
  readonly header: (SegmentHeader & { readonly key: Checksum }) | undefined;
  /** One of the two copies of the header cannot be read. */
  readonly headerDamaged: boolean;
  /** Records and gaps, in the order of the file. */
  readonly items: readonly (LogRecord | Gap)[];
}

export function segmentName(sequence: number): string {
  return `${String(sequence).padStart(digits, "0")}.log`;
}

/** The number of the segment of that name; undefined if it is none. */
export function segmentSequence(name: string): number | undefined {
  return /^\d{12}\.log$/.test(name) ? Number(name.slice(0, digits)) : undefined;
}

export function sealSegmentHeader(header: SegmentHeader, hash: Hash) {
  const { sequence, incarnation, summary, previousEnd, identity } = header;
  const numbers = [sequence, incarnation, previousEnd] as const;
  const block = sealBlock(magic, { numbers, summary, identity }, hash);
  const key = block.toString("hex", 96);
  const begin = sealBegin(header, key, hash);
  const bytes = Buffer.alloc(segmentHeaderBytes);
  for (const at of copies) {
    block.copy(bytes, at);
    begin.copy(bytes, at + blockBytes);
  }
  return { bytes, key };
}

/** -1 for a time that is not known. */
function sealBegin({ summary, begins }: SegmentHeader, key: Checksum, hash: Hash): Buffer {
  const bytes = Buffer.alloc(beginBytes);
  bytes.writeDoubleBE(summary.headTimestamp ?? -1, 0);
  bytes.writeDoubleBE(begins === true ? 1 : 0, 8);
  bytes.write(hash(bytes.subarray(0, 16), Buffer.from(key, "hex")), 16, "hex");
  return bytes;
}

/** One copy of a header; undefined if it cannot be read. */
function readCopy(bytes: Buffer, start: number, hash: Hash) {
  const block = readBlock(bytes, start, magic, hash);
  if (block === undefined) return undefined;
  // Format 2 had nothing behind the block.
  if (block.version === oldestVersion) return { ...block, begins: false };
  const at = start + blockBytes;
  const key = Buffer.from(block.checksum, "hex");
  const isWhole =
    bytes.toString("hex", at + 16, at + 32) === hash(bytes.subarray(at, at + 16), key);
  if (!isWhole) return undefined;
  const timestamp = bytes.readDoubleBE(at);
  const headTimestamp = timestamp < 0 ? undefined : timestamp;
  const summary = { ...block.summary, headTimestamp };
  return { ...block, summary, begins: bytes.readDoubleBE(at + 8) === 1 };
}

export function readSegment(sequence: number, bytes: Buffer, hash: Hash): Segment {
  const blocks = copies.map((at) => readCopy(bytes, at, hash));
  const block = blocks.find((found) => found !== undefined);
  const headerDamaged = blocks.some((found) => found === undefined);
  const { length } = bytes;
  const found = { sequence, length, headerDamaged };
  if (block === undefined) return { ...found, size: length, header: undefined, items: [] };
  const { numbers, summary, identity, begins, checksum: key } = block;
  const [named, incarnation, previousEnd] = numbers;
  const header = { sequence: named, incarnation, summary, previousEnd, identity, begins, key };
  const items = readItems(bytes, key, hash);
  const end = items.at(-1)?.end ?? segmentHeaderBytes;
  return { ...found, size: Math.min(end, length), header, items };
}

function readItems(bytes: Buffer, key: Checksum, hash: Hash): (LogRecord | Gap)[] {
  const items: (LogRecord | Gap)[] = [];
  for (let at = segmentHeaderBytes; at < bytes.length; ) {
    const next = readRecord(bytes, at, key, hash) ?? findRecord(bytes, at, key, hash);
    if (next === undefined) {
      const end = contentEnd(bytes, at);
      if (end > at) items.push({ start: at, end });
      break;
    }
    if (next.start > at) items.push({ start: at, end: next.start });
    items.push(next);
    at = next.end;
  }
  return items;
}

/** Where the zeros begin with which a file ends; not before `from`. */
function contentEnd(bytes: Buffer, from: number): number {
  let end = bytes.length;
  while (end > from && bytes[end - 1] === 0) end--;
  return end;
}

export function isRecord(item: LogRecord | Gap): item is LogRecord {
  return "write" in item;
}
