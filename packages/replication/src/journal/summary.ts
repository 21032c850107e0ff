/**
 * What a log has come to at one place of a journal: enough to notice, behind a place that cannot be
 * read, what was in it. And the fixed block of bytes that carries it, in a segment's header and in
 * a mark. docs/journal.md has the layout to the byte.
 */
import type { Checksum, Hash, LogBase, Op, View, Write } from "../vsr/index.ts";

/** Format 2 had no checkpoints, and so a log that always began with op 1. */
export const formatVersion = 3;
export const oldestVersion = 2;
export const checksumBytes = 16;
export const summaryBytes = 4 * 8 + checksumBytes;
export const blockBytes = 112;

export interface Summary {
  readonly view: View;
  readonly log_view: View;
  readonly commit: Op;
  /** The op of the last slot, and its checksum where that is known. */
  readonly head: Op;
  readonly headChecksum: Checksum | undefined;
  /** When that entry was prepared, where it is known; no block or record carries it. */
  readonly headTimestamp?: number | undefined;
}

export const emptySummary: Summary = {
  view: 0,
  log_view: 0,
  commit: 0,
  head: 0,
  headChecksum: undefined,
};

/** What a log has come to after a write. */
export function summaryAfter(before: Summary, write: Write): Summary {
  const { reset, truncate, entries, view, log_view } = write;
  let { head, headChecksum, headTimestamp } = before;
  const goTo = ({ op, checksum, timestamp }: LogBase) => {
    head = op;
    headChecksum = checksum;
    headTimestamp = timestamp;
  };
  if (reset !== undefined) goTo(reset);
  if (truncate !== undefined && truncate < head) {
    head = truncate;
    headChecksum = undefined;
    headTimestamp = undefined;
  }
  for (const entry of entries) if (entry.op >= head) goTo(entry);
  const commit = Math.max(before.commit, write.commit);
  return { view, log_view, commit, head, headChecksum, headTimestamp };
}

export function writeSummary(bytes: Buffer, at: number, summary: Summary): void {
  bytes.writeDoubleBE(summary.view, at);
  bytes.writeDoubleBE(summary.log_view, at + 8);
  bytes.writeDoubleBE(summary.commit, at + 16);
  bytes.writeDoubleBE(summary.head, at + 24);
  writeChecksum(bytes, at + 32, summary.headChecksum);
}

export function readSummary(bytes: Buffer, at: number): Summary {
  return {
    view: bytes.readDoubleBE(at),
    log_view: bytes.readDoubleBE(at + 8),
    commit: bytes.readDoubleBE(at + 16),
    head: bytes.readDoubleBE(at + 24),
    headChecksum: readChecksum(bytes, at + 32),
  };
}

/** One that is not known is written as zeros. */
export function writeChecksum(bytes: Buffer, at: number, checksum: Checksum | undefined): void {
  if (checksum === undefined) bytes.fill(0, at, at + checksumBytes);
  else bytes.write(checksum, at, "hex");
}

export function readChecksum(bytes: Buffer, at: number): Checksum | undefined {
  const checksum = bytes.toString("hex", at, at + checksumBytes);
  return /^0+$/.test(checksum) ? undefined : checksum;
}

export interface Block {
  readonly numbers: readonly [number, number, number];
  readonly summary: Summary;
  /** The hash of what the journal belongs to. */
  readonly identity: Checksum;
}

interface ReadBlock extends Block {
  readonly checksum: Checksum;
  readonly version: number;
}

export function sealBlock(magic: number, block: Block, hash: Hash): Buffer {
  const bytes = Buffer.alloc(blockBytes);
  bytes.writeUInt32BE(magic, 0);
  bytes.writeUInt32BE(formatVersion, 4);
  bytes.writeDoubleBE(block.numbers[0], 8);
  bytes.writeDoubleBE(block.numbers[1], 16);
  writeSummary(bytes, 24, block.summary);
  bytes.writeDoubleBE(block.numbers[2], 72);
  writeChecksum(bytes, 80, block.identity);
  bytes.write(hash(bytes.subarray(0, 96)), 96, "hex");
  return bytes;
}

/** The block at that place; undefined if there is none, or a damaged one. */
export function readBlock(
  bytes: Buffer,
  at: number,
  magic: number,
  hash: Hash,
): ReadBlock | undefined {
  if (bytes.length < at + blockBytes || bytes.readUInt32BE(at) !== magic) return undefined;
  const checksum = bytes.toString("hex", at + 96, at + blockBytes);
  if (hash(bytes.subarray(at, at + 96)) !== checksum) return undefined;
  return {
    numbers: [bytes.readDoubleBE(at + 8), bytes.readDoubleBE(at + 16), bytes.readDoubleBE(at + 72)],
    summary: readSummary(bytes, at + 24),
    identity: bytes.toString("hex", at + 80, at + 96),
    checksum,
    version: bytes.readUInt32BE(at + 4),
  };
}
