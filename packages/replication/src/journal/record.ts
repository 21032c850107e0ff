/**
 * The bytes of a journal record: one atomic `Write`, guarded by a checksum. docs/journal.md has the
 * layout to the byte.
 *
 *     u32 magic "TRJ1" | u32 payload length | f64 base | 16 bytes checksum of the rest | payload
 *
 * `base` is the offset up to which the file was durable when the record was written. A record thus
 * vouches for all bytes before its base: damage there is not a torn write, but a disk that lost
 * data.
 */
import type { Checksum, Hash, Prepare, Write } from "../vsr/index.ts";

export const recordHeaderBytes = 32;
/** A length beyond this is damage: no replica writes so much at once. */
export const recordPayloadBytesMax = 64 * 1024 * 1024;

const magic = 0x54524a31;
const checksumBytes = 16;
const writeHeaderBytes = 5 * 8 + 4;
const entryHeaderBytes = 3 * 8 + 2 * checksumBytes + 4;

export interface Record {
  readonly base: number;
  readonly payload: Buffer;
  /** Offset of the byte behind it. */
  readonly end: number;
}

export function sealRecord(base: number, payload: Buffer, hash: Hash): Buffer {
  const record = Buffer.alloc(recordHeaderBytes + payload.length);
  record.writeUInt32BE(magic, 0);
  record.writeUInt32BE(payload.length, 4);
  record.writeDoubleBE(base, 8);
  payload.copy(record, recordHeaderBytes);
  record.write(checksumOf(record, hash), 16, "hex");
  return record;
}

/** The record at `offset`: itself, "short" if the bytes end within it, or "damaged". */
export function readRecord(
  bytes: Buffer,
  offset: number,
  hash: Hash,
): Record | "short" | "damaged" {
  if (bytes.length - offset < recordHeaderBytes) return "short";
  const length = bytes.readUInt32BE(offset + 4);
  if (bytes.readUInt32BE(offset) !== magic || length > recordPayloadBytesMax) return "damaged";
  const end = offset + recordHeaderBytes + length;
  if (end > bytes.length) return "short";
  const record = bytes.subarray(offset, end);
  if (record.toString("hex", 16, recordHeaderBytes) !== checksumOf(record, hash)) return "damaged";
  const payload = record.subarray(recordHeaderBytes);
  return { base: record.readDoubleBE(8), payload, end };
}

/** The first intact record at or behind `offset`, wherever it begins. */
export function findRecord(bytes: Buffer, offset: number, hash: Hash): Record | undefined {
  const mark = Buffer.alloc(4);
  mark.writeUInt32BE(magic);
  for (let at = bytes.indexOf(mark, offset); at !== -1; at = bytes.indexOf(mark, at + 1)) {
    const record = readRecord(bytes, at, hash);
    if (typeof record === "object") return record;
  }
  return undefined;
}

/** Over the magic, the length, the base and the payload: everything but itself. */
function checksumOf(record: Buffer, hash: Hash): Checksum {
  const payload = record.subarray(recordHeaderBytes);
  return hash(Buffer.concat([record.subarray(0, 16), payload]));
}

export function encodeWrite(write: Write): Buffer {
  let size = writeHeaderBytes;
  for (const { body } of write.entries) size += entryHeaderBytes + body.length;
  const bytes = Buffer.alloc(size);
  bytes.writeDoubleBE(write.write, 0);
  bytes.writeDoubleBE(write.view, 8);
  bytes.writeDoubleBE(write.log_view, 16);
  bytes.writeDoubleBE(write.commit, 24);
  bytes.writeDoubleBE(write.truncate ?? -1, 32);
  bytes.writeUInt32BE(write.entries.length, 40);
  let at = writeHeaderBytes;
  for (const { view, op, timestamp, parent, checksum, body } of write.entries) {
    bytes.writeDoubleBE(view, at);
    bytes.writeDoubleBE(op, at + 8);
    bytes.writeDoubleBE(timestamp, at + 16);
    bytes.write(parent, at + 24, "hex");
    bytes.write(checksum, at + 40, "hex");
    bytes.writeUInt32BE(body.length, at + 56);
    bytes.set(body, at + entryHeaderBytes);
    at += entryHeaderBytes + body.length;
  }
  return bytes;
}

/** The write in a record whose checksum holds; anything odd in it is another version's. */
export function decodeWrite(bytes: Buffer): Write {
  const truncate = bytes.readDoubleBE(32);
  const entries: Prepare[] = [];
  const count = bytes.readUInt32BE(40);
  let at = writeHeaderBytes;
  for (let i = 0; i < count; i++) {
    const bodyEnd = at + entryHeaderBytes + bytes.readUInt32BE(at + 56);
    entries.push({
      view: bytes.readDoubleBE(at),
      op: bytes.readDoubleBE(at + 8),
      timestamp: bytes.readDoubleBE(at + 16),
      parent: bytes.toString("hex", at + 24, at + 40),
      checksum: bytes.toString("hex", at + 40, at + 56),
      body: new Uint8Array(bytes.subarray(at + entryHeaderBytes, bodyEnd)),
    });
    at = bodyEnd;
  }
  return {
    write: bytes.readDoubleBE(0),
    view: bytes.readDoubleBE(8),
    log_view: bytes.readDoubleBE(16),
    commit: bytes.readDoubleBE(24),
    ...(truncate < 0 ? {} : { truncate }),
    entries,
  };
}
