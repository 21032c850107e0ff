/**
 * The short way for small values on their way out, and for many of them one behind the other. What
 * it writes is what the general encoder would write; `small-values` says what the short way is.
 */
import {
  FEW_CHARACTERS,
  SMALL_BYTES,
  SMALL_LEVELS,
  TAG_OF_ONE_BYTE,
  UINT8_ARRAY,
} from "./small-values.ts";

/** A head, or a number, takes no more. */
const HEAD_BYTES = 9;

/** A decoder may drop it from the beginning of a text. */
const BYTE_ORDER_MARK = 0xfeff;

/**
 * Writes small values into memory of its own, which the next value overwrites; or one value behind
 * the other, as long as there is room.
 */
export class SmallWriter {
  readonly #bytes: Uint8Array;
  readonly #buffer: Buffer;
  readonly #view: DataView;
  readonly #room: number;
  /** Whether texts may have characters that are not ASCII. */
  readonly #anyText: boolean;
  #at = 0;
  #busy = false;

  constructor(room = SMALL_BYTES, anyText = false) {
    this.#bytes = new Uint8Array(room);
    this.#buffer = Buffer.from(this.#bytes.buffer);
    this.#view = new DataView(this.#bytes.buffer);
    this.#room = room;
    this.#anyText = anyText;
  }

  /** How many bytes the value took, from the start of `bytes`; 0 if it has to go the long way. */
  write(value: unknown): number {
    // A getter may encode something while it is asked.
    if (this.#busy) return 0;
    this.#at = 0;
    return this.append(value) ? this.#at : 0;
  }

  /** Forgets what was written; false while a value is being written, which a getter may ask for. */
  begin(): boolean {
    if (this.#busy) return false;
    this.#at = 0;
    return true;
  }

  /** Writes behind what is there; false, and nothing, if the value has to go the long way. */
  append(value: unknown): boolean {
    if (this.#busy) return false;
    const start = this.#at;
    this.#busy = true;
    try {
      if (this.#put(value, SMALL_LEVELS)) return true;
    } catch {
      // A getter that throws: the long way asks it again, and says where it is.
    } finally {
      this.#busy = false;
    }
    this.#at = start;
    return false;
  }

  /** The beginning of an array of so many items, which come next; false if there is no room. */
  appendArray(length: number): boolean {
    if (this.#at > this.#room - HEAD_BYTES) return false;
    this.#head(0x80, length);
    return true;
  }

  /** What the long way has written; false if there is no room. */
  appendBytes(bytes: Uint8Array): boolean {
    if (bytes.length > this.#room - this.#at) return false;
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
    return true;
  }

  /** How many bytes were written since the beginning. */
  get length(): number {
    return this.#at;
  }

  /** A view of what was written last. */
  view(length: number): Uint8Array {
    return this.#bytes.subarray(0, length);
  }

  /** A copy of what was written last. */
  copy(length: number): Uint8Array {
    return this.#bytes.slice(0, length);
  }

  #put(value: unknown, levels: number): boolean {
    // Room for any head, and for a number.
    if (this.#at > this.#room - HEAD_BYTES) return false;
    switch (typeof value) {
      case "number":
        this.#number(value);
        return true;
      case "string":
        return this.#text(value);
      case "boolean":
        this.#bytes[this.#at++] = value ? 0xf5 : 0xf4;
        return true;
      case "undefined":
        this.#bytes[this.#at++] = 0xf7;
        return true;
      case "object":
        if (value !== null) return levels > 0 && this.#container(value, levels - 1);
        this.#bytes[this.#at++] = 0xf6;
        return true;
      default:
        return false;
    }
  }

  #container(value: object, levels: number): boolean {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Object.prototype) return this.#object(value as never, levels);
    if (prototype === Array.prototype) return this.#array(value as unknown[], levels);
    if (prototype === Buffer.prototype) return this.#byteString(value as Uint8Array);
    if (prototype !== Uint8Array.prototype) return false;
    this.#bytes[this.#at++] = TAG_OF_ONE_BYTE;
    this.#bytes[this.#at++] = UINT8_ARRAY;
    return this.#byteString(value as Uint8Array);
  }

  /** Memory that is shared with other threads is for the long way to refuse. */
  #byteString(value: Uint8Array): boolean {
    if (!ArrayBuffer.isView(value) || !(value.buffer instanceof ArrayBuffer)) return false;
    const { length } = value;
    // Room for two heads, since a tag may stand before it.
    if (length > this.#room - 12 - this.#at) return false;
    this.#head(0x40, length);
    this.#bytes.set(value, this.#at);
    this.#at += length;
    return true;
  }

  #object(value: Record<string, unknown>, levels: number): boolean {
    const keys = Object.keys(value);
    if (keys.length > this.#room / 2) return false;
    this.#head(0xa0, keys.length);
    for (const key of keys) {
      if (key === "__proto__" || !this.#text(key) || !this.#put(value[key], levels)) return false;
    }
    return Object.getOwnPropertySymbols(value).length === 0;
  }

  #array(value: unknown[], levels: number): boolean {
    const { length } = value;
    if (!Array.isArray(value) || length > this.#room) return false;
    this.#head(0x80, length);
    for (let index = 0; index < length; index++) {
      const item = value[index];
      if (item === undefined && !(index in value)) return false;
      if (!this.#put(item, levels)) return false;
    }
    // A getter among the items may have changed it.
    return value.length === length;
  }

  #number(value: number): void {
    if (value >>> 0 === value && !Object.is(value, -0)) this.#head(0x00, value);
    else if (value < 0 && value >= -0x1_0000_0000 && Math.floor(value) === value) {
      this.#head(0x20, -1 - value);
    } else {
      this.#bytes[this.#at] = 0xfb;
      this.#view.setFloat64(this.#at + 1, value);
      this.#at += 9;
    }
  }

  #text(text: string): boolean {
    const { length } = text;
    if (length > this.#room - HEAD_BYTES - this.#at) return false;
    if (length > FEW_CHARACTERS) {
      // Any other character takes more than one byte.
      if (Buffer.byteLength(text) !== length) return this.#wideText(text);
      this.#head(0x60, length);
      this.#at += this.#buffer.write(text, this.#at, "latin1");
      return true;
    }
    const start = this.#at;
    this.#head(0x60, length);
    const bytes = this.#bytes;
    let at = this.#at;
    for (let index = 0; index < length; index++) {
      const code = text.charCodeAt(index);
      if (code > 0x7f) {
        this.#at = start;
        return this.#wideText(text);
      }
      bytes[at++] = code;
    }
    this.#at = at;
    return true;
  }

  /** Text with other characters than those of ASCII. */
  #wideText(text: string): boolean {
    if (!this.#anyText || text.charCodeAt(0) === BYTE_ORDER_MARK) return false;
    // Half of a surrogate pair is for the long way to refuse.
    if (!(text as unknown as { isWellFormed(): boolean }).isWellFormed()) return false;
    const bytes = Buffer.byteLength(text);
    if (bytes > this.#room - HEAD_BYTES - this.#at) return false;
    this.#head(0x60, bytes);
    this.#at += this.#buffer.write(text, this.#at, "utf8");
    return true;
  }

  /** The kind of an item with its number or length, in as few bytes as there can be. */
  #head(major: number, argument: number): void {
    const bytes = this.#bytes;
    if (argument < 24) bytes[this.#at++] = major | argument;
    else if (argument < 0x100) {
      bytes[this.#at++] = major | 24;
      bytes[this.#at++] = argument;
    } else if (argument < 0x1_0000) {
      bytes[this.#at] = major | 25;
      this.#view.setUint16(this.#at + 1, argument);
      this.#at += 3;
    } else {
      bytes[this.#at] = major | 26;
      this.#view.setUint32(this.#at + 1, argument);
      this.#at += 5;
    }
  }
}
