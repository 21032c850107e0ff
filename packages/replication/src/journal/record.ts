/**
 * The bytes of a record: one atomic `Write`. docs/journal.md has the layout to the byte.
 *
 *     u32 magic "TRJ2" | u32 entries | u32 bytes of bodies | u32 0 | f64 offset | f64 base
 *     | f64 write | f64 view | f64 log_view | f64 commit | f64 truncate | f64 head before
 *     | checksum of that head | checksum of all this and the table | table | bodies
 *
 * The table has what is known of each entry but its body; a body is guarded by the checksum of its
 * entry, so one that is damaged loses its own slot and nothing else. The checksum of the header is
 * keyed with that of the segment's, and the header says at which offset it stands: no bytes that
 * a caller sends, and none that were meant for another place, can be taken for a record.
 *
 * `base` is the offset up to which the segment was durable when the record was written. A record
 * thus vouches for all bytes before its base: damage there is no torn write.
 */
import {
  type Checksum,
  type DamagedSlot,
  type Hash,
  isIntact,
  type Op,
  type Prepare,
  type Write,
} from "../vsr/index.ts";
import { checksumBytes, readChecksum, type Summary, writeChecksum } from "./summary.ts";

export const recordHeaderBytes = 112;
export const tableEntryBytes = 60;
/** A length beyond this is damage: no replica writes so much at once. */
export const recordBytesMax = 64 * 1024 * 1024;

const magic = 0x54524a32;
const sealOffset = recordHeaderBytes - checksumBytes;

export interface LogRecord {
  readonly start: number;
  /** Offset of the byte behind it; beyond the file, if the file has been cut. */
  readonly end: number;
  readonly base: number;
  /** The head before this write, and its checksum where that is known. */
  readonly headBefore: Op;
  readonly headBeforeChecksum: Checksum | undefined;
  /** The write, with those entries whose bodies can be read. */
  readonly write: Write;
  /** The entries whose bodies cannot be read. */
  readonly lost: readonly Required<DamagedSlot>[];
}

export function recordBytes(write: Write): number {
  let size = recordHeaderBytes + write.entries.length * tableEntryBytes;
  for (const { body } of write.entries) size += body.length;
  return size;
}

export interface Place {
  readonly start: number;
  readonly base: number;
  /** The checksum of the segment's header. */
  readonly key: Checksum;
}

export function sealRecord(write: Write, before: Summary, place: Place, hash: Hash): Buffer {
  const bytes = Buffer.allocUnsafe(recordBytes(write));
  const tableEnd = recordHeaderBytes + write.entries.length * tableEntryBytes;
  bytes.writeUInt32BE(magic, 0);
  bytes.writeUInt32BE(write.entries.length, 4);
  bytes.writeUInt32BE(bytes.length - tableEnd, 8);
  bytes.writeUInt32BE(0, 12);
  bytes.writeDoubleBE(place.start, 16);
  bytes.writeDoubleBE(place.base, 24);
  bytes.writeDoubleBE(write.write, 32);
  bytes.writeDoubleBE(write.view, 40);
  bytes.writeDoubleBE(write.log_view, 48);
  bytes.writeDoubleBE(write.commit, 56);
  bytes.writeDoubleBE(write.truncate ?? -1, 64);
  bytes.writeDoubleBE(before.head, 72);
  writeChecksum(bytes, 80, before.headChecksum);
  let at = recordHeaderBytes;
  let bodyAt = tableEnd;
  for (const { view, op, timestamp, parent, checksum, body } of write.entries) {
    bytes.writeDoubleBE(view, at);
    bytes.writeDoubleBE(op, at + 8);
    bytes.writeDoubleBE(timestamp, at + 16);
    bytes.write(parent, at + 24, "hex");
    bytes.write(checksum, at + 40, "hex");
    bytes.writeUInt32BE(body.length, at + 56);
    bytes.set(body, bodyAt);
    at += tableEntryBytes;
    bodyAt += body.length;
  }
  bytes.write(sealOf(bytes, 0, tableEnd, place.key, hash), sealOffset, "hex");
  return bytes;
}

function sealOf(bytes: Buffer, start: number, end: number, key: Checksum, hash: Hash): Checksum {
  const keyed = Buffer.allocUnsafe(checksumBytes + sealOffset);
  keyed.write(key, "hex");
  bytes.copy(keyed, checksumBytes, start, start + sealOffset);
  return hash(keyed, bytes.subarray(start + recordHeaderBytes, end));
}

/** The record at `start`; undefined if its header and table cannot be read. */
export function readRecord(
  bytes: Buffer,
  start: number,
  key: Checksum,
  hash: Hash,
): LogRecord | undefined {
  if (bytes.length < start + recordHeaderBytes) return undefined;
  if (bytes.readUInt32BE(start) !== magic || bytes.readUInt32BE(start + 12) !== 0) return undefined;
  const count = bytes.readUInt32BE(start + 4);
  const tableEnd = start + recordHeaderBytes + count * tableEntryBytes;
  if (tableEnd > bytes.length || bytes.readDoubleBE(start + 16) !== start) return undefined;
  const seal = bytes.toString("hex", start + sealOffset, start + recordHeaderBytes);
  if (seal !== sealOf(bytes, start, tableEnd, key, hash)) return undefined;
  const truncate = bytes.readDoubleBE(start + 64);
  const { entries, lost } = readEntries(bytes, start + recordHeaderBytes, tableEnd, hash);
  return {
    start,
    end: tableEnd + bytes.readUInt32BE(start + 8),
    base: bytes.readDoubleBE(start + 24),
    headBefore: bytes.readDoubleBE(start + 72),
    headBeforeChecksum: readChecksum(bytes, start + 80),
    write: {
      write: bytes.readDoubleBE(start + 32),
      view: bytes.readDoubleBE(start + 40),
      log_view: bytes.readDoubleBE(start + 48),
      commit: bytes.readDoubleBE(start + 56),
      ...(truncate < 0 ? {} : { truncate }),
      entries,
    },
    lost,
  };
}

function readEntries(bytes: Buffer, tableStart: number, tableEnd: number, hash: Hash) {
  const entries: Prepare[] = [];
  const lost: Required<DamagedSlot>[] = [];
  let bodyAt = tableEnd;
  for (let at = tableStart; at < tableEnd; at += tableEntryBytes) {
    const bodyEnd = bodyAt + bytes.readUInt32BE(at + 56);
    const entry: Prepare = {
      view: bytes.readDoubleBE(at),
      op: bytes.readDoubleBE(at + 8),
      timestamp: bytes.readDoubleBE(at + 16),
      parent: bytes.toString("hex", at + 24, at + 40),
      checksum: bytes.toString("hex", at + 40, at + 56),
      body: new Uint8Array(bytes.subarray(bodyAt, bodyEnd)),
    };
    if (isIntact(entry, hash)) entries.push(entry);
    else lost.push({ op: entry.op, checksum: entry.checksum, parent: entry.parent });
    bodyAt = bodyEnd;
  }
  return { entries, lost };
}

/** Where the next record begins at or behind `from`; undefined if there is none. */
export function findRecord(
  bytes: Buffer,
  from: number,
  key: Checksum,
  hash: Hash,
): LogRecord | undefined {
  const mark = Buffer.alloc(4);
  mark.writeUInt32BE(magic);
  for (let at = bytes.indexOf(mark, from); at !== -1; at = bytes.indexOf(mark, at + 1)) {
    const record = readRecord(bytes, at, key, hash);
    if (record !== undefined) return record;
  }
  return undefined;
}
