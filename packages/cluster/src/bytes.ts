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
  readonly #bytes: Buffer;
  readonly #what: string;
  #at = 0;

  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = asBuffer(bytes);
    this.#what = what;
  }

  u8(): number {
    return this.#bytes.readUInt8(this.#advance(1));
  }

  u16(): number {
    return this.#bytes.readUInt16BE(this.#advance(2));
  }

  u32(): number {
    return this.#bytes.readUInt32BE(this.#advance(4));
  }

  /** Eight bytes as a number; a value that a number cannot hold exactly is refused. */
  u64(): number {
    const at = this.#advance(8);
    const value = this.#bytes.readUInt32BE(at) * HIGH + this.#bytes.readUInt32BE(at + 4);
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
    return this.bytes(this.u8()).toString("utf8");
  }

  /** Text behind a two-byte length. */
  text16(): string {
    return this.bytes(this.u16()).toString("utf8");
  }

  /** Everything that is left. */
  rest(): Buffer {
    return this.bytes(this.#bytes.length - this.#at);
  }

  #advance(length: number): number {
    const at = this.#at;
    if (length > this.#bytes.length - at) {
      throw new ProtocolError(
        `${this.#what}: truncated, ${length} bytes expected at ${at} of ${this.#bytes.length}`,
      );
    }
    this.#at = at + length;
    return at;
  }
}

/** Fills one buffer of a size known before; writing past its end is a bug of ours. */
export class ByteWriter {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(size: number) {
    this.#bytes = Buffer.allocUnsafe(size);
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
    this.#at = this.#bytes.writeUInt32BE(value, this.#at);
    return this;
  }

  u64(value: number): this {
    assert(Number.isSafeInteger(value) && value >= 0, "a u64 field holds an integer of 0 to 2^53");
    return this.u32(Math.floor(value / HIGH)).u32(value % HIGH);
  }

  bytes(value: Uint8Array): this {
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
    return this;
  }

  text8(value: string): this {
    const length = Buffer.byteLength(value);
    this.u8(length);
    this.#at += this.#bytes.write(value, this.#at, "utf8");
    return this;
  }

  text16(value: string): this {
    const length = Buffer.byteLength(value);
    this.u16(length);
    this.#at += this.#bytes.write(value, this.#at, "utf8");
    return this;
  }

  /** The filled buffer. It must be full: an unwritten tail would be uninitialised memory. */
  done(): Buffer {
    assert(this.#at === this.#bytes.length, "a body is written to its last byte");
    return this.#bytes;
  }
}

/** The same memory as a Buffer, which has the number readers; nothing is copied. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
