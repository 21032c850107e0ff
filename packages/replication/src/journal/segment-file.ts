/**
 * Makes a segment: under another name first, so that one that has its name has a whole header, and
 * a name that is there after a loss of power.
 */
import { join } from "node:path";
import type { Checksum, Hash } from "../vsr/index.ts";
import { unfinishedSuffix } from "./directory.ts";
import { type SegmentHeader, sealSegmentHeader, segmentName } from "./segment.ts";
import type { Storage, StorageFile } from "./storage.ts";

/** The segment that is written, and up to where it is durable. */
export interface OpenSegment {
  readonly file: StorageFile;
  readonly sequence: number;
  readonly key: Checksum;
  end: number;
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
  return { file, sequence, key, end: bytes.length };
}
