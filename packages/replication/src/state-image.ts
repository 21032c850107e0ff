/**
 * A state of any size as slices of bytes, and back: what the codec does to a value in one go, here
 * in steps of a few milliseconds, so that the event loop of a node with a large state stays free.
 *
 * A slice is a list of tokens: a code for each, and the values that some of them carry. Objects,
 * arrays, maps and sets are opened and closed by tokens of their own, and long texts and typed
 * arrays come in pieces, so that a slice may end anywhere; what is small is one value. An error,
 * a ref or an instance of a wire class is encoded whole as well, with all that it holds, and the
 * keys of one object are listed in one go. Large collections belong into a Map or an array.
 *
 * Where slices end depends on nothing but the state: equal states, with their keys in the same
 * order, have equal slices on all replicas. What the codec refuses is refused here as well, except
 * for the number of bytes, which has no limit. docs/wire.md has the layout.
 */
import { NotSerializableError } from "@troupe/actor";
import type { Codec } from "@troupe/cluster/runtime";
import { scalarBytes, smallTreeLevels, weighSmallTree } from "./small-tree.ts";
import type { StandingState } from "./standing-state.ts";
import { ArrayParts, MapParts, ObjectParts, type Parts, SetParts } from "./state-parts.ts";
import { byteTypes, Token } from "./state-tokens.ts";

/** What bounds the work on one slice. */
export interface SliceLimits {
  /** Values, beginnings and ends of containers; a small tree may go beyond it by what it holds. */
  readonly tokens: number;
  /** Bytes and characters, roughly; the last token may go beyond it by a piece. */
  readonly bytes: number;
}

export const sliceLimits: SliceLimits = { tokens: 2048, bytes: 64 * 1024 };

/** Longer texts and typed arrays come in pieces of this: bytes, or characters. */
const pieceSize = 64 * 1024;
/** Levels of nesting, as in a message: it is also what finds a cycle. */
const levelsMax = 64;
/** What an error, a ref or an instance counts as: who knows what it holds. */
const opaqueBytes = 4096;

/** A container that is being written. */
interface Open {
  readonly value: object;
  /** Where it stands in the one around it. */
  readonly parent: Open | undefined;
  readonly key: unknown;
  /** Those that are still to come, a key before each value where there are keys. */
  readonly parts: Parts;
  readonly hasKeys: boolean;
}

/**
 * The slices of a value, each made when it is asked for; the value must not change before the last.
 * `root` names it in errors. With `standing`, which is told what they are made of, each slice lies
 * in memory that is used again for the next.
 *
 * Throws NotSerializableError with the path of what cannot be encoded, perhaps after some slices.
 *
 * @example
 * ```ts
 * const reader = new StateReader(codec);
 * for (const slice of stateSlices(state, codec)) reader.take(slice);
 * reader.end(); // => a copy of the state
 * ```
 */
export function stateSlices(
  value: unknown,
  codec: Codec,
  limits: SliceLimits = sliceLimits,
  root = "state",
  standing?: StandingState,
): Iterable<Uint8Array> {
  return new SliceWriter(codec, limits, root, standing).slices(value);
}

class SliceWriter {
  readonly #codec: Codec;
  readonly #limits: SliceLimits;
  readonly #root: string;
  readonly #standing: StandingState | undefined;
  /** The tokens of the slice; what lies beyond their number is of slices before. */
  #codes = new Uint8Array(16_384);
  #tokens = 0;
  /** These four are used again for each slice, and are as long as the longest was. */
  readonly #values: unknown[] = [];
  /** Whether each of the values stays what it is in the state that goes on. */
  readonly #stays: boolean[] = [];
  /** Where each of the values stands, for errors: the container, and the key in it. */
  readonly #places: (Open | undefined)[] = [];
  readonly #keys: unknown[] = [];
  #valueCount = 0;
  #bytes = 0;
  /** Values within the small trees of the slice. */
  #inTrees = 0;
  readonly #weight = { values: 0, bytes: 0 };
  #open: Open | undefined;
  #levels = 0;
  /** The pieces of a long text or a typed array that are still to come. */
  #pieces: Iterator<unknown> | undefined;

  constructor(
    codec: Codec,
    limits: SliceLimits,
    root: string,
    standing: StandingState | undefined,
  ) {
    this.#standing = standing;
    this.#codec = codec;
    this.#limits = limits;
    this.#root = root;
  }

  *slices(value: unknown): Iterable<Uint8Array> {
    this.#put(undefined, value);
    while (this.#open !== undefined || this.#pieces !== undefined) {
      this.#step();
      const tokens = this.#tokens + this.#inTrees;
      if (tokens >= this.#limits.tokens || this.#bytes >= this.#limits.bytes) yield this.#encode();
    }
    if (this.#tokens > 0) yield this.#encode();
  }

  /** Adds one token, or a few. */
  #step(): void {
    if (this.#pieces !== undefined) {
      const piece = this.#pieces.next();
      if (piece.done === true) {
        this.#pieces = undefined;
        this.#token(Token.close);
      } else this.#add(Token.piece, piece.value, this.#open, undefined);
      return;
    }
    const open = this.#open as Open;
    const { parts } = open;
    if (parts.next()) {
      if (open.hasKeys) this.#add(Token.value, parts.key, open, parts.key);
      this.#put(parts.key, parts.value);
      return;
    }
    this.#token(Token.close);
    this.#open = open.parent;
    this.#levels--;
  }

  #put(key: unknown, value: unknown): void {
    if (typeof value === "object" && value !== null) this.#putObject(key, value);
    else if (typeof value === "string" && value.length > pieceSize) {
      const pieces = textPieces(value);
      this.#standing?.begin(Token.text, value);
      this.#add(Token.text, pieces.next().value, this.#open, key);
      this.#pieces = pieces;
    } else this.#add(Token.value, value, this.#open, key);
  }

  #putObject(key: unknown, value: object): void {
    if (this.#levels <= levelsMax - smallTreeLevels && weighSmallTree(value, this.#weight)) {
      const { values, bytes } = this.#weight;
      this.#inTrees += values;
      const stays = this.#standing?.tree(value) === true;
      this.#add(Token.value, value, this.#open, key, bytes, stays);
      return;
    }
    const type = ArrayBuffer.isView(value) && value.byteLength > pieceSize ? byteTypeOf(value) : -1;
    const opening = type < 0 ? this.#opening(value) : undefined;
    if (type >= 0) {
      const view = value as ArrayBufferView;
      this.#standing?.begin(Token.bytes, value);
      this.#add(Token.bytes, [type, view.byteLength], this.#open, key);
      this.#pieces = bytePieces(view);
    } else if (opening === undefined) {
      this.#add(Token.value, value, this.#open, key, weightOf(value), false);
    } else {
      const [code, parts] = opening;
      const hasKeys = code === Token.object;
      const open = { value, parent: this.#open, key, parts, hasKeys };
      if (this.#levels >= levelsMax) this.#refuseDepth(open);
      this.#token(code);
      this.#standing?.begin(code, value);
      this.#open = open;
      this.#levels++;
    }
  }

  /** Undefined for what has no parts, or none that this file knows. */
  #opening(value: object): [code: number, parts: Parts] | undefined {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) {
      return [Token.object, new ObjectParts(value as Record<string, unknown>, this.#refuse)];
    }
    if (prototype === Array.prototype && Array.isArray(value)) {
      return [Token.array, new ArrayParts(value, this.#refuse)];
    }
    if (prototype === Map.prototype && value instanceof Map) {
      return [Token.map, new MapParts(value)];
    }
    const isSet = prototype === Set.prototype && value instanceof Set;
    return isSet ? [Token.set, new SetParts(value)] : undefined;
  }

  #token(code: number): void {
    if (this.#tokens === this.#codes.length) {
      const codes = new Uint8Array(2 * this.#tokens);
      codes.set(this.#codes);
      this.#codes = codes;
    }
    this.#codes[this.#tokens++] = code;
  }

  #add(
    code: number,
    value: unknown,
    place: Open | undefined,
    key: unknown,
    bytes = weightOf(value),
    stays = true,
  ): void {
    const index = this.#valueCount++;
    this.#token(code);
    this.#values[index] = value;
    this.#stays[index] = stays;
    this.#places[index] = place;
    this.#keys[index] = key;
    this.#bytes += bytes;
  }

  #encode(): Uint8Array {
    const codes = this.#codes.subarray(0, this.#tokens);
    this.#values.length = this.#valueCount;
    this.#stays.length = this.#valueCount;
    const shared = this.#bytesOf(codes, this.#values);
    this.#standing?.take(shared, codes, this.#values, this.#stays);
    this.#tokens = 0;
    this.#valueCount = 0;
    this.#inTrees = 0;
    this.#bytes = 0;
    return this.#standing === undefined ? shared.slice() : shared;
  }

  #bytesOf(codes: Uint8Array, values: readonly unknown[]): Uint8Array {
    try {
      return this.#codec.encodeList(codes, values, this.#root);
    } catch (error) {
      // The codec knows only where in the slice it is; by itself it is found where it belongs.
      for (const [index, value] of values.entries()) {
        this.#codec.encode(value, this.#path(this.#places[index], this.#keys[index]));
      }
      throw error;
    }
  }

  #refuseDepth(open: Open): never {
    const seen = new Map<object, Open>();
    const ancestors: Open[] = [open];
    for (let one = open.parent; one !== undefined; one = one.parent) ancestors.unshift(one);
    for (const one of ancestors) {
      const first = seen.get(one.value);
      if (first !== undefined) {
        const target = this.#path(first.parent, first.key);
        const path = this.#path(one.parent, one.key);
        throw new NotSerializableError(path, `a cycle back to ${target}`);
      }
      seen.set(one.value, one);
    }
    const path = this.#path(open.parent, open.key);
    throw new NotSerializableError(path, `more than ${levelsMax} levels`);
  }

  readonly #refuse = (what: string, key?: unknown): never => {
    throw new NotSerializableError(this.#path(this.#open, key), what);
  };

  #path(place: Open | undefined, key: unknown): string {
    const keys: unknown[] = [key];
    for (let open = place; open !== undefined; open = open.parent) keys.push(open.key);
    return keys.reverse().reduce<string>(addToPath, this.#root);
  }
}

function addToPath(path: string, key: unknown): string {
  if (key === undefined) return path;
  if (typeof key === "number") return `${path}[${key}]`;
  const text = key as string;
  if (text.startsWith("<")) return path + text;
  return /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(text)
    ? `${path}.${text}`
    : `${path}[${JSON.stringify(text)}]`;
}

function weightOf(value: unknown): number {
  if (typeof value === "string") return value.length + scalarBytes;
  if (typeof value !== "object" || value === null) return scalarBytes;
  if (ArrayBuffer.isView(value)) return value.byteLength + scalarBytes;
  return value instanceof Date ? scalarBytes : opaqueBytes;
}

/** Cut where a decoder finds whole characters, and no mark that it would drop. */
function* textPieces(text: string): Iterator<string> {
  for (let start = 0, end = 0; start < text.length; start = end) {
    end = Math.min(start + pieceSize, text.length);
    while (end < text.length && isNoStart(text.charCodeAt(end))) end++;
    yield text.slice(start, end);
  }
}

/** The second half of a surrogate pair, or a byte order mark. */
function isNoStart(code: number): boolean {
  return (code >= 0xdc00 && code <= 0xdfff) || code === 0xfeff;
}

/** Bytes as they lie in memory: Node runs on little-endian machines only. */
function* bytePieces({ buffer, byteOffset, byteLength }: ArrayBufferView): Iterator<Uint8Array> {
  for (let at = 0; at < byteLength; at += pieceSize) {
    yield new Uint8Array(buffer, byteOffset + at, Math.min(pieceSize, byteLength - at));
  }
}

function byteTypeOf(value: ArrayBufferView): number {
  const prototype: unknown = Object.getPrototypeOf(value);
  return byteTypes.findIndex((type) => type.prototype === prototype);
}
