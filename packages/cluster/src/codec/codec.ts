/**
 * Values to bytes and back: the only file that knows cbor-x.
 *
 * Both directions are guarded. `encode` refuses what CBOR would damage before it writes a byte;
 * `decode` looks over bytes from outside before the decoder allocates anything for them. The
 * codec keeps no state between values: every output can be decoded on its own, in any order.
 */
import { NotSerializableError, type RefAddress } from "@troupe/actor";
import { type ErrorParts, noWireClasses, type WireClasses } from "@troupe/actor/runtime";
import { addExtension, Encoder, Tag } from "cbor-x";
import type { Bytes } from "../bytes.ts";
import { DecodeError } from "../errors.ts";
import { notSmall, SMALL_BYTES, SMALL_LEVELS, SmallReader } from "./small-values.ts";
import { SmallWriter } from "./small-writer.ts";
import { decodeWholeBytes, encodeWholeBytes } from "./whole-bytes.ts";
import { reviveErrorValue } from "./wire-errors.ts";
import { CLASS_TAG, ERROR_TAG, REF_TAG, scanValue } from "./wire-scan.ts";
import { checkValue, type ValueLimits, type WireForms } from "./wire-value.ts";

/** How refs cross: what a ref's address is, and which ref an address is here. */
export interface RefPort {
  /** The address of a ref, or undefined for any other object. */
  toAddress(value: object): RefAddress | undefined;
  /** The ref for an address that came in. */
  fromAddress(address: RefAddress): unknown;
}

export interface CodecOptions {
  /** Without it, refs are refused in both directions. */
  readonly ref?: RefPort;
  /** The classes whose instances may cross, besides what is plain data. @default none */
  readonly classes?: WireClasses;
  /** Levels of nesting. @default 64 */
  readonly maxDepth?: number;
  /** Bytes of one value. @default 67108864 */
  readonly maxBytes?: number;
}

export const codecDefaults = {
  maxDepth: 64,
  maxBytes: 64 * 1024 * 1024,
} as const satisfies CodecOptions;

/** cbor-x writes -0 as the integer 0; this stands in its place, and is written as a double. */
class MinusZero {}

const minusZero = new MinusZero();

addExtension({
  Class: MinusZero,
  encode(this: { alwaysUseFloat?: boolean }, _value: MinusZero, write: (value: number) => void) {
    this.alwaysUseFloat = true;
    write(-0);
    this.alwaysUseFloat = false;
  },
} as unknown as Parameters<typeof addExtension>[0]);

/** No list takes more bytes on the short way. */
const LIST_BYTES = 1024 * 1024;

/** cbor-x writes every value into one buffer, which a getter that encodes would overwrite. */
let isEncoding = false;

/** A larger buffer than this is given back after the value that needed it. */
const keptBufferBytes = 8 * 1024 * 1024;

/**
 * Encodes plain data trees with CBOR (RFC 8949).
 *
 * What round-trips: objects, arrays, Map, Set, Date, Uint8Array and the other typed arrays,
 * bigint, text, numbers with NaN, the infinities and -0, booleans, null, undefined, errors without
 * their stack, instances of the given classes, and refs if a port is given. Two references to one
 * object arrive as two objects.
 *
 * @example
 * ```ts
 * const codec = new Codec();
 * codec.decode(codec.encode({ at: new Date(0), n: 10n })); // => { at: 1970-…, n: 10n }
 * codec.encode({ items: [{ url: new URL("http://a") }] });
 * // throws NotSerializableError: cannot encode arg.items[0].url: an instance of URL
 * ```
 */
export class Codec {
  readonly #encoder = new Encoder({
    useRecords: false,
    variableMapSize: true,
    mapsAsObjects: true,
    copyBuffers: true,
    // Its types leave out how its buffer is replaced.
  }) as Encoder & { useBuffer(buffer: Uint8Array): void };
  readonly #port: RefPort | undefined;
  readonly #classes: WireClasses;
  readonly #limits: ValueLimits;
  readonly #forms: WireForms;
  /** Absent where the limits are so low that a small value may be beyond them. */
  readonly #writer: SmallWriter | undefined;
  readonly #reader: SmallReader | undefined;
  /** For lists of values; made when the first one is encoded. */
  #lists: SmallWriter | undefined;
  /** How many bytes may be written as a whole value; none where there is no short way. */
  readonly #wholeBytes: number;

  constructor(options: CodecOptions = {}) {
    const { ref: port, classes = noWireClasses } = options;
    this.#port = port;
    this.#classes = classes;
    this.#forms = {
      classes,
      minusZero,
      ref: (value) => refTag(port?.toAddress(value)),
      error: (parts: ErrorParts) => new Tag(parts, ERROR_TAG),
      instance: (type, data) => new Tag([type.name, data], CLASS_TAG),
    };
    this.#limits = {
      maxDepth: options.maxDepth ?? codecDefaults.maxDepth,
      maxBytes: options.maxBytes ?? codecDefaults.maxBytes,
    };
    const { maxDepth, maxBytes } = this.#limits;
    const hasRoom = maxDepth >= SMALL_LEVELS && maxBytes >= SMALL_BYTES;
    this.#writer = hasRoom ? new SmallWriter() : undefined;
    this.#reader = hasRoom ? new SmallReader() : undefined;
    this.#wholeBytes = hasRoom ? maxBytes : 0;
  }

  /**
   * Encodes a value into bytes of its own, safe to keep. `root` names the value in errors.
   *
   * Throws NotSerializableError, before anything was written, with the path of what cannot cross.
   */
  encode(value: unknown, root = "arg"): Uint8Array {
    const small = this.#writer?.write(value) ?? 0;
    if (small > 0) return (this.#writer as SmallWriter).copy(small);
    const whole = encodeWholeBytes(value, this.#wholeBytes);
    if (whole === undefined) return new Uint8Array(this.#encodeAny(value, root));
    // Memory of its own, not cleared: it is filled at once.
    const bytes = new Uint8Array(Buffer.allocUnsafeSlow(whole.length).buffer);
    whole.copyTo(bytes, 0);
    return bytes;
  }

  /**
   * Like `encode`, but the bytes lie in a buffer that the next encoding overwrites, or in the value
   * itself: for a caller that copies them at once into a frame. A kept view would pin the whole
   * pool of cbor-x.
   */
  encodeShared(value: unknown, root = "arg"): Bytes {
    const small = this.#writer?.write(value) ?? 0;
    if (small > 0) return (this.#writer as SmallWriter).view(small);
    return encodeWholeBytes(value, this.#wholeBytes) ?? this.#encodeAny(value, root);
  }

  /**
   * The bytes of `encode([head, values])`, in a buffer that the next list overwrites. It leaves
   * nothing for the garbage collector where the values are plain data without dates and bigints.
   *
   * Throws NotSerializableError, with a path that begins at `root`, for what cannot cross.
   */
  encodeList(head: Uint8Array, values: readonly unknown[], root = "arg"): Uint8Array {
    const hasRoom = this.#limits.maxBytes >= LIST_BYTES && this.#limits.maxDepth > SMALL_LEVELS + 2;
    if (hasRoom) this.#lists ??= new SmallWriter(LIST_BYTES, true);
    const bytes = this.#lists === undefined ? undefined : this.#list(this.#lists, head, values);
    return bytes ?? this.encode([head, values], root);
  }

  /** Undefined for what only the long way can write. */
  #list(writer: SmallWriter, head: Uint8Array, values: readonly unknown[]): Uint8Array | undefined {
    if (!writer.begin() || !writer.appendArray(2) || !writer.append(head)) return undefined;
    if (!writer.appendArray(values.length)) return undefined;
    for (const value of values) {
      if (writer.append(value)) continue;
      // As deep as it stands, for a reader counts the levels: within two arrays of one item.
      const nested = this.#encodeAny([[value]], "value");
      if (!writer.appendBytes(nested.subarray(2))) return undefined;
    }
    return writer.view(writer.length);
  }

  #encodeAny(value: unknown, root: string): Uint8Array {
    const plain = checkValue(value, root, this.#limits, this.#forms);
    if (isEncoding) throw new NotSerializableError(root, "another value is being encoded");
    isEncoding = true;
    try {
      const bytes = this.#encoder.encode(plain);
      const { byteLength } = bytes.buffer;
      if (byteLength > keptBufferBytes) this.#encoder.useBuffer(Buffer.allocUnsafeSlow(8192));
      return bytes;
    } catch (error) {
      // Only a getter or a proxy that answers differently the second time comes here.
      throw new NotSerializableError(root, messageOf(error));
    } finally {
      isEncoding = false;
    }
  }

  /**
   * Decodes bytes that may come from anyone. The value owns its memory.
   *
   * Throws DecodeError for anything that `encode` of some codec could not have written.
   */
  decode(bytes: Uint8Array): unknown {
    if (bytes.length > this.#limits.maxBytes) {
      throw new DecodeError(`${bytes.length} bytes, the limit is ${this.#limits.maxBytes}`);
    }
    if (this.#reader !== undefined) {
      const small = this.#reader.read(bytes);
      if (small !== notSmall) return small;
      const whole = decodeWholeBytes(bytes);
      if (whole !== undefined) return whole;
    }
    const { hasParts } = scanValue(bytes, this.#limits.maxDepth);
    // A fresh view: cbor-x leaves a property on the one it is given.
    const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let value: unknown;
    try {
      value = this.#encoder.decode(source);
    } catch (error) {
      throw new DecodeError(messageOf(error));
    }
    return hasParts ? this.#revive(value) : value;
  }

  /**
   * Puts refs, errors and instances where their wire form stands, the inner ones first. The tree is
   * fresh and ours, so it may be changed; the scan has bounded its depth.
   */
  #revive(value: unknown): unknown {
    if (typeof value !== "object" || value === null) return value;
    if (value instanceof Tag) return this.#reviveTag(value.tag, this.#revive(value.value));
    if (Array.isArray(value)) {
      for (let index = 0; index < value.length; index++) value[index] = this.#revive(value[index]);
    } else if (value instanceof Map) {
      const entries = [...value];
      value.clear();
      for (const [key, entry] of entries) value.set(this.#revive(key), this.#revive(entry));
    } else if (value instanceof Set) {
      const members = [...value];
      value.clear();
      for (const member of members) value.add(this.#revive(member));
    } else if (Object.getPrototypeOf(value) === Object.prototype) {
      const record = value as Record<string, unknown>;
      for (const key of Object.keys(record)) record[key] = this.#revive(record[key]);
    }
    return value;
  }

  #reviveTag(tag: number, content: unknown): unknown {
    if (tag === REF_TAG) return this.#reviveRef(content);
    return tag === ERROR_TAG ? reviveErrorValue(content) : this.#reviveInstance(content);
  }

  #reviveInstance(fields: unknown): object {
    const [name, data] = fields as unknown[];
    const type = typeof name === "string" ? this.#classes.named(name) : undefined;
    if (type === undefined) throw new DecodeError(`an instance of ${what(name)}, unknown here`);
    let value: object;
    try {
      value = type.fromData(data);
    } catch (error) {
      throw new DecodeError(`"${type.name}" refuses its data: ${messageOf(error)}`);
    }
    if (isInstance(value, type.type.prototype)) return value;
    throw new DecodeError(`"${type.name}" made something else of its data`);
  }

  #reviveRef(fields: unknown): unknown {
    if (this.#port === undefined) throw new DecodeError("a ref where none can be");
    const [kind, node, incarnation, id, actor] = fields as unknown[];
    const valid =
      (kind === "process" ? isCount(id) : kind === "name" && typeof id === "string") &&
      typeof node === "string" &&
      isCount(incarnation) &&
      typeof actor === "string";
    if (!valid) throw new DecodeError("a malformed ref");
    const life = { node, incarnation: incarnation as number, actor };
    const address: RefAddress =
      typeof id === "string"
        ? { kind: "name", ...life, id: 0, name: id }
        : { kind: "process", ...life, id: id as number };
    return this.#port.fromAddress(address);
  }
}

/** What an address has in a field of a frame: no field can hold another number. */
function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function refTag(address: RefAddress | undefined): Tag | undefined {
  if (address === undefined) return undefined;
  const { kind, node, incarnation, id, actor, name } = address;
  // A name stands where a process has its number.
  return new Tag([kind, node, incarnation, name ?? id, actor], REF_TAG);
}

/** An instance of a subclass could not be sent on, so it is none. */
function isInstance(value: unknown, prototype: object): boolean {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === prototype;
}

function what(name: unknown): string {
  return typeof name === "string" ? JSON.stringify(name.slice(0, 256)) : "what has no name";
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
