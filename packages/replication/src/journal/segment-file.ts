/**
 * Makes a segment: under another name first, so that one that has its name has a whole header, and
 * a name that is there after a loss of power.
 */
import { join } from "node:path";
import type { Checksum, Hash } from "../vsr/index.ts";
import { unfinishedSuffix } from "./directory.ts";
import { type SegmentHeader, sealSegmentHeader, segmentName } from "./segment.ts";
import type { Storage, StorageFile } from "./storage.ts";

/** The segment that is written. */
export interface OpenSegment {
  readonly file: StorageFile;
  readonly sequence: number;
  readonly key: Checksum;
  /** Up to where it is durable: here the next record goes. */
  end: number;
  /** Of the file, which ends with zeros: the room for the records to come. */
  length: number;
}

const pageBytes = 4096;
const roomBytesMax = 256 * 1024;

/**
 * The bytes of records, and of room behind them where they do not fit into the file. A write that
 * makes a file longer makes the file system write down its new length as well, and writers of one
 * file system wait for each other there; one into zeros costs what its own bytes do. A small log is
 * about doubled, so it stays small.
 */
export function withRoom(records: readonly Buffer[], { end, length }: OpenSegment): Buffer {
  const [only] = records;
  let bytes = 0;
  for (const record of records) bytes += record.length;
  const filled = end + bytes;
  if (filled <= length) return only?.length === bytes ? only : Buffer.concat(records, bytes);
  const room = Math.min(Math.max(filled, pageBytes), roomBytesMax);
  const whole = Math.ceil((filled + room) / pageBytes) * pageBytes;
  // What is behind the records is filled with zeros.
  return Buffer.concat(records, whole - end);
}

/** `first` makes a record that is to be there whenever the segment is. */
export async function createSegment(
  storage: Storage,
  path: string,
  header: SegmentHeader,
  hash: Hash,
  first?: (key: Checksum) => Buffer,
): Promise<OpenSegment> {
  const { bytes: head, key } = sealSegmentHeader(header, hash);
  const record = first?.(key);
  const bytes = record === undefined ? head : Buffer.concat([head, record]);
  const { sequence } = header;
  const name = join(path, segmentName(sequence));
  const file = await storage.create(name + unfinishedSuffix, "log");
  try {
    await file.write(bytes, 0);
    await file.datasync();
    await storage.rename(name + unfinishedSuffix, name);
    await storage.syncDirectory(path);
  } catch (error) {
    await file.close().catch(() => undefined);
    throw error;
  }
  return { file, sequence, key, end: bytes.length, length: bytes.length };
}
