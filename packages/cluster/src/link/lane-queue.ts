/**
 * What waits on one lane, oldest first: runs of small frames, and large messages that leave in
 * fragments. Small frames are joined as they come, so that a million of them cost a link the
 * bytes that they have and not an object each.
 */
import { RingQueue } from "@troupe/actor/runtime";
import {
  FLAG_CONTINUES,
  FLAG_MORE,
  FRAME_HEADER_BYTES,
  type FrameKind,
  writeHeader,
} from "./frame.ts";
import { FrameBatch } from "./frame-batch.ts";

/** The first fragment of a message begins with its length, so that it can be refused early. */
export const TOTAL_BYTES = 4;

/** A fragment is not cut smaller than this to fill the rest of a batch. */
const MIN_FRAGMENT_BYTES = 1024;

/** A message that is too large for one frame. */
export class LargeMessage {
  readonly kind: FrameKind;
  readonly flags: number;
  readonly lane: number;
  readonly body: Buffer;
  /** How much of it has left. */
  sent = 0;

  constructor(kind: FrameKind, flags: number, lane: number, body: Buffer) {
    this.kind = kind;
    this.flags = flags;
    this.lane = lane;
    this.body = body;
  }

  /** What it counts for while it waits; the headers that the cutting adds are left out. */
  get bytes(): number {
    return FRAME_HEADER_BYTES + this.body.length - this.sent;
  }

  get hasLeft(): boolean {
    return this.sent === this.body.length;
  }

  /** Writes the next fragment into a batch; false if that has too little room for one. */
  cutInto(batch: FrameBatch): boolean {
    const { kind, flags, lane, body, sent } = this;
    const isFirst = sent === 0;
    const overhead = FRAME_HEADER_BYTES + (isFirst ? TOTAL_BYTES : 0);
    const left = body.length - sent;
    const taken = Math.min(left, batch.room - overhead);
    if (taken < Math.min(left, MIN_FRAGMENT_BYTES)) return false;
    const fragmentFlags = (isFirst ? 0 : FLAG_CONTINUES) | (taken < left ? FLAG_MORE : 0);
    const frameBytes = overhead + taken;
    const start = batch.reserve(frameBytes);
    const bodyBytes = frameBytes - FRAME_HEADER_BYTES;
    let at = writeHeader(batch.bytes, start, kind, flags | fragmentFlags, lane, bodyBytes);
    if (isFirst) at = batch.bytes.writeUInt32BE(body.length, at);
    body.copy(batch.bytes, at, sent, sent + taken);
    this.sent += taken;
    return true;
  }
}

export class LaneQueue {
  readonly #items = new RingQueue<FrameBatch | LargeMessage>();
  /** The last item, if frames can be added to it. */
  #tail: FrameBatch | undefined;

  get first(): FrameBatch | LargeMessage | undefined {
    return this.#items.peek();
  }

  /** The batch in which the next frame, of that size, has to be written. */
  batchFor(frameBytes: number): FrameBatch {
    if (this.#tail !== undefined && frameBytes <= this.#tail.room) return this.#tail;
    this.#tail = new FrameBatch(frameBytes);
    this.#items.push(this.#tail);
    return this.#tail;
  }

  push(message: LargeMessage): void {
    this.#tail = undefined;
    this.#items.push(message);
  }

  /** Removes the first item. */
  shift(): void {
    const item = this.#items.shift();
    if (item === this.#tail) this.#tail = undefined;
  }
}
