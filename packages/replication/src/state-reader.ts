/** Takes the slices of a state in, each in a few milliseconds, and makes a state of them. */
import { DecodeError } from "@troupe/cluster";
import type { Codec } from "@troupe/cluster/runtime";
import type { LiveContainer, LiveContainers } from "./live-containers.ts";
import { byteTypes, Token } from "./state-tokens.ts";

/** A container that is being read. */
interface Growing {
  add(part: unknown): void;
  finish(): unknown;
}

/**
 * Puts a value together again out of its slices, in their order. It owns its memory, and shares
 * nothing within itself: what was reachable twice is there twice. With `live` the large maps and
 * sets are those that the slices were made of, whose parts are replaced one by one.
 */
export class StateReader {
  readonly #codec: Codec;
  readonly #live: LiveContainers | undefined;
  readonly #open: Growing[] = [];
  #whole: { readonly value: unknown } | undefined;

  constructor(codec: Codec, live?: LiveContainers) {
    this.#codec = codec;
    this.#live = live;
  }

  /** Throws DecodeError for what is no slice, or does not follow on the one before. */
  take(slice: Uint8Array): void {
    const parts = this.#codec.decode(slice);
    const [codes, values] = Array.isArray(parts) ? (parts as unknown[]) : [];
    if (!(codes instanceof Uint8Array) || !Array.isArray(values)) throw malformed();
    let next = 0;
    for (const code of codes) {
      if (this.#whole !== undefined) throw malformed();
      if (!takesValue(code)) this.#move(code);
      else if (next < values.length) this.#takeValue(code, values[next++] as unknown);
      else throw malformed();
    }
    if (next !== values.length) throw malformed();
  }

  /** The value; throws DecodeError if slices are missing. */
  end(): unknown {
    if (this.#whole === undefined) throw malformed();
    return this.#whole.value;
  }

  #takeValue(code: number, value: unknown): void {
    if (code === Token.text) this.#open.push(new GrowingText(value));
    else if (code === Token.bytes) this.#open.push(new GrowingBytes(value));
    else this.#add(value);
  }

  #move(code: number): void {
    if (code !== Token.close) {
      const isLive = code === Token.map || code === Token.set;
      this.#open.push(growing(code, isLive ? this.#live?.next() : undefined));
      return;
    }
    const closed = this.#open.pop();
    if (closed === undefined) throw malformed();
    this.#add(closed.finish());
  }

  #add(value: unknown): void {
    const around = this.#open.at(-1);
    if (around === undefined) this.#whole = { value };
    else around.add(value);
  }
}

function takesValue(code: number): boolean {
  const { value, text, bytes, piece } = Token;
  return code === value || code === piece || code === text || code === bytes;
}

function malformed(): DecodeError {
  return new DecodeError("malformed slices of a state");
}

function growing(code: number, live: LiveContainer | undefined): Growing {
  if (code === Token.object) return new GrowingObject();
  if (code === Token.map) return new GrowingMap(live as Map<unknown, unknown> | undefined);
  if (code === Token.array) {
    const array: unknown[] = [];
    return { add: (part) => array.push(part), finish: () => array };
  }
  if (code !== Token.set) throw malformed();
  return new GrowingSet(live as Set<unknown> | undefined);
}

/** A key waits here for its value. */
abstract class GrowingPairs implements Growing {
  #key: { readonly key: unknown } | undefined;

  add(part: unknown): void {
    if (this.#key === undefined) {
      this.#key = { key: part };
      return;
    }
    this.put(this.#key.key, part);
    this.#key = undefined;
  }

  finish(): unknown {
    if (this.#key !== undefined) throw malformed();
    return this.whole;
  }

  protected abstract readonly whole: object;
  protected abstract put(key: unknown, value: unknown): void;
}

class GrowingObject extends GrowingPairs {
  protected readonly whole: Record<string, unknown> = {};

  protected put(key: unknown, value: unknown): void {
    if (typeof key !== "string" || key === "__proto__") throw malformed();
    this.whole[key] = value;
  }
}

class GrowingMap extends GrowingPairs {
  protected whole: Map<unknown, unknown>;
  #stays: boolean;
  #entries = 0;

  constructor(live?: Map<unknown, unknown>) {
    super();
    this.#stays = live !== undefined;
    this.whole = live ?? new Map();
  }

  protected put(key: unknown, value: unknown): void {
    if (this.#stays && isObject(key)) {
      // A key cannot be replaced where it stands.
      this.#stays = false;
      this.whole = new Map(firstOf(this.whole, this.#entries));
    }
    this.#entries++;
    this.whole.set(key, value);
  }
}

class GrowingSet implements Growing {
  #set: Set<unknown>;
  #stays: boolean;
  #members = 0;

  constructor(live?: Set<unknown>) {
    this.#stays = live !== undefined;
    this.#set = live ?? new Set();
  }

  add(member: unknown): void {
    if (this.#stays && isObject(member)) {
      this.#stays = false;
      this.#set = new Set(firstOf(this.#set, this.#members));
    }
    this.#members++;
    // One that is there stays where it is.
    this.#set.add(member);
  }

  finish(): unknown {
    return this.#set;
  }
}

function isObject(part: unknown): boolean {
  return typeof part === "object" && part !== null;
}

function* firstOf<T>(all: Iterable<T>, count: number): Iterable<T> {
  let left = count;
  if (left === 0) return;
  for (const one of all) {
    yield one;
    if (--left === 0) return;
  }
}

class GrowingText implements Growing {
  readonly #pieces: string[] = [];

  constructor(first: unknown) {
    this.add(first);
  }

  add(piece: unknown): void {
    if (typeof piece !== "string") throw malformed();
    this.#pieces.push(piece);
  }

  finish(): string {
    return this.#pieces.join("");
  }
}

class GrowingBytes implements Growing {
  readonly #type: (typeof byteTypes)[number];
  readonly #bytes: Uint8Array<ArrayBuffer>;
  #at = 0;

  constructor(of: unknown) {
    const [index, length] = Array.isArray(of) ? (of as unknown[]) : [];
    const type = byteTypes[index as number];
    if (type === undefined || !Number.isSafeInteger(length)) throw malformed();
    if ((length as number) % type.prototype.BYTES_PER_ELEMENT !== 0) throw malformed();
    this.#type = type;
    this.#bytes = new Uint8Array(length as number);
  }

  add(piece: unknown): void {
    const isPiece = piece instanceof Uint8Array;
    if (!isPiece || piece.length > this.#bytes.length - this.#at) throw malformed();
    this.#bytes.set(piece, this.#at);
    this.#at += piece.length;
  }

  finish(): ArrayBufferView {
    if (this.#at !== this.#bytes.length) throw malformed();
    const { buffer } = this.#bytes;
    return this.#type === Buffer
      ? Buffer.from(buffer)
      : new (this.#type as typeof Uint8Array)(buffer);
  }
}
