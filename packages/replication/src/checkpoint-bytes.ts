/**
 * The bytes of a checkpoint: its head and then the slices of the state, each behind its length, so
 * that they can be made, checked and taken in one after the other. Whoever keeps the bytes, or
 * carries them from one replica to another, does not look into them; docs/wire.md has the layout.
 */
import type { Codec } from "@troupe/cluster/runtime";
import { isHex, isNatural } from "./fields.ts";
import type { Checkpoints } from "./journal/journal.ts";
import type { CheckpointHead, ClientsSnapshot, NamedCheckpoint } from "./vsr/index.ts";

const lengthBytes = 4;
/** So many bytes are read at once. */
const readBytes = 256 * 1024;

/** Puts slices, and the head, behind their lengths, in memory that the next one overwrites. */
export class Framing {
  #room = new Uint8Array(0);

  frame(slice: Uint8Array): Uint8Array {
    const bytes = lengthBytes + slice.length;
    // Half as much again: most slices are about as long as the first one.
    if (this.#room.length < bytes) this.#room = new Uint8Array(Math.ceil(bytes * 1.5));
    const room = this.#room;
    new DataView(room.buffer).setUint32(0, slice.length);
    room.set(slice, lengthBytes);
    return room.subarray(0, bytes);
  }
}

export function encodeHead(codec: Codec, head: CheckpointHead): Uint8Array {
  const { op, checksum, timestamp, clients } = head;
  return codec.encode([op, checksum, timestamp, clients], "the head of a checkpoint");
}

/** What the bytes say; undefined if they are not the head of a checkpoint. */
export function decodeHead(codec: Codec, bytes: Uint8Array): CheckpointHead | undefined {
  let value: unknown;
  try {
    value = codec.decode(bytes);
  } catch {
    return undefined;
  }
  if (!Array.isArray(value)) return undefined;
  const [op, checksum, timestamp, clients] = value as unknown[];
  const isBase = isNatural(op) && isHex(checksum) && isNatural(timestamp);
  if (!isBase || !Array.isArray(clients) || !clients.every(isSession)) return undefined;
  return { op, checksum, timestamp, clients: clients as ClientsSnapshot } as CheckpointHead;
}

function isSession(value: unknown): boolean {
  if (!Array.isArray(value)) return false;
  const [client, session, last, lastOp, acked, replies] = value as unknown[];
  const numbers = [session, last, lastOp, acked].every(isNatural);
  return isHex(client) && numbers && Array.isArray(replies) && replies.every(isReply);
}

function isReply(value: unknown): boolean {
  if (!Array.isArray(value)) return false;
  return isNatural(value[0]) && value[1] instanceof Uint8Array;
}

export interface CheckpointSink {
  readonly head: (head: CheckpointHead) => void;
  readonly slice: (slice: Uint8Array) => void;
  /** All of it has been read; false if it could not be, or is not what it should be. */
  readonly end: (whole: boolean) => void;
}

/** Puts frames together again out of whatever pieces their bytes come in. */
class Unframing {
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  /** The length, or the frame whose length is known: until that is there nothing is joined. */
  #needed = lengthBytes;

  get isEmpty(): boolean {
    return this.#bytes === 0;
  }

  add(piece: Uint8Array): void {
    this.#pieces.push(piece);
    this.#bytes += piece.length;
  }

  /** The next frame; undefined if it is not all there. */
  next(): Uint8Array | undefined {
    if (this.#bytes < this.#needed) return undefined;
    const whole = this.#whole();
    if (this.#needed === lengthBytes) {
      const view = new DataView(whole.buffer, whole.byteOffset);
      this.#needed = lengthBytes + view.getUint32(0);
      if (this.#bytes < this.#needed) return undefined;
    }
    const end = this.#needed;
    this.#needed = lengthBytes;
    this.#pieces = [whole.subarray(end)];
    this.#bytes = whole.length - end;
    return whole.subarray(lengthBytes, end);
  }

  #whole(): Uint8Array {
    const [first] = this.#pieces;
    if (this.#pieces.length === 1 && first !== undefined) return first;
    const whole = new Uint8Array(this.#bytes);
    let at = 0;
    for (const piece of this.#pieces) {
      whole.set(piece, at);
      at += piece.length;
    }
    this.#pieces = [whole];
    return whole;
  }
}

/**
 * Reads a checkpoint from the beginning. `defer` is called between two pieces, so that the event
 * loop stays free. Returns what gives the reading up.
 */
export function readCheckpoint(
  checkpoints: Checkpoints,
  { op, id, bytes }: Pick<NamedCheckpoint, "op" | "id" | "bytes">,
  codec: Codec,
  sink: CheckpointSink,
  defer: (turn: () => void) => void = (turn) => turn(),
): () => void {
  const unframing = new Unframing();
  let offset = 0;
  let hasHead = false;
  let isOver = false;
  const end = (whole: boolean) => {
    isOver = true;
    sink.end(whole);
  };
  const take = (piece: Uint8Array | undefined) => {
    if (isOver) return;
    if (piece === undefined || piece.length === 0) return end(false);
    unframing.add(piece);
    offset += piece.length;
    for (let frame = unframing.next(); frame !== undefined; frame = unframing.next()) {
      if (hasHead) sink.slice(frame);
      else {
        const head = decodeHead(codec, frame);
        if (head?.op !== op) return end(false);
        sink.head(head);
        hasHead = true;
      }
      if (isOver) return;
    }
    if (offset >= bytes) end(hasHead && unframing.isEmpty);
    else defer(read);
  };
  const read = () => {
    if (!isOver) checkpoints.read({ op, id, bytes }, offset, readBytes, take);
  };
  read();
  return () => {
    isOver = true;
  };
}
