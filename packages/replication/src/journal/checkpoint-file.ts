/**
 * The bytes of one checkpoint on the disk: a header, and the content in blocks, each behind its
 * checksum, so that any part can be read and checked for itself. docs/journal.md has the layout.
 */
import { RunningChecksum } from "../checksum.ts";
import type { Checksum, Hash, Op } from "../vsr/index.ts";
import type { CheckpointName } from "./journal.ts";
import type { StorageFile } from "./storage.ts";
import { checksumBytes, formatVersion } from "./summary.ts";

export const checkpointHeaderBytes = 72;
/** Of content; the last block of a file may have fewer. */
export const checkpointBlockBytes = 64 * 1024;

const magic = 0x54524333;
const stride = checksumBytes + checkpointBlockBytes;
const nameForm = /^(?<op>\d{16})\.checkpoint$/;

export function checkpointFileName(op: Op): string {
  return `${String(op).padStart(16, "0")}.checkpoint`;
}

/** The op of the checkpoint of that name; undefined if it is none. */
export function checkpointFileOp(name: string): Op | undefined {
  const op = nameForm.exec(name)?.groups?.op;
  return op === undefined ? undefined : Number(op);
}

export function blockOffset(block: number): number {
  return checkpointHeaderBytes + block * stride;
}

export function sealCheckpointHeader(name: CheckpointName, identity: Checksum, hash: Hash): Buffer {
  const bytes = Buffer.alloc(checkpointHeaderBytes);
  bytes.writeUInt32BE(magic, 0);
  bytes.writeUInt32BE(formatVersion, 4);
  bytes.writeDoubleBE(name.op, 8);
  bytes.writeDoubleBE(name.bytes, 16);
  bytes.write(name.id, 24, "hex");
  bytes.write(identity, 40, "hex");
  bytes.write(hash(bytes.subarray(0, 56)), 56, "hex");
  return bytes;
}

/** What the header says; undefined if it cannot be read, or is that of another journal. */
export function readCheckpointHeader(
  bytes: Buffer,
  identity: Checksum,
  hash: Hash,
): CheckpointName | undefined {
  if (bytes.length < checkpointHeaderBytes || bytes.readUInt32BE(0) !== magic) return undefined;
  if (bytes.toString("hex", 56, 72) !== hash(bytes.subarray(0, 56))) return undefined;
  if (bytes.toString("hex", 40, 56) !== identity) return undefined;
  const [op, size] = [bytes.readDoubleBE(8), bytes.readDoubleBE(16)];
  return { op, id: bytes.toString("hex", 24, 40), bytes: size };
}

/** Memory for a block, with its checksum before the content. */
export function newBlock(): Buffer {
  return Buffer.allocUnsafeSlow(stride);
}

/** The part of `newBlock` where the content belongs. */
export function contentOf(block: Buffer): Buffer {
  return block.subarray(checksumBytes);
}

/** Puts the checksum, which tells the block's place as well, before so many bytes of content. */
export function sealBlock(
  block: Buffer,
  op: Op,
  number: number,
  bytes: number,
  hash: Hash,
): Buffer {
  const whole = block.subarray(0, checksumBytes + bytes);
  whole.write(hash(placeOf(op, number), whole.subarray(checksumBytes)), 0, "hex");
  return whole;
}

function placeOf(op: Op, block: number): Buffer {
  const place = Buffer.alloc(16);
  place.writeDoubleBE(op, 0);
  place.writeDoubleBE(block, 8);
  return place;
}

/** The content of a block; undefined if it is not what was written. */
export async function readBlockOf(
  file: StorageFile,
  { op, bytes }: CheckpointName,
  block: number,
  hash: Hash,
): Promise<Buffer | undefined> {
  const length = Math.min(checkpointBlockBytes, bytes - block * checkpointBlockBytes);
  const read = await file.readAt(blockOffset(block), checksumBytes + length);
  const content = read.subarray(checksumBytes);
  const isWhole =
    content.length === length &&
    read.toString("hex", 0, checksumBytes) === hash(placeOf(op, block), content);
  return isWhole ? content : undefined;
}

/**
 * Reads a checkpoint through, one block at a time; undefined if any part of it is not what was
 * written.
 */
export async function verifyCheckpoint(
  file: StorageFile,
  op: Op,
  identity: Checksum,
  hash: Hash,
): Promise<CheckpointName | undefined> {
  const header = await file.readAt(0, checkpointHeaderBytes);
  const name = readCheckpointHeader(header, identity, hash);
  if (name === undefined || name.op !== op) return undefined;
  const whole = new RunningChecksum();
  for (let block = 0; block * checkpointBlockBytes < name.bytes; block++) {
    const content = await readBlockOf(file, name, block, hash);
    if (content === undefined) return undefined;
    whole.add(content);
  }
  return whole.end() === name.id ? name : undefined;
}
