/**
 * Reading and writing of fixed binary layouts: big-endian numbers and length-prefixed text.
 *
 * Every read is checked against what is left, so that a truncated or lying body ends as a
 * ProtocolError instead of a garbage value. This file knows no frame and no message.
 */
import { assert } from "@troupe/actor/runtime";
import { ProtocolError } from "./errors.ts";

const HIGH = 0x1_0000_0000;

/** Walks over one body; throws ProtocolError where the body ends too early. */
export class ByteReader {
  #bytes: Buffer;
  #what: string;
  #start = 0;
  #at = 0;
  #end: number;

  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = asBuffer(bytes);
    this.#what = what;
    this.#end = bytes.length;
  }

  /** Turns to another body, without an object of its own: the bytes of `bytes` up to `end`. */
  aim(bytes: Buffer, start: number, end: number, what: string): this {
    this.#bytes = bytes;
    this.#what = what;
    this.#start = start;
    this.#at = start;
    this.#end = end;
    return this;
  }

  u8(): number {
    return this.#bytes[this.#advance(1)] as number;
  }

  /** A byte that says yes or no: 1 or 0. */
  flag(): boolean {
    const value = this.u8();
    if (value > 1) throw new ProtocolError(`${this.#what}: ${value} where only 0 or 1 can be`);
    return value === 1;
  }

  u16(): number {
    return readU16(this.#bytes, this.#advance(2));
  }

  u32(): number {
    return readU32(this.#bytes, this.#advance(4));
  }

  /** Eight bytes as a number; a value that a number cannot hold exactly is refused. */
  u64(): number {
    const at = this.#advance(8);
    const value = readU32(this.#bytes, at) * HIGH + readU32(this.#bytes, at + 4);
    if (!Number.isSafeInteger(value)) {
      throw new ProtocolError(`${this.#what}: a number above 2^53`);
    }
    return value;
  }

  /** A view of the next bytes, valid as long as the message is. */
  bytes(length: number): Buffer {
    const at = this.#advance(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** Text behind a one-byte length. */
  text8(): string {
    return this.#text(this.u8());
  }

  /** Text behind a two-byte length. */
  text16(): string {
    return this.#text(this.u16());
  }

  /** Everything that is left. */
  rest(): Buffer {
    return this.bytes(this.#end - this.#at);
  }

  #text(length: number): string {
    const at = this.#advance(length);
    if (length <= SHORT_TEXT) return shortText(this.#bytes, at, length);
    return this.#bytes.toString("utf8", at, at + length);
  }

  /** Nothing is left; what is too long is as wrong as what is truncated. */
  end(): void {
    const left = this.#end - this.#at;
    if (left !== 0) throw new ProtocolError(`${this.#what}: ${left} bytes too many`);
  }

  #advance(length: number): number {
    const at = this.#at;
    if (length > this.#end - at) {
      const place = `at ${at - this.#start} of ${this.#end - this.#start}`;
      throw new ProtocolError(`${this.#what}: truncated, ${length} bytes expected ${place}`);
    }
    this.#at = at + length;
    return at;
  }
}

/**
 * Bytes that lie in two places and belong one behind the other: a head, and the bytes of somebody
 * else. They are valid until control returns to their owner, so they are to be written at once.
 */
export class TwoParts {
  readonly head: Uint8Array;
  readonly rest: Uint8Array;
  readonly length: number;

  constructor(head: Uint8Array, rest: Uint8Array) {
    this.head = head;
    this.rest = rest;
    this.length = head.length + rest.length;
  }

  /** Copies them, one behind the other. */
  copyTo(target: Uint8Array, at: number): void {
    target.set(this.head, at);
    target.set(this.rest, at + this.head.length);
  }
}

/** What can be written: mostly in one place. */
export type Bytes = Uint8Array | TwoParts;

/** Fills memory of a size known before; writing past its end is a bug of ours. */
export class ByteWriter {
  #bytes: Buffer;
  #at = 0;
  #end: number;

  constructor(size: number) {
    this.#bytes = Buffer.allocUnsafe(size);
    this.#end = size;
  }

  /** Turns to another place, without an object of its own: the bytes of `bytes` up to `end`. */
  aim(bytes: Buffer, start: number, end: number): this {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    return this;
  }

  u8(value: number): this {
    this.#at = this.#bytes.writeUInt8(value, this.#at);
    return this;
  }

  u16(value: number): this {
    this.#at = this.#bytes.writeUInt16BE(value, this.#at);
    return this;
  }

  u32(value: number): this {
    assert(value >>> 0 === value, "a u32 field holds an integer of 0 to 2^32");
    this.#put32(value);
    return this;
  }

  u64(value: number): this {
    assert(Number.isSafeInteger(value) && value >= 0, "a u64 field holds an integer of 0 to 2^53");
    this.#put32(Math.floor(value / HIGH));
    this.#put32(value >>> 0);
    return this;
  }

  bytes(value: Bytes): this {
    const length = value.length;
    const start = this.#at;
    if (value instanceof TwoParts) value.copyTo(this.#bytes, start);
    else if (length > SHORT_BYTES) this.#bytes.set(value, start);
    else {
      assert(length <= this.#end - start, "a body has room for what is written into it");
      const bytes = this.#bytes;
      for (let at = 0; at < length; at++) bytes[start + at] = value[at] as number;
    }
    this.#at = start + length;
    return this;
  }

  text8(value: string): this {
    return this.u8(textBytes(value)).#text(value);
  }

  text16(value: string): this {
    return this.u16(textBytes(value)).#text(value);
  }

  /** Ends the writing: an unwritten tail would be uninitialised memory. */
  end(): void {
    assert(this.#at === this.#end, "a body is written to its last byte");
  }

  /** The filled buffer, if it is one of its own. */
  done(): Buffer {
    this.end();
    return this.#bytes;
  }

  #put32(value: number): void {
    const bytes = this.#bytes;
    const at = this.#at;
    bytes[at] = value >>> 24;
    bytes[at + 1] = value >>> 16;
    bytes[at + 2] = value >>> 8;
    bytes[at + 3] = value;
    this.#at = at + 4;
  }

  #text(value: string): this {
    if (value.length > SHORT_TEXT) {
      this.#at += this.#bytes.write(value, this.#at, "utf8");
      return this;
    }
    const bytes = this.#bytes;
    const start = this.#at;
    for (let at = 0; at < value.length; at++) {
      const unit = value.charCodeAt(at);
      if (unit >= 0x80) {
        this.#at = start + bytes.write(value, start, "utf8");
        return this;
      }
      bytes[start + at] = unit;
    }
    this.#at = start + value.length;
    return this;
  }
}

/** Up to this length a loop over the characters is faster than the call that saves it. */
const SHORT_TEXT = 24;

/** The same for bytes. */
const SHORT_BYTES = 32;

/** Short texts that came in lately. A link says few different ones, again and again. */
const SLOTS = 512;
const texts: string[] = new Array<string>(SLOTS).fill("");

/** Decodes a short text, or finds it among those that were decoded before. */
function shortText(bytes: Buffer, start: number, length: number): string {
  let hash = length;
  for (let at = start; at < start + length; at++) {
    hash = (Math.imul(hash, 31) + (bytes[at] as number)) | 0;
  }
  const slot = (hash ^ (hash >>> 9)) & (SLOTS - 1);
  const known = texts[slot] as string;
  if (isText(known, bytes, start, length)) return known;
  const text = bytes.toString("utf8", start, start + length);
  texts[slot] = text;
  return text;
}

/** Whether the bytes are that text; of a text beyond ASCII it is never known without decoding. */
function isText(text: string, bytes: Buffer, start: number, length: number): boolean {
  if (text.length !== length) return false;
  for (let at = 0; at < length; at++) {
    const unit = text.charCodeAt(at);
    if (unit >= 0x80 || unit !== bytes[start + at]) return false;
  }
  return true;
}

/** Two bytes of memory as a number, which must be there. */
export function readU16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

/** Four bytes of memory as a number, which must be there. */
export function readU32(bytes: Uint8Array, at: number): number {
  return readU16(bytes, at) * 0x1_0000 + readU16(bytes, at + 2);
}

/** How many bytes a text takes in UTF-8. */
export function textBytes(value: string): number {
  if (value.length > SHORT_TEXT) return Buffer.byteLength(value);
  for (let at = 0; at < value.length; at++) {
    if (value.charCodeAt(at) >= 0x80) return Buffer.byteLength(value);
  }
  return value.length;
}

/** The same memory as a Buffer, which has the number readers; nothing is copied. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
