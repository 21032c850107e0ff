/**
 * A short way for bytes that are a whole value, however many: one copy in each direction.
 *
 * The general encoder grows its memory step by step and holds up everybody else for as long, and
 * the general decoder copies twice. New memory for a large value takes several times as long as
 * the copying, so nothing is put together here: who writes the frame takes the bytes from where
 * they are. This file throws nothing; whatever is no such value is left to the long way.
 */
import { TwoParts } from "../bytes.ts";
import { SMALL_BYTES } from "./small-values.ts";

/**
 * The encoding of a Uint8Array or a Buffer, whose bytes are not copied. Undefined for any other
 * value, for bytes that share memory or belong to a subclass, for few bytes, and where the
 * encoding would be longer than the limit.
 */
export function encodeWholeBytes(value: unknown, maxBytes: number): TwoParts | undefined {
  if (!(value instanceof Uint8Array) || value.length < SMALL_BYTES) return undefined;
  const prototype: unknown = Object.getPrototypeOf(value);
  const isBuffer = prototype === Buffer.prototype;
  if (!isBuffer && prototype !== Uint8Array.prototype) return undefined;
  if (!(value.buffer instanceof ArrayBuffer) || value.length > MAX_U32) return undefined;
  const head = isBuffer ? [] : [0xd8, 0x40];
  if (value.length < 0x1_0000) head.push(0x59);
  else head.push(0x5a, value.length >>> 24, (value.length >>> 16) & 0xff);
  head.push((value.length >>> 8) & 0xff, value.length & 0xff);
  const encoded = new TwoParts(Uint8Array.from(head), value);
  return encoded.length <= maxBytes ? encoded : undefined;
}

const MAX_U32 = 0xffff_ffff;

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
