/**
 * Looks over CBOR bytes from outside before the decoder sees them.
 *
 * cbor-x trusts what it reads: a few bytes can make it allocate hundreds of megabytes, run out
 * of stack, build a regular expression or honour record definitions. The scan accepts exactly
 * what our encoder writes, bounds depth and counts by the bytes that are really there, and is
 * iterative, so that its own stack is safe. It builds no value.
 */
import { isUtf8 } from "node:buffer";
import { maxDateMs } from "@troupe/actor/runtime";
import { asBuffer } from "../bytes.ts";
import { DecodeError } from "../errors.ts";

/** The tag of a ref: `[kind, node, incarnation, id, actor]`; the `id` of a name is its text. */
export const REF_TAG = 40510;

/** How many items the array inside a ref's tag has. */
export const REF_FIELDS = 5;

/** The tag of an error inside of a value: a map of its parts. */
export const ERROR_TAG = 40511;

/** The tag of an instance of a class that the node knows: `[name, data]`. */
export const CLASS_TAG = 40513;

/** How many items the array inside a class's tag has. */
export const CLASS_FIELDS = 2;

/** A bigint of more bytes than this is refused: its decoder takes quadratic time. */
export const MAX_BIGINT_BYTES = 1024;

const UNSIGNED = 0;
const NEGATIVE = 1;
const BYTES = 2;
const TEXT = 3;
const ARRAY = 4;
const MAP = 5;
const TAG = 6;

/** What the one item inside a tag has to be, so that the tag's decoder cannot be surprised. */
type TagRule =
  | { readonly content: "date" | "bigint" | "array" | "map" }
  | { readonly content: "bytes"; readonly elementBytes: number }
  /** What has to be made of its parts after decoding. */
  | { readonly content: "tuple"; readonly items: number }
  | { readonly content: "parts" };

const bytesOf = (elementBytes: number): TagRule => ({ content: "bytes", elementBytes });

/** RFC 8949 §3.4 dates and bigints, RFC 8746 typed arrays (little endian), sets, maps, and ours. */
const tagRules: ReadonlyMap<number, TagRule> = new Map<number, TagRule>([
  [1, { content: "date" }],
  [2, { content: "bigint" }],
  [3, { content: "bigint" }],
  [64, bytesOf(1)],
  [68, bytesOf(1)],
  [69, bytesOf(2)],
  [70, bytesOf(4)],
  [71, bytesOf(8)],
  [72, bytesOf(1)],
  [77, bytesOf(2)],
  [78, bytesOf(4)],
  [79, bytesOf(8)],
  [85, bytesOf(4)],
  [86, bytesOf(8)],
  [258, { content: "array" }],
  [259, { content: "map" }],
  [REF_TAG, { content: "tuple", items: REF_FIELDS }],
  [ERROR_TAG, { content: "parts" }],
  [CLASS_TAG, { content: "tuple", items: CLASS_FIELDS }],
]);

export interface ScanResult {
  /** Whether a tag of ours is somewhere inside; only then the decoded value has to be walked. */
  readonly hasParts: boolean;
}

/**
 * Checks that the bytes are exactly one value that our own encoder could have written.
 * Throws DecodeError that says at which byte it is not.
 */
export function scanValue(bytes: Uint8Array, maxDepth: number): ScanResult {
  const scan = new Scan(asBuffer(bytes), maxDepth);
  while (!scan.finished) scan.item();
  scan.end();
  return { hasParts: scan.hasParts };
}

class Scan {
  hasParts = false;
  readonly #bytes: Buffer;
  readonly #maxDepth: number;
  /** Items still to come in each open container; the first entry is the value itself. */
  readonly #open: number[] = [1];
  /** Whether the open container is an object, whose keys have to be text. */
  readonly #isObject: boolean[] = [false];
  #at = 0;
  #rule: TagRule | undefined;

  constructor(bytes: Buffer, maxDepth: number) {
    this.#bytes = bytes;
    this.#maxDepth = maxDepth;
  }

  get finished(): boolean {
    return this.#open.length === 0;
  }

  end(): void {
    if (this.#at !== this.#bytes.length) this.#refuse("bytes after the value");
  }

  item(): void {
    if (this.#at >= this.#bytes.length) this.#refuse("a truncated value");
    const head = this.#bytes.readUInt8(this.#at);
    const major = head >> 5;
    const info = head & 0x1f;
    if (major > TEXT && major !== ARRAY && major !== MAP && major !== TAG) {
      this.#simple(info);
      return;
    }
    const isKey = this.#checkKey(major);
    const argument = this.#argument(major, info);
    if (this.#rule !== undefined) this.#checkRule(this.#rule, major, info, argument);
    const tagged = this.#rule?.content;
    if (major === TAG) {
      this.#rule = tagRules.get(argument);
      if (this.#rule === undefined) this.#refuse(`tag ${argument}`);
      return;
    }
    this.#rule = undefined;
    if (major === BYTES || major === TEXT) {
      if (argument > this.#bytes.length - this.#at) this.#refuse("a truncated value");
      if (major === TEXT) this.#checkText(argument, isKey);
      this.#at += argument;
    }
    this.#count();
    if (major === ARRAY) this.#push(argument, false);
    if (major === MAP) this.#push(argument * 2, tagged !== "map");
    this.#close();
  }

  #simple(info: number): void {
    const width = info === 25 ? 2 : info === 26 ? 4 : info === 27 ? 8 : 0;
    // 20 to 23 are false, true, null and undefined; 31 would be a stray break.
    if (width === 0 && (info < 20 || info > 23)) this.#refuse(`simple value ${info}`);
    this.#checkKey(7);
    if (width > this.#bytes.length - this.#at - 1) this.#refuse("a truncated value");
    if (this.#rule !== undefined) {
      const isDate = this.#rule.content === "date" && width > 0;
      if (!isDate) this.#refuse("a tag around the wrong kind of value");
      this.#checkSeconds(width);
    }
    this.#rule = undefined;
    this.#at += 1 + width;
    this.#count();
    this.#close();
  }

  #argument(major: number, info: number): number {
    const at = this.#at + 1;
    const width = info < 24 ? 0 : 1 << (info - 24);
    // Lengths of 64 bits and values of indefinite length are never written by our encoder.
    if (info > 27 || (info === 27 && major > NEGATIVE)) this.#refuse(`length form ${info}`);
    if (width > this.#bytes.length - at) this.#refuse("a truncated value");
    this.#at = at + width;
    if (width === 0) return info;
    if (width === 8) return 0;
    return this.#bytes.readUIntBE(at, width);
  }

  /** Whether what comes is the key of an object, which has to be text. */
  #checkKey(major: number): boolean {
    const last = this.#open.length - 1;
    const isKey = this.#isObject[last] === true && (this.#open[last] ?? 0) % 2 === 0;
    if (isKey && major !== TEXT) this.#refuse("an object key that is not text");
    return isKey;
  }

  /** What the decoder would change in silence: it is no text of our encoder. */
  #checkText(length: number, isKey: boolean): void {
    const bytes = this.#bytes;
    const end = this.#at + length;
    let at = this.#at;
    while (at < end && (bytes[at] as number) < 0x80) at++;
    if (at < end) {
      if (!isUtf8(bytes.subarray(at, end))) this.#refuse("text that is no UTF-8");
      const isMarked = at === this.#at && bytes.readUIntBE(at, 2) === 0xefbb;
      if (isMarked && bytes[at + 2] === 0xbf && length > 64) this.#refuse("a byte order mark");
    } else if (isKey && length === 9 && bytes.toString("latin1", this.#at, end) === "__proto__") {
      this.#refuse("a key named __proto__");
    }
  }

  /** A date that could not be sent on. NaN is an invalid date, which can. */
  #checkSeconds(width: number): void {
    const at = this.#at + 1;
    if (width === 2) return;
    const seconds = width === 4 ? this.#bytes.readFloatBE(at) : this.#bytes.readDoubleBE(at);
    if (Math.abs(seconds) > maxDateMs / 1000) this.#refuse("a date beyond the year 37000");
  }

  #checkRule(rule: TagRule, major: number, info: number, argument: number): void {
    const fits =
      (rule.content === "date" && (major === UNSIGNED || major === NEGATIVE) && info < 27) ||
      (rule.content === "bigint" && major === BYTES && argument <= MAX_BIGINT_BYTES) ||
      (rule.content === "bytes" && major === BYTES && argument % rule.elementBytes === 0) ||
      (rule.content === "array" && major === ARRAY) ||
      (rule.content === "map" && major === MAP) ||
      (rule.content === "parts" && major === MAP) ||
      (rule.content === "tuple" && major === ARRAY && argument === rule.items);
    if (!fits) this.#refuse("a tag around the wrong kind of value");
    if (rule.content === "tuple" || rule.content === "parts") this.hasParts = true;
  }

  /** One item of the innermost container is there. */
  #count(): void {
    const last = this.#open.length - 1;
    this.#open[last] = (this.#open[last] ?? 0) - 1;
  }

  #push(items: number, isObject: boolean): void {
    // Every item takes a byte at least: a count beyond what is left can never be true.
    if (items > this.#bytes.length - this.#at) this.#refuse(`${items} items in too few bytes`);
    if (this.#open.length > this.#maxDepth) this.#refuse(`more than ${this.#maxDepth} levels`);
    this.#open.push(items);
    this.#isObject.push(isObject);
  }

  #close(): void {
    while (this.#open.length > 0 && this.#open[this.#open.length - 1] === 0) {
      this.#open.pop();
      this.#isObject.pop();
    }
  }

  #refuse(what: string): never {
    throw new DecodeError(`not a value of ours: ${what}, at byte ${this.#at}`);
  }
}
