/**
 * A short way for small values: numbers, short texts, few bytes, and small plain objects and
 * arrays of them.
 *
 * Most messages are such values, and for them the check, the scan and the general encoder cost
 * several times what there is to do. The short way writes the same bytes and reads the same
 * values, in one pass; whatever is not plainly harmless it leaves to the long way, which alone
 * knows what to refuse, and how. This file throws nothing, and nothing is refused here.
 */
import { isAscii } from "node:buffer";

/** No value that is written here takes more bytes; longer ones are not read here. */
export const SMALL_BYTES = 2048;

/** Nor is one nested deeper. It is also what ends a cycle. */
export const SMALL_LEVELS = 8;

/** Says that a value has to go the long way. */
export const notSmall: unique symbol = Symbol("not small");

/** Texts up to this length are handled a character at a time, which is faster than a call. */
export const FEW_CHARACTERS = 24;

const EIGHT_BYTES = 8;

/** The tag that stands before the bytes of a Uint8Array; those of a Buffer have none. */
export const TAG_OF_ONE_BYTE = 0xd8;
export const UINT8_ARRAY = 0x40;

/** Keys that were read lately, so that the next object shares them. */
const keptKeys = 256;

/** Reads small values. */
export class SmallReader {
  readonly #keys: (string | undefined)[] = new Array(keptKeys).fill(undefined);
  readonly #eight = new DataView(new ArrayBuffer(EIGHT_BYTES));
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;

  /** The value, or `notSmall` if the bytes have to go the long way, well formed or not. */
  read(bytes: Uint8Array): unknown {
    if (bytes.length > SMALL_BYTES) return notSmall;
    this.#bytes = bytes;
    this.#at = 0;
    const value = this.#item(SMALL_LEVELS);
    return this.#at === bytes.length ? value : notSmall;
  }

  /** What is read past the end is undefined, which no branch takes for a byte. */
  #item(levels: number): unknown {
    const head = this.#bytes[this.#at++] as number;
    if (head < 0x18) return head;
    switch (head) {
      case 0xf4:
        return false;
      case 0xf5:
        return true;
      case 0xf6:
        return null;
      case 0xf7:
        return undefined;
      case 0xfb:
        return this.#double();
      default:
    }
    const argument = this.#argument(head & 0x1f);
    if (argument === notSmall) return notSmall;
    switch (head >> 5) {
      case 0:
        return argument;
      case 1:
        return -1 - argument;
      case 2:
        return this.#buffer(argument);
      case 3:
        return this.#text(argument);
      case 4:
        return levels > 0 ? this.#array(argument, levels - 1) : notSmall;
      case 5:
        return levels > 0 ? this.#object(argument, levels - 1) : notSmall;
      case 6:
        return argument === UINT8_ARRAY ? this.#uint8Array() : notSmall;
      default:
        return notSmall;
    }
  }

  /** Bytes are copied: the value owns its memory, and pins nobody else's. */
  #buffer(length: number): Buffer | typeof notSmall {
    const start = this.#at;
    if (length > this.#bytes.length - start) return notSmall;
    this.#at += length;
    const copy = Buffer.allocUnsafeSlow(length);
    copy.set(this.#bytes.subarray(start, this.#at));
    return copy;
  }

  #uint8Array(): Uint8Array | typeof notSmall {
    const head = this.#bytes[this.#at++] as number;
    const length = head >> 5 === 2 ? this.#argument(head & 0x1f) : notSmall;
    if (length === notSmall || length > this.#bytes.length - this.#at) return notSmall;
    const start = this.#at;
    this.#at += length;
    return new Uint8Array(this.#bytes.subarray(start, this.#at));
  }

  #argument(info: number): number | typeof notSmall {
    if (info < 24) return info;
    const width = 1 << (info - 24);
    if (info > 26 || this.#at + width > this.#bytes.length) return notSmall;
    let argument = 0;
    for (let left = width; left > 0; left--) {
      argument = argument * 256 + (this.#bytes[this.#at++] as number);
    }
    return argument;
  }

  #double(): number | typeof notSmall {
    if (this.#at + EIGHT_BYTES > this.#bytes.length) return notSmall;
    for (let index = 0; index < EIGHT_BYTES; index++) {
      this.#eight.setUint8(index, this.#bytes[this.#at++] as number);
    }
    return this.#eight.getFloat64(0);
  }

  #array(length: number, levels: number): unknown {
    if (length > this.#bytes.length - this.#at) return notSmall;
    const array: unknown[] = [];
    for (let index = 0; index < length; index++) {
      const item = this.#item(levels);
      if (item === notSmall) return notSmall;
      array.push(item);
    }
    return array;
  }

  #object(length: number, levels: number): unknown {
    const object: Record<string, unknown> = {};
    for (let index = 0; index < length; index++) {
      const key = this.#key();
      if (key === notSmall || key === "__proto__") return notSmall;
      const value = this.#item(levels);
      if (value === notSmall) return notSmall;
      object[key] = value;
    }
    return object;
  }

  #key(): string | typeof notSmall {
    const head = this.#bytes[this.#at++] as number;
    if (head >> 5 !== 3) return notSmall;
    if (head >= 0x78) {
      const long = this.#argument(head & 0x1f);
      return long === notSmall ? notSmall : this.#text(long);
    }
    const bytes = this.#bytes;
    const length = head - 0x60;
    const start = this.#at;
    // Nothing is taken for granted of what lies past the end: no character equals undefined.
    const slot = (length * 31 + (bytes[start] ?? 0) * 7 + (bytes[start + length - 1] ?? 0)) & 0xff;
    const kept = this.#keys[slot];
    if (kept !== undefined && kept.length === length) {
      let index = 0;
      while (index < length && kept.charCodeAt(index) === bytes[start + index]) index++;
      if (index === length) {
        this.#at += length;
        return kept;
      }
    }
    const key = this.#text(length);
    if (key !== notSmall) this.#keys[slot] = key;
    return key;
  }

  /** Text in ASCII. */
  #text(length: number): string | typeof notSmall {
    const bytes = this.#bytes;
    const start = this.#at;
    const end = start + length;
    if (end > bytes.length) return notSmall;
    this.#at = end;
    if (length > FEW_CHARACTERS) {
      const part = Buffer.from(bytes.buffer, bytes.byteOffset + start, length);
      return isAscii(part) ? part.toString("latin1") : notSmall;
    }
    let text = "";
    for (let at = start; at < end; at++) {
      const code = bytes[at] as number;
      if (code > 0x7f) return notSmall;
      text += String.fromCharCode(code);
    }
    return text;
  }
}
