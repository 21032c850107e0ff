/**
 * Values to bytes and back: the only file that knows cbor-x.
 *
 * Both directions are guarded. `encode` refuses what CBOR would damage before it writes a byte;
 * `decode` looks over bytes from outside before the decoder allocates anything for them. The
 * codec keeps no state between values: every output can be decoded on its own, in any order.
 */
import { NotSerializableError, type RefAddress } from "@troupe/actor";
import { Encoder, Tag } from "cbor-x";
import { DecodeError } from "../errors.ts";
import { REF_TAG, scanValue } from "./wire-scan.ts";
import { checkValue, type ValueLimits } from "./wire-value.ts";

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
  /** Levels of nesting. @default 64 */
  readonly maxDepth?: number;
  /** Bytes of one value. @default 67108864 */
  readonly maxBytes?: number;
}

export const codecDefaults = {
  maxDepth: 64,
  maxBytes: 64 * 1024 * 1024,
} as const satisfies CodecOptions;

/**
 * Encodes plain data trees with CBOR (RFC 8949).
 *
 * What round-trips: objects, arrays, Map, Set, Date, Uint8Array and the other typed arrays,
 * bigint, text, numbers with NaN and the infinities, booleans, null, undefined, and refs if a
 * port is given. -0 arrives as 0. Two references to one object arrive as two objects.
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
  });
  readonly #port: RefPort | undefined;
  readonly #limits: ValueLimits;

  constructor(options: CodecOptions = {}) {
    this.#port = options.ref;
    this.#limits = {
      maxDepth: options.maxDepth ?? codecDefaults.maxDepth,
      maxBytes: options.maxBytes ?? codecDefaults.maxBytes,
    };
  }

  /**
   * Encodes a value into bytes of its own, safe to keep. `root` names the value in errors.
   *
   * Throws NotSerializableError, before anything was written, with the path of what cannot cross.
   */
  encode(value: unknown, root = "arg"): Uint8Array {
    return new Uint8Array(this.encodeShared(value, root));
  }

  /**
   * Like `encode`, but the bytes lie in a buffer that the next encoding overwrites: for a caller
   * that copies them at once into a frame. A kept view would pin the whole pool of cbor-x.
   */
  encodeShared(value: unknown, root = "arg"): Uint8Array {
    const plain = checkValue(value, root, this.#limits, this.#wrap);
    try {
      return this.#encoder.encode(plain);
    } catch (error) {
      // Only a getter or a proxy that answers differently the second time comes here.
      throw new NotSerializableError(root, error instanceof Error ? error.message : String(error));
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
    const { hasRefs } = scanValue(bytes, this.#limits.maxDepth);
    // A fresh view: cbor-x leaves a property on the one it is given.
    const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let value: unknown;
    try {
      value = this.#encoder.decode(source);
    } catch (error) {
      throw new DecodeError(error instanceof Error ? error.message : String(error));
    }
    return hasRefs ? this.#revive(value) : value;
  }

  readonly #wrap = (value: object): unknown => {
    const address = this.#port?.toAddress(value);
    if (address === undefined) return undefined;
    const { kind, node, incarnation, id, actor, name } = address;
    // A name stands where a process has its number.
    return new Tag([kind, node, incarnation, name ?? id, actor], REF_TAG);
  };

  /** Puts refs where their wire form stands. The tree is fresh and ours, so it may be changed. */
  #revive(value: unknown): unknown {
    if (typeof value !== "object" || value === null) return value;
    if (value instanceof Tag) return this.#reviveRef(value.value);
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

  #reviveRef(fields: unknown): unknown {
    if (this.#port === undefined) throw new DecodeError("a ref where none can be");
    const [kind, node, incarnation, id, actor] = fields as unknown[];
    const valid =
      (kind === "process" ? Number.isSafeInteger(id) : kind === "name" && typeof id === "string") &&
      typeof node === "string" &&
      Number.isSafeInteger(incarnation) &&
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
