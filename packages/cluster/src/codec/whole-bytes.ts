/**
 * A short way for bytes that are a whole value, however many: one copy in each direction.
 *
 * The general encoder grows its memory step by step and holds up everybody else for as long, and
 * the general decoder copies twice. The bytes are the same. This file throws nothing; whatever is
 * no such value is left to the long way.
 */
import { SMALL_BYTES } from "./small-values.ts";

/**
 * The encoding of a Uint8Array or a Buffer, in the memory that `room` gives. Undefined for any
 * other value, for bytes that share memory or belong to a subclass, for few bytes, and where the
 * encoding would be longer than the limit.
 */
export function encodeWholeBytes(
  value: unknown,
  maxBytes: number,
  room: (bytes: number) => Uint8Array,
): Uint8Array | undefined {
  if (!(value instanceof Uint8Array) || value.length < SMALL_BYTES) return undefined;
  const prototype: unknown = Object.getPrototypeOf(value);
  const isBuffer = prototype === Buffer.prototype;
  if (!isBuffer && prototype !== Uint8Array.prototype) return undefined;
  if (!(value.buffer instanceof ArrayBuffer) || value.length > MAX_U32) return undefined;
  const head = isBuffer ? [] : [0xd8, 0x40];
  if (value.length < 0x1_0000) head.push(0x59);
  else head.push(0x5a, value.length >>> 24, (value.length >>> 16) & 0xff);
  head.push((value.length >>> 8) & 0xff, value.length & 0xff);
  if (head.length + value.length > maxBytes) return undefined;
  const bytes = room(head.length + value.length);
  bytes.set(head);
  bytes.set(value, head.length);
  return bytes;
}

const MAX_U32 = 0xffff_ffff;

/** Larger values get memory of their own, so that one of them is not paid for ever. */
const KEPT_ROOM_BYTES = 2 * 1024 * 1024;

/**
 * Memory that the next value overwrites. New memory for each would be waste until it is collected,
 * which is late where a program waits for somebody who reads slowly.
 */
export class SharedRoom {
  #bytes = new Uint8Array(0);

  take(bytes: number): Uint8Array {
    if (bytes > KEPT_ROOM_BYTES) return Buffer.allocUnsafeSlow(bytes);
    if (bytes > this.#bytes.length) {
      const doubled = Math.max(bytes, 2 * this.#bytes.length);
      this.#bytes = Buffer.allocUnsafeSlow(Math.min(KEPT_ROOM_BYTES, doubled));
    }
    return this.#bytes.subarray(0, bytes);
  }
}

/** The copy of a byte string that is a whole message; undefined for any other message. */
export function decodeWholeBytes(message: Uint8Array): Uint8Array | undefined {
  if (message.length <= SMALL_BYTES) return undefined;
  const isTagged = message[0] === 0xd8 && message[1] === 0x40;
  const at = isTagged ? 2 : 0;
  const lengthBytes = message[at] === 0x59 ? 2 : message[at] === 0x5a ? 4 : 0;
  if (lengthBytes === 0) return undefined;
  const start = at + 1 + lengthBytes;
  let length = 0;
  for (let i = at + 1; i < start; i++) length = length * 256 + (message[i] as number);
  if (start + length !== message.length) return undefined;
  // The constructor copies, where a Buffer would share.
  const copy = new Uint8Array(message.subarray(start));
  return isTagged ? copy : Buffer.from(copy.buffer);
}
